// Boxes that change nothing but when packets come, and how often.
#include "sim/middleboxes/box.hh"

namespace anabranch::sim {
namespace {

class Duplicate final : public Middlebox {
 public:
  explicit Duplicate(const BoxSettings& settings) : settings_{settings} {}
  void pass(Way way, Frame packet, Instant, std::vector<Sent>& out) override {
    if (contains(settings_.ways, way) && settings_.generator.below(kOneIn) == 0) { out.push_back({way, packet}); }
    out.push_back({way, std::move(packet)});
  }

 private:
  static constexpr std::uint64_t kOneIn = 10;
  BoxSettings settings_;
};

/// Holds a packet back until others have overtaken it, or some time has passed.
class Reorder final : public Middlebox {
 public:
  explicit Reorder(const BoxSettings& settings) : settings_{settings} {}
  void pass(Way way, Frame packet, Instant now, std::vector<Sent>& out) override {
    Generator& g = settings_.generator;
    if (contains(settings_.ways, way) && held_.size() < kHeld && g.below(kOneIn) == 0) {
      held_.push_back({{way, std::move(packet)}, g.between(kFewest, kMost), now + kPatience});
      return;
    }
    out.push_back({way, std::move(packet)});
    release(out, [&](Held& held) { return held.sent.way == way && --held.overtaking == 0; });
  }
  Instant next() const override {
    Instant at = Instant::never();
    for (const Held& held : held_) { at = std::min(at, held.due); }
    return at;
  }
  void on_time(Instant now, std::vector<Sent>& out) override {
    release(out, [&](const Held& held) { return held.due <= now; });
  }

 private:
  static constexpr std::uint64_t kOneIn = 30, kFewest = 3, kMost = 50;
  static constexpr std::size_t kHeld = 64;
  static constexpr Duration kPatience{50'000'000};  ///< when too little follows
  struct Held {
    Sent sent;
    std::uint64_t overtaking = 0;
    Instant due;
  };

  template <class Which>
  void release(std::vector<Sent>& out, Which&& which) {
    for (auto at = held_.begin(); at != held_.end();) {
      if (which(*at)) {
        out.push_back(std::move(at->sent));
        at = held_.erase(at);
      } else {
        ++at;
      }
    }
  }

  BoxSettings settings_;
  std::vector<Held> held_;
};

/// Sends packets again that have long arrived, SYNs among them.
class Replay final : public Middlebox {
 public:
  explicit Replay(const BoxSettings& settings) : settings_{settings} {}
  void pass(Way way, Frame packet, Instant, std::vector<Sent>& out) override {
    Generator& g = settings_.generator;
    if (contains(settings_.ways, way)) {
      if (last_.size() == kRemembered) { last_.pop_front(); }
      last_.push_back({way, packet});
    }
    out.push_back({way, std::move(packet)});
    if (!last_.empty() && g.below(kOneIn) == 0) { out.push_back(last_[g.below(last_.size())]); }
  }

 private:
  static constexpr std::uint64_t kOneIn = 20;
  static constexpr std::size_t kRemembered = 64;
  BoxSettings settings_;
  std::deque<Sent> last_;
};
}  // namespace

std::unique_ptr<Middlebox> make_disordering(Meddling meddling, const BoxSettings& settings) {
  switch (meddling) {
    case Meddling::duplicate: return std::make_unique<Duplicate>(settings);
    case Meddling::reorder: return std::make_unique<Reorder>(settings);
    default: return std::make_unique<Replay>(settings);
  }
}
}  // namespace anabranch::sim
