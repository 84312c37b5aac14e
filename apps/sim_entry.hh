/// One table of a scenario while it is read: typed values by key, and complaints that say where and what to write.
///
/// Every key that is asked for is remembered; `done` complains about those that nobody asked for. Borrows the node.
/// Owner: whoever reads it (sim_read*.cc). All complaints are Failures (usage).
#pragma once
#include "apps/sim_document.hh"
#include "apps/sim_value.hh"
#include "base/names.hh"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace anabranch::apps::experiment {

class Entry {
 public:
  /// `place`: what to call it in a complaint, as "path wifi".
  Entry(const Node& table, std::string place, const std::string& file);

  bool has(std::string_view key) const;  ///< asks for it, too
  /// Reads `key` with `parse`; keeps `out` when it is not there. `example`: what a good value looks like.
  template <class T>
  bool read(std::string_view key, T& out, const std::function<std::optional<T>(const Node&)>& parse,
            std::string_view example) const {
    const Node* node = find(key);
    if (node == nullptr) { return false; }
    const std::optional<T> value = parse(*node);
    if (!value) { bad_value(key, *node, example); }
    out = *value;
    return true;
  }
  bool time(std::string_view key, Duration& out) const;
  bool time(std::string_view key, Instant& out) const;  ///< from the start of the run
  bool rate(std::string_view key, RateValue& out) const;
  bool size(std::string_view key, Bytes& out) const;
  bool queue(std::string_view key, QueueValue& out) const;
  bool share(std::string_view key, double& out) const;
  bool flag(std::string_view key, bool& out) const;
  bool number(std::string_view key, double& out, double low, double high) const;
  template <class T>
  bool whole(std::string_view key, T& out, std::int64_t low, std::int64_t high) const {
    std::int64_t value = 0;
    if (!read_whole(key, value, low, high)) { return false; }
    out = static_cast<T>(value);
    return true;
  }
  bool text(std::string_view key, std::string& out) const;
  bool texts(std::string_view key, std::vector<std::string>& out) const;  ///< one string, or a list of them
  /// One of these names.
  bool one_of(std::string_view key, std::string& out, std::span<const std::string_view> names) const;
  template <class E>
  bool choice(std::string_view key, E& out) const {
    std::string name{};
    if (!one_of(key, name, Names<E>::list)) { return false; }
    out = *from_name<E>(name);
    return true;
  }
  /// Seconds or bytes, as a value or a distribution of them.
  bool times(std::string_view key, Draw& out) const;
  bool sizes(std::string_view key, Draw& out) const;
  /// A table within.
  std::optional<Entry> table(std::string_view key) const;

  void need(std::string_view key, std::string_view example) const;  ///< complains when it is not there
  [[noreturn]] void complain(const std::string& what) const;
  [[noreturn]] void complain(std::string_view key, const std::string& what) const;
  /// Complains about keys that nobody asked for.
  void done() const;
  const std::string& place() const { return place_; }

 private:
  const Node* find(std::string_view key) const;
  bool read_whole(std::string_view key, std::int64_t& out, std::int64_t low, std::int64_t high) const;
  bool draws(std::string_view key, Draw& out, const std::function<std::optional<double>(const Node&)>& one,
             std::string_view example) const;
  [[noreturn]] void bad_value(std::string_view key, const Node& node, std::string_view example) const;

  const Node& node_;
  std::string place_;
  const std::string& file_;
  mutable std::vector<std::string> asked_;
};
}  // namespace anabranch::apps::experiment
