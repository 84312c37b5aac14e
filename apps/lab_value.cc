#include "apps/lab_value.hh"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <span>

namespace anabranch::apps {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};
// 1 kb/s is 1000 bit/s on every link data sheet; bytes have both families of prefixes, told apart by the `i`.
constexpr Unit kRates[] = {{"bps", 1},    {"bit", 1},    {"kbps", 1e3}, {"kbit", 1e3}, {"Kbps", 1e3}, {"Mbps", 1e6},
                           {"Mbit", 1e6}, {"Gbps", 1e9}, {"Gbit", 1e9}, {"Mb/s", 1e6}, {"kb/s", 1e3}, {"Gb/s", 1e9}};
constexpr Unit kTimes[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
constexpr Unit kSizes[] = {{"", 1},
                           {"B", 1},
                           {"kB", 1e3},
                           {"KB", 1e3},
                           {"MB", 1e6},
                           {"GB", 1e9},
                           {"KiB", 1024},
                           {"MiB", 1024 * 1024.0},
                           {"GiB", 1024 * 1024.0 * 1024}};

/// A number that is not negative and a unit out of the list; a bare 0 needs none.
std::optional<double> measure(std::string_view text, std::span<const Unit> units, double limit) {
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, failed] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (failed != std::errc{} || !std::isfinite(number) || number < 0) { return std::nullopt; }
  const std::string_view unit{rest, end};
  if (unit.empty() && number == 0) { return 0; }
  for (const Unit& known : units) {
    if (known.name == unit) {
      const double value = std::round(number * known.factor);
      return value <= limit ? std::optional{value} : std::nullopt;
    }
  }
  return std::nullopt;
}

constexpr double kMaxRate = 1e12;  // 1 Tb/s: nothing here forwards more
constexpr double kMaxBytes = 4e9;

std::string rate_text(Rate rate) {
  const std::uint64_t bits = rate.bytes_per_second * 8;
  if (bits == 0) { return "0"; }
  return bits % 1'000'000 == 0 ? fmt::format("{}Mbps", bits / 1'000'000) : fmt::format("{}bps", bits);
}
std::string time_text(Duration time) {
  if (time.ns == 0) { return "0"; }
  return time.ns % 1'000'000 == 0 ? fmt::format("{}ms", time.ns / 1'000'000) : fmt::format("{}us", time.ns / 1000);
}
std::string share_text(double share) { return fmt::format("{:g}%", share * 100); }
std::string queue_text(const QueueSize& queue) {
  return queue.bdp > 0 ? fmt::format("{:g}bdp", queue.bdp) : fmt::format("{}B", queue.bytes.n);
}

template <class T>
bool assign(T& to, const std::optional<T>& value) {
  if (value) { to = *value; }
  return value.has_value();
}

constexpr std::string_view kCarrierWords[] = {"up", "down", "down:a", "down:b"};  // in the order of Carrier

struct Answer {
  bool known = false, good = false;
  std::string_view example;
};
Answer enter(LinkSettings& s, std::string_view key, std::string_view value) {
  if (key == "rate") { return {true, assign(s.rate, rate_from_text(value)), "40Mbps, or 0 for unlimited"}; }
  if (key == "delay") { return {true, assign(s.delay, duration_from_text(value)), "10ms (one way)"}; }
  if (key == "jitter") { return {true, assign(s.jitter, duration_from_text(value)), "2ms"}; }
  if (key == "queue") { return {true, assign(s.queue, queue_from_text(value)), "100KB or 1bdp"}; }
  if (key == "loss") { return {true, assign(s.loss, share_from_text(value)), "1%"}; }
  if (key == "reorder") { return {true, assign(s.reorder, share_from_text(value)), "2%"}; }
  if (key == "duplicate") { return {true, assign(s.duplicate, share_from_text(value)), "1%"}; }
  if (key == "middlebox") {
    return {true, assign(s.middlebox, box_from_text(value)),
            "strip_dss, nat or split_copy_first:forth (see docs/guide/lab.md)"};
  }
  return {};
}

}  // namespace

std::optional<Rate> rate_from_text(std::string_view text) {
  const auto bits = measure(text, kRates, kMaxRate);
  if (!bits || (*bits > 0 && *bits < 8)) { return std::nullopt; }
  return Rate{static_cast<std::uint64_t>(*bits) / 8};
}

std::optional<Duration> duration_from_text(std::string_view text, Duration limit) {
  const auto ns = measure(text, kTimes, static_cast<double>(limit.ns));
  return ns ? std::optional{Duration{static_cast<std::int64_t>(*ns)}} : std::nullopt;
}

std::optional<double> share_from_text(std::string_view text) {
  constexpr Unit kShare[] = {{"%", 1e6}};  // in millionths of a percent, so that rounding does not matter
  const auto millionths = measure(text, kShare, 100e6);
  return millionths ? std::optional{*millionths / 100e6} : std::nullopt;
}

std::optional<Bytes> bytes_from_text(std::string_view text) {
  const auto bytes = measure(text, kSizes, kMaxBytes);
  return bytes ? std::optional{Bytes{static_cast<std::uint64_t>(*bytes)}} : std::nullopt;
}

std::optional<QueueSize> queue_from_text(std::string_view text) {
  constexpr Unit kProduct[] = {{"bdp", 1e6}};
  if (text.ends_with("bdp")) {
    const auto millionths = measure(text, kProduct, 1e9);
    if (!millionths || *millionths == 0) { return std::nullopt; }
    return QueueSize{.bytes = {}, .bdp = *millionths / 1e6};
  }
  const auto bytes = bytes_from_text(text);
  return bytes ? std::optional{QueueSize{.bytes = *bytes, .bdp = 0}} : std::nullopt;
}

std::optional<BoxChoice> box_from_text(std::string_view text) {
  const std::size_t colon = text.find(':');
  std::string kind{text.substr(0, colon)};
  std::ranges::replace(kind, '-', '_');  // as one writes words on a command line
  const auto known = from_name<sim::Meddling>(kind);
  const auto ways = colon == text.npos ? std::optional{sim::Ways::both} : from_name<sim::Ways>(text.substr(colon + 1));
  return known && ways ? std::optional{BoxChoice{*known, *ways}} : std::nullopt;
}

std::optional<std::string> apply_setting(LinkSettings& settings, std::string_view word) {
  if (const auto carrier = std::ranges::find(kCarrierWords, word); carrier != std::end(kCarrierWords)) {
    settings.carrier = static_cast<Carrier>(carrier - std::begin(kCarrierWords));
    return std::nullopt;
  }
  const std::size_t equals = word.find('=');
  const std::string_view key = word.substr(0, equals);
  const std::string_view value = equals == std::string_view::npos ? std::string_view{} : word.substr(equals + 1);
  const Answer answer = enter(settings, key, value);
  if (!answer.known) {
    return fmt::format(
        "unknown setting '{}' (rate, delay, jitter, queue, loss, reorder, duplicate, middlebox, up, down, down:a, "
        "down:b)",
        word);
  }
  if (!answer.good) { return fmt::format("bad value '{}' for {}: write for example {}", value, key, answer.example); }
  return std::nullopt;
}

std::string to_text(const LinkSettings& s) {
  std::string box;
  if (s.middlebox.kind != sim::Meddling::none) {
    box = fmt::format("middlebox={}:{} ", name(s.middlebox.kind), name(s.middlebox.ways));
  }
  return fmt::format("rate={} delay={} jitter={} queue={} loss={} reorder={} duplicate={} {}{}", rate_text(s.rate),
                     time_text(s.delay), time_text(s.jitter), queue_text(s.queue), share_text(s.loss),
                     share_text(s.reorder), share_text(s.duplicate), box,
                     kCarrierWords[static_cast<std::size_t>(s.carrier)]);
}

sim::LinkSpec link_spec(const LinkSettings& s, std::uint32_t mtu) {
  Bytes queue = s.queue.bytes;
  if (s.queue.bdp > 0 && s.rate != Rate{}) {
    const double product = static_cast<double>(amount_in(s.delay * 2, s.rate).n) * s.queue.bdp;
    queue = std::max(Bytes{static_cast<std::uint64_t>(product)}, Bytes{2 * std::uint64_t{mtu}});
  }
  return {.rate = s.rate,
          .delay = s.delay,
          .queue = queue,
          .loss = s.loss,
          .jitter = s.jitter,
          .reorder = s.reorder,
          .duplicate = s.duplicate,
          .mtu = mtu};
}

}  // namespace anabranch::apps
