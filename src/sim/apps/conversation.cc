#include "sim/apps/conversation.hh"

#include "base/random.hh"

#include <algorithm>
#include <utility>

namespace anabranch::sim {
namespace {
constexpr std::size_t kWrite = 64 * 1024;  // as a program with a buffer of that size
constexpr Bytes kRead{1 << 20};            // a chain costs nothing to hand over

/// What everybody writes.
std::span<const std::uint8_t> some_bytes() {
  static const std::vector<std::uint8_t> bytes = [] {
    std::vector<std::uint8_t> made(kWrite);
    Generator generator{kWrite};
    generator.secret(made);
    return made;
  }();
  return bytes;
}
}  // namespace

Conversation::Conversation(World& world, ConversationOptions options, std::unique_ptr<Program> program)
    : world_{world},
      options_{std::move(options)},
      program_{std::move(program)} {
  ANABRANCH_CHECK(options_.from != nullptr && options_.to != nullptr && program_ != nullptr);
  ends_[index(Side::client)].host = options_.from;
  ends_[index(Side::server)].host = options_.to;
}

Conversation::~Conversation() = default;

std::optional<stack::ConnectionId> Conversation::id(Side side) const {
  const End& end = ends_[index(side)];
  return end.released ? std::nullopt : end.id;
}

std::optional<mptcp::ConnectionInfo> Conversation::info(Side side, Instant now) const {
  const End& end = ends_[index(side)];
  if (!end.id || end.released) { return end.last_info; }
  const Host& host = *end.host;
  auto info = host.stack().info(*end.id, now);
  if (!info) { return end.last_info; }
  return std::move(*info);
}

Instant Conversation::next() const {
  if (!opened_) { return options_.start; }
  const Instant program = finished() ? Instant::never() : program_->next();
  return stopped_ || finished() ? program : std::min(program, options_.stop);
}

void Conversation::open(Instant now) {
  opened_ = true;
  stack::ListenOptions listen;
  listen.port = options_.remote.port;
  listen.config = options_.server;
  listen.announce = options_.announce;
  listen.stateless = options_.stateless;
  const auto listener = options_.to->stack().listen(listen);
  if (!listener) {
    ends_[index(Side::server)].figures.error = listener.error().code;
    finished_at_ = now;
    return;
  }
  listener_ = *listener;
  world_.claim(*options_.to, *listener_, *this);
  stack::ConnectOptions connect;
  connect.remote = options_.remote;
  connect.interfaces = options_.interfaces;
  connect.config = options_.client;
  const auto id = options_.from->stack().connect(connect, now);
  if (!id) {
    ends_[index(Side::client)].figures.error = id.error().code;
    finished_at_ = now;
    return;
  }
  adopt(Side::client, *id, false);
  program_->begin(now);
}

void Conversation::adopt(Side side, stack::ConnectionId id, bool connected) {
  End& end = ends_[index(side)];
  end.id = id;
  end.connected = end.writable = end.readable = connected;
  world_.claim(*end.host, id, *this);
}

void Conversation::accept(Instant now) {
  while (const auto id = options_.to->stack().accept(*listener_)) {
    if (ends_[index(Side::server)].id) {  // a box has repeated the SYN from another port
      options_.to->stack().release(*id, now);
      continue;
    }
    adopt(Side::server, *id, true);
  }
}

void Conversation::on(Host& host, const stack::Event& event, Instant now) {
  if (event.what == stack::Happened::acceptable) {
    accept(now);
    return;
  }
  End* end = nullptr;
  for (End& candidate : ends_) {
    if (candidate.host == &host && candidate.id == event.connection && !candidate.released) { end = &candidate; }
  }
  if (end == nullptr) { return; }
  switch (event.what) {
    case stack::Happened::connected:
      end->connected = end->writable = true;
      if (connected_at_.is_never()) { connected_at_ = now; }
      break;
    case stack::Happened::readable:
    case stack::Happened::peer_finished: end->readable = true; break;
    case stack::Happened::writable: end->writable = true; break;
    case stack::Happened::closed:
      end->closed = end->readable = true;
      if (event.error != Errc::closed) { end->figures.error = event.error; }
      break;
    default: break;
  }
}

bool Conversation::step(Instant now) {
  bool did = false;
  if (!opened_) {
    if (now < options_.start) { return false; }
    open(now);
    did = true;
  }
  if (!finished() && program_->next() <= now) {
    program_->on_time(now);
    did = true;
  }
  if (!stopped_ && now >= options_.stop) {
    stopped_ = did = true;
    program_->stop({ends_[0].figures.written, ends_[1].figures.written});
  }
  for (const Side side : {Side::client, Side::server}) { did |= step_end(side, now); }
  note_finish(now);
  return did;
}

bool Conversation::step_end(Side side, Instant now) {
  End& end = ends_[index(side)];
  if (!end.id || end.released) { return false; }
  bool did = false;
  if (end.connected) {
    did |= write_some(side, now);
    if (!end.finished && !end.closed && end.figures.written == program_->allowance(side) &&
        program_->may_finish(side, end.saw_end)) {
      (void)end.host->stack().finish(*end.id, now);
      end.finished = did = true;
    }
  }
  did |= read_some(side, now);
  if ((end.finished && end.saw_end) || (end.closed && (end.figures.error || end.saw_end))) {
    let_go(end, now);
    did = true;
  }
  return did;
}

bool Conversation::write_some(Side side, Instant now) {
  End& end = ends_[index(side)];
  bool did = false;
  while (end.writable && !end.finished && !end.closed && end.figures.written < program_->allowance(side)) {
    const std::uint64_t wish = program_->allowance(side) - end.figures.written;
    const auto chunk = some_bytes().first(static_cast<std::size_t>(std::min<std::uint64_t>(wish, kWrite)));
    const auto took = end.host->stack().write(*end.id, chunk, now);
    if (!took) {
      end.writable = false;
      if (took.error().code != Errc::would_block && !end.figures.error) { end.figures.error = took.error().code; }
      return did;
    }
    end.writable = *took == chunk.size();
    end.figures.written += *took;
    did = true;
  }
  return did;
}

bool Conversation::read_some(Side side, Instant now) {
  End& end = ends_[index(side)];
  bool did = false;
  while (end.readable && !end.saw_end) {
    const auto chain = end.host->stack().read_chain(*end.id, kRead, now);
    if (!chain) {
      end.readable = false;
      if (chain.error().code != Errc::would_block && !end.figures.error) { end.figures.error = chain.error().code; }
      return did;
    }
    did = true;
    if (chain->empty()) {
      end.saw_end = true;
      end.figures.ended = now;
    } else {
      note_read(side, chain->size().n, now);
    }
  }
  return did;
}

void Conversation::note_read(Side side, std::uint64_t bytes, Instant now) {
  EndFigures& f = ends_[index(side)].figures;
  f.read += bytes;
  if (f.first_byte.is_never()) {
    f.first_byte = now;
  } else {
    const Gap gap{f.last_byte, now - f.last_byte};
    if (gap.length > f.longest.length) { f.longest = gap; }
    if (gap.length > options_.gap && f.gaps.size() < kMostGaps) { f.gaps.push_back(gap); }
  }
  f.last_byte = now;
  program_->has_read(side, f.read, now);
}

void Conversation::let_go(End& end, Instant now) {
  if (auto info = end.host->stack().info(*end.id, now)) { end.last_info = std::move(*info); }
  end.host->stack().release(*end.id, now);
  end.released = true;
}

/// A connection is over for its users when both have read the other's end, or when it is dead at the client.
void Conversation::note_finish(Instant now) {
  const End &client = ends_[index(Side::client)], &server = ends_[index(Side::server)];
  if (!finished() && opened_ && ((client.saw_end && server.saw_end) || (client.released && client.figures.error))) {
    finished_at_ = now;
  }
  if (finished() && listener_ && over()) {
    options_.to->stack().close(*listener_, now);
    listener_.reset();
  }
}
}  // namespace anabranch::sim
