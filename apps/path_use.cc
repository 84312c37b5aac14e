#include "apps/path_use.hh"

#include "apps/lab_value.hh"

#include <charconv>
#include <fmt/format.h>

namespace anabranch::apps {
namespace {
template <class T>
bool read_number(std::string_view text, T least, T& out) {
  T number{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{} || end != text.data() + text.size() || number < least) { return false; }
  out = number;
  return true;
}

bool enter_value(AddressUse& use, std::string_view key, std::string_view value) {
  if (key == "weight") { return read_number(value, std::uint16_t{1}, use.weight); }
  if (key == "preference") { return read_number(value, std::uint8_t{0}, use.preference); }
  if (key != "cap") { return false; }
  const auto rate = rate_from_text(value);
  use.cap = rate.value_or(Rate{});
  return rate.has_value();
}

bool enter(AddressUse& use, std::string_view word) {
  if (const std::size_t equals = word.find('='); equals != std::string_view::npos) {
    return enter_value(use, word.substr(0, equals), word.substr(equals + 1));
  }
  if (word == "metered") { return use.metered = true; }
  if (word == "backup") { return use.backup = true; }
  if (word == "no-subflows") { return !(use.subflows = false); }
  if (word == "no-announce") { return !(use.announced = false); }
  return false;
}
}  // namespace

std::expected<PathUse, std::string> path_use_from_text(std::string_view text) {
  PathUse out;
  out.interface = text.substr(0, text.find(','));
  if (out.interface.empty()) { return std::unexpected(fmt::format("'{}' begins with no interface", text)); }
  for (std::size_t at = out.interface.size(); at < text.size();) {
    const std::size_t next = std::min(text.find(',', at + 1), text.size());
    const std::string_view word = text.substr(at + 1, next - at - 1);
    if (!enter(out.use, word)) {
      return std::unexpected(fmt::format(
          "'{}' is not one of: metered, backup, no-subflows, no-announce, cap=5Mb/s, weight=2, preference=1", word));
    }
    at = next;
  }
  return out;
}
}  // namespace anabranch::apps
