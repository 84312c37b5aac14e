#include "sim/cross_traffic.hh"

#include <cmath>

namespace anabranch::sim {
namespace {
Duration drawn(Spacing spacing, Duration mean, Generator& generator) {
  const auto scaled = [&](double factor) {
    return Duration{static_cast<std::int64_t>(static_cast<double>(mean.ns) * factor)};
  };
  switch (spacing) {
    case Spacing::fixed: break;
    case Spacing::uniform: return scaled(2 * generator.unit());
    case Spacing::exponential: return scaled(-std::log1p(-generator.unit()));
  }
  return mean;
}
}  // namespace

Duration Period::draw(Generator& generator) const { return drawn(spacing, mean, generator); }

CrossSource::CrossSource(std::vector<Pipe*> pipes, const CrossTraffic& traffic, Generator generator,
                         ParcelPool& packets, Agenda& agenda, Instant now)
    : traffic_{traffic},
      generator_{generator},
      packets_{packets},
      agenda_{agenda},
      number_{agenda.enroll(this)} {
  ANABRANCH_CHECK(traffic.rate != Rate{} && traffic.packet && !pipes.empty());
  route_.pipes = std::move(pipes);
  if (traffic_.stop > Duration{}) { stop_ = now + traffic_.stop; }
  begin_period(now + traffic_.start);
  agenda_.set(number_, next_);
}

Duration CrossSource::gap() {
  const Duration fixed = time_for(traffic_.packet, traffic_.rate);
  return std::max(Duration{1}, drawn(traffic_.between, fixed, generator_));
}

void CrossSource::begin_period(Instant now) {
  next_ = now;
  if (traffic_.on.mean > Duration{}) { off_at_ = now + traffic_.on.draw(generator_); }
}

void CrossSource::on_time(Instant now) {
  while (next_ <= now && next_ < stop_) {
    if (next_ >= off_at_) {
      begin_period(off_at_ + traffic_.off.draw(generator_));
      continue;
    }
    Parcel* packet = packets_.make();
    ++sent_;
    const auto size = static_cast<std::uint32_t>(traffic_.packet.n);
    route_.pipes.front()->enter(Transit::begin(packet, route_, size), now);
    next_ = next_ + gap();
  }
  agenda_.set(number_, next_ < stop_ ? next_ : Instant::never());
}

void CrossSource::stop() {
  stop_ = Instant{std::numeric_limits<std::int64_t>::min()};
  agenda_.set(number_, Instant::never());
}
}  // namespace anabranch::sim
