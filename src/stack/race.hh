/// Over which of several ways a connection is opened: attempts one after the other, and the first good answer wins.
///
/// RFC 8305 §5: another attempt every 250 ms, and at once when one fails. RFC 8041 §3.10: a path that answers without
/// MPTCP may be a captive portal, so paths over other interfaces get a moment to answer with it. Told what became of
/// attempts, asked what to do next; knows neither connections nor packets. Owned by the stack, one for each connection
/// that is being opened over more than one way.
#pragma once
#include "base/address.hh"
#include "base/result.hh"
#include "base/units.hh"

#include <span>
#include <variant>
#include <vector>

namespace anabranch::stack {

/// A way to open a connection.
struct Candidate {
  InterfaceId interface;
  Address local;
  SocketAddress remote;
  bool operator==(const Candidate&) const = default;
};

struct RaceOptions {
  bool on = true;  ///< false: one attempt, over the first way
  /// Between two attempts (RFC 8305 §5, Connection Attempt Delay); at least 10 ms, which its MUST NOT is about.
  Duration between{250'000'000};
  /// For MPTCP, from the first attempt on, when somebody has answered without it. 0: plain TCP is taken at once.
  Duration patience{300'000'000};
};

/// What an answer to an attempt is worth.
enum class Answer : std::uint8_t {
  good,   ///< as wanted: nobody else is waited for
  plain,  ///< TCP where MPTCP was wanted: another interface may do better
};

class Race {
 public:
  /// `interfaces`: of the candidates, in the order they are to be tried; not empty. Nothing is under way yet.
  Race(std::span<const InterfaceId> interfaces, const RaceOptions& options, Instant now);

  // What to do now:
  struct Wait {};
  struct Start {
    std::size_t candidate;
  };
  struct Won {
    std::size_t candidate;
  };
  struct Lost {
    std::size_t candidate;  ///< whose error says best why
  };
  using Step = std::variant<Wait, Start, Won, Lost>;
  /// `Start`: counts as begun. To be asked again until it says anything else.
  Step next(Instant now);
  Instant deadline() const;  ///< when `next` will say something new by itself

  // What became of an attempt; whatever is told of one that has answered or failed is ignored:
  void answered(std::size_t candidate, Answer answer, Instant now);
  void failed(std::size_t candidate, Errc why, Instant now);
  /// Something is wrong, and it may pass (ICMP): the next one is not waited for.
  void doubted(std::size_t candidate, Instant now);

  /// Whether hosts on two interfaces have answered without MPTCP, so that it is not a portal: the peer has none.
  bool plain_everywhere() const;
  /// Whether a plain answer was kept waiting.
  bool has_waited() const { return has_waited_; }
  std::size_t begun() const;

  /// A second SYN not within so short a time of the first (RFC 8305 §5, MUST NOT).
  static constexpr Duration kLeastBetween{10'000'000};
  /// Who answers without MPTCP when the patience is all but over still leaves others so much: a round trip of most.
  static constexpr Duration kLeastPatience{100'000'000};
  /// Once the peer has refused on one way, silence on the others is listened to for so long: two SYN timeouts.
  static constexpr Duration kAfterRefusal{3'000'000'000};
  static constexpr std::size_t kMostAtATime = 8;      ///< attempts under way
  static constexpr std::size_t kMostCandidates = 16;  ///< of one connection; others are not tried

 private:
  enum class State : std::uint8_t { waiting, running, plain, good, failed };
  struct Runner {
    InterfaceId interface;
    State state = State::waiting;
    Errc why{};
  };
  void settle_for(std::size_t candidate, State state, Instant now);
  void hurry(Instant now);
  bool has_room() const;
  bool answered_plain(InterfaceId interface) const;
  /// Whether MPTCP may still come from there: it has not answered, and no plain answer came over its interface.
  bool may_do_better(const Runner& r) const;
  std::size_t most_telling() const;

  std::vector<Runner> runners_;
  bool has_waited_ = false;
  RaceOptions options_;
  Instant began_, last_start_, next_start_;
  Instant held_until_ = Instant::never();  ///< a plain answer waits for a better one
  Instant give_up_at_ = Instant::never();  ///< the peer has refused, and nobody has answered
};

/// The order to try ways in: the first is the first; each further one has as little in common with those before it as
/// there is to choose from (interface, remote address), because what failed them may fail it too. Ties as given.
std::vector<Candidate> spread(std::vector<Candidate> liked_most_first);

/// Addresses of a name in the order in which to try them: families in turn, beginning with that of the first
/// (RFC 8305 §4, First Address Family Count of 1). Within a family as given: the resolver has sorted them (RFC 6724).
std::vector<SocketAddress> interleave(std::span<const SocketAddress> sorted);
}  // namespace anabranch::stack
