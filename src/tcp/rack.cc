#include "tcp/rack.hh"

#include <algorithm>

namespace anabranch::tcp {

void Rack::on_ack(const Heard& heard, const Covered& covered) {
  if (covered.newest) {
    rtt_ = heard.now - covered.newest->at;
    newest_ = std::max(newest_.value_or(*covered.newest), *covered.newest);
  }
  if (covered.lowest_once && *covered.lowest_once < furthest_) { reordering_seen_ = true; }
  furthest_ = std::max(furthest_, covered.highest);
  if (round_ && heard.una >= *round_) { round_.reset(); }
  if (heard.duplicate_reported && !round_) {
    round_ = heard.next;
    ++quarters_;
    persist_ = kPersist;
  }
}

void Rack::recovery_ended() {
  if (persist_ > 0 && --persist_ == 0) { quarters_ = 1; }
}

Duration Rack::patience(bool sure, Duration min_rtt, Duration srtt) const {
  if (sure && !reordering_seen_) { return rtt_; }
  return rtt_ + std::min(min_rtt * quarters_ / 4, srtt);
}
}  // namespace anabranch::tcp
