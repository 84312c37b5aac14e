#include "tcp/recovery.hh"

#include <algorithm>

namespace anabranch::tcp {

Bytes Recovery::pipe(const Sent& sent, Bytes segment) const {
  return sack_ ? sent.pipe() : sent.pipe() - duplicates_.arrived(sent.outstanding(), segment);
}

Bytes Recovery::allowance(const Sent& sent, const cc::Controller& controller, Bytes segment) const {
  if (phase_ == Phase::fast) { return prr_.budget; }
  return controller.window() - pipe(sent, segment);
}

void Recovery::on_sent(Bytes bytes) {
  if (phase_ != Phase::fast) { return; }
  prr_.out += bytes;
  prr_.budget -= bytes;
}

void Recovery::on_again(SubPos at, bool first, Instant now) {
  if (phase_ == Phase::open || first_again_) { return; }
  first_again_ = now;
  first_again_at_ = at;
  judged_ = !first;  // an answer could be one to an earlier repetition
}

/// RFC 6937 §3, with the slow-start reduction bound.
void Recovery::proportion(Bytes delivered, Bytes pipe, Bytes segment) {
  prr_.delivered += delivered;
  if (pipe > prr_.target) {
    const auto flight = std::max<std::uint64_t>(prr_.flight.n, 1);
    const auto share = (static_cast<unsigned __int128>(prr_.delivered.n) * prr_.target.n + flight - 1) / flight;
    prr_.budget = Bytes{static_cast<std::uint64_t>(share)} - prr_.out;
  } else {
    const Bytes limit = std::max(prr_.delivered - prr_.out, delivered) + segment;
    prr_.budget = std::min(prr_.target - pipe, limit);
  }
}

/// How much later than a missing segment another must have left, and have arrived, to prove the first lost
/// (RFC 8985 §6.2 step 4). Not below a millisecond: no timestamp would reveal that it was needless.
Duration Recovery::patience(const Heard& heard) const {
  constexpr Duration kLeast{1'000'000};
  return std::max(heard.min_rtt / 4, kLeast) * threshold_ / Scoreboard::kDupThresh;
}

/// Marks what can be inferred lost, by count (RFC 6675) or by time (RFC 8985). A peer without SACK only ever shows the
/// first hole.
Bytes Recovery::find_lost(const On& on, const Heard& heard) {
  if (!sack_ || board_.empty()) { return {}; }
  const SubPos by_time = on.sent.end_of_older(examined_, board_.highest(), newest_ - patience(heard));
  const SubPos boundary = std::max(board_.lost_below(on.segment, threshold_), by_time);
  if (boundary <= examined_) { return {}; }
  const Bytes found = on.sent.mark_lost(std::max(examined_, on.sent.una()), boundary);
  examined_ = boundary;
  return found;
}

bool Recovery::should_enter(const On& on, Bytes found) const {
  if (phase_ != Phase::open || on.sent.empty()) { return false; }
  if (found > Bytes{}) { return true; }
  if (duplicates_.count() < threshold_) { return false; }
  // RFC 6582 §3.2 step 2: duplicates of segments that were sent again needlessly must not start a second episode.
  return sack_ ? !board_.empty() : on.sent.una() > until_;
}

/// RFC 3522: what was first sent again is acknowledged, and the answer is one to the original.
bool Recovery::was_needless(const Heard& heard, SubPos una) {
  constexpr Duration kClockTick{1'000'000};
  if (!first_again_ || judged_ || una <= first_again_at_) { return false; }
  judged_ = true;
  return heard.echoed && *heard.echoed + kClockTick <= *first_again_;
}

void Recovery::begin_episode(Phase phase, const Sent& sent) {
  const bool goes_on = phase_ == Phase::loss && phase == Phase::loss && first_again_;
  phase_ = phase;
  until_ = sent.next();
  if (goes_on) { return; }  // one timeout after another: the first repetition of all is the one to judge
  first_again_.reset();
  judged_ = false;
}

void Recovery::enter_fast(const On& on, Instant now, Bytes flight) {
  begin_episode(Phase::fast, on.sent);
  on.sent.mark_lost(on.sent.una(), std::min(on.sent.una() + on.sent.oldest().cut + (on.sent.oldest().fin ? 1 : 0),
                                            on.sent.oldest().to));
  on.controller.on_lost({.now = now, .bytes = on.sent.lost(), .in_flight = flight, .sign = cc::Sign::duplicate},
                        on.siblings);
  prr_ = {.delivered = {}, .out = {}, .flight = flight, .target = on.controller.window(), .budget = {}};
}

void Recovery::leave(const On& on, Instant now) {
  phase_ = Phase::open;
  duplicates_.clear();
  first_again_.reset();
  on.controller.on_recovery_exit(now);
}

/// What was believed lost had only been late: the window comes back, and later gaps are given more time.
void Recovery::undo(const On& on, Instant now) {
  if (phase_ == Phase::fast) { threshold_ = std::min(threshold_ * 2, kMostReordering); }
  phase_ = Phase::open;
  duplicates_.clear();
  first_again_.reset();
  on.sent.unmark_lost();
  examined_ = {};
  on.controller.on_spurious_loss(now);
}

Recovery::Outcome Recovery::on_ack(const On& on, const Heard& heard) {
  Outcome out;
  const SubPos before = on.sent.una();
  out.in_flight_before = pipe(on.sent, on.segment);
  const Bytes arrived_before = sack_ ? Bytes{} : duplicates_.arrived(on.sent.outstanding(), on.segment);
  const Instant too_recent = heard.now - heard.min_rtt;

  out.covered = on.sent.acknowledge(std::max(heard.ack, before), too_recent);
  out.advanced = {on.sent.una() - before};
  board_.acknowledged(on.sent.una());
  const Covered by_sack = sack_ ? board_.update(on.sent, heard.sacks, too_recent) : Covered{};
  out.covered.add(by_sack);
  if (out.covered.newest) { newest_ = std::max(newest_, *out.covered.newest); }
  if (out.advanced > Bytes{}) {
    if (sack_) {
      duplicates_.clear();
    } else {
      duplicates_.advanced(out.advanced, on.segment);
    }
  } else if (!on.sent.empty() && (sack_ ? by_sack.delivered > Bytes{} : heard.duplicate_form)) {
    duplicates_.add();
  }
  Bytes delivered = out.covered.delivered;
  if (!sack_) { delivered = out.advanced + duplicates_.arrived(on.sent.outstanding(), on.segment) - arrived_before; }

  if (out.advanced > Bytes{} && was_needless(heard, on.sent.una())) {
    undo(on, heard.now);
    out.undone = true;
  }
  if (phase_ != Phase::open && on.sent.una() >= until_) {
    leave(on, heard.now);
    out.left = true;
  }
  const Bytes flight = on.sent.outstanding();
  const Bytes found = find_lost(on, heard);
  if (!out.undone && should_enter(on, found)) {
    enter_fast(on, heard.now, std::max(flight, on.segment));
    out.entered = true;
  } else if (phase_ != Phase::open) {
    if (!sack_ && phase_ == Phase::fast && out.advanced > Bytes{}) {  // a partial acknowledgment: the next hole
      on.sent.mark_lost(on.sent.una(), on.sent.una() + on.sent.oldest().cut);
    }
    if (sack_) { on.sent.mark_resent_lost(newest_ - patience(heard)); }
  }
  if (phase_ == Phase::fast) {
    proportion(delivered, pipe(on.sent, on.segment), on.segment);
    if (out.entered) { prr_.budget = std::max(prr_.budget, on.segment); }  // the fast retransmission itself
  }
  return out;
}

void Recovery::on_timeout(const On& on, Instant now) {
  const Bytes flight = on.sent.outstanding();
  if (!on.sent.empty() && on.sent.oldest().sacked) {  // RFC 2018 §8: the peer discarded what it had reported
    on.sent.forget_sacks();
    board_.clear();
  }
  on.sent.mark_all_lost();
  begin_episode(Phase::loss, on.sent);
  examined_ = {};
  duplicates_.clear();
  on.controller.on_lost({.now = now, .bytes = on.sent.lost(), .in_flight = flight, .sign = cc::Sign::timeout},
                        on.siblings);
}
}  // namespace anabranch::tcp
