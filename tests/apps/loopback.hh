/// HTTP over sockets of the kernel on loopback: a peer that follows a script byte by byte, and the pieces to run a fetch
/// or a server against it on one io_context. Time limits end a test that hangs; nothing else depends on time.
#pragma once
#include "apps/http_asio_transport.hh"
#include "apps/http_client.hh"
#include "apps/http_server.hh"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

namespace anabranch::apps::loopback {

using tcp = asio::ip::tcp;

class KernelStream : public tcp::socket {
 public:
  using tcp::socket::socket;
  explicit KernelStream(tcp::socket socket) : tcp::socket(std::move(socket)) {}
};
inline LinkReport report_on(const KernelStream& stream) {
  error_code ignored;
  LinkReport report;
  report.fallback_reason = "not_requested";
  PathReport path;
  path.remote = stream.remote_endpoint(ignored).address().to_string();
  report.paths.push_back(path);
  return report;
}
inline void finish_sending(KernelStream& stream) {
  error_code ignored;
  stream.shutdown(tcp::socket::shutdown_send, ignored);
}
inline void abort_stream(KernelStream& stream) {
  error_code ignored;
  stream.close(ignored);
}
using KernelTransport = AsioTransport<KernelStream>;

class KernelDialer final : public Dialer {
 public:
  explicit KernelDialer(asio::io_context& io) : io_(io) {}
  asio::awaitable<std::unique_ptr<Transport>> dial(std::span<const SocketAddress> remotes, const Url& url) override {
    const SocketAddress remote = remotes.front();
    dialed.push_back(to_text(remote));
    KernelStream stream(io_);
    const tcp::endpoint endpoint(asio::ip::make_address(to_text(remote.address)), remote.port);
    const auto [error] = co_await stream.async_connect(endpoint, kAwaitTuple);
    if (error) { throw Failure(Exit::network, to_text(remote) + ": " + explain(error)); }
    if (!url.tls) { co_return std::make_unique<KernelTransport>(std::move(stream)); }
    asio::ssl::context context(asio::ssl::context::tls_client);
    if (!authority.empty()) { context.load_verify_file(authority); }
    auto secured = std::make_unique<TlsTransport<KernelStream>>(std::move(stream), context);
    co_await secured->handshake(url.host, !address_from_text(url.host), verify);
    co_return secured;
  }
  void abort() override {}

  std::vector<std::string> dialed;
  std::string authority;
  bool verify = true;

 private:
  asio::io_context& io_;
};

class KernelListener final : public Listener {
 public:
  explicit KernelListener(asio::io_context& io) : acceptor_(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {}
  asio::awaitable<std::unique_ptr<Transport>> accept() override {
    auto [error, socket] = co_await acceptor_.async_accept(kAwaitTuple);
    if (error) { co_return nullptr; }
    co_return std::make_unique<KernelTransport>(KernelStream(std::move(socket)));
  }
  void close() override { acceptor_.close(); }
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

 private:
  tcp::acceptor acceptor_;
};

struct MemorySink final : BodySink {
  void begin(const Url& url, const ResponseHead&) override { from = to_text(url), begun = true; }
  void write(std::string_view bytes) override { body += bytes; }
  std::string body, from;
  bool begun = false;
};

/// A server that answers the n-th connection with the n-th reply (the last one again and again), as it is, in pieces
/// of `piece` bytes, and then ends the connection.
class ScriptedServer {
 public:
  ScriptedServer(asio::io_context& io, std::vector<std::string> replies, std::size_t piece = 1 << 20)
      : acceptor_(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        replies_(std::move(replies)),
        piece_(piece) {
    asio::co_spawn(io, run(), asio::detached);
  }
  std::string url(const std::string& target = "/file") const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + target;
  }
  void stop() { acceptor_.close(); }
  std::vector<std::string> requests;
  bool reset_at_end = false, never_ends = false, impatient = false;  ///< impatient: any bytes are a request

 private:
  asio::awaitable<void> run() {
    for (std::size_t n = 0;; ++n) {
      auto [error, socket] = co_await acceptor_.async_accept(kAwaitTuple);
      if (error) { co_return; }
      std::string request;
      while (request.find("\r\n\r\n") == std::string::npos) {
        char buffer[4096];
        const auto [failed, got] = co_await socket.async_read_some(asio::buffer(buffer), kAwaitTuple);
        if (failed) { break; }
        request.append(buffer, got);
        if (impatient) { break; }
      }
      requests.push_back(request);
      const std::string& reply = replies_[std::min(n, replies_.size() - 1)];
      socket.set_option(tcp::no_delay(true));
      for (std::size_t at = 0; at < reply.size(); at += piece_) {
        const auto part = std::string_view{reply}.substr(at, piece_);
        const auto [failed, sent] =
            co_await asio::async_write(socket, asio::buffer(part.data(), part.size()), kAwaitTuple);
        if (failed) { break; }
      }
      if (reset_at_end) { socket.set_option(asio::socket_base::linger(true, 0)); }
      if (never_ends) { kept_.push_back(std::move(socket)); }
    }
  }
  tcp::acceptor acceptor_;
  std::vector<std::string> replies_;
  std::size_t piece_;
  std::vector<tcp::socket> kept_;
};

/// What became of a fetch.
struct Outcome {
  std::optional<Exit> exit;
  std::string line;
  MemorySink sink;
  FetchState state;
};

inline Outcome fetch(asio::io_context& io, Dialer& dialer, const std::string& url, const FetchOptions& options,
                     const std::function<void()>& afterwards) {
  Outcome out;
  Fetch fetch(dialer, out.sink, options);
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> {
        try {
          co_await fetch.run(parse_url(url));
        } catch (const Failure& failure) {
          out.exit = failure.exit();
          out.line = failure.what();
        }
      },
      [&](std::exception_ptr) { afterwards(); });
  io.run_for(std::chrono::seconds{20});
  out.state = fetch.state();
  return out;
}

/// A fetch of /file from a ScriptedServer.
inline Outcome fetch_from(std::vector<std::string> replies, FetchOptions options = {}, std::size_t piece = 1 << 20,
                          const std::function<void(ScriptedServer&)>& prepare = {}) {
  asio::io_context io;
  ScriptedServer server(io, std::move(replies), piece);
  if (prepare) { prepare(server); }
  KernelDialer dialer(io);
  return fetch(io, dialer, server.url(), options, [&] { server.stop(), io.stop(); });
}

/// Sends `request` as it is to a FileServer on `directory` and returns everything that comes back until the end.
inline std::string ask(const std::string& directory, const std::string& request, ServerLimits limits = {},
                       std::vector<AccessRecord>* log = nullptr, std::size_t piece = 1 << 20) {
  FileServer server(directory, limits, [log](const AccessRecord& r) {
    if (log != nullptr) { log->push_back(r); }
  });
  asio::io_context io;
  KernelListener listener(io);
  asio::co_spawn(io, server.serve(listener), asio::detached);
  std::string reply;
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> {
        tcp::socket socket(io);
        co_await socket.async_connect({asio::ip::address_v4::loopback(), listener.port()}, asio::use_awaitable);
        socket.set_option(tcp::no_delay(true));
        for (std::size_t at = 0; at < request.size(); at += piece) {
          const auto part = std::string_view{request}.substr(at, piece);
          const auto [failed, n] =
              co_await asio::async_write(socket, asio::buffer(part.data(), part.size()), kAwaitTuple);
          if (failed) { break; }
        }
        error_code ignored;
        socket.shutdown(tcp::socket::shutdown_send, ignored);
        for (;;) {
          char buffer[65536];
          const auto [failed, n] = co_await socket.async_read_some(asio::buffer(buffer), kAwaitTuple);
          reply.append(buffer, n);
          if (failed) { break; }
        }
        listener.close();
      },
      asio::detached);
  io.run_for(std::chrono::seconds{20});
  return reply;
}

inline std::string get(const std::string& target, const std::string& fields = "", const std::string& method = "GET") {
  return method + " " + target + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}
inline unsigned status_of(const std::string& reply) {
  return reply.size() < 12 ? 0 : static_cast<unsigned>(std::stoul(reply.substr(9, 3)));
}
inline std::string body_of(const std::string& reply) {
  const std::size_t at = reply.find("\r\n\r\n");
  return at == std::string::npos ? "" : reply.substr(at + 4);
}

}  // namespace anabranch::apps::loopback
