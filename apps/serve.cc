// anabranch serve: files of a directory over Multipath TCP, to whoever speaks HTTP, with plain TCP where that is all.
#include "api/acceptor.hh"
#include "apps/command.hh"
#include "apps/http_server.hh"
#include "apps/path_options.hh"
#include "apps/path_transport.hh"
#include "base/address.hh"

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <fmt/format.h>

namespace anabranch::apps {
namespace {

struct ServeOptions {
  std::string directory;
  std::uint16_t port = 0;
  bool json_log = false;
  std::vector<std::string> announce;
  bool no_joins_here = false;
  std::string stateless{name(stack::Stateless::under_pressure)};
  PathOptions paths;
};

class PathListener final : public Listener {
 public:
  PathListener(Acceptor acceptor, Context context) : acceptor_(std::move(acceptor)), context_(std::move(context)) {}

  asio::awaitable<std::unique_ptr<Transport>> accept() override {
    if (closed_) { co_return nullptr; }
    auto [error, stream] = co_await acceptor_.async_accept(kAwaitTuple);
    if (closed_) { co_return nullptr; }
    if (error) { throw Failure(Exit::network, "no longer listening: " + error.message()); }
    co_return std::make_unique<AsioTransport<NamedStream>>(NamedStream(std::move(stream), context_));
  }
  void close() override {
    closed_ = true;
    acceptor_.close();
  }

 private:
  Acceptor acceptor_;
  Context context_;
  bool closed_ = false;
};

std::string time_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::string addresses_of(const Context& context, std::uint16_t port) {
  std::string out;
  for (const Interface& interface : context.network().interfaces) {
    for (const InterfaceAddress& own : interface.addresses) {
      if (own.address.is_link_local()) { continue; }  // there, but nobody writes such a URL
      out += (out.empty() ? "" : ", ") + to_text(SocketAddress{own.address, port});
    }
  }
  return out.empty() ? fmt::format("port {}, no address yet", port) : out;
}

Acceptor listen(const Context& context, const ServeOptions& options) {
  AcceptOptions wanted;
  wanted.port = options.port;
  wanted.interfaces = options.paths.paths;
  for (const std::string& text : options.announce) {
    const auto at = socket_address_from_text(text);
    if (!at || at->port == 0) { throw Failure(Exit::usage, "--announce wants ADDRESS:PORT, not " + text); }
    wanted.announce_at.push_back(*at);
  }
  wanted.config = connection_config(options.paths);
  wanted.config->no_joins_to_this_address = options.no_joins_here;
  wanted.stateless = from_name<stack::Stateless>(options.stateless).value_or(wanted.stateless);  // checked when parsed
  if (options.paths.fast_open) { wanted.fast_open = wanted.backlog; }  // requests only read: they may be repeated
  auto acceptor = Acceptor::listen(context, wanted);
  if (!acceptor) { throw Failure(Exit::network, acceptor.error().text); }
  return *std::move(acceptor);
}

/// What is needed until the last connection is over, and why it ended.
struct Running {
  FileServer& server;
  PathListener& listener;
  Context context;
  std::optional<Failure> failure;
};

asio::awaitable<void> drive(Running& running) {
  try {
    co_await running.server.serve(running.listener);
  } catch (const Failure& failure) { running.failure.emplace(failure); }
  running.server.abort();
  // So that peers hear of it before we are gone.
  co_await running.context.async_drain(Duration{500'000'000}, kAwaitTuple);
  running.context.stop();
}

int serve(const ServeOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);
  const auto log = [json = options.json_log](const AccessRecord& record) {
    fmt::print("{}\n", access_line(record, time_now(), json));
    std::fflush(stdout);
  };
  FileServer server(options.directory, {}, log);  // outlives the coroutines, which `io` may still hold at its end
  asio::io_context io(1);
  const Context context = open_context(io, options.paths, {});
  Acceptor acceptor = listen(context, options);
  fmt::print("listening on {}\n", addresses_of(context, acceptor.port()));
  std::fflush(stdout);
  PathListener listener(std::move(acceptor), context);
  Running running{server, listener, context, {}};
  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](error_code error, int) {
    if (!error) { running.listener.close(); }
  });
  asio::co_spawn(io, drive(running), [&](std::exception_ptr thrown) {
    signals.cancel();
    if (!thrown) { return; }
    running.context.stop();
    running.failure.emplace(Exit::internal, "stopped by an unexpected error");
  });
  io.run();
  if (running.failure) { throw Failure(*running.failure); }
  return 0;
}

}  // namespace

void add_serve(CLI::App& app) {
  auto options = std::make_shared<ServeOptions>();
  CLI::App* command = app.add_subcommand("serve", "Serve the files of a directory over HTTP");
  command->add_option("DIR", options->directory, "The directory")->required()->option_text(" ");
  command->add_option("-p,--port", options->port, "Listen on this TCP port; 0: any free one")
      ->required()
      ->option_text("N")
      ->check(CLI::Range(0, 65535));
  command->add_flag("--json-log", options->json_log, "The access log as JSON, one object a line");
  command->add_option("--announce", options->announce, "Take further subflows there too, and tell clients; repeat")
      ->option_text("ADDR:PORT");
  command->add_flag("--no-joins-here", options->no_joins_here,
                    "Tell clients to open no further subflows to the address they reached");
  command->add_option("--stateless", options->stateless, "Answer SYNs from no memory: never, under_pressure, always")
      ->option_text("WHEN")
      ->check(CLI::IsMember(std::vector<std::string>{"never", "under_pressure", "always"}));
  add_path_options(*command, options->paths);
  command->callback([options] { serve(*options); });
}

}  // namespace anabranch::apps
