#include "stack/timer_wheel.hh"

#include <algorithm>

namespace anabranch::stack {

TimerWheel::TimerWheel() = default;

void TimerWheel::set(std::uint32_t index, Instant when) {
  if (index >= entries_.size()) { entries_.resize(index + 1); }
  Entry& e = entries_[index];
  e.want = when;
  if (when >= e.filed || when.is_never()) { return; }  // it comes up early enough and is put back then
  file(index, when);
}

/// Puts it where it comes up at `when`; an older place of it stays behind and is recognised by its time.
void TimerWheel::file(std::uint32_t index, Instant when) {
  entries_[index].filed = when;
  const std::int64_t at = std::max(tick(when), now_tick_);
  const std::int64_t ahead = at - now_tick_;
  std::size_t level = 0;
  while (level + 1 < kLevels && ahead >> (kSlotBits * static_cast<int>(level + 1)) != 0) { ++level; }
  const auto slot = static_cast<std::size_t>(at >> (kSlotBits * static_cast<int>(level))) % kSlots;
  slots_[level][slot].push_back({index, when});
  ++filed_;
  next_ = std::min(next_, when);
}

void TimerWheel::expire(Instant now, std::vector<std::uint32_t>& due) {
  if (now < next_) { return; }
  const std::int64_t target = tick(now);
  std::vector<Filed> taken;
  for (std::size_t level = 0; level < kLevels; ++level) {
    const int shift = kSlotBits * static_cast<int>(level);
    const std::int64_t from = now_tick_ >> shift, to = target >> shift;
    const std::int64_t turns = std::min<std::int64_t>(to - from, static_cast<std::int64_t>(kSlots) - 1);
    for (std::int64_t t = to - turns; t <= to; ++t) {
      std::vector<Filed>& slot = slots_[level][static_cast<std::size_t>(t) % kSlots];
      taken.insert(taken.end(), slot.begin(), slot.end());
      filed_ -= slot.size();
      slot.clear();
    }
  }
  now_tick_ = target;
  next_ = Instant::never();
  // By time, then by index: the order must not depend on where things lay.
  std::ranges::sort(taken,
                    [](const Filed& a, const Filed& b) { return a.at != b.at ? a.at < b.at : a.index < b.index; });
  for (const Filed& f : taken) {
    Entry& e = entries_[f.index];
    if (e.filed != f.at) { continue; }  // superseded by an earlier one
    e.filed = Instant::never();
    if (e.want <= now) {
      e.want = Instant::never();
      due.push_back(f.index);
    } else if (!e.want.is_never()) {
      file(f.index, e.want);
    }
  }
  look_for_next();
}

/// On each level the first occupied slot holds the earliest, but for two: what lies in the current slot may be due a
/// whole turn later than the others, and the last level holds deadlines of all later turns side by side.
void TimerWheel::look_for_next() {
  next_ = Instant::never();
  if (filed_ == 0) { return; }
  for (std::size_t level = 0; level < kLevels; ++level) {
    const std::int64_t from = now_tick_ >> (kSlotBits * static_cast<int>(level));
    const bool turns_mix = level + 1 == kLevels;
    bool found = false;
    for (std::size_t i = 0; i < kSlots && !found; ++i) {
      for (const Filed& f : slots_[level][static_cast<std::size_t>(from + static_cast<std::int64_t>(i)) % kSlots]) {
        if (entries_[f.index].filed != f.at) { continue; }
        next_ = std::min(next_, f.at);
        found = i != 0 && !turns_mix;
      }
    }
  }
}
}  // namespace anabranch::stack
