#include "sim/agenda.hh"

#include <algorithm>

namespace anabranch::sim {

std::uint32_t Agenda::enroll(Component who) {
  if (!free_.empty()) {
    const std::uint32_t number = free_.back();
    free_.pop_back();
    who_[number] = who;
    return number;
  }
  place_.push_back(kNobody);
  who_.push_back(who);
  return static_cast<std::uint32_t>(place_.size() - 1);
}

void Agenda::dismiss(std::uint32_t who) {
  set(who, Instant::never());
  who_[who] = {};
  free_.push_back(who);
}

void Agenda::set(std::uint32_t who, Instant at) {
  const std::uint32_t place = place_[who];
  const Entry entry{at, who};
  if (place == kNobody) {
    if (at.is_never()) { return; }
    heap_.push_back(entry);
    return rise(heap_.size() - 1, entry);
  }
  if (at.is_never()) {
    place_[who] = kNobody;
    const Entry last = heap_.back();
    heap_.pop_back();
    if (last.who == who) { return; }
    // What stood last may belong above or below the place that has become free.
    const bool above = place != 0 && before(last, heap_[(place - 1) / kArms]);
    return above ? rise(place, last) : sink(place, last);
  }
  if (heap_[place].at == at) { return; }
  if (at < heap_[place].at) { return rise(place, entry); }
  sink(place, entry);
}

void Agenda::rise(std::size_t i, Entry entry) {
  while (i > 0) {
    const std::size_t parent = (i - 1) / kArms;
    if (!before(entry, heap_[parent])) { break; }
    put(i, heap_[parent]);
    i = parent;
  }
  put(i, entry);
}

void Agenda::sink(std::size_t i, Entry entry) {
  const std::size_t size = heap_.size();
  for (;;) {
    const std::size_t from = i * kArms + 1;
    if (from >= size) { break; }
    std::size_t least = from;
    const std::size_t to = std::min(from + kArms, size);
    for (std::size_t child = from + 1; child < to; ++child) {
      if (before(heap_[child], heap_[least])) { least = child; }
    }
    if (!before(heap_[least], entry)) { break; }
    put(i, heap_[least]);
    i = least;
  }
  put(i, entry);
}
}  // namespace anabranch::sim
