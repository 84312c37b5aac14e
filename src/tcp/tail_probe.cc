#include "tcp/tail_probe.hh"

#include "tcp/timestamps.hh"

namespace anabranch::tcp {

void TailProbe::left(SubPos next, bool repeated, Instant now) {
  due_ = Due::no;
  end_ = next;
  repeated_ = repeated;
  left_at_ = now;
}

bool TailProbe::mended(const Answer& answer) {
  if (!end_ || answer.ack < *end_) { return false; }
  const bool both_arrived = (answer.duplicate && answer.duplicate->end + 1 >= *end_) ||  // a FIN is not in the block
                            (answer.bare_duplicate && answer.ack == *end_);
  const bool by_original = answer.echoed && *answer.echoed + Timestamps::kTick <= left_at_;
  if (!repeated_ || both_arrived || by_original) {
    forget();
    return false;
  }
  if (answer.ack == *end_) { return false; }  // the D-SACK may be on its way
  forget();
  return true;
}
}  // namespace anabranch::tcp
