#include "apps/sim_document.hh"

#include "apps/http_failure.hh"
#include "apps/sim_value.hh"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <optional>
#include <toml++/toml.h>

namespace anabranch::apps::experiment {
namespace {

[[noreturn]] void complain(const std::string& file, unsigned line, const std::string& what) {
  throw Failure(Exit::usage,
                line == 0 ? fmt::format("{}: {}", file, what) : fmt::format("{}:{}: {}", file, line, what));
}

Node from_toml(const toml::node& given, const std::string& file);

Node table_from_toml(const toml::table& given, const std::string& file) {
  struct Entry {
    toml::source_position at;
    std::string key;
    const toml::node* value;
  };
  std::vector<Entry> entries;
  for (const auto& [key, value] : given) { entries.push_back({key.source().begin, std::string{key.str()}, &value}); }
  std::ranges::sort(entries, {}, [](const Entry& e) { return std::pair{e.at.line, e.at.column}; });
  Node out;
  for (const Entry& entry : entries) {
    Node value = from_toml(*entry.value, file);
    value.line = entry.at.line;
    out.table.push_back({entry.key, std::move(value)});
  }
  return out;
}

Node from_toml(const toml::node& given, const std::string& file) {
  Node out;
  if (const toml::table* table = given.as_table()) {
    out = table_from_toml(*table, file);
  } else if (const toml::array* array = given.as_array()) {
    out.kind = Node::Kind::list;
    for (const toml::node& item : *array) { out.list.push_back(from_toml(item, file)); }
  } else if (const auto* text = given.as_string()) {
    out.kind = Node::Kind::text;
    out.text = **text;
  } else if (const auto* whole = given.as_integer()) {
    out.kind = Node::Kind::whole;
    out.whole = **whole;
  } else if (const auto* number = given.as_floating_point()) {
    out.kind = Node::Kind::number;
    out.number = **number;
  } else if (const auto* boolean = given.as_boolean()) {
    out.kind = Node::Kind::boolean;
    out.boolean = **boolean;
  } else {
    complain(file, given.source().begin.line, "a date is no value here");
  }
  out.line = given.source().begin.line;
  return out;
}

Node number_node(double value) {
  Node out;
  const bool whole = std::floor(value) == value && std::abs(value) < 1e15;
  out.kind = whole ? Node::Kind::whole : Node::Kind::number;
  out.whole = whole ? static_cast<std::int64_t>(value) : 0;
  out.number = value;
  return out;
}

/// Variables, and what stands for them.
class Expander {
 public:
  explicit Expander(const std::string& file) : file_{file} {}

  void define(const std::string& name, Node value) {
    expand(value);
    if (value.kind == Node::Kind::table || value.kind == Node::Kind::list) {
      complain(file_, value.line, fmt::format("vars: {}: a variable is a number, a string or true or false", name));
    }
    vars_.emplace_back(name, std::move(value));
  }

  void expand(Node& node) const {
    for (Node& item : node.list) { expand(item); }
    for (auto& [key, value] : node.table) { expand(value); }
    if (node.kind != Node::Kind::text || node.text.find('$') == std::string::npos) { return; }
    const unsigned line = node.line;
    node = value_of(node.text, line);
    node.line = line;
  }

 private:
  const Node* find(std::string_view name) const {
    const auto at = std::ranges::find(vars_, name, [](const auto& var) { return std::string_view{var.first}; });
    return at == vars_.end() ? nullptr : &at->second;
  }

  Node value_of(const std::string& text, unsigned line) const {
    const bool braced = text.starts_with("${") && text.find('}') == text.size() - 1;
    if (text.front() == '$' && !text.starts_with("${")) { return named(text.substr(1), line); }
    if (braced) { return evaluated(text.substr(2, text.size() - 3), line); }
    Node out;
    out.kind = Node::Kind::text;
    std::size_t from = 0;
    for (std::size_t at; (at = text.find("${", from)) != std::string::npos;) {
      const std::size_t end = text.find('}', at);
      if (end == std::string::npos) { complain(file_, line, fmt::format("'{}': no '}}' after '${{'", text)); }
      out.text += text.substr(from, at - from) + to_text(evaluated(text.substr(at + 2, end - at - 2), line));
      from = end + 1;
    }
    out.text += text.substr(from);
    return out;
  }

  Node named(const std::string& name, unsigned line) const {
    const Node* found = find(name);
    if (found == nullptr) { complain(file_, line, fmt::format("'${}': [vars] has no '{}'", name, name)); }
    return *found;
  }

  Node evaluated(const std::string& expression, unsigned line) const {
    if (const Node* found = find(expression)) { return *found; }
    const auto value = evaluate(expression, [this](std::string_view name) -> std::optional<double> {
      const Node* found = find(name);
      return found != nullptr && found->is_number() ? std::optional{found->as_number()} : std::nullopt;
    });
    if (!value) {
      complain(file_, line,
               fmt::format("'${{{}}}': not an expression of numbers, + - * / ( ) and names of numbers in [vars]",
                           expression));
    }
    return number_node(*value);
  }

  const std::string& file_;
  std::vector<std::pair<std::string, Node>> vars_;
};

/// The entries of a list of tables that a word of a key means.
std::vector<Node*> chosen(Node& list, const std::string& word) {
  std::vector<Node*> out;
  std::size_t number = 0;
  (void)std::from_chars(word.data(), word.data() + word.size(), number);
  for (std::size_t i = 0; i < list.list.size(); ++i) {
    Node& item = list.list[i];
    const Node* name = item.find("name");
    if (word == "*" || i + 1 == number || (name != nullptr && to_text(*name) == word)) { out.push_back(&item); }
  }
  return out;
}

void put_into(Node& node, std::string_view key, const Node& value, const std::string& whole, const std::string& file) {
  const std::size_t dot = key.find('.');
  const std::string word{key.substr(0, dot)};
  const bool last = dot == key.npos;
  if (node.kind == Node::Kind::list) {
    const auto items = chosen(node, word);
    if (items.empty() || last) {
      complain(file, 0, fmt::format("--set {}: there is no '{}'{}", whole, word, last ? " to give a value" : ""));
    }
    for (Node* item : items) { put_into(*item, key.substr(dot + 1), value, whole, file); }
    return;
  }
  if (word.empty() || node.kind != Node::Kind::table) {
    complain(file, 0, fmt::format("--set {}: '{}' leads nowhere", whole, word));
  }
  Node* found = node.find(word);
  if (found == nullptr) { found = &node.table.emplace_back(Field{word, Node{}}).value; }
  if (!last) {
    put_into(*found, key.substr(dot + 1), value, whole, file);
  } else {
    *found = value;
  }
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  const auto at = std::ranges::find(table, key, [](const Field& f) { return std::string_view{f.key}; });
  return at == table.end() ? nullptr : &at->value;
}
Node* Node::find(std::string_view key) { return const_cast<Node*>(std::as_const(*this).find(key)); }

std::string to_text(const Node& node) {
  switch (node.kind) {
    case Node::Kind::boolean: return node.boolean ? "true" : "false";
    case Node::Kind::whole: return fmt::format("{}", node.whole);
    case Node::Kind::number: return number_text(node.number);
    case Node::Kind::text: return node.text;
    case Node::Kind::list: return "[...]";
    default: return "{...}";
  }
}

Node read_document(std::string_view text, const std::string& file) {
  try {
    return from_toml(toml::parse(text), file);
  } catch (const toml::parse_error& e) { complain(file, e.source().begin.line, std::string{e.description()}); }
}

Node read_value(const std::string& text) {
  try {
    const toml::table table = toml::parse("value = " + text);
    if (table.size() == 1 && !table.begin()->second.is_date_time() && !table.begin()->second.is_date() &&
        !table.begin()->second.is_time()) {
      Node out = from_toml(table.begin()->second, "");
      out.line = 0;
      return out;
    }
  } catch (const toml::parse_error&) {  // then it is a string without quotes
  }
  Node out;
  out.kind = Node::Kind::text;
  out.text = text;
  return out;
}

Axis axis_from_text(const std::string& argument) {
  const std::size_t equals = argument.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw Failure(Exit::usage, fmt::format("--set {}: write KEY=VALUE", argument));
  }
  Axis out{argument.substr(0, equals), {""}};
  int depth = 0;
  bool quoted = false;
  for (const char c : argument.substr(equals + 1)) {
    if (c == '"') { quoted = !quoted; }
    if (!quoted && (c == '[' || c == '{')) { ++depth; }
    if (!quoted && (c == ']' || c == '}')) { --depth; }
    if (c == ',' && depth == 0 && !quoted) {
      out.values.emplace_back();
    } else {
      out.values.back() += c;
    }
  }
  return out;
}

void put(Node& document, const std::string& key, const std::string& value, const std::string& file) {
  put_into(document, key, read_value(value), key, file);
}

void expand(Node& document, const std::string& file) {
  Expander expander{file};
  const auto vars = std::ranges::find(document.table, "vars", &Field::key);
  if (vars != document.table.end()) {
    if (vars->value.kind != Node::Kind::table) { complain(file, vars->value.line, "vars: write [vars]"); }
    for (const auto& [name, value] : vars->value.table) { expander.define(name, value); }
    document.table.erase(vars);
  }
  expander.expand(document);
}
}  // namespace anabranch::apps::experiment
