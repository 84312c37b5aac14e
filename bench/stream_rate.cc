// How fast a Stream carries bytes from memory to memory: `stream_rate serve <port>` in one namespace, `stream_rate send
// <address:port> <seconds> [tcp]` in another, each pinned to a core by the caller. Both ends copy and look at each byte
// as applications do. Interfaces: all that are up.
#include "api/acceptor.hh"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {
using namespace anabranch;
namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

asio::awaitable<void> serve(Context context, std::uint16_t port) {
  auto acceptor = Acceptor::listen(context, {.port = port}).value();
  Stream stream = co_await acceptor.async_accept(asio::use_awaitable);
  std::vector<std::uint8_t> block(256 << 10);
  boost::system::error_code error;
  std::uint64_t total = 0;
  while (!error) {
    total += co_await stream.async_read_some(asio::buffer(block), asio::redirect_error(asio::use_awaitable, error));
  }
  std::printf("received %llu bytes, %s\n", static_cast<unsigned long long>(total), error.message().c_str());
  stream.close();
  co_await context.async_drain({1'000'000'000}, asio::use_awaitable);
  const auto& t = context.runtime()->totals();
  std::printf("wakeups %llu, batches in %llu, frames in %llu, mean %.0f bytes\n",
              static_cast<unsigned long long>(t.wakeups), static_cast<unsigned long long>(t.batches_in),
              static_cast<unsigned long long>(t.frames_in), double(t.bytes_in) / double(t.frames_in));
  context.stop();
}

asio::awaitable<void> send(Context context, SocketAddress to, double seconds, bool multipath) {
  Stream stream{context};
  ConnectOptions options;
  options.config.emplace().multipath = multipath;
  co_await stream.async_connect(to, options, asio::use_awaitable);
  const std::vector<std::uint8_t> block(256 << 10, 0x5a);
  const auto start = Clock::now();
  const auto end = start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  std::uint64_t total = 0;
  while (Clock::now() < end) { total += co_await asio::async_write(stream, asio::buffer(block), asio::use_awaitable); }
  const double took = std::chrono::duration<double>(Clock::now() - start).count();
  const auto info = stream.info().value();
  std::printf("%.2f Gb/s as %s on %zu subflows\n", double(info.bytes_acknowledged) * 8e-9 / took,
              std::string{name(info.protocol)}.c_str(), info.subflows.size());
  for (const auto& s : info.subflows) {
    std::printf("  %s: sent %llu, retransmits %llu, window %llu, srtt %.3f ms\n", to_text(s.local).c_str(),
                static_cast<unsigned long long>(s.bytes_sent), static_cast<unsigned long long>(s.retransmits),
                static_cast<unsigned long long>(s.window.n), milliseconds(s.srtt));
  }
  stream.close();
  co_await context.async_drain({1'000'000'000}, asio::use_awaitable);
  context.stop();
}
}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) { return 2; }
  asio::io_context io{1};
  const bool server = std::string{argv[1]} == "serve";
  auto context = Context::open(io, {});
  if (!context) {
    std::fprintf(stderr, "%s\n", context.error().text.c_str());
    return 1;
  }
  if (server) {
    asio::co_spawn(io, serve(*context, static_cast<std::uint16_t>(std::atoi(argv[2]))), asio::detached);
  } else {
    const bool tcp = argc > 4 && std::string{argv[4]} == "tcp";
    asio::co_spawn(io, send(*context, *socket_address_from_text(argv[2]), argc > 3 ? std::atof(argv[3]) : 2, !tcp),
                   asio::detached);
  }
  io.run();
}
