#include "sim/transfer.hh"

#include <fmt/format.h>

namespace anabranch::sim {
namespace {
constexpr std::uint64_t kDigestStart = 0xcbf29ce484222325u;  // FNV-1a's offset basis: digest()'s own start
}  // namespace

Application::Application(Host& host, const Promise& writes, const Promise& reads, const Manners& manners,
                         Generator generator)
    : host_{host},
      writes_{writes},
      reads_{reads},
      manners_{manners},
      generator_{generator},
      written_digest_{kDigestStart},
      read_digest_{kDigestStart} {
  buffer_.resize(std::max(manners.write_at_most.n, manners.read_at_most.n));
}

void Application::adopt(stack::ConnectionId id, bool connected) {
  id_ = id;
  connected_ = writable_ = connected;
  readable_ = connected;  // something may have come before accept: try once
}

void Application::on(const stack::Event& event) {
  switch (event.what) {
    case stack::Happened::connected: connected_ = writable_ = true; break;
    case stack::Happened::readable:
    case stack::Happened::peer_finished: readable_ = true; break;
    case stack::Happened::writable: writable_ = true; break;
    case stack::Happened::closed:
      closed_ = readable_ = true;
      if (event.error != Errc::closed) { error_ = event.error; }
      break;
    default: break;
  }
}

bool Application::step(Instant now) {
  if (!id_ || released_) { return false; }
  bool did = false;
  if (connected_) {
    did |= write_some(now);
    if (!finished_ && !closed_ && written_ == writes_.bytes && (end_ || !manners_.finish_late)) {
      const Status status = host_.stack().finish(*id_, now);
      if (!status && !error_) { violation_ = fmt::format("finish failed: {}", name(status.error().code)); }
      finished_ = did = true;
    }
  }
  did |= read_some(now);
  const bool through = finished_ && end_ && (closed_ || !manners_.linger);
  if (through || (closed_ && (error_ || end_))) {
    let_go(now);
    did = true;
  }
  return did;
}

bool Application::write_some(Instant now) {
  bool did = false;
  while (writable_ && !finished_ && !closed_ && written_ < writes_.bytes) {
    const std::uint64_t wish = generator_.between(manners_.write_at_least.n, manners_.write_at_most.n);
    const std::span chunk{buffer_.data(), std::min(wish, writes_.bytes - written_)};
    writes_.pattern.fill(written_, chunk);
    const auto took = host_.stack().write(*id_, chunk, now);
    if (!took) {
      writable_ = false;
      if (took.error().code != Errc::would_block && !error_) { error_ = took.error().code; }
      return did;
    }
    if (*took == 0 || *took > chunk.size()) { violation_ = fmt::format("write took {} of {}", *took, chunk.size()); }
    writable_ = *took == chunk.size();
    written_digest_ = digest(chunk.first(std::min(*took, chunk.size())), written_digest_);
    written_ += *took;
    did = true;
  }
  return did;
}

bool Application::read_some(Instant now) {
  bool did = false;
  while (readable_ && !end_ && !violation_) {
    if (manners_.read_every > Duration{}) {
      if (next_read_.is_never()) { next_read_ = now + manners_.read_every; }
      if (next_read_ > now) { return did; }
      next_read_ = now + manners_.read_every;
    }
    did |= read_once(now);
  }
  if (!readable_ || end_) { next_read_ = Instant::never(); }
  return did;
}

bool Application::read_once(Instant now) {
  std::size_t got = 0;
  std::optional<Errc> failure;
  if (manners_.read_chains) {
    const auto chain = host_.stack().read_chain(*id_, manners_.read_at_most, now);
    if (chain) {
      got = chain->size().n;
      for (const Slice& slice : chain->slices()) { take(slice.bytes()); }
    } else {
      failure = chain.error().code;
    }
  } else {
    const auto read = host_.stack().read(*id_, std::span{buffer_}.first(manners_.read_at_most.n), now);
    if (read) {
      got = *read;
      take(std::span{buffer_}.first(got));
    } else {
      failure = read.error().code;
    }
  }
  if (failure) {
    readable_ = false;
    if (*failure != Errc::would_block && !error_) { error_ = *failure; }
    return false;
  }
  if (got == 0) {
    end_ = true;
    if (read_ != reads_.bytes && !violation_ && !manners_.takes_anything) {
      violation_ = fmt::format("{}: end of stream after {} of {} bytes", host_.name(), read_, reads_.bytes);
    }
  }
  return true;
}

void Application::take(std::span<const std::uint8_t> bytes) {
  const bool right = read_ + bytes.size() <= reads_.bytes && reads_.pattern.matches(read_, bytes);
  if (!right && !manners_.takes_anything) {
    violation_ =
        fmt::format("{}: bytes {}+{} of {} are not those written", host_.name(), read_, bytes.size(), reads_.bytes);
  }
  read_digest_ = digest(bytes, read_digest_);
  read_ += bytes.size();
}

void Application::abort(Instant now) {
  if (!id_ || released_ || aborted_) { return; }
  aborted_ = true;
  (void)host_.stack().abort(*id_, now);
  let_go(now);
}

void Application::let_go(Instant now) {
  if (auto info = host_.stack().info(*id_, now)) { last_info_ = std::move(*info); }
  host_.stack().release(*id_, now);
  released_ = true;
  next_read_ = Instant::never();
}

std::string Application::to_text() const {
  return fmt::format("{}: wrote {}/{} read {}/{}{}{}{}{}{}", host_.name(), written_, writes_.bytes, read_, reads_.bytes,
                     connected_ ? "" : " not connected", finished_ ? " finished" : "", end_ ? " saw the end" : "",
                     released_ ? " released" : "", error_ ? fmt::format(" error {}", name(*error_)) : "");
}

Transfer::Transfer(Cast& cast, Host& from, Host& to, Bytes bytes, const TransferOptions& options, std::uint16_t port,
                   const SocketAddress& remote, Generator generator)
    : cast_{cast},
      options_{options},
      port_{port},
      remote_{remote},
      up_{Pattern{generator.next()}, bytes.n},
      down_{Pattern{generator.next()}, options.back.n},
      client_{from, up_, down_, options.client_manners, generator.fork()},
      server_{to, down_, up_, options.server_manners, generator.fork()} {}

void Transfer::open(Instant now) {
  stack::ListenOptions listen;
  listen.port = port_;
  listen.config = options_.server;
  listen.announce = options_.announce;
  listen.stateless = options_.stateless;
  const auto listener = server_.host().stack().listen(listen);
  if (!listener) {
    violation_ = fmt::format("listen failed: {}", name(listener.error().code));
    return;
  }
  listener_ = *listener;
  cast_.claim(server_.host().number(), *listener, *this);
  start_ = now + options_.start;
}

bool Transfer::step(Instant now) {
  bool did = false;
  if (!opened_ && now >= start_) {
    opened_ = did = true;
    stack::ConnectOptions connect;
    connect.remote = remote_;
    connect.interfaces = options_.interfaces;
    connect.config = options_.client;
    connect.race.on = options_.race;
    const auto id = client_.host().stack().connect(connect, now);
    if (id) {
      cast_.claim(client_.host().number(), *id, *this);
      client_.adopt(*id, false);
    } else {
      violation_ = fmt::format("connect failed: {}", name(id.error().code));
    }
  }
  did |= client_.step(now);
  if (options_.abort_after && !client_.done() && client_.connected() &&
      client_.written() + client_.read() >= options_.abort_after->n) {
    client_.abort(now);
    did = true;
  }
  return server_.step(now) || did;
}

void Transfer::on(Host& host, const stack::Event& event, Instant now) {
  if (event.what == stack::Happened::acceptable) { return accept(now); }
  for (Application* end : {&client_, &server_}) {
    if (end->is(host, event.connection)) { end->on(event); }
  }
}

void Transfer::accept(Instant now) {
  if (!listener_) { return; }
  while (const auto id = server_.host().stack().accept(*listener_)) {
    if (server_.id()) {
      violation_ = "a second connection was accepted";
      server_.host().stack().release(*id, now);
      continue;
    }
    cast_.claim(server_.host().number(), *id, *this);
    server_.adopt(*id, true);
  }
  if (options_.close_listener && server_.id()) {
    server_.host().stack().close(*listener_, now);
    listener_.reset();
  }
}

Instant Transfer::next() const {
  return std::min({opened_ ? Instant::never() : start_, client_.next(), server_.next()});
}

std::optional<std::string> Transfer::violation() const {
  if (violation_) { return violation_; }
  // With everything delivered, an error says only that the last acknowledgment of the end did not come through.
  const bool delivered = client_.saw_end() && server_.saw_end();
  for (const Application* end : {&client_, &server_}) {
    if (end->violation()) { return end->violation(); }
    if (end->error() && !client_.aborted() && !delivered && !options_.may_fail) {
      return fmt::format("{}: the connection failed: {}", end->host().name(), name(*end->error()));
    }
  }
  return std::nullopt;
}

std::string Transfer::to_text() const {
  return fmt::format("port {}: {}; {}", port_, client_.to_text(), server_.to_text());
}
}  // namespace anabranch::sim
