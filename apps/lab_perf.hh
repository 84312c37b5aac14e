/// Bulk transfer from memory to memory, to measure: the receiver looks at every byte and reports the rate.
///
/// Either end can be this stack or the kernel's sockets (Multipath TCP or plain TCP), so that both can be compared with
/// the same loop around them. One connection, one direction: the client sends. Owner: `anabranch perf`.
#pragma once
#include "apps/path_options.hh"
#include "base/address.hh"

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace anabranch::apps {

struct PerfOptions {
  SocketAddress remote;    ///< client: where to; server: only the port counts
  double seconds = 3;      ///< client: how long to send
  bool kernel = false;     ///< the kernel's sockets instead of this stack
  bool copy = false;       ///< this stack's receiver: read into a buffer instead of looking at the bytes in place
  bool busy_poll = false;  ///< this stack: never sleep
  PathOptions paths;
};

/// What the receiver saw, from the first byte to the end of the stream.
struct PerfResult {
  std::uint64_t bytes = 0, sum = 0;
  double seconds = 0;
  std::string protocol;        ///< mptcp or tcp
  std::optional<int> version;  ///< of mptcp, as far as it is known
};

constexpr std::size_t kPerfBlock = 256 * 1024;  ///< of one write and one read

/// Reads every byte: the sum is what keeps the compiler from leaving that out.
std::uint64_t look_at(std::span<const std::uint8_t> bytes);

void kernel_send(const PerfOptions& options);  ///< throw Failure
PerfResult kernel_receive(const PerfOptions& options);

}  // namespace anabranch::apps
