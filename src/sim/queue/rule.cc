#include "sim/queue/rule.hh"

#include "sim/queue/rules.hh"

namespace anabranch::sim {

std::unique_ptr<QueueRule> make_queue_rule(const QueueSpec& spec, Generator generator) {
  switch (spec.kind) {
    case Discipline::drop_tail: break;
    case Discipline::random_drop: return make_random_drop(spec, generator);
    case Discipline::red: return make_red(spec, generator);
    case Discipline::codel: return make_codel(spec);
  }
  return nullptr;
}
}  // namespace anabranch::sim
