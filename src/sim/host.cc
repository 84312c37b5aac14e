#include "sim/host.hh"

namespace anabranch::sim {
namespace {
stack::Stack::Config stack_config(const HostOptions& options) {
  ANABRANCH_CHECK(options.ports <= 65536 - Host::kFirstPort);
  stack::Stack::Config config;
  config.limits = options.limits;
  for (std::uint16_t i = 0; i < options.ports; ++i) {
    config.ports.push_back(static_cast<std::uint16_t>(Host::kFirstPort + i));
  }
  return config;
}
}  // namespace

Host::Host(std::string name, std::uint32_t number, const HostOptions& options, Generator generator, SlabPool& pool,
           std::vector<Host*>& touched)
    : name_{std::move(name)},
      number_{number},
      touched_{touched},
      generator_{generator},
      env_{generator_, trace_, faults_},
      stack_{env_, pool, stack_config(options)} {}

void Host::attach(Interface interface, const std::vector<anabranch::Route>& routes, Outlet& out, Instant now) {
  outlets_.push_back(&out);
  change(now, [&](Network& network) {
    network.interfaces.push_back(std::move(interface));
    network.routes.insert(network.routes.end(), routes.begin(), routes.end());
  });
}

void Host::set_up(InterfaceId id, bool up, Instant now) {
  change(now, [&](Network& network) {
    for (Interface& interface : network.interfaces) {
      if (interface.id == id) { interface.up = up; }
    }
  });
}

Outlet* Host::outlet(InterfaceId id) const {
  for (std::size_t i = 0; i < outlets_.size(); ++i) {
    if (network_.interfaces[i].id == id) { return outlets_[i]; }
  }
  return nullptr;
}
}  // namespace anabranch::sim
