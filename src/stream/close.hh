/// Closing a byte stream: two halves that each walk a straight line. Used twice: FIN on a subflow, DATA_FIN on a
/// connection.
///
/// The state names of RFC 9293 §3.3.2 are a projection of the halves for people, not a state of their own. No
/// timers here: how long to linger is the owner's business, `we_were_first` tells whether it must. Steps that make
/// no sense in a half's state change nothing, so a repeated FIN or ACK needs no special case.
#pragma once
#include "base/names.hh"

#include <cstdint>
#include <string_view>

namespace anabranch::stream {

enum class Sending : std::uint8_t { open, fin_queued, fin_sent, fin_acked };
enum class Receiving : std::uint8_t { open, finished };

struct Close {
  Sending sending = Sending::open;
  Receiving receiving = Receiving::open;
  bool we_were_first = false;  ///< we asked to finish before the peer's end of data had come
  constexpr bool operator==(const Close&) const = default;

  /// The application has no more to send. The FIN leaves after the data.
  constexpr void finish() {
    if (sending != Sending::open) { return; }
    sending = Sending::fin_queued;
    we_were_first = receiving == Receiving::open;
  }
  constexpr void fin_sent() {
    if (sending == Sending::fin_queued) { sending = Sending::fin_sent; }
  }
  constexpr void fin_acked() {
    if (sending == Sending::fin_sent) { sending = Sending::fin_acked; }
  }
  /// The peer's FIN arrived in order: all its data is here.
  constexpr void peer_finished() { receiving = Receiving::finished; }

  constexpr bool may_write() const { return sending == Sending::open; }
  /// The FIN waits to leave or to be acknowledged.
  constexpr bool fin_owed() const { return sending == Sending::fin_queued || sending == Sending::fin_sent; }
  /// Both halves are done: TIME-WAIT when we were first, else CLOSED.
  constexpr bool complete() const { return sending == Sending::fin_acked && receiving == Receiving::finished; }
};

/// RFC 9293's name for the state of an established connection's halves.
constexpr std::string_view rfc_name(const Close& c) {
  const bool acked = c.sending == Sending::fin_acked;
  if (c.receiving == Receiving::open) {
    if (c.sending == Sending::open) { return "ESTABLISHED"; }
    return acked ? "FIN-WAIT-2" : "FIN-WAIT-1";
  }
  if (c.sending == Sending::open) { return "CLOSE-WAIT"; }
  if (c.we_were_first) { return acked ? "TIME-WAIT" : "CLOSING"; }
  return acked ? "CLOSED" : "LAST-ACK";
}
}  // namespace anabranch::stream

template <>
struct anabranch::Names<anabranch::stream::Sending> {
  static constexpr std::string_view list[] = {"open", "fin_queued", "fin_sent", "fin_acked"};
};
template <>
struct anabranch::Names<anabranch::stream::Receiving> {
  static constexpr std::string_view list[] = {"open", "finished"};
};
