#include "tcp/frto.hh"

namespace anabranch::tcp {

void Frto::begin(bool sack, SubPos next) {
  step_ = Step::repeated;
  sack_ = sack;
  recover_ = next;
}

Frto::Verdict Frto::on_ack(const Answer& answer) {
  if (step_ == Step::repeated) {
    if (!answer.advanced) { return !sack_ && answer.duplicate ? conclude(Verdict::real) : Verdict::nothing; }
    if (answer.una >= recover_) { return conclude(Verdict::real); }
    recover_ = answer.next;
    step_ = Step::fresh;
    return Verdict::try_fresh;
  }
  if (step_ == Step::off) { return Verdict::nothing; }
  if (answer.news == Bytes{} && !answer.advanced) {
    return answer.duplicate ? conclude(Verdict::real) : Verdict::nothing;
  }
  return conclude(answer.highest <= recover_ ? Verdict::needless : Verdict::real);
}
}  // namespace anabranch::tcp
