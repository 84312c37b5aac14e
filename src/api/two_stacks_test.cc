// Two of our stacks on one io_context, each in a namespace of its own: what only our own peer can show.
#include "api/acceptor.hh"
#include "device/lab.hh"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

namespace anabranch {
namespace {
namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;
using boost::system::error_code;
using test::Lab;

constexpr std::uint16_t kPort = 4343;

struct TwoStacks : testing::Test {
  void SetUp() override {
    ANABRANCH_NEEDS_LAB();
    lab.emplace(3);
    lab->ip(lab->a(), "link set a2 down");  // two links, and one that comes later
    client.emplace(open(lab->a(), {}));
    // Named ones are opened though they are down: later, this thread would look for them in the client's namespace.
    server.emplace(open(lab->b(), {.interfaces = {"b0", "b1", "b2"}, .listen_ports = {kPort}}));
  }
  Context open(const std::string& ns, ContextOptions options) {
    return Lab::inside(ns, [&] {
      auto context = Context::open(io, options);
      if (!context) { throw std::runtime_error{context.error().text}; }
      return *context;
    });
  }
  /// Runs both to their end, at most twenty seconds of it.
  void run(asio::awaitable<void> ours, asio::awaitable<void> theirs) {
    asio::steady_timer too_long{io, std::chrono::seconds{20}};
    too_long.async_wait([&](const error_code& error) {
      if (!error) {
        ADD_FAILURE() << "took too long";
        io.stop();
      }
    });
    asio::co_spawn(io, both(std::move(ours), std::move(theirs), too_long), [](std::exception_ptr e) {
      if (e) { std::rethrow_exception(e); }
    });
    try {
      io.run();
    } catch (const std::exception& e) { ADD_FAILURE() << e.what(); }
  }
  asio::awaitable<void> both(asio::awaitable<void> ours, asio::awaitable<void> theirs, asio::steady_timer& too_long) {
    co_await (std::move(ours) && std::move(theirs));
    co_await (client->async_drain({2'000'000'000}, asio::use_awaitable) &&
              server->async_drain({2'000'000'000}, asio::use_awaitable));
    client->stop();
    server->stop();
    too_long.cancel();
  }
  asio::io_context io{1};
  std::optional<Lab> lab;
  std::optional<Context> client, server;
};

asio::awaitable<void> pause(Context& context, int milliseconds) {
  asio::steady_timer timer{context.get_executor(), std::chrono::milliseconds{milliseconds}};
  co_await timer.async_wait(asio::use_awaitable);
}

/// A key and a certificate that it signed itself.
void certify(asio::ssl::context& tls) {
  EVP_PKEY* key = ::EVP_EC_gen("P-256");
  X509* certificate = ::X509_new();
  ::X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  ::X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  ::X509_set_pubkey(certificate, key);
  ::X509_sign(certificate, key, ::EVP_sha256());
  ASSERT_EQ(1, ::SSL_CTX_use_certificate(tls.native_handle(), certificate));
  ASSERT_EQ(1, ::SSL_CTX_use_PrivateKey(tls.native_handle(), key));
  ::X509_free(certificate);
  ::EVP_PKEY_free(key);
}
}  // namespace

TEST_F(TwoStacks, SpeakTlsOverTwoPaths) {
  asio::ssl::context server_tls{asio::ssl::context::tls_server}, client_tls{asio::ssl::context::tls_client};
  certify(server_tls);
  const std::string text(3'000'000, 't');
  const auto serve = [&]() -> asio::awaitable<void> {
    auto acceptor = Acceptor::listen(*server, {.port = kPort}).value();
    asio::ssl::stream<Stream> stream{co_await acceptor.async_accept(asio::use_awaitable), server_tls};
    co_await stream.async_handshake(asio::ssl::stream_base::server, asio::use_awaitable);
    co_await asio::async_write(stream, asio::buffer(text), asio::use_awaitable);
    co_await stream.async_shutdown(asio::use_awaitable);
  };
  const auto fetch = [&]() -> asio::awaitable<void> {
    asio::ssl::stream<Stream> stream{Stream{*client}, client_tls};
    co_await stream.next_layer().async_connect({Address::v4(10, 77, 0, 2), kPort}, asio::use_awaitable);
    co_await stream.async_handshake(asio::ssl::stream_base::client, asio::use_awaitable);
    std::string got(text.size(), ' ');
    co_await asio::async_read(stream, asio::buffer(got), asio::use_awaitable);
    EXPECT_TRUE(got == text);
    const auto info = stream.next_layer().info().value();
    EXPECT_EQ(mptcp::Protocol::mptcp, info.protocol);
    EXPECT_LE(2u, info.subflows.size());
    error_code error;
    co_await stream.async_shutdown(asio::redirect_error(asio::use_awaitable, error));
  };
  run(fetch(), serve());
}

TEST_F(TwoStacks, CarryOnOverTheOtherLinkWhenOneIsCut) {
  constexpr std::size_t kTotal = 40 << 20;
  const auto serve = [&]() -> asio::awaitable<void> {
    auto acceptor = Acceptor::listen(*server, {.port = kPort}).value();
    Stream stream = co_await acceptor.async_accept(asio::use_awaitable);
    std::vector<std::uint8_t> block(1 << 16);
    for (std::size_t at = 0; at < kTotal;) {
      for (std::size_t i = 0; i < block.size(); ++i) { block[i] = static_cast<std::uint8_t>((at + i) * 31 >> 8); }
      at += co_await asio::async_write(stream, asio::buffer(block), asio::use_awaitable);
    }
  };
  const auto fetch = [&]() -> asio::awaitable<void> {
    Stream stream{*client};
    co_await stream.async_connect({Address::v4(10, 77, 0, 2), kPort}, asio::use_awaitable);
    std::vector<std::uint8_t> block(1 << 16);
    std::size_t at = 0;
    bool cut = false, right = true;
    for (;;) {
      error_code error;
      const std::size_t n =
          co_await stream.async_read_some(asio::buffer(block), asio::redirect_error(asio::use_awaitable, error));
      for (std::size_t i = 0; i < n; ++i) { right &= block[i] == static_cast<std::uint8_t>((at + i) * 31 >> 8); }
      at += n;
      if (error) { break; }
      if (at > kTotal / 4 && !std::exchange(cut, true)) { lab->ip(lab->b(), "link set b0 down"); }
    }
    EXPECT_TRUE(right);
    EXPECT_EQ(kTotal, at);
    const auto info = stream.info().value();
    EXPECT_EQ(mptcp::Protocol::mptcp, info.protocol);
    std::uint64_t over_the_other = 0;
    for (const auto& subflow : info.subflows) {
      if (subflow.local.address == Address::v4(10, 77, 1, 1)) { over_the_other += subflow.bytes_received; }
    }
    EXPECT_LT(0u, over_the_other);
  };
  run(fetch(), serve());
}

TEST_F(TwoStacks, SpeakIpv6AndUseAnInterfaceThatAppearsLater) {
  std::size_t subflows_before = 0, subflows_after = 0;
  const auto serve = [&]() -> asio::awaitable<void> {
    auto acceptor = Acceptor::listen(*server, {.port = kPort}).value();
    Stream stream = co_await acceptor.async_accept(asio::use_awaitable);
    char byte;
    co_await asio::async_read(stream, asio::buffer(&byte, 1), asio::use_awaitable);
    co_await asio::async_write(stream, asio::buffer(&byte, 1), asio::use_awaitable);
    co_await asio::async_read(stream, asio::buffer(&byte, 1), asio::use_awaitable);
  };
  const auto fetch = [&]() -> asio::awaitable<void> {
    Stream stream{*client};
    co_await stream.async_connect({*address_from_text("fd77:0::2"), kPort}, asio::use_awaitable);
    char byte = 'x';
    co_await asio::async_write(stream, asio::buffer(&byte, 1), asio::use_awaitable);
    co_await asio::async_read(stream, asio::buffer(&byte, 1), asio::use_awaitable);
    co_await pause(*client, 100);
    subflows_before = stream.info().value().subflows.size();
    lab->ip(lab->a(), "link set a2 up");
    for (int i = 0; i < 100 && stream.info().value().subflows.size() <= subflows_before; ++i) {
      co_await pause(*client, 20);
    }
    subflows_after = stream.info().value().subflows.size();
    co_await asio::async_write(stream, asio::buffer(&byte, 1), asio::use_awaitable);
  };
  // The client's namespace is this thread's, as it is in a program of its own: its device is opened when
  // the link comes.
  Lab::inside(lab->a(), [&] { run(fetch(), serve()); });
  EXPECT_LE(1u, subflows_before);
  EXPECT_LT(subflows_before, subflows_after);
  EXPECT_EQ(3u, client->network().interfaces.size());
}

TEST_F(TwoStacks, TellWhatHappensToTheirPathsAndAreSteered) {
  const auto serve = [&]() -> asio::awaitable<void> {
    auto acceptor = Acceptor::listen(*server, {.port = kPort}).value();
    Stream stream = co_await acceptor.async_accept(asio::use_awaitable);
    char byte;
    error_code end;
    while (!end) {
      co_await stream.async_read_some(asio::buffer(&byte, 1), asio::redirect_error(asio::use_awaitable, end));
      if (!end) { co_await asio::async_write(stream, asio::buffer(&byte, 1), asio::use_awaitable); }
    }
    stream.close();
    acceptor.close();
  };
  const auto fetch = [&]() -> asio::awaitable<void> {
    using C = mptcp::PathChange;
    Stream stream{*client};
    error_code error;
    co_await stream.async_next_event(asio::redirect_error(asio::use_awaitable, error));
    EXPECT_EQ(error, error_code{asio::error::not_connected});
    co_await stream.async_connect({Address::v4(10, 77, 0, 2), kPort}, asio::use_awaitable);
    char byte = 'x';
    co_await asio::async_write(stream, asio::buffer(&byte, 1), asio::use_awaitable);
    co_await asio::async_read(stream, asio::buffer(&byte, 1), asio::use_awaitable);
    mptcp::PathEvent event;
    const auto next = [&](C what) -> asio::awaitable<void> {
      do { event = co_await stream.async_next_event(asio::use_awaitable); } while (event.what != what);
    };
    co_await next(C::opened);
    EXPECT_EQ(event.subflow, mptcp::SubflowId{0});
    EXPECT_EQ(event.local.address, Address::v4(10, 77, 0, 1));
    co_await next(C::opened);
    const mptcp::SubflowId second = event.subflow;
    EXPECT_NE(second, mptcp::SubflowId{0});

    EXPECT_TRUE(stream.set_backup(second, true));
    co_await next(C::priority);
    EXPECT_TRUE(event.backup);
    EXPECT_FALSE(event.by_peer);
    EXPECT_TRUE(stream.watch_rates(Duration{20'000'000}));
    co_await next(C::rates);
    EXPECT_TRUE(stream.watch_rates({}));
    EXPECT_EQ(stream.set_scheduler("no_such_thing").error().code, Errc::bad_argument);
    EXPECT_TRUE(stream.set_scheduler("lowest_rtt"));
    EXPECT_EQ(stream.close_subflow({99}).error().code, Errc::no_such_path);
    EXPECT_TRUE(stream.close_subflow(second));
    do { co_await next(C::closed); } while (event.subflow != second);
    EXPECT_TRUE(event.was_open);
    // Closing ends what waits.
    asio::co_spawn(
        client->get_executor(),
        [&]() -> asio::awaitable<void> {
          co_await pause(*client, 20);
          stream.close();
        },
        [](std::exception_ptr) {});
    while (!error || error == asio::error::not_connected) {
      co_await stream.async_next_event(asio::redirect_error(asio::use_awaitable, error));
    }
    EXPECT_EQ(error, error_code{asio::error::operation_aborted});
  };
  run(fetch(), serve());
}
}  // namespace anabranch
