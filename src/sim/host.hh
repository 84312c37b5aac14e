/// A simulated machine: one stack, and the network it is told of, made from the links attached to it.
///
/// Owned by the world, which moves frames between its stack and the pipes and runs its deadlines; hosts never see each
/// other. Its randomness is a stream of its own, so that what one host draws does not shift another's.
#pragma once
#include "base/network.hh"
#include "base/random.hh"
#include "sim/link.hh"
#include "stack/stack.hh"
#include "trace/sinks.hh"

#include <string>
#include <vector>

namespace anabranch::sim {

class Host {
 public:
  static constexpr std::uint16_t kFirstPort = 49152;  ///< RFC 6335 §6: dynamic ports
  static constexpr std::uint16_t kPorts = 256;        ///< more than a scenario connects from

  Host(std::string name, Generator generator, SlabPool& pool);

  /// Adds an interface with its routes. Frames for it go to `out`, which must outlive the host.
  void attach(Interface interface, const std::vector<Route>& routes, Pipe& out, Instant now);
  /// Carrier gone or back: the stack is told, as it would be by a kernel.
  void set_up(InterfaceId interface, bool up, Instant now);
  Pipe* pipe(InterfaceId interface) const;  ///< nullptr: no such interface

  const std::string& name() const { return name_; }
  stack::Stack& stack() { return stack_; }
  const stack::Stack& stack() const { return stack_; }
  const Network& network() const { return network_; }
  /// Traces added here hear all events of the stack.
  trace::Tee& trace() { return trace_; }

 private:
  std::string name_;
  Generator generator_;
  trace::Tee trace_;
  NoFaults faults_;
  Env env_;
  stack::Stack stack_;
  Network network_;
  std::vector<Pipe*> pipes_;  ///< as network_.interfaces
};
}  // namespace anabranch::sim
