// anabranch perf: how fast, from memory to memory, this stack or the kernel's at either end.
#include "apps/lab_perf.hh"

#include "api/acceptor.hh"
#include "apps/command.hh"
#include "apps/http_failure.hh"
#include "apps/path_transport.hh"

#include <CLI/CLI.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <cstdio>
#include <fmt/format.h>

namespace anabranch::apps {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;
constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr Duration kDrain{2'000'000'000};

Context open(asio::io_context& io, const PerfOptions& options) {
  ContextOptions wanted;
  wanted.interfaces = options.paths.paths;
  wanted.pcapng = options.paths.pcap;
  wanted.busy_poll = options.busy_poll;
  wanted.connection = connection_config(options.paths);
  auto context = Context::open(io, std::move(wanted));
  if (!context) { throw Failure(Exit::interface, context.error().text); }
  return *std::move(context);
}

[[noreturn]] void complain(const char* doing, const boost::system::error_code& error) {
  throw Failure(Exit::network, fmt::format("{}: {}", doing, error.message()));
}

asio::awaitable<PerfResult> send_all(Context context, const PerfOptions& options) {
  Stream stream{context};
  const auto [refused] = co_await stream.async_connect(options.remote, kTuple);
  if (refused) { complain("connect", refused); }
  const std::vector<std::uint8_t> block(kPerfBlock, 0x5a);
  const auto end = Clock::now() + std::chrono::duration<double>(options.seconds);
  while (Clock::now() < end) {
    const auto [error, taken] = co_await stream.async_write_some(asio::buffer(block), kTuple);
    if (error) { complain("send", error); }
  }
  boost::system::error_code ignored;
  stream.shutdown_send(ignored);
  std::uint8_t rest = 0;  // until the receiver has everything and closes
  while (!std::get<0>(co_await stream.async_read_some(asio::buffer(&rest, 1), kTuple))) {}
  stream.close();
  co_await context.async_drain(kDrain, kTuple);
  co_return PerfResult{};
}

/// The bytes where they lie, or copied into a buffer as a socket would.
asio::awaitable<boost::system::error_code> receive_some(Stream& stream, bool copy, std::vector<std::uint8_t>& block,
                                                        PerfResult& result) {
  if (copy) {
    const auto [error, got] = co_await stream.async_read_some(asio::buffer(block), kTuple);
    result.bytes += got;
    result.sum += look_at(std::span{block}.first(got));
    co_return error;
  }
  boost::system::error_code error;
  const Chain chain = stream.take(Bytes{kPerfBlock}, error);
  if (error == asio::error::would_block) {
    const auto [failed] = co_await stream.async_wait_readable(kTuple);
    co_return failed;
  }
  result.bytes += chain.size().n;
  for (const Slice& slice : chain.slices()) { result.sum += look_at(slice.bytes()); }
  co_return error;
}

asio::awaitable<PerfResult> receive_all(Context context, const PerfOptions& options) {
  AcceptOptions wanted;
  wanted.port = options.remote.port;
  wanted.backlog = 1;
  auto acceptor = Acceptor::listen(context, wanted);
  if (!acceptor) { throw Failure(Exit::network, acceptor.error().text); }
  auto [refused, stream] = co_await acceptor->async_accept(kTuple);
  if (refused) { complain("accept", refused); }
  PerfResult result;
  std::vector<std::uint8_t> block(options.copy ? kPerfBlock : 0);
  auto began = Clock::now();
  while (true) {
    const bool first = result.bytes == 0;
    const auto error = co_await receive_some(stream, options.copy, block, result);
    if (first && result.bytes != 0) { began = Clock::now(); }
    if (error == asio::error::eof) { break; }
    if (error) { complain("receive", error); }
  }
  result.seconds = std::chrono::duration<double>(Clock::now() - began).count();
  if (const auto info = stream.info()) {
    result.protocol = name(info->protocol);
    if (info->version) { result.version = static_cast<int>(*info->version); }
  }
  stream.close();
  co_await context.async_drain(kDrain, kTuple);
  co_return result;
}

using Work = asio::awaitable<PerfResult> (*)(Context, const PerfOptions&);

/// Runs one coroutine to its end, with a context of its own.
PerfResult run_with_context(const PerfOptions& options, Work work) {
  asio::io_context io(1);
  const Context context = open(io, options);
  std::exception_ptr failed;
  PerfResult result;
  asio::co_spawn(io, work(context, options), [&](std::exception_ptr thrown, PerfResult its) {
    failed = thrown;
    result = std::move(its);
    Context{context}.stop();
  });
  io.run();
  if (failed) { std::rethrow_exception(failed); }
  return result;
}

void print(const PerfResult& result) {
  const double rate = result.seconds > 0 ? static_cast<double>(result.bytes) * 8 / result.seconds / 1e9 : 0;
  const std::string version = result.version ? fmt::format("{}", *result.version) : "null";
  fmt::print(R"({{"protocol":"{}","version":{},"bytes":{},"seconds":{:.6f},"gigabits_per_second":{:.3f},"sum":{}}})"
             "\n",
             result.protocol, version, result.bytes, result.seconds, rate, result.sum);
  std::fflush(stdout);
}

void serve(const PerfOptions& options) {
  print(options.kernel ? kernel_receive(options) : run_with_context(options, receive_all));
}

void send(const PerfOptions& options) {
  if (options.kernel) { return kernel_send(options); }
  run_with_context(options, send_all);
}

void add_common(CLI::App& command, PerfOptions& options) {
  command.add_flag("--kernel", options.kernel, "The kernel's sockets instead of this stack");
  command.add_flag("--busy-poll", options.busy_poll, "Never sleep (this stack)");
  add_path_options(command, options.paths);
}

}  // namespace

void add_perf(CLI::App& app) {
  auto options = std::make_shared<PerfOptions>();
  auto where = std::make_shared<std::string>();
  CLI::App* perf = app.add_subcommand("perf", "Measure bulk transfer, this stack or the kernel's at either end");
  perf->require_subcommand(1);

  CLI::App* server = perf->add_subcommand("server", "Receive one connection, print what came as JSON");
  server->add_option("-p,--port", options->remote.port, "Listen on this TCP port")->required()->option_text("N");
  server->add_flag("--copy", options->copy, "Read into a buffer, not in place (this stack)");
  add_common(*server, *options);
  server->callback([options] { serve(*options); });

  CLI::App* client = perf->add_subcommand("client", "Connect and send as fast as it goes");
  client->add_option("ADDRESS", *where, "Address and port: 10.0.0.1:5000, [fd00::1]:5000")
      ->required()
      ->option_text(" ");
  client->add_option("-t,--seconds", options->seconds, "How long")->option_text("S [3]")->check(CLI::Range(0.01, 1e6));
  add_common(*client, *options);
  client->callback([options, where] {
    const auto remote = socket_address_from_text(*where);
    if (!remote) {
      throw Failure(Exit::usage, fmt::format("bad address '{}': write for example 10.0.0.1:5000", *where));
    }
    options->remote = *remote;
    send(*options);
  });
}

}  // namespace anabranch::apps
