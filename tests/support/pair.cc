#include "support/pair.hh"

#include "wire/option_space.hh"

#include <algorithm>
#include <fmt/format.h>

namespace anabranch::support {
namespace {
constexpr std::size_t kSlice = 32 * 1024;
}  // namespace

std::uint32_t packet_size(const Segment& segment) {
  return static_cast<std::uint32_t>(40 + wire::options_size(segment.tcp, segment.mptcp) + segment.payload.size().n);
}

// --- applications

void BufferSource::write(std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const std::size_t used = written_.size() % kSlice;
    if (used == 0) {
      SlabRef slab = pool_->get();
      slices_.emplace_back(slab, std::span<const std::uint8_t>{slab->data(), kSlice});
    }
    const std::size_t n = std::min(bytes.size(), kSlice - used);
    std::memcpy(slices_.back().slab()->data() + used, bytes.data(), n);
    written_.insert(written_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
    bytes = bytes.subspan(n);
  }
}

void BufferSource::write_pattern(std::size_t bytes, std::uint64_t seed) {
  Generator generator{seed};
  std::vector<std::uint8_t> data(bytes);
  for (std::size_t i = 0; i < bytes; i += 8) {
    const std::uint64_t word = generator.next();
    std::memcpy(data.data() + i, &word, std::min<std::size_t>(8, bytes - i));
  }
  write(data);
}

Chain BufferSource::bytes(SubPos at, Bytes at_most) {
  ANABRANCH_CHECK(at >= acknowledged_ && at < end() && at_most > Bytes{});
  std::uint64_t from = at.n - 1;
  std::uint64_t n = std::min<std::uint64_t>(at_most.n, written_.size() - from);
  if (piece != 0) { n = std::min(n, piece - from % piece); }
  Chain chain;
  while (n > 0) {
    const std::size_t offset = from % kSlice;
    const std::size_t part = std::min<std::uint64_t>(n, kSlice - offset);
    chain.append(slices_[from / kSlice].after(offset).first(part));
    from += part;
    n -= part;
  }
  return chain;
}

void BufferSource::acknowledged(SubPos up_to) {
  ANABRANCH_CHECK(up_to >= acknowledged_ && up_to <= end());
  acknowledged_ = up_to;
}

void BufferSink::deliver(SubPos at, Chain in_order, Instant) {
  ANABRANCH_CHECK(at.n == got_.size() + 1 && !finished_ && !in_order.empty());
  for (const Slice& slice : in_order.slices()) { got_.insert(got_.end(), slice.bytes().begin(), slice.bytes().end()); }
  if (reads) { read_ = got_.size(); }
}

void BufferSink::peer_finished(SubPos at, Instant) {
  ANABRANCH_CHECK(at.n == got_.size() + 1 && !finished_);
  finished_ = true;
}

Bytes BufferSink::window() {
  const Bytes free = capacity_ - unread();
  return free < std::min(kLeastWindow, capacity_ / 2) ? Bytes{} : free;
}

// --- the world

Pair::Pair() : Pair{Options{}} {}

Pair::Pair(const Options& options)
    : options_{options},
      random_{options.seed},
      client_{options.seed * 2 + 1, options.client_buffer, pool_},
      server_{options.seed * 2 + 2, options.server_buffer, pool_} {}

void Pair::connect() {
  client_.endpoint = std::make_unique<tcp::Endpoint>(client_.env, client_.source, client_.sink, *client_.role,
                                                     client_.group, options_.client);
  client_->connect(options_.client_isn, now_);
  pump();
}

void Pair::connect_both() {
  server_.endpoint = std::make_unique<tcp::Endpoint>(server_.env, server_.source, server_.sink, *server_.role,
                                                     server_.group, options_.server);
  server_->connect(options_.server_isn, now_);
  connect();
}

void Pair::pump() {
  pump(client_, true);
  pump(server_, false);
}

void Pair::pump(Side& side, bool forth) {
  if (!side.endpoint) { return; }
  while (const auto event = side->poll_event()) { side.events.push_back(*event); }
  const auto& close = side->close_state();
  if (options_.answers_fin && close.receiving == stream::Receiving::finished) { side->finish(); }
  for (std::size_t i = 0;; ++i) {
    ANABRANCH_CHECK(i < 100'000);  // an endpoint that never stops
    auto segment = side->poll_transmit(now_);
    if (!segment) { break; }
    const std::uint64_t payload = segment->payload.size().n;
    side.left.push_back({now_, *segment, payload});
    side.left.back().segment.payload.clear();
    send(std::move(*segment), forth);
  }
  while (const auto event = side->poll_event()) { side.events.push_back(*event); }
}

void Pair::send(Segment segment, bool forth) {
  const PipeSpec& pipe = forth ? options_.forth : options_.back;
  if (segment.cut == 0 || pipe.keeps_super_segments) { return send_packet(std::move(segment), forth); }
  const Chain payload = segment.payload;
  const bool fin = segment.flags.fin, psh = segment.flags.psh;
  for (std::uint64_t at = 0; at < payload.size().n; at += segment.cut) {
    Segment packet = segment;
    packet.cut = 0;
    packet.seq.raw = static_cast<std::uint32_t>(segment.seq.raw + at);
    packet.payload = payload.part({at}, {segment.cut});
    const bool last = at + segment.cut >= payload.size().n;
    packet.flags.fin = fin && last;
    packet.flags.psh = psh && last;
    send_packet(std::move(packet), forth);
  }
}

void Pair::send_packet(Segment packet, bool forth) {
  const PipeSpec& pipe = forth ? options_.forth : options_.back;
  const std::size_t number = numbers_[forth]++;
  if (packet.cut == 0 && packet_size(packet) > pipe.mtu) {
    Side& from = forth ? client_ : server_;
    if (pipe.tells) { from->on_packet_too_big(pipe.mtu, packet.seq, now_); }
    return;
  }
  if (hook && !hook(packet, forth, number)) { return; }
  if (pipe.lose.contains(number) || random_.below(1000) < pipe.loss_permille) { return; }
  Instant at = now_;
  if (pipe.rate != Rate{}) {
    const Instant start = std::max(now_, free_at_[forth]);
    const Bytes size{packet_size(packet)};
    if (amount_in(start - now_, pipe.rate) + size > pipe.queue + Bytes{65'535}) { return; }
    if (amount_in(start - now_, pipe.rate) > pipe.queue) { return; }
    free_at_[forth] = start + time_for(size, pipe.rate);
    at = free_at_[forth];
  }
  at = at + pipe.delay;
  if (random_.below(1000) < pipe.reorder_permille) {
    at = at + Duration{static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(pipe.reorder_delay.ns)))};
  }
  if (random_.below(1000) < pipe.duplicate_permille) { wire_[{at.ns, order_++}] = {forth, packet}; }
  wire_[{at.ns, order_++}] = {forth, std::move(packet)};
}

void Pair::inject(Segment segment, bool forth) {
  deliver({forth, std::move(segment)});
  pump();
}

void Pair::deliver(Arrival arrival) {
  Side& to = arrival.forth ? server_ : client_;
  if (!to.endpoint) {
    const wire::TcpFlags& flags = arrival.segment.flags;
    if (!arrival.forth || !flags.syn || flags.ack || flags.rst) { return; }
    to.endpoint = std::make_unique<tcp::Endpoint>(to.env, to.source, to.sink, *to.role, to.group, options_.server);
    to->accept(arrival.segment, options_.server_isn, now_);
    return;
  }
  to->on_segment(arrival.segment, now_);
}

Instant Pair::next_time() const {
  Instant next = wire_.empty() ? Instant::never() : Instant{wire_.begin()->first.first};
  if (client_.endpoint) { next = std::min(next, client_.endpoint->deadline()); }
  if (server_.endpoint) { next = std::min(next, server_.endpoint->deadline()); }
  return next;
}

void Pair::step(Instant at) {
  now_ = std::max(now_, at);
  if (!wire_.empty() && wire_.begin()->first.first <= now_.ns) {
    Arrival arrival = std::move(wire_.begin()->second);
    wire_.erase(wire_.begin());
    deliver(std::move(arrival));
  } else {
    if (client_.endpoint && client_->deadline() <= now_) { client_->on_deadline(now_); }
    if (server_.endpoint && server_->deadline() <= now_) { server_->on_deadline(now_); }
  }
  pump();
}

bool Pair::run_until(const std::function<bool()>& done, Duration limit) {
  const Instant end = now_ + limit;
  while (!done()) {
    const Instant next = next_time();
    if (next.is_never() || next > end) { return false; }
    step(next);
  }
  return true;
}

void Pair::run_for(Duration time) {
  const Instant end = now_ + time;
  run_until([] { return false; }, time);
  now_ = end;
}

bool Pair::closed_and_equal() const {
  using Event = tcp::Endpoint::Event;
  return client_.had(Event::closed) && server_.had(Event::closed) && client_.sink.got() == server_.source.written() &&
         server_.sink.got() == client_.source.written();
}

std::string Pair::report() const {
  std::string out = fmt::format("seed {} at {:.6f} s\n", options_.seed, seconds(now_ - Instant{1'000'000'000}));
  const auto add = [&](const char* name, const Side& side, const Side& peer) {
    if (!side.endpoint) { return; }
    const tcp::Info info = side.endpoint->info();
    out += fmt::format(
        "{}: {} got {}/{} una {} nxt {} rcv {} cwnd {} flight {} rto {:.1f} ms again {} timeouts {} drops {}\n", name,
        info.state, side.sink.got().size(), peer.source.written().size(), side.endpoint->acknowledged().n,
        side.endpoint->sent_up_to().n, side.endpoint->received().n, info.window.n, info.in_flight.n,
        milliseconds(info.rto), info.retransmits, info.timeouts_in_a_row, side.endpoint->drops().total());
  };
  add("client", client_, server_);
  add("server", server_, client_);
  return out;
}
}  // namespace anabranch::support
