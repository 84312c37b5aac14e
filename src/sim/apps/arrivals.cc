#include "sim/apps/arrivals.hh"

#include <cmath>
#include <utility>

namespace anabranch::sim {

Arrivals::Arrivals(World& world, ArrivalOptions options, Generator generator, Make make)
    : world_{world},
      options_{std::move(options)},
      generator_{generator},
      make_{std::move(make)} {
  ANABRANCH_CHECK(!options_.rates.empty() && options_.period > Duration{});
  next_ = draw(options_.start);
}

/// A pause beyond the end of a turn begins anew there, with the next rate: the process has no memory.
Instant Arrivals::draw(Instant after) {
  double sum = 0;
  for (const double rate : options_.rates) { sum += rate; }
  if (sum <= 0) { return Instant::never(); }
  for (;;) {
    const std::int64_t turn = (after - options_.start).ns / options_.period.ns;
    const double rate = options_.rates[static_cast<std::size_t>(turn) % options_.rates.size()];
    const Instant end = options_.rates.size() == 1 ? Instant::never() : options_.start + options_.period * (turn + 1);
    if (rate > 0) {
      const double pause = -std::log(1 - generator_.unit()) / rate;
      const Instant at = after + Duration{static_cast<std::int64_t>(pause * 1e9)};
      if (at < end) { return at < options_.stop ? at : Instant::never(); }
    }
    if (end >= options_.stop) { return Instant::never(); }
    after = end;
  }
}

bool Arrivals::step(Instant now) {
  if (now < next_) { return false; }
  sweep();
  if (alive_.size() < options_.limit) {
    auto made = make_(number_, now);
    alive_.push_back(&world_.add(std::move(made)));
  } else {
    ++refused_;
  }
  ++number_;
  next_ = draw(next_);
  return true;
}

void Arrivals::sweep() {
  std::erase_if(alive_, [this](Conversation* c) {
    if (!c->over()) { return false; }
    const bool failed = c->figures(Side::client).error || c->figures(Side::server).error;
    past_.push_back({.start = c->options().start,
                     .finished = c->finished_at(),
                     .bytes = c->figures(Side::client).read + c->figures(Side::server).read,
                     .failed = failed,
                     .delays = c->program().delays()});
    world_.remove(*c);
    return true;
  });
}
}  // namespace anabranch::sim
