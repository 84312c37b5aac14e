/// The values of a scenario as people write them: with units, spaces allowed; and those that depend on others (packets
/// a second, multiples of a bandwidth-delay product, distributions).
///
/// Parsing is total: none for what is not a value. The spelling of rates, times, shares and sizes is the lab's
/// (lab_value.hh). Owner: the scenario's reader. docs/sim.md, "Values".
#pragma once
#include "base/random.hh"
#include "base/units.hh"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace anabranch::apps::experiment {

/// Bits or packets a second.
struct RateValue {
  Rate rate{};         ///< 0: no limit, if there are no packets either
  double packets = 0;  ///< a second; of the link's size
  bool operator==(const RateValue&) const = default;
  Rate resolve(std::uint32_t packet_bytes) const;
};

/// A sum of bytes, packets, time at the link's rate and bandwidth-delay products.
struct QueueValue {
  Bytes bytes{};
  double packets = 0, bdp = 0;
  Duration time{};
  bool operator==(const QueueValue&) const = default;
  bool in_packets() const { return packets > 0 && bytes == Bytes{} && bdp == 0 && time == Duration{}; }
  /// At least two packets, unless it is 0 (the engine's default).
  Bytes resolve(Rate rate, Duration rtt, std::uint32_t packet_bytes) const;
};

/// A number to be drawn; of seconds or bytes, as its owner says.
struct Draw {
  enum class Kind : std::uint8_t { fixed, uniform, exponential, pareto } kind = Kind::fixed;
  double a = 0;  ///< the value, the lower bound, or the mean
  double b = 0;  ///< the upper bound, or the shape
  bool operator==(const Draw&) const = default;
  double draw(Generator& generator) const;
};

std::optional<RateValue> rate_value(std::string_view text);    ///< 8 Mb/s, 1000 pkt/s, 0
std::optional<QueueValue> queue_value(std::string_view text);  ///< 100 KB, 50 packets, 80 ms, 1 bdp + 3 packets, 0
std::optional<Duration> time_value(std::string_view text);     ///< up to ten days
std::optional<Bytes> size_value(std::string_view text);        ///< up to 1 PB
std::optional<double> share_value(std::string_view text);      ///< 1 %

/// What an arithmetic expression of numbers, + - * / ( ) and names gives. `value`: what a name stands for, none: there
/// is none of that name. None for what is no expression, and for a division by 0.
std::optional<double> evaluate(std::string_view expression,
                               const std::function<std::optional<double>(std::string_view name)>& value);
/// Without needless digits: 4, 0.25, 1e+20.
std::string number_text(double value);
}  // namespace anabranch::apps::experiment
