/// A simulated machine: one stack, and the network it is told of, made from the links and ports attached to it.
///
/// Owned by the world, which moves frames between its stack and the outlets and runs its deadlines; hosts never see
/// each other. Whoever asks for its stack to use it touches the host: the world looks after it in that instant. Its
/// randomness is a stream of its own, so that what one host draws does not shift another's.
#pragma once
#include "base/network.hh"
#include "base/random.hh"
#include "stack/stack.hh"
#include "trace/sinks.hh"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace anabranch::sim {

class Host;

/// What stands behind an interface: takes the frames that the host sends over it.
class Outlet {
 public:
  virtual ~Outlet() = default;
  virtual void offer(const Host& from, Frame frame) = 0;
  virtual unsigned number() const = 0;                           ///< of the link or port, for a person
  virtual std::string_view towards(const Host& from) const = 0;  ///< who is at the other end, if that is one host
};

struct HostOptions {
  std::uint16_t ports = 256;  ///< local ports to connect from, from `Host::kFirstPort` on; at most 16384
  stack::Limits limits{};     ///< of its stack
};

class Host {
 public:
  static constexpr std::uint16_t kFirstPort = 49152;  ///< RFC 6335 §6: dynamic ports

  /// The host puts itself on the list `touched` when somebody may have changed its stack; it must outlive the host.
  Host(std::string name, std::uint32_t number, const HostOptions& options, Generator generator, SlabPool& pool,
       std::vector<Host*>& touched);

  /// Adds an interface with its routes. Frames for it go to `out`, which must outlive the host.
  void attach(Interface interface, const std::vector<anabranch::Route>& routes, Outlet& out, Instant now);
  /// Carrier gone or back: the stack is told, as it would be by a kernel.
  void set_up(InterfaceId interface, bool up, Instant now);
  /// Any other change of what the host knows of its network: `edit` changes it, the stack is told.
  template <class F>
  void change(Instant now, F&& edit) {
    edit(network_);
    some_down_ = std::ranges::any_of(network_.interfaces, [](const Interface& i) { return !i.up; });
    stack().update(network_, now);
  }
  /// What leaves over the interface, or comes in there, is lost: it has no carrier.
  bool is_down(InterfaceId interface) const {
    return some_down_ &&
           std::ranges::any_of(network_.interfaces, [&](const Interface& i) { return i.id == interface && !i.up; });
  }
  Outlet* outlet(InterfaceId interface) const;  ///< nullptr: no such interface

  const std::string& name() const { return name_; }
  std::uint32_t number() const { return number_; }
  stack::Stack& stack() {
    touch();
    return stack_;
  }
  const stack::Stack& stack() const { return stack_; }
  const Network& network() const { return network_; }
  void touch() {
    if (!std::exchange(on_list_, true)) { touched_.push_back(this); }
  }
  /// The world has taken it off the list, and looks after it.
  void looked_at() { on_list_ = false; }
  stack::Stack& own_stack() { return stack_; }  ///< for the world: touches nothing
  /// Traces added here hear all events of the stack.
  trace::Tee& trace() { return trace_; }

 private:
  std::string name_;
  std::uint32_t number_;
  std::vector<Host*>& touched_;
  bool on_list_ = false, some_down_ = false;
  Generator generator_;
  trace::Tee trace_;
  NoFaults faults_;
  Env env_;
  stack::Stack stack_;
  Network network_;
  std::vector<Outlet*> outlets_;  ///< as network_.interfaces
};
}  // namespace anabranch::sim
