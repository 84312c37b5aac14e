// The text notation: whatever is accepted is formatted, and then means and reads the same.
#include "fuzz/target.hh"
#include "wire/notation.hh"

namespace anabranch::wire {
namespace {

FUZZ_TARGET(notation) {
  const std::string_view text{reinterpret_cast<const char*>(input.data()), input.size()};
  const auto line = parse_notation(text);
  if (!line) {
    ANABRANCH_CHECK(line.error().at <= text.size() && !line.error().what.empty());
    return;
  }
  const std::string canonical = format_notation(*line);
  const auto again = parse_notation(canonical);
  ANABRANCH_CHECK(again.has_value() && *again == *line && format_notation(*again) == canonical);
  ANABRANCH_CHECK(text.find('*') != std::string_view::npos || matches_notation(text, canonical));
}
}  // namespace
}  // namespace anabranch::wire
