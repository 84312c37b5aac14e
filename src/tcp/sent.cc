#include "tcp/sent.hh"

#include "base/check.hh"

#include <algorithm>

namespace anabranch::tcp {

void Covered::add(const Range& range, Instant too_recent) {
  delivered += range.size();
  highest = std::max(highest, range.to);
  largest = std::max(largest, static_cast<std::uint32_t>(std::min<std::uint64_t>(range.cut, range.size().n)));
  probe |= range.probe;
  if (range.sendings == 1) {
    sent_once = std::max(sent_once.value_or(range.sent_at), range.sent_at);
    lowest_once = std::min(lowest_once.value_or(range.to), range.to);
  } else {
    any_retransmitted = true;
    if (range.sent_at > too_recent) { return; }  // may be the first sending that was acknowledged
  }
  const Departure departure{range.sent_at, range.to};
  newest = std::max(newest.value_or(departure), departure);
}

void Covered::add(const Covered& more) {
  delivered += more.delivered;
  highest = std::max(highest, more.highest);
  largest = std::max(largest, more.largest);
  any_retransmitted |= more.any_retransmitted;
  probe |= more.probe;
  if (more.sent_once) { sent_once = std::max(sent_once.value_or(*more.sent_once), *more.sent_once); }
  if (more.lowest_once) { lowest_once = std::min(lowest_once.value_or(*more.lowest_once), *more.lowest_once); }
  if (more.newest) { newest = std::max(newest.value_or(*more.newest), *more.newest); }
}

std::size_t Sent::index_of(SubPos at) const {
  const auto it = std::upper_bound(begin(), end(), at, [](SubPos p, const Range& r) { return p < r.to; });
  return static_cast<std::size_t>(it - ranges_.begin());
}

std::size_t Sent::boundary_at(SubPos at) {
  const std::size_t i = index_of(at);
  if (i == ranges_.size() || ranges_[i].from >= at) { return i; }
  Range rest = ranges_[i];
  rest.from = at;
  ranges_[i].to = at;
  ranges_[i].fin = false;
  ranges_.insert(ranges_.begin() + static_cast<std::ptrdiff_t>(i) + 1, rest);
  return i + 1;
}

void Sent::set_lost(Range& range) {
  range.lost = true;
  lost_ += range.size();
  lost_ever_ += range.size();
  lost_left_ = range.sent_at;
  lost_from_ = std::min(lost_from_, range.from);
}

void Sent::add(SubPos to, std::uint32_t cut, bool fin, Instant now, bool probe) {
  ANABRANCH_CHECK(to > next_);
  ranges_.push_back({.from = next_, .to = to, .sent_at = now, .cut = cut, .fin = fin, .probe = probe});
  next_ = to;
}

Covered Sent::acknowledge(SubPos up_to, Instant too_recent) {
  ANABRANCH_CHECK(up_to <= next_);
  Covered covered;
  while (head_ < ranges_.size() && ranges_[head_].from < up_to) {
    Range& range = ranges_[head_];
    Range part = range;
    part.to = std::min(range.to, up_to);
    if (range.sacked) {
      sacked_ -= part.size();
    } else {
      covered.add(part, too_recent);
    }
    if (range.lost) { lost_ -= part.size(); }
    if (range.to > up_to) {
      range.from = up_to;
      break;
    }
    ++head_;
  }
  una_ = std::max(una_, up_to);
  lost_from_ = std::max(lost_from_, una_);
  compact();
  return covered;
}

void Sent::compact() {
  if (head_ == ranges_.size()) {
    ranges_.clear();
    head_ = 0;
  } else if (head_ >= 64 && head_ * 2 >= ranges_.size()) {
    ranges_.erase(ranges_.begin(), ranges_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
}

Covered Sent::mark_sacked(SubPos from, SubPos to, Instant too_recent) {
  Covered covered;
  if (from >= to || empty()) { return covered; }
  std::size_t i = boundary_at(std::max(from, una_));
  const std::size_t stop = boundary_at(std::min(to, next_));
  for (; i < stop; ++i) {
    Range& range = ranges_[i];
    if (range.sacked) { continue; }
    covered.add(range, too_recent);
    range.sacked = true;
    sacked_ += range.size();
    if (range.lost) {
      range.lost = false;
      lost_ -= range.size();
    }
  }
  return covered;
}

Bytes Sent::mark_lost(SubPos from, SubPos to) {
  const Bytes before = lost_;
  if (from >= to || empty()) { return {}; }
  std::size_t i = boundary_at(std::max(from, una_));
  const std::size_t stop = boundary_at(std::min(to, next_));
  for (; i < stop; ++i) {
    Range& range = ranges_[i];
    if (!range.sacked && !range.lost && range.sendings == 1) { set_lost(range); }
  }
  return lost_ - before;
}

Sent::Overdue Sent::mark_overdue(Departure newest, Instant cutoff) {
  Overdue out;
  const auto judge = [&](Range& range) {
    if (range.sent_at <= cutoff) {
      set_lost(range);
      if (!range.probe) { out.lost += range.size(); }
      return true;
    }
    out.youngest = std::max(out.youngest.value_or(range.sent_at), range.sent_at);
    return false;
  };
  const auto flies = [](const Range& range) { return !range.sacked && !range.lost; };
  bool settled = true;
  for (std::size_t i = index_of(std::max(once_from_, una_)); i < ranges_.size(); ++i) {
    Range& range = ranges_[i];
    if (range.sendings == 1 && flies(range)) {
      if (Departure{range.sent_at, range.to} >= newest) { break; }  // of what was sent once, departures ascend
      settled &= judge(range);
    }
    if (settled) { once_from_ = range.to; }
  }
  for (std::size_t i = head_; i < ranges_.size() && ranges_[i].from < resent_below_; ++i) {
    Range& range = ranges_[i];
    if (range.sendings > 1 && flies(range) && Departure{range.sent_at, range.to} < newest) { judge(range); }
  }
  return out;
}

bool Sent::mark_last_lost() {
  if (empty()) { return false; }
  const Range& last = ranges_.back();
  const std::uint64_t packet = last.cut + (last.fin ? 1 : 0);
  return mark_lost(std::max(last.from, next_ - packet), next_) > Bytes{};
}

bool Sent::mark_oldest_lost() {
  if (empty()) { return false; }
  const SubPos first_end = una_ + oldest().cut + (oldest().fin ? 1 : 0);
  boundary_at(std::min(std::max(first_end, una_ + 1), next_));
  Range& first = ranges_[head_];
  if (first.sacked || first.lost) { return false; }
  set_lost(first);
  return true;
}

void Sent::mark_timed_out(Instant cutoff) {
  mark_oldest_lost();
  for (std::size_t i = head_; i < ranges_.size(); ++i) {
    Range& range = ranges_[i];
    if (!range.sacked && !range.lost && range.sent_at <= cutoff) { set_lost(range); }
  }
}

Bytes Sent::mark_oversize_lost(std::uint32_t cut) {
  const Bytes had = lost_;
  for (std::size_t i = head_; i < ranges_.size(); ++i) {
    Range& range = ranges_[i];
    if (range.cut > cut && !range.sacked && !range.lost) { set_lost(range); }
  }
  return lost_ - had;
}

void Sent::unmark_lost() {
  for (std::size_t i = head_; i < ranges_.size(); ++i) { ranges_[i].lost = false; }
  lost_ = {};
  once_from_ = una_;
}

void Sent::forget_sacks() {
  for (std::size_t i = head_; i < ranges_.size(); ++i) { ranges_[i].sacked = false; }
  sacked_ = {};
  once_from_ = una_;
}

const Range* Sent::first_lost() const {
  if (lost_ == Bytes{}) { return nullptr; }
  for (std::size_t i = index_of(lost_from_); i < ranges_.size(); ++i) {
    if (ranges_[i].lost) {
      lost_from_ = ranges_[i].from;
      return &ranges_[i];
    }
  }
  return nullptr;
}

void Sent::resent(SubPos from, SubPos to, std::uint32_t cut, Instant now) {
  std::size_t i = boundary_at(from);
  const std::size_t stop = boundary_at(to);
  for (; i < stop; ++i) {
    Range& range = ranges_[i];
    ANABRANCH_CHECK(range.lost && !range.sacked);
    range.lost = false;
    lost_ -= range.size();
    range.sent_at = now;
    range.cut = cut;
    range.probe = false;
    ++range.sendings;
  }
  resent_below_ = std::max(resent_below_, to);
}

bool Sent::is_consistent() const {
  Bytes sacked, lost;
  SubPos at = una_;
  for (const Range& range : *this) {
    if (range.from != at || range.to <= range.from || (range.sacked && range.lost)) { return false; }
    if (range.lost && range.from < lost_from_) { return false; }
    if (range.sacked) { sacked += range.size(); }
    if (range.lost) { lost += range.size(); }
    at = range.to;
  }
  return at == next_ && sacked == sacked_ && lost == lost_;
}
}  // namespace anabranch::tcp
