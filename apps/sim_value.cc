#include "apps/sim_value.hh"

#include "apps/lab_value.hh"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

namespace anabranch::apps::experiment {
namespace {

constexpr Duration kLongest{10 * 86'400'000'000'000};  // ten days: no run is longer
constexpr double kMostPackets = 1e9;                   // a second, or in a queue

std::string without_spaces(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::isspace(static_cast<unsigned char>(c)) == 0) { out += c; }
  }
  return out;
}

/// The number in front of one of these endings.
std::optional<double> number_of(std::string_view text, std::initializer_list<std::string_view> endings, double most) {
  for (const std::string_view ending : endings) {
    if (!text.ends_with(ending)) { continue; }
    text.remove_suffix(ending.size());
    double number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = failed == std::errc{} && end == text.data() + text.size();
    return whole && number > 0 && number <= most ? std::optional{number} : std::nullopt;
  }
  return std::nullopt;
}

bool add_term(QueueValue& to, std::string_view term) {
  if (const auto packets = number_of(term, {"packets", "packet", "pkt"}, kMostPackets)) {
    to.packets += *packets;
  } else if (const auto bdp = number_of(term, {"bdp"}, 1000)) {
    to.bdp += *bdp;
  } else if (const auto bytes = size_value(term)) {
    to.bytes += *bytes;
  } else if (const auto time = time_value(term)) {
    to.time = to.time + *time;
  } else {
    return false;
  }
  return true;
}

/// Recursive descent: sum = product {(+|-) product}, product = factor {(*|/) factor}, factor = number | name | ( sum ).
class Expression {
 public:
  Expression(std::string_view text, const std::function<std::optional<double>(std::string_view)>& value)
      : rest_{text},
        value_{value} {}
  std::optional<double> whole() {
    const double out = sum(0);
    skip();
    return good_ && rest_.empty() && std::isfinite(out) ? std::optional{out} : std::nullopt;
  }

 private:
  static constexpr int kDeepest = 50;

  void skip() {
    while (!rest_.empty() && std::isspace(static_cast<unsigned char>(rest_.front())) != 0) { rest_.remove_prefix(1); }
  }
  bool take(char c) {
    skip();
    if (rest_.empty() || rest_.front() != c) { return false; }
    rest_.remove_prefix(1);
    return true;
  }
  double sum(int depth) {
    double out = product(depth);
    for (;;) {
      if (take('+')) {
        out += product(depth);
      } else if (take('-')) {
        out -= product(depth);
      } else {
        return out;
      }
    }
  }
  double product(int depth) {
    double out = factor(depth);
    for (;;) {
      if (take('*')) {
        out *= factor(depth);
      } else if (take('/')) {
        const double by = factor(depth);
        good_ = good_ && by != 0;
        out /= by;
      } else {
        return out;
      }
    }
  }
  double factor(int depth) {
    if (depth > kDeepest) { return wrong(); }
    if (take('-')) { return -factor(depth + 1); }
    if (take('(')) {
      const double out = sum(depth + 1);
      return take(')') ? out : wrong();
    }
    skip();
    double number = 0;
    const auto [end, failed] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
    if (failed == std::errc{}) {
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      return number;
    }
    std::size_t n = 0;
    while (n < rest_.size() && (std::isalnum(static_cast<unsigned char>(rest_[n])) != 0 || rest_[n] == '_')) { ++n; }
    const auto known = n > 0 ? value_(rest_.substr(0, n)) : std::nullopt;
    rest_.remove_prefix(n);
    return known ? *known : wrong();
  }
  double wrong() {
    good_ = false;
    rest_ = {};
    return 0;
  }

  std::string_view rest_;
  const std::function<std::optional<double>(std::string_view)>& value_;
  bool good_ = true;
};

}  // namespace

Rate RateValue::resolve(std::uint32_t packet_bytes) const {
  if (packets <= 0) { return rate; }
  return {std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::llround(packets * packet_bytes)))};
}

Bytes QueueValue::resolve(Rate rate, Duration rtt, std::uint32_t packet_bytes) const {
  if (*this == QueueValue{}) { return {}; }
  double sum = static_cast<double>(bytes.n) + packets * packet_bytes;
  sum += bdp * static_cast<double>(amount_in(rtt, rate).n) + static_cast<double>(amount_in(time, rate).n);
  return std::max(Bytes{static_cast<std::uint64_t>(std::llround(sum))}, Bytes{2 * std::uint64_t{packet_bytes}});
}

double Draw::draw(Generator& generator) const {
  switch (kind) {
    case Kind::uniform: return a + (b - a) * generator.unit();
    case Kind::exponential: return -std::log(1 - generator.unit()) * a;
    // With shape s the smallest value of a Pareto distribution is mean * (s - 1) / s.
    case Kind::pareto: return a * (b - 1) / b / std::pow(1 - generator.unit(), 1 / b);
    default: return a;
  }
}

std::optional<RateValue> rate_value(std::string_view text) {
  const std::string bare = without_spaces(text);
  if (const auto packets = number_of(bare, {"pkt/s", "packets/s"}, kMostPackets)) {
    return RateValue{.rate = {}, .packets = *packets};
  }
  const auto rate = rate_from_text(bare);
  return rate ? std::optional{RateValue{.rate = *rate, .packets = 0}} : std::nullopt;
}

std::optional<QueueValue> queue_value(std::string_view text) {
  const std::string bare = without_spaces(text);
  QueueValue out;
  std::string_view rest = bare;
  for (;;) {
    const std::size_t plus = rest.find('+');
    if (!add_term(out, rest.substr(0, plus))) { return std::nullopt; }
    if (plus == rest.npos) { return out; }
    rest.remove_prefix(plus + 1);
  }
}

std::optional<Duration> time_value(std::string_view text) { return duration_from_text(without_spaces(text), kLongest); }

std::optional<Bytes> size_value(std::string_view text) {
  const std::string bare = without_spaces(text);
  if (const auto large = number_of(bare, {"TB"}, 1000)) { return Bytes{static_cast<std::uint64_t>(*large * 1e12)}; }
  if (const auto large = number_of(bare, {"GB"}, 1e6)) { return Bytes{static_cast<std::uint64_t>(*large * 1e9)}; }
  return bytes_from_text(bare);
}

std::optional<double> share_value(std::string_view text) { return share_from_text(without_spaces(text)); }

std::optional<double> evaluate(std::string_view expression,
                               const std::function<std::optional<double>(std::string_view)>& value) {
  return Expression{expression, value}.whole();
}

std::string number_text(double value) { return fmt::format("{:.12g}", value); }
}  // namespace anabranch::apps::experiment
