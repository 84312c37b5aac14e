#include "apps/http_client.hh"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstddef>
#include <cstring>
#include <fmt/format.h>
#include <mutex>
#include <netdb.h>
#include <netinet/in.h>
#include <thread>

namespace anabranch::apps {
namespace {

using std::chrono::seconds;

constexpr std::size_t kBuffer = 256 * 1024;
/// How long the end of the connection is waited for after a complete body, only to see whether more comes.
constexpr auto kLinger = std::chrono::milliseconds{500};

bool is_redirect(unsigned status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string request_for(const Url& url, const std::string& user_agent) {
  return fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: {}\r\nAccept: */*\r\nAccept-Encoding: identity\r\n"
      "Connection: close\r\n\r\n",
      url.target, host_field(url), user_agent);
}

[[noreturn]] void fail_status(const ResponseHead& head, const Url& url) {
  std::string_view advice = "";
  if (head.status == 404 || head.status == 410) { advice = ": check the path"; }
  if (head.status == 401 || head.status == 403) { advice = ": it wants credentials or refuses you"; }
  if (head.status == 429 || head.status >= 500) { advice = ": try again later"; }
  std::string reason;
  for (const char c : head.reason) { reason += c >= 0x20 && c < 0x7f ? c : '?'; }  // it goes to a terminal
  throw Failure(Exit::http, fmt::format("the server answers {}{}{} for {}{}", head.status, reason.empty() ? "" : " ",
                                        reason, to_text(url), advice));
}

struct NamesFound {
  std::vector<Address> addresses;
  std::string error;
};

/// getaddrinfo blocks for as long as it likes and cannot be interrupted. It gets a thread of its own, which nobody waits
/// for: a look-up that was given up must hold up neither Ctrl-C nor a time limit. (Asio's resolver joins its thread.)
struct LookUp {
  std::mutex mutex;
  std::optional<asio::any_io_executor> executor;  ///< none: nobody waits any more, and the loop may be gone
  std::weak_ptr<asio::steady_timer> done;         ///< to be cancelled when there is a result; locked on the loop only
  std::optional<NamesFound> found;
};

NamesFound get_names(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  NamesFound out;
  if (const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &list); error != 0) {
    out.error = ::gai_strerror(error);
    return out;
  }
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(entry->ai_addr);
    if (entry->ai_family == AF_INET) {
      out.addresses.push_back(Address::of(Family::v4, std::span{bytes + offsetof(sockaddr_in, sin_addr), 4}));
    } else if (entry->ai_family == AF_INET6) {
      out.addresses.push_back(Address::of(Family::v6, std::span{bytes + offsetof(sockaddr_in6, sin6_addr), 16}));
    }
  }
  ::freeaddrinfo(list);
  return out;
}

/// Nothing when `done` was cancelled by somebody else.
asio::awaitable<std::optional<NamesFound>> look_up_name(std::shared_ptr<asio::steady_timer> done, std::string host) {
  const auto looking = std::make_shared<LookUp>();
  looking->executor = done->get_executor();
  looking->done = done;
  std::thread([looking, host] {
    NamesFound found = get_names(host);
    const std::lock_guard lock(looking->mutex);
    if (!looking->executor) { return; }
    looking->found = std::move(found);
    asio::post(*looking->executor, [weak = looking->done] {
      if (const auto timer = weak.lock()) { timer->cancel(); }
    });
  }).detach();
  co_await done->async_wait(asio::as_tuple(asio::use_awaitable));
  const std::lock_guard lock(looking->mutex);
  looking->executor.reset();
  co_return std::move(looking->found);
}

}  // namespace

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::string_view kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  if (bytes < 1000) { return fmt::format("{} B", bytes); }
  double amount = static_cast<double>(bytes);
  std::size_t unit = 0;
  // 999.95 would print as 1000.0.
  while (amount >= 999.95 && unit + 1 < std::size(kUnits)) {
    amount /= 1000;
    unit += 1;
  }
  return fmt::format("{:.1f} {}", amount, kUnits[unit]);
}

std::string explain(const error_code& error) {
  namespace e = asio::error;
  if (error == e::connection_refused) { return "connection refused: is a server listening on that port?"; }
  if (error == e::timed_out) { return "timed out: no answer on any path"; }
  if (error == e::host_unreachable || error == e::network_unreachable) {
    return "no usable path: no interface leads there (check addresses and routes, or --path)";
  }
  if (error == e::connection_reset || error == e::broken_pipe) {
    return "connection reset by the server or something on the way: try again";
  }
  if (error == asio::error::operation_aborted) { return "aborted"; }
  return error.message();
}

Fetch::Fetch(Dialer& dialer, BodySink& sink, FetchOptions options)
    : dialer_(dialer),
      sink_(sink),
      options_(std::move(options)),
      buffer_(kBuffer) {}
Fetch::~Fetch() = default;

void Fetch::abort(Failure why) {
  if (aborted_) { return; }
  aborted_.emplace(std::move(why));
  dialer_.abort();
  if (transport_ != nullptr) { transport_->abort(); }
  if (abort_look_up_) { abort_look_up_(); }
}

void Fetch::check_aborted() const {
  if (aborted_) { throw Failure(*aborted_); }
}

asio::awaitable<void> Fetch::run(Url url) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  Watchdog limit(executor, [this] {
    abort(Failure(Exit::network,
                  fmt::format("not complete after {} s (--max-time), {} had arrived",
                              std::chrono::duration<double>(options_.max_time).count(), human_bytes(state_.bytes))));
  });
  if (options_.max_time.count() > 0) { limit.rearm(options_.max_time); }
  for (unsigned hops = 0;; ++hops) {
    std::optional<Url> next = co_await exchange(url);
    if (!next) { co_return; }
    if (hops == options_.max_redirects) {
      throw Failure(Exit::http,
                    fmt::format("more than {} redirects, the last one to {}: the server sends us in circles",
                                options_.max_redirects, to_text(*next)));
    }
    if (url.tls && !next->tls) {
      throw Failure(Exit::http,
                    fmt::format("the server redirects from https to {}: not followed, ask for that URL if you "
                                "want it without TLS",
                                to_text(*next)));
    }
    url = *std::move(next);
  }
}

asio::awaitable<std::vector<SocketAddress>> Fetch::look_up(const Url& url) {
  if (const auto literal = address_from_text(url.host)) {
    if (options_.family && literal->family != *options_.family) {
      throw Failure(Exit::usage, fmt::format("{} is not an address of the family asked for with -4 or -6", url.host));
    }
    co_return std::vector{SocketAddress{*literal, url.port}};
  }
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto done = std::make_shared<asio::steady_timer>(executor, asio::steady_timer::time_point::max());
  abort_look_up_ = [&done] { done->cancel(); };
  Watchdog limit(executor, abort_look_up_);
  limit.rearm(options_.connect_timeout);
  const std::optional<NamesFound> found = co_await look_up_name(done, url.host);
  limit.disarm();
  abort_look_up_ = nullptr;
  check_aborted();
  if (!found) {
    throw Failure(Exit::network, fmt::format("no answer about the name '{}': check the network's DNS", url.host));
  }
  if (!found->error.empty()) {
    throw Failure(Exit::network,
                  fmt::format("unknown host '{}' ({}): check the name and the network's DNS", url.host, found->error));
  }
  std::vector<SocketAddress> all;
  for (const Address& one : found->addresses) {
    const SocketAddress address{one, url.port};
    const bool wanted = !options_.family || one.family == *options_.family;
    if (wanted && std::ranges::find(all, address) == all.end()) { all.push_back(address); }
  }
  if (all.empty()) {
    throw Failure(Exit::network,
                  fmt::format("'{}' has no IPv{} address", url.host, options_.family == Family::v6 ? 6 : 4));
  }
  co_return all;
}

asio::awaitable<std::unique_ptr<Transport>> Fetch::connect(const Url& url) {
  const std::vector<SocketAddress> addresses = co_await look_up(url);
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  std::optional<Failure> failed;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    if (i > 0 && dialer_.races()) { break; }  // it has tried them all
    std::unique_ptr<Transport> made;
    Watchdog limit(executor, [this] { dialer_.abort(); });
    limit.rearm(options_.connect_timeout);
    try {
      made = co_await dialer_.dial(std::span{addresses}.subspan(i), url);
    } catch (const Failure& failure) {
      if (limit.has_expired()) {
        failed.emplace(
            Exit::network,
            fmt::format("{}: no connection within {} s (--connect-timeout): is the address right and the "
                        "server up?",
                        to_text(addresses[i]), std::chrono::duration<double>(options_.connect_timeout).count()));
      } else {
        failed.emplace(failure);
      }
    }
    check_aborted();
    if (made) { co_return made; }
  }
  if (addresses.size() > 1) {
    throw Failure(failed->exit(),
                  fmt::format("{} (all {} addresses of {} failed)", failed->what(), addresses.size(), url.host));
  }
  throw Failure(*failed);
}

asio::awaitable<std::optional<Url>> Fetch::exchange(const Url& url) {
  check_aborted();
  state_.url = url;
  state_.began = FetchState::Clock::now();
  const std::unique_ptr<Transport> transport = co_await connect(url);
  // Whatever happens, nobody looks at a transport that is gone.
  struct Shown {
    explicit Shown(Fetch& f, Transport& t) : fetch(f) {
      fetch.transport_ = &t;
      fetch.state_.transport = &t;
    }
    ~Shown() {
      if (!fetch.complete_) { fetch.state_.link = fetch.transport_->report(); }
      fetch.transport_ = nullptr;
      fetch.state_.transport = nullptr;
      fetch.stall_ = nullptr;
    }
    Fetch& fetch;
  } shown(*this, *transport);
  Watchdog stall(transport->executor(), [this] {
    abort(Failure(Exit::network, fmt::format("nothing arrived for {} s after {}: gave up (--stall-timeout)",
                                             std::chrono::duration<double>(options_.stall_timeout).count(),
                                             human_bytes(state_.bytes))));
  });
  stall_ = &stall;
  stall.rearm(options_.stall_timeout);

  const std::string request = request_for(url, options_.user_agent);
  const Moved sent = co_await write_all(*transport, request, nullptr);
  check_aborted();
  if (sent.error) { throw Failure(Exit::network, fmt::format("sending the request: {}", explain(sent.error))); }

  ResponseReader reader;
  filled_ = 0;
  co_await read_head(*transport, reader);
  const ResponseHead& head = reader.head();
  state_.status = head.status;
  if (is_redirect(head.status) && !head.location.empty()) {
    Url next = resolve_reference(url, head.location);
    transport->abort();  // the body of a redirect is of no use
    co_return next;
  }
  if (head.status < 200 || head.status >= 300) { fail_status(head, url); }
  if (head.status == 206) {
    throw Failure(Exit::http, "the server answers with a part of the file (206), not asked for");
  }
  state_.total = head.content_length;
  sink_.begin(url, head);
  co_await read_body(*transport, reader);
  state_.ended = FetchState::Clock::now();
  state_.link = transport->report();  // before closing changes the states in it
  complete_ = true;
  co_await expect_end(*transport);
  co_return std::nullopt;
}

/// More bytes behind those in the buffer; false at the end of the stream.
asio::awaitable<bool> Fetch::read_more(Transport& from) {
  if (filled_ == buffer_.size()) {
    throw Failure(Exit::http, "the server's response has a line without end: malformed");
  }
  const Moved moved = co_await from.read_some(std::span{buffer_}.subspan(filled_));
  check_aborted();
  filled_ += moved.bytes;
  stall_->rearm(options_.stall_timeout);
  if (moved.error && moved.bytes == 0) {
    const std::string after = state_.bytes == 0 ? "" : fmt::format(" after {}", human_bytes(state_.bytes));
    throw Failure(Exit::network, fmt::format("the connection broke{}: {}", after, explain(moved.error)));
  }
  co_return moved.bytes != 0;
}

/// Offers the buffer to the reader until it takes nothing more, and keeps the rest at the front.
void Fetch::use(ResponseReader& reader, const ResponseReader::Body& body) {
  std::size_t used = 0;
  const bool in_head = !reader.head_is_complete();
  while (used < filled_ && !reader.is_complete()) {
    const std::size_t taken = reader.take({buffer_.data() + used, filled_ - used}, body);
    used += taken;
    if (taken == 0 || (in_head && reader.head_is_complete())) { break; }
  }
  std::memmove(buffer_.data(), buffer_.data() + used, filled_ - used);
  filled_ -= used;
}

asio::awaitable<void> Fetch::read_head(Transport& from, ResponseReader& reader) {
  while (!reader.head_is_complete()) {
    if (!co_await read_more(from)) { reader.end_of_input(); }  // throws: there is no complete head
    use(reader, [](std::string_view) {});
  }
}

asio::awaitable<void> Fetch::read_body(Transport& from, ResponseReader& reader) {
  const ResponseReader::Body body = [this](std::string_view bytes) {
    state_.bytes += bytes.size();
    sink_.write(bytes);
  };
  use(reader, body);  // what came with the head
  while (!reader.is_complete()) {
    if (!co_await read_more(from)) {
      reader.end_of_input();
      break;
    }
    use(reader, body);
  }
}

/// We said `Connection: close`: what comes after the message contradicts its own length.
asio::awaitable<void> Fetch::expect_end(Transport& from) {
  stall_->disarm();
  Watchdog patience(from.executor(), [&from] { from.abort(); });
  patience.rearm(kLinger);
  std::size_t extra = filled_;
  if (extra == 0) {
    const Moved moved = co_await from.read_some(std::span{buffer_});
    check_aborted();
    extra = moved.bytes;
  }
  if (extra != 0) {
    throw Failure(Exit::http, fmt::format("the server sent more than the {} bytes it announced: the file cannot be "
                                          "trusted, nothing was kept",
                                          state_.bytes));
  }
  co_await from.finish();
}

}  // namespace anabranch::apps
