#include "wire/notation.hh"
#include "wire/notation_words.hh"

#include <algorithm>

namespace anabranch::wire {
namespace {

using detail::Words;

/// `*` stands for any run of characters within the word.
bool word_matches(std::string_view expected, std::string_view seen) {
  const std::size_t star = expected.find('*');
  if (star == std::string_view::npos) { return expected == seen; }
  if (!seen.starts_with(expected.substr(0, star))) { return false; }
  const std::string_view after = expected.substr(star + 1);
  seen.remove_prefix(star);
  for (std::size_t skip = 0; skip <= seen.size(); ++skip) {
    if (word_matches(after, seen.substr(skip))) { return true; }
  }
  return false;
}

/// A last word that is only `*` stands for all further words of an option.
bool words_match(const Words& expected, const Words& seen) {
  const bool open_end = expected.size() > 1 && expected.back() == "*";
  const std::size_t fixed = expected.size() - (open_end ? 1 : 0);
  if (open_end ? seen.size() < fixed : seen.size() != fixed) { return false; }
  return std::equal(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(fixed), seen.begin(),
                    word_matches);
}

Words without_window(Words words) {
  const auto at = std::ranges::find(words, "win");
  if (words.end() - at >= 2) { words.erase(at, at + 2); }
  return words;
}

bool heads_match(std::string_view expected, std::string_view seen) {
  const Words wanted = detail::split_words(expected);
  Words got = detail::split_words(seen);
  if (std::ranges::find(wanted, "win") == wanted.end()) { got = without_window(std::move(got)); }
  return std::ranges::equal(wanted, got, word_matches);
}

bool options_match(std::string_view expected, std::string_view seen) {
  const auto wanted = detail::split_items(expected, true), got = detail::split_items(seen, true);
  return std::ranges::equal(wanted, got, words_match);
}
}  // namespace

bool matches_notation(std::string_view expected, std::string_view seen) {
  std::string canonical;
  if (expected.find('*') == std::string_view::npos) {
    // Written by hand: bring widths, order of flags and spacing into the form that `seen` has.
    if (const auto line = parse_notation(expected)) {
      canonical = format_notation(*line);
      expected = canonical;
    }
  }
  const detail::Parts wanted = detail::split_parts(expected), got = detail::split_parts(seen);
  if (!wanted.well_formed || !got.well_formed || !heads_match(wanted.head, got.head)) { return false; }
  const std::string_view options = wanted.options.value_or("");
  return detail::split_words(options) == Words{"*"} || options_match(options, got.options.value_or(""));
}
}  // namespace anabranch::wire
