/// The real world around one stack: clock, packet devices, netlink, ports, timer, on one boost::asio::io_context.
///
/// Pumps frames in batches: readable device → stack → events → frames out. One thread: whoever uses it does so from the
/// io_context's only thread. Never runs a completion handler inside a call; watchers are told from the pump. Keeps
/// `io_context::run` busy until `stop`. Needs CAP_NET_ADMIN and CAP_NET_RAW in the network namespace it is made in.
#pragma once
#include "device/counters.hh"
#include "runtime/options.hh"

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <vector>

namespace anabranch::runtime {

/// What goes through the runtime itself, beside stack counters and device counters.
struct Totals {
  std::uint64_t wakeups = 0;  ///< times a device was found readable
  std::uint64_t batches_in = 0, frames_in = 0, bytes_in = 0;
  std::uint64_t batches_out = 0, frames_out = 0, bytes_out = 0;
  std::uint64_t dropped_no_device = 0;   ///< frames for an interface without a device
  std::uint64_t dropped_queue_full = 0;  ///< frames for a device that took none for longer than we wait
};

struct DeviceStatus {
  InterfaceId interface;
  std::string name;
  std::size_t queued = 0;  ///< frames that wait for the device to be writable
  device::Counters counters;
  std::uint64_t kernel_drops = 0;  ///< packets the kernel could not queue for us
};

class Runtime {
 public:
  static Outcome<std::shared_ptr<Runtime>> create(boost::asio::io_context& io, RuntimeOptions options);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  boost::asio::io_context& io();
  stack::Stack& stack();
  const RuntimeOptions& options() const;
  Instant now() const;   ///< CLOCK_MONOTONIC
  bool running() const;  ///< false after `stop`

  /// To be called after each verb of the stack: sends and tells events soon, from the io_context, once for many calls.
  void kick();

  /// Told of each event of its connection or listener, from the pump; it may call any verb of the stack and `forget`.
  /// `stop` tells every watcher `closed`, with `running()` false. Watching again replaces the former watcher.
  using Watcher = std::function<void(const stack::Event&)>;
  void watch(stack::ConnectionId id, Watcher watcher);
  void watch(stack::ListenerId id, Watcher watcher);
  void forget(stack::ConnectionId id);
  void forget(stack::ListenerId id);

  /// Makes a local TCP port ours, if it is not yet: keeps the kernel and other processes off it and lets its packets
  /// in. address_in_use when somebody has it.
  Outcome<void> claim_port(std::uint16_t port);
  /// Any free port, claimed likewise.
  Outcome<std::uint16_t> claim_any_port();

  Outcome<InterfaceId> interface_by_name(std::string_view name) const;
  const Network& network() const;  ///< what the stack knows
  std::vector<DeviceStatus> devices() const;
  const Totals& totals() const;

  /// Closes devices and timers: `io_context::run` can return. Connections die without a word to their peers.
  void stop();

 private:
  struct Parts;
  explicit Runtime(std::shared_ptr<Parts> parts);
  std::shared_ptr<Parts> parts_;  ///< handlers on their way look whether it is still there
};
}  // namespace anabranch::runtime
