/// Connections that come one after the other, as a Poisson process whose rate may change in turns.
///
/// Makes each conversation when its time has come and forgets it when it is over, keeping what came of it. Owned by the
/// world. More than `limit` at a time are refused and counted: a rate beyond what the network carries fills memory
/// otherwise.
#pragma once
#include "sim/apps/conversation.hh"

#include <functional>
#include <memory>
#include <vector>

namespace anabranch::sim {

struct ArrivalOptions {
  std::vector<double> rates;  ///< per second; each for a `period`, in turn
  Duration period{1'000'000'000};
  std::size_t limit = 1000;
  Instant start{}, stop = Instant::never();
};

/// What is kept of a conversation that is over.
struct Past {
  Instant start, finished;
  std::uint64_t bytes = 0;  ///< that both ends read
  bool failed = false;
  std::vector<Delay> delays;
};

class Arrivals final : public Actor {
 public:
  /// `number`: how many came before it.
  using Make = std::function<std::unique_ptr<Conversation>(std::uint64_t number, Instant now)>;
  Arrivals(World& world, ArrivalOptions options, Generator generator, Make make);

  void on(Host&, const stack::Event&, Instant) override {}
  bool step(Instant now) override;
  Instant next() const override { return next_; }
  std::optional<std::string> violation() const override { return std::nullopt; }

  /// Forgets those that are over.
  void sweep();
  const std::vector<Past>& past() const { return past_; }
  const std::vector<Conversation*>& alive() const { return alive_; }
  std::uint64_t refused() const { return refused_; }

 private:
  Instant draw(Instant after);

  World& world_;
  ArrivalOptions options_;
  Generator generator_;
  Make make_;
  std::vector<Conversation*> alive_;
  std::vector<Past> past_;
  Instant next_ = Instant::never();
  std::uint64_t number_ = 0, refused_ = 0;
};
}  // namespace anabranch::sim
