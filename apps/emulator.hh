/// The links of a lab in real time: the simulator's pipes between packet sockets, one thread, one loop.
///
/// Time comes from the monotonic clock and goes into the pipes as an argument; a late wake-up delays packets by as
/// much but never lowers the rate, because a pipe reckons in its own instants. Idle it sleeps until a packet comes.
/// Requests ("set LINK WORD...", "status") come over a Unix socket. Owner: the process `anabranch emulate`.
#pragma once
#include "apps/emulator_port.hh"
#include "apps/lab_topology.hh"
#include "sim/link.hh"
#include "sim/middlebox.hh"

#include <memory>
#include <poll.h>
#include <string>
#include <string_view>
#include <vector>

namespace anabranch::apps {

class Emulator {
 public:
  /// Opens all middle ends in this thread's network namespace. `seed` decides the faults.
  Emulator(const Topology& topology, std::uint64_t seed);
  ~Emulator();

  /// Forwards until SIGTERM or SIGINT, answering on the listening socket `control`.
  void run(int control);
  /// The answer to one request; complaints start with "error: ".
  std::string answer(std::string_view request, Instant now);

 private:
  struct Direction;
  struct Cable;

  void forward(Cable& cable, Direction& direction, Instant now, bool readable);
  void serve(int control, Instant now);
  void hear(Instant now);
  std::string set(std::string_view rest, Instant now);
  std::string status() const;
  void apply(Cable& cable, const LinkSettings& settings, Instant now);

  SlabPool pool_;
  HeaderBook book_;
  std::vector<Frame> frames_;  ///< of the batch at hand
  std::vector<std::unique_ptr<Cable>> cables_;
  Descriptor client_;                           ///< connected to `control`, has not asked yet
  Instant client_patience_ = Instant::never();  ///< until when it may
};

}  // namespace anabranch::apps
