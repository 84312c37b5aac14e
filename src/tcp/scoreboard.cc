#include "tcp/scoreboard.hh"

#include <algorithm>
#include <iterator>

namespace anabranch::tcp {

Covered Scoreboard::update(Sent& sent, std::span<const Block> blocks, Instant too_recent) {
  Covered covered;
  for (const Block& block : blocks) {
    if (block.empty() || block.begin <= sent.una() || block.end > sent.next()) { continue; }
    SubPos at = block.begin;
    while (const auto missing = sacked_.first_missing(at, block.end)) {  // only what is news touches the ranges
      if (!sacked_.add(missing->begin, missing->end)) { break; }
      covered.add(sent.mark_sacked(missing->begin, missing->end, too_recent));
      at = missing->end;
    }
  }
  return covered;
}

SubPos Scoreboard::lost_below(Bytes segment, unsigned threshold) const {
  unsigned runs = 0;
  std::uint64_t bytes = 0;
  for (auto it = sacked_.end(); it != sacked_.begin();) {
    --it;
    ++runs;
    bytes += it->length();
    if (runs >= threshold || bytes > (threshold - 1) * segment.n) { return it->begin; }
  }
  return {};
}

bool Scoreboard::is_consistent(const Sent& sent) const {
  if (!sacked_.is_consistent() || sacked_.total() != sent.sacked().n) { return false; }
  return std::all_of(sent.begin(), sent.end(), [&](const Range& r) {
    return r.sacked == sacked_.covers(r.from, r.to) && r.sacked == sacked_.intersects(r.from, r.to);
  });
}

void Duplicates::advanced(Bytes bytes, Bytes segment) {
  if (count_ == 0) { return; }
  const std::uint64_t segments = (bytes.n + segment.n - 1) / std::max<std::uint64_t>(segment.n, 1);
  const std::uint64_t theirs = segments > 1 ? segments - 1 : 0;
  count_ = theirs >= count_ ? 0 : count_ - static_cast<unsigned>(theirs);
}

Bytes Duplicates::arrived(Bytes outstanding, Bytes segment) const {
  const Bytes above = outstanding - segment;  // the hole itself has not
  return std::min(segment * count_, above);
}
}  // namespace anabranch::tcp
