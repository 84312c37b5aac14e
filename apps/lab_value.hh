/// The values of a lab's links as people write them: rates, times, shares, sizes; and one link's settings.
///
/// The same spelling serves topology files and `anabranch lab set`. Parsing is total: none for what is not a value.
/// Owner: the topology, later the emulator. Does not know what a setting does: that is sim::Pipe's business.
#pragma once
#include "base/units.hh"
#include "sim/link.hh"
#include "sim/middlebox.hh"

#include <optional>
#include <string>
#include <string_view>

namespace anabranch::apps {

std::optional<Rate> rate_from_text(std::string_view text);  ///< 40Mbps, 1.5Gbit, 800kbps; 0: unlimited
/// 20ms, 1.5s, 200us; 0. Not longer than `limit`: a minute is further than any link.
std::optional<Duration> duration_from_text(std::string_view text, Duration limit = {60'000'000'000});
std::optional<double> share_from_text(std::string_view text);  ///< 1%, 0.25%; 0. The result is in [0, 1]
std::optional<Bytes> bytes_from_text(std::string_view text);   ///< 1500, 100KB (1000), 64KiB (1024), 2MB

/// How much may wait for a link's transmitter: bytes, or a multiple of rate times round-trip time.
struct QueueSize {
  Bytes bytes;     ///< when `bdp` is 0; 0: sim::default_queue(rate)
  double bdp = 0;  ///< 1 is one bandwidth-delay product: rate x 2 x delay
  bool operator==(const QueueSize&) const = default;
};
std::optional<QueueSize> queue_from_text(std::string_view text);  ///< 1bdp, 0.5bdp, or bytes

/// A box in the middle of a link, and the packets it turns on: those from end `a` to end `b`, back, or both.
struct BoxChoice {
  sim::Meddling kind = sim::Meddling::none;
  sim::Ways ways = sim::Ways::both;
  bool operator==(const BoxChoice&) const = default;
};
std::optional<BoxChoice> box_from_text(std::string_view text);  ///< strip_dss, strip-dss, strip_dss:forth, none

/// Which hosts see that the link is there. Without both of them no packet passes.
enum class Carrier : std::uint8_t { both, none, none_at_a, none_at_b };

/// One link, the same in both directions.
struct LinkSettings {
  Rate rate{};        ///< 0: unlimited
  Duration delay{};   ///< one way
  Duration jitter{};  ///< on top of the delay, uniform in [0, jitter]; order is kept
  QueueSize queue;
  double loss = 0;  ///< probability per packet, as are the next two
  double reorder = 0;
  double duplicate = 0;
  BoxChoice middlebox;
  Carrier carrier = Carrier::both;
  bool operator==(const LinkSettings&) const = default;
};

/// Enters one `key=value`, `up`, `down`, `down:a` or `down:b`. None when it was good, otherwise what is wrong with it, in one line.
std::optional<std::string> apply_setting(LinkSettings& settings, std::string_view word);
/// The settings in the words that `apply_setting` reads, separated by spaces.
std::string to_text(const LinkSettings& settings);
/// The model's numbers for one direction.
sim::LinkSpec link_spec(const LinkSettings& settings, std::uint32_t mtu);

}  // namespace anabranch::apps
