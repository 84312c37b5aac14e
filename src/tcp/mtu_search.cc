#include "tcp/mtu_search.hh"

#include <algorithm>
#include <iterator>

namespace anabranch::tcp {
namespace {
/// RFC 1191 §7.1: MTUs worth trying, for routers that do not say theirs.
constexpr std::uint32_t kPlateaus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006};
}  // namespace

void MtuSearch::limit(std::uint32_t mtu) {
  ceiling_ = std::min(ceiling_, mtu);
  high_ = std::min(high_, mtu);
  size_ = std::min(size_, mtu);
}

void MtuSearch::fall(std::uint32_t to, std::uint32_t high, Instant now) {
  size_ = to;
  high_ = std::max(high, to);
  proven_ = std::min(proven_, to);
  doubtful_.reset();
  probe_.reset();
  losses_ = timeouts_ = 0;
  raise_at_ = now + kRaiseAfter;
}

bool MtuSearch::told(std::uint32_t mtu, Instant now) {
  if (mtu == 0) {
    const auto* lower = std::find_if(std::begin(kPlateaus), std::end(kPlateaus), [&](auto p) { return p < size_; });
    mtu = lower == std::end(kPlateaus) ? least() : *lower;
  }
  mtu = std::max(mtu, least());
  if (mtu >= size_) { return false; }  // RFC 8201 §4: an increase is never believed
  if (mtu < proven_) {                 // RFC 5927 §7: a path that changed will show in a loss
    doubtful_ = mtu;
    return false;
  }
  fall(mtu, mtu, now);
  return true;
}

bool MtuSearch::on_again(std::uint32_t packet, Instant now) {
  if (!doubtful_ || packet <= *doubtful_) { return false; }
  fall(*doubtful_, *doubtful_, now);
  return true;
}

bool MtuSearch::on_timeout(std::uint32_t packet, Instant now) {
  const std::uint32_t next = size_ > base() ? base() : least();
  if (packet <= next || size_ <= next) { return false; }
  if (++timeouts_ < (next == base() ? kTimeouts : kTimeoutsBelowBase)) { return false; }
  fall(next, size_ - 1, now);
  return true;
}

void MtuSearch::on_delivered(std::uint32_t packet) {
  timeouts_ = 0;
  proven_ = std::min(std::max(proven_, packet), size_);
  if (doubtful_ && packet > *doubtful_) { doubtful_.reset(); }
}

std::optional<std::uint32_t> MtuSearch::wanted(Instant now) {
  if (raise_at_ <= now) {  // paths change: everything above is worth another try
    high_ = ceiling_;
    losses_ = 0;
    raise_at_ = size_ == ceiling_ ? Instant::never() : now + kRaiseAfter;
  }
  if (probe_ || size_ + kNearEnough > high_) { return std::nullopt; }
  return (size_ + high_ + 1) / 2;
}

void MtuSearch::probe_arrived(Instant now) {
  if (!probe_) { return; }
  size_ = *probe_;
  proven_ = size_;
  probe_.reset();
  losses_ = 0;
  raise_at_ = now + kRaiseAfter;
}

void MtuSearch::probe_lost(Instant now) {
  if (!probe_) { return; }
  if (++losses_ >= kMostLosses) {
    high_ = *probe_ - 1;
    losses_ = 0;
    raise_at_ = now + kRaiseAfter;
  }
  probe_.reset();
}
}  // namespace anabranch::tcp
