/// How large packets may be on one path: told by routers, or found out when they keep silent.
///
/// ICMP is believed downwards, and below what is known to pass only together with a loss (RFC 5927 §7). Timeouts of
/// large packets one after another mean a black hole: down to a base size, then up again by probes, each a packet of
/// data that may get lost at no cost (RFC 4821, RFC 8899). Sizes are of IP packets. Owned by the sender, which sends
/// the probes; no timers: it is asked for the next probe when there is something to send.
#pragma once
#include "base/units.hh"

#include <cstdint>
#include <optional>

namespace anabranch::tcp {

class MtuSearch {
 public:
  /// RFC 791 and RFC 8200 §5: below these no path may go; with Linux's floor for IPv4 (RFC 5927 §7.2 on low values).
  static constexpr std::uint32_t kLeast4 = 552, kLeast6 = 1280;
  /// Passes nearly everywhere: 1024 bytes of payload (RFC 4821 §7.2; Linux's tcp_base_mss). IPv6 has 1280 everywhere.
  static constexpr std::uint32_t kBase4 = 1064;
  /// A packet and two repetitions of it lost in a row: as many as RFC 8899 §5.1.2 (MAX_PROBES) takes for a proof.
  static constexpr unsigned kTimeouts = 2, kMostLosses = 3;
  static constexpr unsigned kTimeoutsBelowBase = 4;        ///< paths so narrow are rare, and small packets cost much
  static constexpr std::uint32_t kNearEnough = 8;          ///< bytes that are not worth another probe (Linux)
  static constexpr Duration kRaiseAfter{600'000'000'000};  ///< RFC 8899 §5.1.1, PMTU_RAISE_TIMER; RFC 1191 §6.3

  /// `mtu` of the interface; `ip_header` 20 or 40.
  MtuSearch(std::uint32_t mtu, std::uint32_t ip_header) : v6_{ip_header == 40}, ceiling_{mtu}, size_{mtu}, high_{mtu} {}

  /// The largest packet that may leave as a matter of course.
  std::uint32_t size() const { return size_; }
  /// The peer takes no packets larger than that: never probed for.
  void limit(std::uint32_t mtu);
  /// A router dropped one of ours; the next hop takes `mtu`, 0: it did not say (RFC 1191 §7.1). True: size() fell.
  bool told(std::uint32_t mtu, Instant now);
  /// A packet of that size has to leave again. True: size() fell, to what had been told in vain.
  bool on_again(std::uint32_t packet, Instant now);
  /// The retransmission timer expired on a packet of that size. True: size() fell.
  bool on_timeout(std::uint32_t packet, Instant now);
  /// Something was acknowledged for the first time; the largest packet of it was at least that large.
  void on_delivered(std::uint32_t packet);

  /// The size of a probe that is worth sending now; not while one is under way.
  std::optional<std::uint32_t> wanted(Instant now);
  void probe_left(std::uint32_t packet) { probe_ = packet; }
  void probe_arrived(Instant now);
  void probe_lost(Instant now);
  bool probing() const { return probe_.has_value(); }

 private:
  std::uint32_t least() const { return v6_ ? kLeast6 : kLeast4; }
  std::uint32_t base() const { return v6_ ? kLeast6 : kBase4; }
  void fall(std::uint32_t to, std::uint32_t high, Instant now);

  bool v6_;
  std::uint32_t ceiling_;  ///< of interface and peer
  std::uint32_t size_;     ///< passes, or nothing is known against it
  std::uint32_t high_;     ///< nothing is known against this, from here on upwards something is
  std::uint32_t proven_ = 0;
  std::optional<std::uint32_t> doubtful_;  ///< told, though larger packets have passed
  std::optional<std::uint32_t> probe_;
  unsigned losses_ = 0;    ///< of probes of one size
  unsigned timeouts_ = 0;  ///< of large packets, since anything was acknowledged
  Instant raise_at_ = Instant::never();
};
}  // namespace anabranch::tcp
