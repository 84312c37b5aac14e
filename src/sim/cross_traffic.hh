/// Traffic that is not TCP: packets of one size at a constant rate, in periods on and off, into a sequence of pipes.
///
/// It listens to nobody and vanishes at the end of its route. Sizes and arrivals of flows that are TCP are made of
/// connections, not of this. Owned by the fabric.
#pragma once
#include "base/names.hh"
#include "base/random.hh"
#include "sim/link.hh"

namespace anabranch::sim {

enum class Spacing : std::uint8_t { fixed, uniform, exponential };

/// A span of time drawn anew each time: `mean` always, uniform between 0 and twice `mean`, or exponential.
struct Period {
  Spacing spacing = Spacing::fixed;
  Duration mean{};
  Duration draw(Generator& generator) const;
};

struct CrossTraffic {
  Rate rate;                         ///< while on; of IP bytes
  Bytes packet{1500};                ///< IP bytes of each
  Period on, off;                    ///< mean of `on` 0: always on
  Duration start{};                  ///< from when it is made
  Duration stop{};                   ///< the same; 0: never
  Spacing between = Spacing::fixed;  ///< packets: exponential makes it a Poisson process
};

class CrossSource {
 public:
  CrossSource(std::vector<Pipe*> pipes, const CrossTraffic& traffic, Generator generator, ParcelPool& packets,
              Agenda& agenda, Instant now);
  CrossSource(const CrossSource&) = delete;
  CrossSource& operator=(const CrossSource&) = delete;

  /// Sends what is due and says in the agenda when the next one is.
  void on_time(Instant now);
  std::uint64_t sent() const { return sent_; }
  void stop();

 private:
  Duration gap();
  void begin_period(Instant now);

  Route route_;
  CrossTraffic traffic_;
  Generator generator_;
  ParcelPool& packets_;
  Agenda& agenda_;
  std::uint32_t number_;
  Instant next_, off_at_ = Instant::never(), stop_ = Instant::never();
  std::uint64_t sent_ = 0;
};
}  // namespace anabranch::sim

template <>
struct anabranch::Names<anabranch::sim::Spacing> {
  static constexpr std::string_view list[] = {"fixed", "uniform", "exponential"};
};
