#include "runtime/pump.hh"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>

namespace anabranch::runtime {
namespace asio = boost::asio;

template <class F>
auto Pump::guarded(F f) {
  return [this, owner = owner_, f = std::move(f)](const auto&... arguments) mutable {
    const auto alive = owner.lock();  // until the end of the call: what `f` does may drop the last reference
    if (alive && !stopped_) { f(arguments...); }
  };
}

void Pump::start(std::weak_ptr<void> owner, bool busy_poll) {
  owner_ = std::move(owner);
  busy_ = busy_poll;
  for (auto& line : lines_) { wait_readable(*line); }
  if (busy_) { poll_busily(); }
  kick();
}

void Pump::stop() {
  stopped_ = true;
  timer_.cancel();
  lines_.clear();
  for (Frame& frame : out_) { frame.bytes.clear(); }
}

void Pump::add(std::unique_ptr<device::PacketSocket> socket, device::FrameObserver* observer) {
  lines_.push_back(std::make_unique<Line>(io_, lines_made_++, std::move(socket), observer));
  if (owner_.lock()) { wait_readable(*lines_.back()); }
}
void Pump::remove(InterfaceId interface) {
  std::erase_if(lines_, [&](const auto& line) { return line->interface() == interface; });
}
Line* Pump::find(InterfaceId interface) {
  const auto it = std::ranges::find_if(lines_, [&](const auto& l) { return l->interface() == interface; });
  return it == lines_.end() ? nullptr : it->get();
}
Line* Pump::find_number(std::uint64_t number) {
  const auto it = std::ranges::find_if(lines_, [&](const auto& l) { return l->number() == number; });
  return it == lines_.end() ? nullptr : it->get();
}

void Pump::wait_readable(Line& line) {
  if (busy_ || std::exchange(line.reading, true)) { return; }
  line.descriptor().async_wait(Line::Descriptor::wait_read,
                               guarded([this, number = line.number()](const boost::system::error_code& error) {
                                 Line* l = find_number(number);
                                 if (l == nullptr || error) { return; }
                                 l->reading = false;
                                 ++totals_.wakeups;
                                 on_readable(number);
                               }));
}
void Pump::wait_writable(Line& line) {
  if (std::exchange(line.writing, true)) { return; }
  line.descriptor().async_wait(Line::Descriptor::wait_write,
                               guarded([this, number = line.number()](const boost::system::error_code& error) {
                                 Line* l = find_number(number);
                                 if (l == nullptr || error) { return; }
                                 l->writing = false;
                                 l->resume(monotonic_now());
                                 if (l->queued() != 0) { wait_writable(*l); }
                                 turn();
                               }));
}

void Pump::on_readable(std::uint64_t number) {
  for (int i = 0; i < kBatchesATurn; ++i) {
    Line* line = find_number(number);  // a turn may have closed it
    if (line == nullptr || stopped_) { return; }
    const std::size_t n = line->receive(in_);
    if (n != 0) {
      ++totals_.batches_in;
      totals_.frames_in += n;
      for (const Frame& frame : std::span{in_}.first(n)) { totals_.bytes_in += frame.bytes.size().n; }
      stack_.receive(std::span{in_}.first(n), monotonic_now());
      for (Frame& frame : std::span{in_}.first(n)) { frame.bytes.clear(); }
      turn();
    }
    if (n < in_.size()) {
      line = stopped_ ? nullptr : find_number(number);
      if (line != nullptr) { wait_readable(*line); }
      return;
    }
  }
  asio::post(io_, guarded([this, number] { on_readable(number); }));
}

void Pump::kick() {
  if (in_turn_) {
    again_ = true;
  } else if (!stopped_ && !std::exchange(posted_, true)) {
    asio::post(io_, guarded([this] {
                 posted_ = false;
                 turn();
               }));
  }
}

void Pump::turn() {
  if (std::exchange(in_turn_, true)) { return; }
  const Instant now = monotonic_now();
  Turn state = Turn::more;
  for (int i = 0; i < kBatchesATurn && state == Turn::more && !stopped_; ++i) {
    again_ = false;
    dispatch();
    if (stopped_) { break; }
    state = transmit(now);
    if (again_) { state = Turn::more; }
  }
  dispatch();
  in_turn_ = false;
  if (stopped_) { return; }
  if (state == Turn::more || again_) { kick(); }
  arm_timer(now);
}

void Pump::dispatch() {
  while (!stopped_) {
    const auto event = stack_.poll_event();
    if (!event) { return; }
    dispatch_(*event);
  }
}

/// One batch from the stack to the devices, unless one of them is full just now.
Pump::Turn Pump::transmit(Instant now) {
  if (std::ranges::any_of(lines_, [&](const auto& line) { return line->holds_back(now); })) { return Turn::over; }
  const std::size_t n = stack_.poll_transmit(out_, now);
  if (n == 0) { return Turn::over; }
  ++totals_.batches_out;
  totals_.frames_out += n;
  hand_out(std::span{out_}.first(n), now);
  return Turn::more;
}

void Pump::hand_out(std::span<Frame> frames, Instant now) {
  while (!frames.empty()) {
    const InterfaceId interface = frames[0].interface;
    std::size_t n = 0;
    while (n < frames.size() && frames[n].interface == interface) { totals_.bytes_out += frames[n++].bytes.size().n; }
    if (Line* line = find(interface)) {
      line->send(frames.first(n), now, totals_);
      if (line->queued() != 0) { wait_writable(*line); }
    } else {
      totals_.dropped_no_device += n;
      for (Frame& frame : frames.first(n)) { frame.bytes.clear(); }
    }
    frames = frames.subspan(n);
  }
}

/// A timer that would fire too early is left alone: it looks again then. So an ACK clock does not touch it.
void Pump::arm_timer(Instant now) {
  Instant due = stack_.deadline();
  for (const auto& line : lines_) {
    if (line->holds_back(now)) { due = std::min(due, line->patience_ends()); }
  }
  if (due.is_never() || due >= armed_) { return; }
  armed_ = due;
  timer_.expires_at(std::chrono::steady_clock::time_point{std::chrono::nanoseconds{std::max(due, now).ns}});
  timer_.async_wait(guarded([this](const boost::system::error_code& error) {
    if (!error) { on_timer(); }
  }));
}

void Pump::on_timer() {
  armed_ = Instant::never();
  const Instant now = monotonic_now();
  if (stack_.deadline() <= now) { stack_.on_deadline(now); }
  turn();
}

void Pump::poll_busily() {
  asio::post(io_, guarded([this] {
               std::vector<std::uint64_t> numbers;
               for (const auto& line : lines_) { numbers.push_back(line->number()); }
               for (const std::uint64_t number : numbers) {
                 Line* line = find_number(number);
                 const std::size_t n = line == nullptr ? 0 : line->receive(in_);
                 if (n == 0) { continue; }
                 ++totals_.batches_in;
                 totals_.frames_in += n;
                 stack_.receive(std::span{in_}.first(n), monotonic_now());
                 for (Frame& frame : std::span{in_}.first(n)) { frame.bytes.clear(); }
                 turn();
                 if (stopped_) { return; }
               }
               poll_busily();
             }));
}
}  // namespace anabranch::runtime
