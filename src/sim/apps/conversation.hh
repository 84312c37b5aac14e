/// A connection between two hosts and the applications at both ends, as one actor: listens, connects, writes what its
/// program allows, reads what is there, closes, and keeps the figures.
///
/// The bytes are no concern here: written out of one table that all share, read as chains and let go (that bytes are
/// those written is the business of `Transfer` and the campaign). Goes by events alone. Owned by the world or by who
/// made it; one listener, on a port of its own, so that the two ends know each other whatever is between them.
#pragma once
#include "sim/actor.hh"
#include "sim/apps/program.hh"
#include "sim/world.hh"

#include <array>
#include <optional>
#include <vector>

namespace anabranch::sim {

struct ConversationOptions {
  Host* from = nullptr;
  Host* to = nullptr;
  SocketAddress remote;                 ///< where the first subflow leads: an address of `to`; its port is listened on
  std::vector<InterfaceId> interfaces;  ///< of `from`, the first one first; empty: all
  mptcp::Config client, server;
  bool announce = true;
  stack::Stateless stateless = stack::Stateless::under_pressure;
  Instant start{}, stop = Instant::never();
  Duration gap{100'000'000};  ///< pauses between bytes that are longer are kept
};

/// A time in which an application waited for bytes.
struct Gap {
  Instant at;
  Duration length;
};

/// What one end's application has seen.
struct EndFigures {
  std::uint64_t written = 0, read = 0;
  Instant first_byte = Instant::never(), last_byte = Instant::never();  ///< read
  Instant ended = Instant::never();                                     ///< the peer's end was read
  Gap longest{};
  std::vector<Gap> gaps;  ///< the first kMostGaps
  std::optional<Errc> error;
};

class Conversation final : public Actor {
 public:
  static constexpr std::size_t kMostGaps = 100;

  Conversation(World& world, ConversationOptions options, std::unique_ptr<Program> program);
  ~Conversation() override;

  void on(Host& host, const stack::Event& event, Instant now) override;
  bool step(Instant now) override;
  Instant next() const override;
  std::optional<std::string> violation() const override { return std::nullopt; }

  const ConversationOptions& options() const { return options_; }
  const Program& program() const { return *program_; }
  const EndFigures& figures(Side side) const { return ends_[index(side)].figures; }
  std::optional<stack::ConnectionId> id(Side side) const;  ///< while it is open
  /// What the stack says of it, or said last; none before there was a connection.
  std::optional<mptcp::ConnectionInfo> info(Side side, Instant now) const;
  Instant connected_at() const { return connected_at_; }
  Instant finished_at() const { return finished_at_; }  ///< both directions at their end, or dead
  bool finished() const { return !finished_at_.is_never(); }
  /// Neither end has a handle any more.
  bool over() const { return finished() && (ends_[0].released || !ends_[0].id) && (ends_[1].released || !ends_[1].id); }

 private:
  struct End {
    Host* host = nullptr;
    std::optional<stack::ConnectionId> id;
    bool connected = false, writable = false, readable = false;
    bool finished = false, saw_end = false, closed = false, released = false;
    EndFigures figures;
    std::optional<mptcp::ConnectionInfo> last_info;
  };
  void open(Instant now);
  void accept(Instant now);
  void adopt(Side side, stack::ConnectionId id, bool connected);
  bool step_end(Side side, Instant now);
  bool write_some(Side side, Instant now);
  bool read_some(Side side, Instant now);
  void note_read(Side side, std::uint64_t bytes, Instant now);
  void let_go(End& end, Instant now);
  void note_finish(Instant now);

  World& world_;
  ConversationOptions options_;
  std::unique_ptr<Program> program_;
  std::array<End, 2> ends_;
  std::optional<stack::ListenerId> listener_;
  bool opened_ = false, stopped_ = false;
  Instant connected_at_ = Instant::never(), finished_at_ = Instant::never();
};
}  // namespace anabranch::sim
