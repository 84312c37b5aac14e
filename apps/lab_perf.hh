/// Bulk transfer from memory to memory, to measure: the receiver looks at every byte and reports the rate.
///
/// Either end can be this stack or the kernel's sockets (Multipath TCP or plain TCP), so that both can be compared with
/// the same loop around them. One connection, one direction. Owner: `anabranch perf`.
#pragma once
#include "apps/path_options.hh"
#include "base/address.hh"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace anabranch::apps {

struct PerfOptions {
  SocketAddress remote;    ///< client: where to; server: only the port counts
  bool listen = false;     ///< the server
  bool reverse = false;    ///< the server sends
  double seconds = 3;      ///< how long the sender goes on
  std::string samples;     ///< the receiver: file for when how much had come
  bool kernel = false;     ///< the kernel's sockets instead of this stack
  bool copy = false;       ///< this stack's receiver: read into a buffer instead of looking at the bytes in place
  bool busy_poll = false;  ///< this stack: never sleep
  PathOptions paths;
  bool sends() const { return listen == reverse; }
};

/// What the receiver saw, from the first byte to the end of the stream.
struct PerfResult {
  std::uint64_t bytes = 0, sum = 0;
  double seconds = 0;
  std::string protocol;        ///< mptcp or tcp
  std::optional<int> version;  ///< of mptcp, as far as it is known
};

constexpr std::size_t kPerfBlock = 256 * 1024;  ///< of one write and one read

/// When bytes reached the application: a line for each millisecond in which some did, the time (CLOCK_MONOTONIC, in
/// nanoseconds, the same in all network namespaces) and how many there were by then. Whoever reads along, or ends the
/// program, misses the last few milliseconds at most.
class ProgressLog {
 public:
  explicit ProgressLog(const std::string& path);  ///< empty: none is kept. Throws Failure
  void note(std::uint64_t total, std::chrono::steady_clock::time_point now);

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Close> file_;
  std::int64_t millisecond_ = 0;
};

/// Reads every byte: the sum is what keeps the compiler from leaving that out.
std::uint64_t look_at(std::span<const std::uint8_t> bytes);

/// Over the kernel's sockets; the result is the receiver's. Throws Failure.
PerfResult kernel_perf(const PerfOptions& options);

}  // namespace anabranch::apps
