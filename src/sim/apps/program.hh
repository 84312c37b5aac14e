/// What the two applications of a connection want of each other, as amounts: how much each may write by now, when it is
/// through, and what came of it.
///
/// A program is told what was read and what time it is; it never sees a byte. `Conversation` does the writing and
/// reading. Owned by it. Delays are measured where a user would: from the wish to the last byte read.
#pragma once
#include "base/units.hh"

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

namespace anabranch::sim {

/// The client is who connected.
enum class Side : std::uint8_t { client, server };
constexpr Side other(Side side) { return side == Side::client ? Side::server : Side::client; }
constexpr std::size_t index(Side side) { return static_cast<std::size_t>(side); }

/// More than any run moves.
inline constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

/// Something an application asked for, and how long it had to wait.
struct Delay {
  Instant at;                       ///< when it was wanted
  Instant over = Instant::never();  ///< when the last byte of it was read; never: not yet
};

class Program {
 public:
  virtual ~Program() = default;
  /// The connection was asked for; what is wanted may be written as soon as it stands.
  virtual void begin(Instant now) = 0;
  /// `side` has read `total` bytes in all.
  virtual void has_read(Side side, std::uint64_t total, Instant now) = 0;
  /// Its time has come.
  virtual void on_time(Instant now) = 0;
  virtual Instant next() const = 0;
  /// Nothing new is begun; `written` by client and server so far.
  virtual void stop(std::array<std::uint64_t, 2> written) = 0;
  /// How much `side` may have written by now, in all.
  std::uint64_t allowance(Side side) const { return allowance_[index(side)]; }
  /// Whether `side`, having written all of its allowance, ends its direction. `peer_ended`: it has read the peer's end.
  virtual bool may_finish(Side side, bool peer_ended) const = 0;
  /// Whether it comes to an end by itself.
  virtual bool ends() const = 0;
  const std::vector<Delay>& delays() const { return delays_; }

 protected:
  std::array<std::uint64_t, 2> allowance_{};
  std::vector<Delay> delays_;
};

/// As much as possible, as fast as possible.
struct BulkWish {
  std::uint64_t up = kUnlimited;  ///< from the client
  std::uint64_t down = 0;
};
/// The client asks, the server answers.
struct RequestsWish {
  Bytes request{1000}, response{10'000};
  std::uint64_t count = 0;  ///< 0: without end
  Duration interval{};      ///< from one wish to the next; 0: the next follows the answer
  bool wait = true;         ///< no request before the last one is answered
};
/// One side sends a message every so often.
struct MessagesWish {
  Bytes message{200};
  Duration interval{20'000'000};
  std::uint64_t count = 0;
  Side from = Side::client;
};

std::unique_ptr<Program> make_program(const BulkWish& wish);
std::unique_ptr<Program> make_program(const RequestsWish& wish);
std::unique_ptr<Program> make_program(const MessagesWish& wish);
}  // namespace anabranch::sim
