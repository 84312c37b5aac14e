/// Growing together: what coupled rules know of a connection's flows, and when they look at them again.
///
/// A formula is a value without state: it makes a view of all flows, and from view and flow a gain. `Coupled<Formula>`
/// is the window rule around it. It looks when its window has moved by a segment, once a round trip otherwise, and
/// after a loss, as RFC 6356 §4.1 allows: looking costs as much as there are flows, growing does not. Alone, and
/// without a round-trip time, every coupled rule is Reno (RFC 5681). Sources and what is known: docs/congestion.md.
#pragma once
#include "cc/controller.hh"

#include <algorithm>
#include <optional>

namespace anabranch::cc {

inline double number(Bytes b) { return static_cast<double>(b.n); }
/// Bytes a second: window over round-trip time. Zero without a round-trip time.
inline double rate_of(const Flow& flow) { return flow.srtt.ns > 0 ? number(flow.window) / seconds(flow.srtt) : 0; }

/// Sums and maxima over the flows with a round-trip time.
struct Together {
  double window = 0;   ///< bytes
  double rate = 0;     ///< bytes a second
  double fastest = 0;  ///< the largest rate
  double best = 0;     ///< the largest window / rtt^2
  unsigned count = 0;
  static Together of(std::span<const Flow> flows);
};

/// view: what a flow takes from looking at all, itself among them.
/// gain: bytes the window grows by, for each acknowledged byte and each byte of a segment; Reno's is 1 / window.
/// reduced: the window after a loss.
template <class F>
concept CoupledFormula = requires(const Flow& self, std::span<const Flow> flows, const typename F::View& view) {
  { F::view(self, flows) } -> std::same_as<typename F::View>;
  { F::gain(view, self) } -> std::convertible_to<double>;
  { F::reduced(view, self) } -> std::convertible_to<double>;
  { F::kName } -> std::convertible_to<std::string_view>;
};

template <CoupledFormula F>
class Coupled {
 public:
  static constexpr std::string_view kName = F::kName;
  /// OLIA and BALIA's drafts: on a congested path of several a flow may shrink to one segment (draft-khalili-05 §3).
  static constexpr std::uint64_t kFloorAmongSiblings = F::kFloorAmongSiblings;

  double growth(const Acked& acked, const Flow& self, const Siblings& siblings) {
    if (!is_recent(acked.now, self)) { look(acked.now, self, siblings); }
    const double gain = view_ ? F::gain(*view_, self) : 1 / number(self.window);
    return gain * number(acked.bytes) * number(self.segment);
  }
  Bytes after_loss(const Lost& lost, const Flow& self, const Siblings& siblings) {
    look(lost.now, self, siblings);
    looked_at_.reset();
    const double left = view_ ? F::reduced(*view_, self) : number(self.window) / 2;
    return {static_cast<std::uint64_t>(std::max(left, 0.0))};
  }

 private:
  bool is_recent(Instant now, const Flow& self) const {
    if (!looked_at_ || now >= *looked_at_ + self.srtt) { return false; }
    return self.window < window_then_ + self.segment && window_then_ < self.window + self.segment;
  }
  void look(Instant now, const Flow& self, const Siblings& siblings) {
    looked_at_ = now;
    window_then_ = self.window;
    const std::span<const Flow> flows = siblings.flows();
    view_.reset();
    if (self.srtt.ns > 0 && !flows.empty()) { view_ = F::view(self, flows); }
  }

  std::optional<typename F::View> view_;
  std::optional<Instant> looked_at_;
  Bytes window_then_;
};
}  // namespace anabranch::cc
