/// A scenario's text as a tree of plain nodes that know their lines; settings from the command line and variables are
/// worked in before anybody reads it.
///
/// Knows the form (TOML, `--set`, `$name`, `${...}`), not the meaning. Keeps the order of the file, which TOML's tables
/// do not. Complaints are Failures (usage): one line with file, line and key. Owner: the command.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace anabranch::apps::experiment {

struct Field;

struct Node {
  enum class Kind : std::uint8_t { boolean, whole, number, text, list, table } kind = Kind::table;
  bool boolean = false;
  std::int64_t whole = 0;
  double number = 0;
  std::string text;
  std::vector<Node> list;
  std::vector<Field> table;  ///< in the order of the file
  unsigned line = 0;         ///< 0: from the command line

  const Node* find(std::string_view key) const;
  Node* find(std::string_view key);
  bool is_number() const { return kind == Kind::whole || kind == Kind::number; }
  double as_number() const { return kind == Kind::whole ? static_cast<double>(whole) : number; }
};
struct Field {
  std::string key;
  Node value;
};
std::string to_text(const Node& node);  ///< as a person would write the value; tables and lists in short

/// Throws Failure for what is not TOML.
Node read_document(std::string_view text, const std::string& file);
/// A value as `--set` has it: as in the file, or a string without quotes.
Node read_value(const std::string& text);

/// One `--set KEY=VALUE,VALUE...`. Commas inside brackets, braces and quotes do not part values.
struct Axis {
  std::string key;
  std::vector<std::string> values;
};
Axis axis_from_text(const std::string& argument);

/// Puts the value where the key leads: tables by key, lists of tables by name, number from 1, or `*`. What is missing
/// in a table is added.
void put(Node& document, const std::string& key, const std::string& value, const std::string& file);
/// Replaces `$name` and `${...}` everywhere by what [vars] says, and takes [vars] away.
void expand(Node& document, const std::string& file);
}  // namespace anabranch::apps::experiment
