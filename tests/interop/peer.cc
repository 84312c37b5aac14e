// interop_peer: our end of a connection in the hands of a test. One JSON object a line: options as the only argument,
// requests on standard input, answers on standard output. Requests run at the same time; a tag says which answer is whose.
#include "api/acceptor.hh"
#include "api/endpoint.hh"
#include "runtime/os_random.hh"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <csignal>
#include <fmt/format.h>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <openssl/evp.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace anabranch {
namespace {
namespace asio = boost::asio;
using boost::system::error_code;
using nlohmann::json;

/// The operating system's randomness, but for one chosen key: the next secret of a key's size.
class ChosenKey final : public Random {
 public:
  void choose(std::uint64_t key) { key_ = key; }
  std::uint64_t visible() override { return os_.visible(); }
  void secret(std::span<std::uint8_t> out) override {
    os_.secret(out);
    if (key_ == 0 || out.size() != sizeof key_) { return; }
    for (std::size_t i = 0; i < out.size(); ++i) { out[i] = static_cast<std::uint8_t>(key_ >> (56 - 8 * i)); }
    key_ = 0;  // the next connection needs another token
  }

 private:
  runtime::OsRandom os_;
  std::uint64_t key_ = 0;  ///< 0: none
};

std::string sha256(std::span<const std::uint8_t> bytes) {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
  std::string text;
  for (unsigned i = 0; i < size; ++i) { text += fmt::format("{:02x}", digest[i]); }
  return text;
}

std::string text_of(const error_code& error) {
  if (!error) { return ""; }
  if (error == asio::error::eof) { return "eof"; }
  return error.message();
}

SocketAddress address_of(const json& request) {
  return from_asio({asio::ip::make_address(request.at("address").get<std::string>()), request.at("port")});
}

json to_json(const mptcp::ConnectionInfo& info) {
  json out{{"protocol", name(info.protocol)},
           {"fallback", name(info.fallback_reason)},
           {"state", info.state},
           {"checksum", info.checksum},
           {"written", info.bytes_written},
           {"acknowledged", info.bytes_acknowledged},
           {"received", info.bytes_received},
           {"reinjected", info.bytes_reinjected},
           {"subflows", json::array()}};
  for (const mptcp::SubflowInfo& one : info.subflows) {
    out["subflows"].push_back({{"id", one.id.raw},
                               {"local", to_text(one.local)},
                               {"remote", to_text(one.remote)},
                               {"backup", one.backup},
                               {"state", one.state},
                               {"sent", one.bytes_sent},
                               {"received", one.bytes_received},
                               {"retransmits", one.retransmits},
                               {"ended_by", one.ended_by}});
  }
  return out;
}

ContextOptions context_options(const json& options, Random* random) {
  ContextOptions out;
  out.interfaces = options.value("interfaces", std::vector<std::string>{});
  out.ephemeral_ports = options.value("ephemeral_ports", 16u);
  out.random = random;
  mptcp::Config& connection = out.connection;
  connection.multipath = options.value("multipath", connection.multipath);
  connection.checksum = options.value("checksum", connection.checksum);
  connection.path_manager = options.value("path_manager", connection.path_manager);
  connection.scheduler = options.value("scheduler", connection.scheduler);
  connection.send_buffer = {options.value("send_buffer", connection.send_buffer.n)};
  connection.initial_send_buffer = connection.send_buffer;  // a story writes before its other end reads
  connection.receive_buffer = {options.value("receive_buffer", connection.receive_buffer.n)};
  connection.initial_receive_buffer = std::min(connection.initial_receive_buffer, connection.receive_buffer);
  connection.tcp.timestamps = options.value("timestamps", connection.tcp.timestamps);
  connection.tcp.sack = options.value("sack", connection.tcp.sack);
  connection.tcp.window_scaling = options.value("window_scaling", connection.tcp.window_scaling);
  out.super_segments = options.value("super_segments", out.super_segments);
  return out;
}

class Peer {
 public:
  Peer(asio::io_context& io, Context context, std::vector<std::uint8_t> data)
      : io_{io},
        context_{std::move(context)},
        data_{std::move(data)},
        input_{io, ::dup(STDIN_FILENO)} {}

  /// Until the end of standard input.
  asio::awaitable<void> serve() {
    std::string buffer;
    for (;;) {
      error_code error;
      const std::size_t size = co_await asio::async_read_until(input_, asio::dynamic_buffer(buffer), '\n',
                                                               asio::redirect_error(asio::use_awaitable, error));
      if (error) { break; }
      json request = json::parse(buffer.substr(0, size));
      buffer.erase(0, size);
      asio::co_spawn(io_, carry_out(std::move(request)), asio::detached);
    }
    streams_.clear();
    acceptor_.reset();
    context_.stop();
    io_.stop();
  }

 private:
  asio::awaitable<void> carry_out(json request) {
    json answer;
    try {
      answer = co_await perform(request);
    } catch (const std::exception& e) { answer = json{{"broken", e.what()}}; }
    answer["tag"] = request.at("tag");
    std::cout << answer.dump() << std::endl;
  }

  asio::awaitable<json> perform(const json& request) {
    const auto verb = request.at("do").get<std::string>();
    const auto name = request.value("stream", std::string{"a"});
    if (verb == "listen") { co_return listen(request); }
    if (verb == "counters") { co_return counters(); }
    if (verb == "connect") { co_return co_await connect(request, name); }
    if (verb == "accept") { co_return co_await accept(name); }
    if (verb == "drain") { co_return co_await drain(request); }
    if (verb == "unlisten") {
      acceptor_.reset();
      co_return json::object();
    }
    Stream& stream = streams_.at(name);
    if (verb == "write") { co_return co_await write(stream, request); }
    if (verb == "read") { co_return co_await read(stream, request); }
    if (verb == "wait") { co_return co_await wait(stream, request); }
    co_return at_once(verb, name, stream, request);
  }

  /// Verbs that need no waiting.
  json at_once(const std::string& verb, const std::string& name, Stream& stream, const json& request) {
    if (verb == "info") {
      const auto info = stream.info();
      return info ? to_json(*info) : json{{"error", "closed"}};
    }
    if (verb == "finish") {
      error_code error;
      stream.shutdown_send(error);
      return json{{"error", text_of(error)}};
    }
    if (verb == "set_backup") {
      return said(stream.set_backup({request.at("subflow")}, request.at("backup").get<bool>()));
    }
    if (verb == "close_subflow") { return said(stream.close_subflow({request.at("subflow")})); }
    if (verb == "abort") {
      stream.abort();
    } else if (verb == "close") {
      stream.close();
      streams_.erase(name);
    } else {
      throw std::runtime_error{"no verb " + verb};
    }
    return json::object();
  }
  static json said(const Status& status) { return json{{"error", status ? "" : status.error().what}}; }

  json listen(const json& request) {
    AcceptOptions options;
    options.port = request.at("port");
    options.announce = request.value("announce", true);
    auto acceptor = Acceptor::listen(context_, options);
    if (!acceptor) { return json{{"error", acceptor.error().text}}; }
    acceptor_ = std::make_unique<Acceptor>(std::move(*acceptor));
    return json{{"error", ""}};
  }

  asio::awaitable<json> connect(const json& request, const std::string& name) {
    Stream& stream = streams_.emplace(name, Stream{context_}).first->second;
    const SocketAddress remote = address_of(request);
    ConnectOptions options;
    options.interfaces = request.value("interfaces", std::vector<std::string>{});
    error_code error;
    co_await stream.async_connect(remote, options, asio::redirect_error(asio::use_awaitable, error));
    co_return json{{"error", text_of(error)}};
  }

  asio::awaitable<json> accept(const std::string& name) {
    error_code error;
    Stream stream = co_await acceptor_->async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (!error) { streams_.insert_or_assign(name, std::move(stream)); }
    co_return json{{"error", text_of(error)}};
  }

  asio::awaitable<json> drain(const json& request) {
    const Duration limit{static_cast<std::int64_t>(request.at("seconds").get<double>() * 1e9)};
    const bool settled = co_await context_.async_drain(limit, asio::use_awaitable);
    co_return json{{"settled", settled}};
  }

  /// `bytes` of the data from position `at` on; all taken when it answers.
  asio::awaitable<json> write(Stream& stream, const json& request) {
    const std::span<const std::uint8_t> bytes =
        std::span{data_}.subspan(request.at("at").get<std::size_t>(), request.at("bytes").get<std::size_t>());
    const asio::const_buffer buffer{bytes.data(), bytes.size()};
    error_code error;
    const std::size_t n = co_await asio::async_write(stream, buffer, asio::redirect_error(asio::use_awaitable, error));
    co_return json{{"bytes", n}, {"error", text_of(error)}};
  }

  /// Until so many bytes were read, or an end or error came first.
  asio::awaitable<json> read(Stream& stream, const json& request) {
    std::vector<std::uint8_t> got(request.at("bytes").get<std::size_t>());
    std::size_t size = 0;
    error_code error;
    while (size < got.size() && !error) {
      const asio::mutable_buffer buffer{got.data() + size, got.size() - size};
      size += co_await stream.async_read_some(buffer, asio::redirect_error(asio::use_awaitable, error));
    }
    co_return json{{"bytes", size}, {"error", text_of(error)}, {"sha256", sha256(std::span{got}.first(size))}};
  }

  /// Until the number of subflows in a state is as wanted, or a subflow or the connection is.
  asio::awaitable<json> wait(Stream& stream, const json& request) {
    const auto state = request.value("state", std::string{"active"});
    const auto wanted = request.at("count").get<std::size_t>();
    asio::steady_timer timer{io_};
    for (int i = 0; i < 2500; ++i) {
      const auto info = stream.info();
      std::size_t count = 0;
      if (info) {
        for (const auto& one : info->subflows) { count += one.state == state ? 1 : 0; }
        if (count == wanted) { co_return to_json(*info); }
      }
      timer.expires_after(std::chrono::milliseconds{2});
      co_await timer.async_wait(asio::use_awaitable);
    }
    co_return json{{"error", fmt::format("never {} subflows {}", wanted, state)}};
  }

  json counters() {
    json out = json::object();
    const stack::Counters& all = context_.counters();
    for (std::size_t i = 0; i < stack::Counters::size(); ++i) {
      const auto which = static_cast<stack::Counter>(i);
      if (all[which] != 0) { out[std::string{name(which)}] = all[which]; }
    }
    return out;
  }

  asio::io_context& io_;
  Context context_;
  std::vector<std::uint8_t> data_;
  asio::posix::stream_descriptor input_;
  std::unique_ptr<Acceptor> acceptor_;
  std::map<std::string, Stream> streams_;
};

int run(const json& options) {
  std::ifstream file{options.at("data").get<std::string>(), std::ios::binary};
  std::vector<std::uint8_t> data{std::istreambuf_iterator<char>{file}, {}};
  ChosenKey random;
  asio::io_context io{1};
  auto context = Context::open(io, context_options(options, &random));
  if (!context) {
    std::cout << json{{"tag", 0}, {"error", context.error().text}}.dump() << std::endl;
    return 1;
  }
  std::cout << json{{"tag", 0}, {"error", ""}}.dump() << std::endl;
  random.choose(std::stoull(options.value("key", std::string{"0"}), nullptr, 16));  // what comes first is hash secrets
  Peer peer{io, std::move(*context), std::move(data)};
  asio::co_spawn(io, peer.serve(), asio::detached);
  io.run();
  return 0;
}
}  // namespace
}  // namespace anabranch

int main(int argc, char** argv) {
  // Whatever becomes of the suite: nobody stays behind.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  alarm(120);
  try {
    return anabranch::run(argc > 1 ? nlohmann::json::parse(argv[1]) : nlohmann::json::object());
  } catch (const std::exception& e) {
    std::cerr << "interop_peer: " << e.what() << "\n";
    return 2;
  }
}
