/// One subflow at a time, and break before make: another only when the first is gone, and then at once (RFC 8041 §2.2,
/// the mode that keeps a second radio asleep).
///
/// One that has been silent for `kPatience` counts as gone when there is another pair to try: it is closed first.
/// It does not go back by itself when a better address appears: that would interrupt what works.
#pragma once
#include "mptcp/path_managers/opener.hh"

#include <optional>

namespace anabranch::mptcp {

class SinglePath final : public Opener {
 public:
  explicit SinglePath(const PathRules& rules) : Opener{rules} {}
  std::string_view name() const override { return "single_path"; }

  /// After its retransmission timer has expired: time for two more tries at the least RTO, 200 and 400 ms.
  static constexpr Duration kPatience = 600_ms;

 private:
  unsigned wanted(const Pair&) const override { return live() == 0 ? 1 : 0; }
  bool hopeless(const Pair& pair, Instant now) const override;
  Instant patience_ends() const override { return silent_since_ ? *silent_since_ + kPatience : Instant::never(); }
  void look(Instant now) override;
  bool silent(const Pair& pair) const;
  bool has_other(const Pair& pair, Instant now) const;

  std::optional<Instant> silent_since_;
};
}  // namespace anabranch::mptcp
