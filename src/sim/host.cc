#include "sim/host.hh"

#include <utility>

namespace anabranch::sim {
namespace {
stack::Stack::Config stack_config() {
  stack::Stack::Config config;
  for (std::uint16_t i = 0; i < Host::kPorts; ++i) {
    config.ports.push_back(static_cast<std::uint16_t>(Host::kFirstPort + i));
  }
  return config;
}
}  // namespace

Host::Host(std::string name, Generator generator, SlabPool& pool)
    : name_{std::move(name)},
      generator_{generator},
      env_{generator_, trace_, faults_},
      stack_{env_, pool, stack_config()} {}

void Host::attach(Interface interface, const std::vector<Route>& routes, Pipe& out, Instant now) {
  network_.interfaces.push_back(std::move(interface));
  network_.routes.insert(network_.routes.end(), routes.begin(), routes.end());
  pipes_.push_back(&out);
  stack_.update(network_, now);
}

void Host::set_up(InterfaceId id, bool up, Instant now) {
  for (Interface& interface : network_.interfaces) {
    if (interface.id == id && interface.up != up) {
      interface.up = up;
      stack_.update(network_, now);
    }
  }
}

Pipe* Host::pipe(InterfaceId id) const {
  for (std::size_t i = 0; i < pipes_.size(); ++i) {
    if (network_.interfaces[i].id == id) { return pipes_[i]; }
  }
  return nullptr;
}
}  // namespace anabranch::sim
