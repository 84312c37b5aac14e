#include "apps/http_transport.hh"

#include <boost/asio/steady_timer.hpp>

namespace anabranch::apps {

struct Watchdog::State : std::enable_shared_from_this<Watchdog::State> {
  State(asio::any_io_executor executor, std::function<void()> on_expiry)
      : timer(std::move(executor)),
        expired(std::move(on_expiry)) {}

  void wait() {
    waiting_for = deadline;
    timer.expires_at(deadline);
    timer.async_wait([self = shared_from_this()](error_code error) { self->woke(error); });
  }
  void woke(error_code error) {
    if (error || !armed) { return; }
    if (Clock::now() < deadline) { return wait(); }  // it was re-armed since: later, then
    armed = false;
    has_expired = true;
    expired();
  }

  asio::steady_timer timer;
  std::function<void()> expired;
  Clock::time_point deadline, waiting_for;
  bool armed = false, has_expired = false;
};

Watchdog::Watchdog(asio::any_io_executor executor, std::function<void()> expired)
    : state_(std::make_shared<State>(std::move(executor), std::move(expired))) {}

Watchdog::~Watchdog() { disarm(); }

void Watchdog::rearm(std::chrono::nanoseconds from_now) {
  State& state = *state_;
  state.deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(from_now);
  const bool wakes_in_time = state.armed && state.waiting_for <= state.deadline;
  state.armed = true;
  if (!wakes_in_time) { state.wait(); }
}

void Watchdog::disarm() {
  state_->armed = false;
  state_->timer.cancel();
}

bool Watchdog::has_expired() const { return state_->has_expired; }

asio::awaitable<Moved> write_all(Transport& to, std::string_view bytes, const Progressed& progressed) {
  Moved sum;
  while (sum.bytes < bytes.size()) {
    const Moved step = co_await to.write_some(bytes.substr(sum.bytes));
    sum.bytes += step.bytes;
    sum.error = step.error;
    if (sum.error) { break; }
    if (progressed) { progressed(); }
  }
  co_return sum;
}

}  // namespace anabranch::apps
