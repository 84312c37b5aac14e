/// A connection as HTTP needs it, whatever carries it: Multipath TCP, plain TCP of the kernel, TLS over either.
///
/// One reader and one writer at a time. Used from the thread of its executor only. `abort` ends every operation that
/// is under way with `operation_aborted`; it is how time limits and signals stop a coroutine.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace anabranch::apps {

namespace asio = boost::asio;
using boost::system::error_code;

/// One subflow (or the one connection of plain TCP), as reports show it.
struct PathReport {
  std::string local, remote, interface, state;
  std::uint64_t bytes_received = 0, bytes_sent = 0, retransmits = 0;
  double srtt_ms = 0;  ///< 0: not measured
  bool backup = false;
};

struct LinkReport {
  std::string protocol = "tcp";  ///< mptcp or tcp
  std::optional<int> version;    ///< of mptcp
  std::string fallback_reason;   ///< empty where the protocol is mptcp
  std::vector<PathReport> paths;

  /// The protocol for people, who need not hear of the version unless it is the old one.
  std::string protocol_text() const { return version == 0 ? protocol + " v0" : protocol; }
};

/// What an operation did: `bytes` 0 without an error is the end of the stream.
struct Moved {
  std::size_t bytes = 0;
  error_code error;
};

class Transport {
 public:
  virtual ~Transport() = default;
  virtual asio::awaitable<Moved> read_some(std::span<char> into) = 0;
  virtual asio::awaitable<Moved> write_some(std::string_view bytes) = 0;
  virtual asio::awaitable<void> finish() = 0;  ///< what was written still arrives; errors no longer matter
  virtual void abort() = 0;
  virtual LinkReport report() const = 0;
  virtual asio::any_io_executor executor() = 0;
};

/// Calls `expired` once when `rearm` was not called for as long as it said. Re-arming costs a comparison.
class Watchdog {
 public:
  using Clock = std::chrono::steady_clock;
  Watchdog(asio::any_io_executor executor, std::function<void()> expired);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  void rearm(std::chrono::nanoseconds from_now);
  void disarm();
  bool has_expired() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// Writes all of it; `progressed`, unless empty, is called after each step.
using Progressed = std::function<void()>;
asio::awaitable<Moved> write_all(Transport& to, std::string_view bytes, const Progressed& progressed);
}  // namespace anabranch::apps
