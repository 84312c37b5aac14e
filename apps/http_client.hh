/// Fetches a URL: looks the name up, connects, asks, follows redirects, hands the body on. Throws Failure.
///
/// Does not know what carries the bytes: a `Dialer` connects to one address and puts TLS on top. Does not know where
/// the body goes: a `BodySink` is told once, before the first byte, what is coming. Nothing is retried after bytes of
/// the body have arrived. HTTP/1.1 with `Connection: close` (RFC 9112), identity coding only.
#pragma once
#include "apps/http_failure.hh"
#include "apps/http_message.hh"
#include "apps/http_transport.hh"
#include "apps/http_url.hh"
#include "base/address.hh"

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <span>

namespace anabranch::apps {

class Dialer {
 public:
  virtual ~Dialer() = default;
  /// A connection to the first of `remotes`, or to any of them if this dialer `races`; with TLS for `url.host` where
  /// the URL says so. They are not none, and outlive the call. Throws Failure.
  virtual asio::awaitable<std::unique_ptr<Transport>> dial(std::span<const SocketAddress> remotes, const Url& url) = 0;
  /// Whether one `dial` is for all addresses.
  virtual bool races() const { return false; }
  /// Ends a `dial` that is under way.
  virtual void abort() = 0;
};

class BodySink {
 public:
  virtual ~BodySink() = default;
  virtual void begin(const Url& from, const ResponseHead& head) = 0;
  virtual void write(std::string_view bytes) = 0;
};

struct FetchOptions {
  std::chrono::nanoseconds connect_timeout = std::chrono::seconds{30};  ///< for each `dial`, TLS included
  std::chrono::nanoseconds stall_timeout = std::chrono::seconds{60};    ///< without a byte from the server
  std::chrono::nanoseconds max_time{};                                  ///< for everything; 0: no limit
  std::optional<Family> family{};                                       ///< only addresses of this family
  unsigned max_redirects = 10;
  std::string user_agent = "anabranch";
};

/// What can be watched while a fetch runs, and what is left of it at the end.
struct FetchState {
  using Clock = std::chrono::steady_clock;
  Url url;  ///< after redirects
  unsigned status = 0;
  std::uint64_t bytes = 0;               ///< of the body
  std::optional<std::uint64_t> total;    ///< where the server said it
  Clock::time_point began, ended;        ///< from the look-up of the last hop to the last byte
  const Transport* transport = nullptr;  ///< while it lives
  LinkReport link;                       ///< as it was at the end
};

class Fetch {
 public:
  Fetch(Dialer& dialer, BodySink& sink, FetchOptions options);
  ~Fetch();
  Fetch(const Fetch&) = delete;
  Fetch& operator=(const Fetch&) = delete;

  /// Returns when the body is complete and consistent with what the server said about it.
  asio::awaitable<void> run(Url url);
  /// Ends `run` soon with `why`. May be called at any time, from the executor's thread.
  void abort(Failure why);
  const FetchState& state() const { return state_; }

 private:
  asio::awaitable<std::vector<SocketAddress>> look_up(const Url& url);
  asio::awaitable<std::unique_ptr<Transport>> connect(const Url& url);
  /// One request. The URL to go on with, or none when the body is there.
  asio::awaitable<std::optional<Url>> exchange(const Url& url);
  asio::awaitable<void> read_head(Transport& from, ResponseReader& reader);
  asio::awaitable<void> read_body(Transport& from, ResponseReader& reader);
  asio::awaitable<void> expect_end(Transport& from);
  asio::awaitable<bool> read_more(Transport& from);
  void use(ResponseReader& reader, const ResponseReader::Body& body);
  void check_aborted() const;

  Dialer& dialer_;
  BodySink& sink_;
  const FetchOptions options_;
  FetchState state_;
  bool complete_ = false;
  std::optional<Failure> aborted_;
  Transport* transport_ = nullptr;
  std::function<void()> abort_look_up_;
  std::vector<char> buffer_;  ///< 256 KiB: a few super-segments at a time
  std::size_t filled_ = 0;
  Watchdog* stall_ = nullptr;
};

/// "4.2 MB", "831 B": for people.
std::string human_bytes(std::uint64_t bytes);
/// Why a connection attempt or a transfer failed, in words that say what to do.
std::string explain(const error_code& error);
}  // namespace anabranch::apps
