#include "tcp/recovery.hh"

#include <algorithm>

namespace anabranch::tcp {

// --- how much may leave

Bytes Recovery::pipe(const Sent& sent, Bytes segment) const {
  return sack_ ? sent.pipe() : sent.pipe() - duplicates_.arrived(sent.outstanding(), segment);
}

Bytes Recovery::allowance(const Sent& sent, const cc::Controller& controller, Bytes segment) const {
  if (reduces() && !controller.governs_recovery()) { return prr_.budget; }
  const Bytes room = controller.window() - pipe(sent, segment);
  return oldest_due_ ? std::max(room, segment) : room;
}

void Recovery::on_sent(Bytes bytes) {
  if (!reduces()) { return; }
  prr_.out += bytes;
  prr_.budget -= bytes;
}

void Recovery::on_again(SubPos from, SubPos to, bool first, Instant now) {
  oldest_due_ = false;
  if (phase_ != Phase::open) { needless_.on_again(from, to, first, now); }
}

void Recovery::begin_proportion(const On& on, Bytes flight) {
  prr_ = {.delivered = {}, .out = {}, .flight = flight, .target = on.controller.window(), .budget = {}};
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

// --- what is lost

/// Marks what can be inferred lost (RFC 8985 §6.2). A peer without SACK only ever shows the first hole.
Bytes Recovery::find_lost(const On& on, Instant now) {
  look_again_at_ = Instant::never();
  if (!sack_ || !rack_.newest() || on.sent.empty()) { return {}; }
  const bool sure = phase_ != Phase::open || duplicates_.count() >= Scoreboard::kDupThresh ||
                    board_.lost_below(on.segment) > SubPos{};
  const Duration patience = rack_.patience(sure, on.min_rtt, on.srtt);
  const auto overdue = on.sent.mark_overdue(*rack_.newest(), now - patience);
  if (overdue.youngest) { look_again_at_ = *overdue.youngest + patience; }
  return overdue.lost;
}

bool Recovery::should_enter(const On& on, Bytes found) const {
  if ((phase_ != Phase::open && phase_ != Phase::marked) || on.sent.empty()) { return false; }
  if (sack_) { return found > Bytes{}; }
  // RFC 6582 §3.2 step 2: duplicates of segments that were sent again needlessly must not start a second episode.
  return duplicates_.count() >= threshold_ && on.sent.una() > until_;
}

bool Recovery::look_again(const On& on, Instant now) {
  const Bytes found = find_lost(on, now);
  if (!should_enter(on, found)) { return false; }
  enter_fast(on, now);
  prr_.budget = std::max(prr_.budget, on.segment);
  return true;
}

// --- episodes

void Recovery::begin_episode(Phase phase, const Sent& sent) {
  const bool goes_on = phase_ == Phase::loss && phase == Phase::loss && needless_.has_repeated();
  phase_ = phase;
  until_ = sent.next();
  if (!goes_on) { needless_.begin(); }  // one timeout after another: the first repetition of all is the one to judge
}

void Recovery::enter_fast(const On& on, Instant now) {
  const Bytes flight = std::max(on.sent.outstanding(), on.segment);
  const bool reduced = phase_ == Phase::marked;  // once a window (RFC 3168 §6.1.2)
  begin_episode(Phase::fast, on.sent);
  if (reduced) { needless_.forget(); }
  if (!sack_) {
    const Range& oldest = on.sent.oldest();
    on.sent.mark_lost(on.sent.una(), std::min(on.sent.una() + oldest.cut + (oldest.fin ? 1 : 0), oldest.to));
  }
  if (!reduced) {
    on.controller.on_lost(
        {.now = now, .bytes = on.sent.lost(), .in_flight = flight, .sign = cc::Sign::duplicate, .pipe = on.sent.pipe()},
        on.siblings);
  }
  begin_proportion(on, flight);
}

void Recovery::enter_marked(const On& on, Instant now) {
  const Bytes flight = std::max(on.sent.outstanding(), on.segment);
  begin_episode(Phase::marked, on.sent);
  needless_.forget();
  on.controller.on_lost({.now = now, .bytes = {}, .in_flight = flight, .sign = cc::Sign::ecn, .pipe = on.sent.pipe()},
                        on.siblings);
  begin_proportion(on, flight);
}

void Recovery::leave(const On& on, Instant now) {
  phase_ = Phase::open;
  duplicates_.clear();
  frto_.stop();
  oldest_due_ = false;
  rack_.recovery_ended();
  on.controller.on_recovery_exit(now);
}

/// What was believed lost had only been late: the window comes back, and later gaps are given more time.
void Recovery::undo(const On& on, Instant now) {
  if (phase_ == Phase::fast && !sack_) { threshold_ = std::min(threshold_ * 2, kMostReordering); }
  if (phase_ == Phase::loss) { rack_.forget_newest(); }
  phase_ = Phase::open;
  duplicates_.clear();
  needless_.forget();
  frto_.stop();
  oldest_due_ = false;
  on.sent.unmark_lost();
  on.controller.on_spurious_loss(now);
}

void Recovery::on_timeout(const On& on, Instant now) {
  const Bytes flight = on.sent.outstanding();
  if (!on.sent.empty() && on.sent.oldest().sacked) {  // RFC 2018 §8: the peer discarded what it had reported
    on.sent.forget_sacks();
    board_.clear();
  }
  // RFC 8985 §6.3: what left recently may still be on its way. Without SACK nobody would notice if it is not.
  const Duration patience = rack_.patience(false, on.min_rtt, on.srtt);
  on.sent.mark_timed_out(sack_ && rack_.newest() ? now - patience : Instant::never());
  // RFC 5682: not for a timeout within another recovery, but again for one after another without an answer.
  if (phase_ == Phase::open || phase_ == Phase::marked || (phase_ == Phase::loss && frto_.waits())) {
    frto_.begin(sack_, on.sent.next());
  } else {
    frto_.stop();
  }
  begin_episode(Phase::loss, on.sent);
  duplicates_.clear();
  oldest_due_ = true;
  look_again_at_ = Instant::never();
  on.controller.on_lost(
      {.now = now, .bytes = on.sent.lost(), .in_flight = flight, .sign = cc::Sign::timeout, .pipe = on.sent.pipe()},
      on.siblings);
}

// --- an acknowledgment

/// Whether a duplicate without SACK stands for a segment that has left the network. After a timeout, before anything new
/// has left, all that is outstanding counts as lost: duplicates answer what left before, or what was repeated needlessly,
/// and each would let another needless repetition leave (RFC 6582 §3.2 inflates in fast recovery only).
bool Recovery::tells_of_more(const Sent& sent, const Heard& heard) const {
  return heard.duplicate_form && !(phase_ == Phase::loss && sent.next() == until_);
}

/// Marks what arrived. Returns how much that is, guessed for peers without SACK.
Bytes Recovery::take_in(const On& on, const Heard& heard, Outcome& out) {
  const SubPos before = on.sent.una();
  out.in_flight_before = pipe(on.sent, on.segment);
  const Bytes arrived_before = sack_ ? Bytes{} : duplicates_.arrived(on.sent.outstanding(), on.segment);
  // What was sent again less than the smallest round trip ago may not have been answered yet. The echoed timestamp does
  // not help with it (RFC 8985 §6.2 step 2): above a gap it is that of the last segment in order.
  const Instant too_recent = heard.now - on.min_rtt;

  out.covered = on.sent.acknowledge(std::max(heard.ack, before), too_recent);
  out.advanced = {on.sent.una() - before};
  board_.acknowledged(on.sent.una());
  if (sack_) {
    out.covered.add(board_.update(on.sent, heard.sacks, too_recent));
    out.duplicate = duplicate_report(heard.sacks, heard.ack, on.sent.next());
    rack_.on_ack({.now = heard.now,
                  .una = on.sent.una(),
                  .next = on.sent.next(),
                  .duplicate_reported = out.duplicate.has_value()},
                 out.covered);
  }
  if (out.advanced > Bytes{}) {
    if (sack_) {
      duplicates_.clear();
    } else {
      duplicates_.advanced(out.advanced, on.segment);
    }
  } else if (!on.sent.empty() && (sack_ ? out.covered.delivered > Bytes{} : tells_of_more(on.sent, heard))) {
    duplicates_.add();
  }
  if (sack_) { return out.covered.delivered; }
  return out.advanced + duplicates_.arrived(on.sent.outstanding(), on.segment) - arrived_before;
}

/// Asks the witnesses whether the present episode, or the latest, was none.
bool Recovery::is_needless(const On& on, const Heard& heard, Outcome& out) {
  const SubPos una = on.sent.una();
  const bool duplicate = sack_ ? heard.duplicate_form && out.covered.delivered == Bytes{} : heard.duplicate_form;
  const auto verdict = frto_.on_ack({.advanced = out.advanced > Bytes{},
                                     .duplicate = duplicate,
                                     .una = una,
                                     .next = on.sent.next(),
                                     .news = out.covered.delivered,
                                     .highest = std::max(out.covered.highest, una)});
  out.try_fresh = verdict == Frto::Verdict::try_fresh;
  const bool stamped = out.advanced > Bytes{} && needless_.by_timestamp(una, heard.echoed);
  const bool reported = out.duplicate && needless_.by_duplicate(*out.duplicate);
  return stamped || reported || verdict == Frto::Verdict::needless;
}

Recovery::Outcome Recovery::on_ack(const On& on, const Heard& heard) {
  Outcome out;
  const Bytes delivered = take_in(on, heard, out);
  if (is_needless(on, heard, out)) {
    out.undone = true;
    out.was_timeout = phase_ == Phase::loss;
    out.try_fresh = false;
    undo(on, heard.now);
  }
  if (phase_ != Phase::open && on.sent.una() >= until_) {
    leave(on, heard.now);
    out.left = true;
  }
  const Bytes found = find_lost(on, heard.now);
  if (!out.undone && should_enter(on, found)) {
    enter_fast(on, heard.now);
    out.entered = true;
  } else if (heard.marked && phase_ == Phase::open && on.sent.una() > until_ && !out.undone) {
    enter_marked(on, heard.now);
    out.entered = true;
  } else if (!sack_ && phase_ == Phase::fast && out.advanced > Bytes{}) {  // a partial acknowledgment: the next hole
    on.sent.mark_lost(on.sent.una(), on.sent.una() + on.sent.oldest().cut);
  }
  if (reduces()) {
    proportion(delivered, pipe(on.sent, on.segment), on.segment);
    if (out.entered && phase_ == Phase::fast) {  // the fast retransmission itself
      prr_.budget = std::max(prr_.budget, on.segment);
    }
  }
  return out;
}
}  // namespace anabranch::tcp
