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

asio::awaitable<void> send_all(Stream& stream, const PerfOptions& options) {
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

asio::awaitable<PerfResult> receive_all(Stream& stream, const PerfOptions& options) {
  ProgressLog log{options.samples};
  PerfResult result;
  std::vector<std::uint8_t> block(options.copy ? kPerfBlock : 0);
  auto began = Clock::now();
  while (true) {
    const std::uint64_t before = result.bytes;
    const auto error = co_await receive_some(stream, options.copy, block, result);
    if (before == 0 && result.bytes != 0) { began = Clock::now(); }
    if (result.bytes != before && !options.samples.empty()) { log.note(result.bytes, Clock::now()); }
    if (error == asio::error::eof) { break; }
    if (error) { complain("receive", error); }
  }
  result.seconds = std::chrono::duration<double>(Clock::now() - began).count();
  if (const auto info = stream.info()) {
    result.protocol = name(info->protocol);
    if (info->version) { result.version = static_cast<int>(*info->version); }
  }
  co_return result;
}

asio::awaitable<Stream> connect_to(const Context& context, const PerfOptions& options) {
  Stream stream{context};
  const ConnectOptions wanted{.interfaces = options.paths.paths, .race = {.on = !options.paths.no_race}};
  const auto [refused] = co_await stream.async_connect(options.remote, wanted, kTuple);
  if (refused) { complain("connect", refused); }
  co_return stream;
}

Acceptor listen(const Context& context, const PerfOptions& options) {
  AcceptOptions wanted;
  wanted.port = options.remote.port;
  wanted.backlog = 1;
  auto acceptor = Acceptor::listen(context, wanted);
  if (!acceptor) { throw Failure(Exit::network, acceptor.error().text); }
  return *std::move(acceptor);
}

asio::awaitable<PerfResult> transfer(Context context, const PerfOptions& options) {
  std::optional<Acceptor> acceptor;  // as long as the connection: joins need it
  Stream stream{context};
  if (options.listen) {
    acceptor.emplace(listen(context, options));
    auto [refused, accepted] = co_await acceptor->async_accept(kTuple);
    if (refused) { complain("accept", refused); }
    stream = std::move(accepted);
  } else {
    stream = co_await connect_to(context, options);
  }
  PerfResult result;
  if (options.sends()) {
    co_await send_all(stream, options);
  } else {
    result = co_await receive_all(stream, options);
  }
  stream.close();
  co_await context.async_drain(kDrain, kTuple);
  co_return result;
}

/// One transfer over this stack, with a context of its own.
PerfResult our_perf(const PerfOptions& options) {
  asio::io_context io(1);
  const Context context = open(io, options);
  std::exception_ptr failed;
  PerfResult result;
  asio::co_spawn(io, transfer(context, options), [&](std::exception_ptr thrown, PerfResult its) {
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

void measure(const PerfOptions& options) {
  const PerfResult result = options.kernel ? kernel_perf(options) : our_perf(options);
  if (!options.sends()) { print(result); }
}

void add_common(CLI::App& command, PerfOptions& options) {
  command.add_flag("--kernel", options.kernel, "The kernel's sockets instead of this stack");
  command.add_flag("--busy-poll", options.busy_poll, "Never sleep (this stack)");
  command.add_flag("-R,--reverse", options.reverse, "The server sends, the client receives; say it at both ends");
  command.add_option("-t,--seconds", options.seconds, "How long the sender goes on")
      ->option_text("S [3]")
      ->check(CLI::Range(0.01, 1e6));
  command.add_option("--samples", options.samples, "Receiver: write here what had come when, every millisecond")
      ->option_text("FILE");
  command.add_flag("--copy", options.copy, "Receiver: read into a buffer, not in place (this stack)");
  add_path_options(command, options.paths);
}

}  // namespace

void add_perf(CLI::App& app) {
  auto options = std::make_shared<PerfOptions>();
  auto where = std::make_shared<std::string>();
  CLI::App* perf = app.add_subcommand("perf", "Measure bulk transfer, this stack or the kernel's at either end");
  perf->require_subcommand(1);

  CLI::App* server = perf->add_subcommand("server", "Take one connection");
  server->add_option("-p,--port", options->remote.port, "Listen on this TCP port")->required()->option_text("N");
  add_common(*server, *options);
  server->callback([options] {
    options->listen = true;
    measure(*options);
  });

  CLI::App* client = perf->add_subcommand("client", "Connect; send as fast as it goes");
  client->add_option("ADDRESS", *where, "Address and port: 10.0.0.1:5000, [fd00::1]:5000")
      ->required()
      ->option_text(" ");
  add_common(*client, *options);
  client->callback([options, where] {
    const auto remote = socket_address_from_text(*where);
    if (!remote) {
      throw Failure(Exit::usage, fmt::format("bad address '{}': write for example 10.0.0.1:5000", *where));
    }
    options->remote = *remote;
    measure(*options);
  });
}

}  // namespace anabranch::apps
