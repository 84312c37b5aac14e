// anabranch get: a download over every path there is.
#include "api/stream.hh"
#include "apps/command.hh"
#include "apps/get_report.hh"
#include "apps/http_client.hh"
#include "apps/http_file.hh"
#include "apps/path_options.hh"
#include "apps/path_transport.hh"

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <cstdio>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace anabranch::apps {
namespace {

using namespace std::chrono_literals;

struct GetOptions {
  std::string url, output, cacert, plot;
  bool json = false, quiet = false, insecure = false, only_v4 = false, only_v6 = false;
  double connect_timeout = 30, max_time = 0, stall_timeout = 60;
  PathOptions paths;
};

std::chrono::nanoseconds duration_of(double seconds) {
  return std::chrono::nanoseconds{static_cast<std::int64_t>(seconds * 1e9)};
}

// --- connecting

class PathDialer final : public Dialer {
 public:
  PathDialer(Context context, const GetOptions& options) : context_(std::move(context)), options_(options) {}

  asio::awaitable<std::unique_ptr<Transport>> dial(std::span<const SocketAddress> remotes, const Url& url) override {
    const std::vector<SocketAddress> to = reachable(remotes);
    const SocketAddress& remote = to.front();
    NamedStream stream(Stream(context_), context_);
    connecting_ = &stream;
    // With a name: GCC 12 destroys an aggregate that is a temporary of a co_await expression twice.
    const ConnectOptions wanted{.interfaces = options_.paths.paths,
                                .config = {},
                                .remotes = {to.begin() + 1, to.end()},
                                .race = {.on = races()},
                                .fast_open = options_.paths.fast_open};
    const auto [error] = co_await stream.async_connect(remote, wanted, kAwaitTuple);
    connecting_ = nullptr;
    if (error) { throw Failure(Exit::network, fmt::format("{}: {}", to_text(remote), explain(error))); }
    if (!url.tls) { co_return std::make_unique<AsioTransport<NamedStream>>(std::move(stream)); }
    auto secured = std::make_unique<TlsTransport<NamedStream>>(std::move(stream), tls_context());
    securing_ = secured.get();
    const struct Forget {
      Transport*& it;
      ~Forget() { it = nullptr; }
    } forget{securing_};
    co_await secured->handshake(url.host, !address_from_text(url.host), !options_.insecure);
    co_return secured;
  }
  bool races() const override { return !options_.paths.no_race; }
  void abort() override {
    if (connecting_ != nullptr) { connecting_->abort(); }
    if (securing_ != nullptr) { securing_->abort(); }
  }

 private:
  /// Those that an interface leads to, in the order to try them. None: said at once and with names, instead of after a
  /// time-out.
  std::vector<SocketAddress> reachable(std::span<const SocketAddress> remotes) const {
    const Network& network = context_.network();
    std::vector<SocketAddress> out;
    for (const SocketAddress& remote : stack::interleave(remotes.first(races() ? remotes.size() : 1))) {
      if (!interfaces_towards(network, remote.address).empty()) { out.push_back(remote); }
    }
    if (!out.empty()) { return out; }
    std::string names;
    for (const Interface& one : network.interfaces) { names += (names.empty() ? "" : ", ") + one.name; }
    const Address& first = remotes.front().address;
    throw Failure(Exit::network,
                  fmt::format("no usable interface leads to {} (looked at: {}): check that one is up and has an IPv{} "
                              "address and a route",
                              to_text(first), names.empty() ? "none" : names, first.family == Family::v4 ? 4 : 6));
  }

  asio::ssl::context& tls_context() {
    if (tls_) { return *tls_; }
    tls_.emplace(asio::ssl::context::tls_client);
    SSL_CTX_set_min_proto_version(tls_->native_handle(), TLS1_2_VERSION);
    error_code error;
    if (options_.cacert.empty()) {
      tls_->set_default_verify_paths(error);
    } else {
      tls_->load_verify_file(options_.cacert, error);
    }
    if (error) {
      throw Failure(Exit::tls, fmt::format("cannot read certificates from {}: {}",
                                           options_.cacert.empty() ? "the system" : options_.cacert, error.message()));
    }
    return *tls_;
  }

  Context context_;
  const GetOptions& options_;
  std::optional<asio::ssl::context> tls_;
  Stream* connecting_ = nullptr;
  Transport* securing_ = nullptr;
};

// --- keeping

class FileSink final : public BodySink {
 public:
  explicit FileSink(std::string path) : path_(std::move(path)) {}
  void begin(const Url&, const ResponseHead&) override { file_.emplace(path_); }
  void write(std::string_view bytes) override {
    digest_.add(bytes);
    file_->write(bytes);
  }
  std::string commit() {
    file_->commit();
    file_.reset();
    return digest_.hex();
  }

 private:
  const std::string path_;
  std::optional<PartFile> file_;
  Digest digest_;
};

// --- watching

/// Samples for the plot at 10 Hz, lines on a terminal at 5 Hz.
class Watcher {
 public:
  Watcher(asio::io_context& io, const Fetch& fetch, bool live) : timer_(io), fetch_(fetch), live_(live) { next(); }

  void stop() {
    stopped_ = true;
    timer_.cancel();
    erase();
  }
  void sample_last() {
    const FetchState& state = fetch_.state();
    timeline_.add(seconds_of(state), state.link);
  }
  const Timeline& timeline() const { return timeline_; }

 private:
  void next() {
    timer_.expires_after(100ms);
    timer_.async_wait([this](error_code error) {
      if (error || stopped_) { return; }
      sample();
      next();
    });
  }
  void sample() {
    const FetchState& state = fetch_.state();
    if (state.transport == nullptr) { return; }
    const LinkReport link = state.transport->report();
    const auto since = FetchState::Clock::now() - state.began;
    timeline_.add(std::chrono::duration<double>(since).count(), link);
    ticks_ += 1;
    if (live_ && ticks_ % 2 == 0) { draw(progress_lines(state, link, timeline_, width())); }
  }
  static std::size_t width() {
    winsize size{};
    return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col - 1u : 79u;
  }
  void erase() {
    if (drawn_ != 0) { fmt::print(stderr, "\x1b[{}A\x1b[J", drawn_); }  // up, and clear to the end of the screen
    drawn_ = 0;
    std::fflush(stderr);
  }
  void draw(const std::vector<std::string>& lines) {
    std::string out;
    if (drawn_ != 0) { out = fmt::format("\x1b[{}A", drawn_); }
    for (const std::string& line : lines) { out += line + "\x1b[K\n"; }
    std::fputs(out.c_str(), stderr);
    std::fflush(stderr);
    drawn_ = lines.size();
  }

  asio::steady_timer timer_;
  const Fetch& fetch_;
  const bool live_;
  Timeline timeline_;
  unsigned ticks_ = 0;
  std::size_t drawn_ = 0;
  bool stopped_ = false;
};

// --- the whole

/// What became of it: a failure, a signal, or neither.
struct Ending {
  std::optional<Failure> failure;
  int signal = 0;
};

asio::awaitable<void> drive(Fetch& fetch, Url url, Watcher& watcher, Context context, Ending& ending) {
  try {
    co_await fetch.run(std::move(url));
    watcher.sample_last();
  } catch (const Failure& failure) { ending.failure.emplace(failure); } catch (const std::exception& e) {
    ending.failure.emplace(Exit::internal, e.what());
  }
  watcher.stop();
  // Closing handshakes take a round trip or two; a peer that does not answer is not waited for.
  co_await context.async_drain(ending.failure ? Duration{100'000'000} : Duration{1'000'000'000}, kAwaitTuple);
  context.stop();
}

void write_plot(const std::string& path, const std::string& json) {
  PartFile file(path);
  file.write(json);
  file.commit();
}

void print(std::FILE* to, const std::string& text) {
  if (std::fputs(text.c_str(), to) < 0 || std::fflush(to) != 0) {
    throw Failure(Exit::file, "cannot write the report to standard output");
  }
}

void report(const GetOptions& options, const GetResult& result) {
  if (options.json) { return print(stdout, result_json(result)); }
  if (!options.quiet) { print(options.output == "-" ? stderr : stdout, result_text(result)); }
}

FetchOptions fetch_options(const GetOptions& options) {
  FetchOptions fetch;
  fetch.connect_timeout = duration_of(options.connect_timeout);
  fetch.max_time = duration_of(options.max_time);
  fetch.stall_timeout = duration_of(options.stall_timeout);
  if (options.only_v4) { fetch.family = Family::v4; }
  if (options.only_v6) { fetch.family = Family::v6; }
  fetch.user_agent = "anabranch/" ANABRANCH_VERSION;
  return fetch;
}

/// Returns the exit status; throws Failure.
int get(GetOptions options) {
  const Url url = parse_url(options.url);
  if (options.output.empty()) { options.output = file_name(url); }
  if (options.output == "-" && options.json) {
    throw Failure(Exit::usage, "--json and -o - both want standard output: give a file with -o");
  }
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error of write()
  asio::io_context io(1);
  const Context context = open_context(io, options.paths, {});
  PathDialer dialer(context, options);
  FileSink sink(options.output);
  Fetch fetch(dialer, sink, fetch_options(options));
  Watcher watcher(io, fetch, ::isatty(STDERR_FILENO) == 1 && !options.quiet);
  Ending ending;
  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](error_code error, int number) {
    if (error) { return; }
    ending.signal = number;
    fetch.abort(Failure(Exit::internal,
                        fmt::format("stopped by {}, nothing was kept", number == SIGINT ? "Ctrl-C" : "SIGTERM")));
  });
  asio::co_spawn(io, drive(fetch, url, watcher, context, ending), [&](std::exception_ptr thrown) {
    signals.cancel();
    if (!thrown) { return; }
    Context{context}.stop();
    ending.failure.emplace(Exit::internal, "stopped by an unexpected error");
  });
  io.run();
  if (ending.failure) {
    if (ending.signal == 0) { throw Failure(*ending.failure); }
    fmt::print(stderr, "anabranch get: {}\n", ending.failure->what());
    return 128 + ending.signal;
  }
  const GetResult result{fetch.state(), sink.commit(), options.output};
  if (!options.plot.empty()) { write_plot(options.plot, watcher.timeline().to_json(fetch.state())); }
  report(options, result);
  return 0;
}

}  // namespace

void add_get(CLI::App& app) {
  auto options = std::make_shared<GetOptions>();
  CLI::App* command = app.add_subcommand("get", "Download a URL over all paths at once");
  command->add_option("URL", options->url, "http:// or https://")->required()->option_text(" ");
  command->add_option("-o,--output", options->output, "Write to FILE; - is standard output (default: the URL's name)")
      ->option_text("FILE");
  command->add_flag("--json", options->json, "Report as one JSON object on standard output");
  command->add_flag("-q,--quiet", options->quiet, "No progress and no report, errors only");
  command->add_option("--plot", options->plot, "Write bytes per subflow over time as JSON")->option_text("FILE");
  command->add_flag("-k,--insecure", options->insecure, "Do not check the server's certificate");
  command->add_option("--cacert", options->cacert, "Trust the authorities in this PEM file")->option_text("FILE");
  command->add_option("--connect-timeout", options->connect_timeout, "Seconds to connect")
      ->option_text("S [30]")
      ->check(CLI::Range(0.001, 1e6));
  command->add_option("--stall-timeout", options->stall_timeout, "Seconds without a byte")
      ->option_text("S [60]")
      ->check(CLI::Range(0.001, 1e6));
  command->add_option("--max-time", options->max_time, "Seconds for everything (default: no limit)")
      ->option_text("S")
      ->check(CLI::Range(0.0, 1e6));
  auto* v4 = command->add_flag("-4", options->only_v4, "IPv4 only")->option_text(" ");
  command->add_flag("-6", options->only_v6, "IPv6 only")->option_text(" ")->excludes(v4);
  add_path_options(*command, options->paths);
  command->callback([options] {
    if (const int status = get(*options); status != 0) { throw CLI::RuntimeError(status); }
  });
}

}  // namespace anabranch::apps
