/// One maker for each kind of queue rule; what they are is in rule.hh.
#pragma once
#include "sim/queue/rule.hh"

namespace anabranch::sim {

std::unique_ptr<QueueRule> make_random_drop(const QueueSpec& spec, Generator generator);
std::unique_ptr<QueueRule> make_red(const QueueSpec& spec, Generator generator);
std::unique_ptr<QueueRule> make_codel(const QueueSpec& spec);
}  // namespace anabranch::sim
