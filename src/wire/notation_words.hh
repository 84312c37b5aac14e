/// Splitting a line of notation into words, and reading numbers: for notation_parse.cc and notation_match.cc only.
#pragma once
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace anabranch::wire::detail {

using Words = std::vector<std::string_view>;

inline bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// Words of the text; with `with_commas`, a comma ends a word and starts the next item (`keys=a,b` keeps its comma).
inline std::vector<Words> split_items(std::string_view text, bool with_commas) {
  std::vector<Words> items(1);
  std::size_t at = 0;
  while (at < text.size()) {
    if (is_space(text[at])) {
      ++at;
      continue;
    }
    if (with_commas && text[at] == ',') {
      items.emplace_back();
      ++at;
      continue;
    }
    const std::size_t begin = at;
    bool may_hold_comma = text.substr(begin).starts_with("keys=");
    while (at < text.size() && !is_space(text[at])) {
      if (with_commas && text[at] == ',') {
        if (!may_hold_comma) { break; }
        may_hold_comma = false;
      }
      ++at;
    }
    items.back().push_back(text.substr(begin, at - begin));
  }
  return items;
}
inline Words split_words(std::string_view text) { return split_items(text, false).front(); }

/// Decimal, or hexadecimal after 0x; the whole text, at most `limit`.
inline std::optional<std::uint64_t> number(std::string_view text, std::uint64_t limit = ~std::uint64_t{0}) {
  const bool hex = text.starts_with("0x");
  if (hex) { text.remove_prefix(2); }
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n, hex ? 16 : 10);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty() || n > limit) { return std::nullopt; }
  return n;
}

/// A line as its parts: words before `<`, and what stands between `<` and `>`, if anything does.
struct Parts {
  std::string_view head;
  std::optional<std::string_view> options;
  bool well_formed = true;  ///< at most one `<...>`, and nothing after it
};
inline Parts split_parts(std::string_view line) {
  Parts parts{line, {}, true};
  const std::size_t open = line.find('<');
  if (open == std::string_view::npos) {
    parts.well_formed = line.find('>') == std::string_view::npos;
    return parts;
  }
  const std::size_t close = line.find('>', open);
  parts.head = line.substr(0, open);
  if (close == std::string_view::npos) {
    parts.well_formed = false;
    return parts;
  }
  parts.options = line.substr(open + 1, close - open - 1);
  parts.well_formed = split_words(line.substr(close + 1)).empty() && parts.head.find('>') == std::string_view::npos;
  return parts;
}
}  // namespace anabranch::wire::detail
