/// Which subflows should exist: told facts, answers with requests. The connection checks limits and carries them out;
/// what it cannot do comes back as a fact. No pointers into the connection; time comes with each call.
#pragma once
#include "base/network.hh"
#include "base/result.hh"
#include "base/units.hh"
#include "mptcp/config.hh"
#include "wire/mptcp_option.hh"

#include <memory>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

namespace anabranch::mptcp {

/// Two ends by their address ids. Id 0 is the initial subflow's address on either side.
struct Pair {
  wire::AddressId local, remote;
  constexpr auto operator<=>(const Pair&) const = default;
};

// Facts.
struct Established {  ///< the connection is MPTCP and may have more subflows
  bool we_connected = false;
};
struct LocalUp {
  wire::AddressId id;
  Address address;
  AddressUse use;
  unsigned prefix = 0;  ///< bits of the on-link network; 0: not known
};
struct NetworkChanged {};  ///< routes or interfaces are not what they were: what was refused may be possible now
struct LocalDown {
  wire::AddressId id;
};
struct RemoteKnown {  ///< announced by ADD_ADDR, perhaps once more; or the address we connected to (id 0)
  wire::AddressId id;
  SocketAddress where;
};
struct RemoteGone {
  wire::AddressId id;
};
struct SubflowUp {
  Pair pair;
  bool backup = false;  ///< what we have told the peer of it
};
/// Its retransmission timer has expired and nothing came back since; or something did.
struct SubflowStalled {
  Pair pair;
};
struct SubflowRecovered {
  Pair pair;
};
enum class Loss : std::uint8_t {
  closed,   ///< in order
  failed,   ///< reset, timed out, never answered, or refused for now: it may work later
  refused,  ///< the peer said that it will not work, or what answered does not speak MPTCP (RFC 8684 §3.6, §3.9.3)
};
struct SubflowLost {
  Pair pair;
  Loss how = Loss::failed;
  bool was_up = false;
  bool stalled = false;
};
struct Refused {  ///< a request for this pair could not be carried out
  Pair pair;
  Errc why{};
};
using Fact = std::variant<Established, LocalUp, NetworkChanged, LocalDown, RemoteKnown, RemoteGone, SubflowUp,
                          SubflowStalled, SubflowRecovered, SubflowLost, Refused>;

// Requests.
struct Open {
  Pair pair;
  bool backup = false;
};
struct Announce {
  wire::AddressId id;
};
struct Prioritise {  ///< all subflows of the pair, by MP_PRIO (RFC 8684 §3.3.8)
  Pair pair;
  bool backup = false;
};
struct Close {  ///< all subflows of the pair: what works in order, what does not with a reset
  Pair pair;
};
using Request = std::variant<Open, Announce, Prioritise, Close>;

class PathManager {
 public:
  virtual ~PathManager() = default;
  virtual void on(const Fact& fact, Instant now, std::vector<Request>& out) = 0;
  virtual void on_deadline(Instant now, std::vector<Request>& out) = 0;
  virtual Instant deadline() const = 0;
  virtual std::string_view name() const = 0;
};

/// Null when there is none of that name.
std::unique_ptr<PathManager> make_path_manager(std::string_view name, const PathRules& rules = {});
std::span<const std::string_view> path_manager_names();
}  // namespace anabranch::mptcp

template <>
struct anabranch::Names<anabranch::mptcp::Loss> {
  static constexpr std::string_view list[] = {"closed", "failed", "refused"};
};
