#include "stack/destinations.hh"

#include "base/check.hh"

#include <algorithm>

namespace anabranch::stack {

void Avoided::happened(Instant now, Duration first) {
  until_ = now + first * (std::int64_t{1} << std::min(times_, kMostDoublings));
  ++times_;
}

Remembered* Destinations::find(const Destination& where) {
  const auto it = index_.find(where);
  if (it == index_.end()) { return nullptr; }
  order_.splice(order_.begin(), order_, it->second);
  return &it->second->second;
}

Remembered& Destinations::at(const Destination& where) {
  ANABRANCH_CHECK(most_ > 0);
  if (Remembered* known = find(where)) { return *known; }
  if (order_.size() >= most_) {
    index_.erase(order_.back().first);
    order_.pop_back();
  }
  order_.emplace_front(where, Remembered{});
  index_[where] = order_.begin();
  return order_.front().second;
}
}  // namespace anabranch::stack
