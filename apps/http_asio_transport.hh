/// Transport over any Asio stream, with TLS on top where it is wanted. Heavy: for .cc files only.
///
/// For a stream type `S` there must be, found by argument-dependent lookup or in this namespace:
///   LinkReport report_on(const S&)    what it is made of
///   void finish_sending(S&)           no more bytes from us
///   void abort_stream(S&)             cancel everything, now; must not throw
#pragma once
#include "apps/http_failure.hh"
#include "apps/http_transport.hh"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <openssl/err.h>

namespace anabranch::apps {

inline constexpr auto kAwaitTuple = asio::as_tuple(asio::use_awaitable);

template <class S>
class AsioTransport final : public Transport {
 public:
  explicit AsioTransport(S stream) : stream_(std::move(stream)) {}

  asio::awaitable<Moved> read_some(std::span<char> into) override {
    const auto [error, n] = co_await stream_.async_read_some(asio::buffer(into.data(), into.size()), kAwaitTuple);
    if (error == asio::error::eof) { co_return Moved{n, {}}; }
    co_return Moved{n, error};
  }
  asio::awaitable<Moved> write_some(std::string_view bytes) override {
    const auto [error, n] = co_await stream_.async_write_some(asio::buffer(bytes.data(), bytes.size()), kAwaitTuple);
    co_return Moved{n, error};
  }
  asio::awaitable<void> finish() override {
    finish_sending(stream_);
    co_return;
  }
  void abort() override { abort_stream(stream_); }
  LinkReport report() const override { return report_on(stream_); }
  asio::any_io_executor executor() override { return stream_.get_executor(); }

 private:
  S stream_;
};

template <class S>
class TlsTransport final : public Transport {
 public:
  TlsTransport(S stream, asio::ssl::context& context) : tls_(std::move(stream), context) {}

  /// `host` is what the certificate must be for and, where it is a name, what SNI says. Throws Failure (tls).
  asio::awaitable<void> handshake(std::string host, bool is_name, bool verify) {
    if (is_name) { SSL_set_tlsext_host_name(tls_.native_handle(), host.c_str()); }
    if (verify) {
      tls_.set_verify_mode(asio::ssl::verify_peer);
      tls_.set_verify_callback(asio::ssl::host_name_verification(host));
    } else {
      tls_.set_verify_mode(asio::ssl::verify_none);
    }
    const auto [error] = co_await tls_.async_handshake(asio::ssl::stream_base::client, kAwaitTuple);
    if (!error) { co_return; }
    const long verdict = SSL_get_verify_result(tls_.native_handle());
    if (verify && verdict != X509_V_OK) {
      throw Failure(Exit::tls, "the certificate of " + host + " does not hold (" +
                                   X509_verify_cert_error_string(verdict) +
                                   "): give its authority with --cacert FILE, or --insecure to go on without check");
    }
    const bool wrong_name =
        verify && ERR_GET_REASON(static_cast<unsigned long>(error.value())) == SSL_R_CERTIFICATE_VERIFY_FAILED;
    if (wrong_name) {
      throw Failure(Exit::tls,
                    "the certificate is not for " + host + ": check the name, or --insecure to go on anyway");
    }
    throw Failure(Exit::tls, "no TLS with " + host + " (" + error.message() + "): is it an https port?");
  }

  asio::awaitable<Moved> read_some(std::span<char> into) override {
    const auto [error, n] = co_await tls_.async_read_some(asio::buffer(into.data(), into.size()), kAwaitTuple);
    // Only close_notify is an end; a connection that merely stops may have been cut by someone else (RFC 8446 §6.1).
    if (error == asio::error::eof) { co_return Moved{n, {}}; }
    co_return Moved{n, error};
  }
  asio::awaitable<Moved> write_some(std::string_view bytes) override {
    const auto [error, n] = co_await tls_.async_write_some(asio::buffer(bytes.data(), bytes.size()), kAwaitTuple);
    co_return Moved{n, error};
  }
  asio::awaitable<void> finish() override {
    // Both sides' close_notify are not worth waiting for: ours is enough, and HTTP has its own end of message.
    SSL_set_quiet_shutdown(tls_.native_handle(), 0);
    co_await tls_.async_shutdown(kAwaitTuple);
    finish_sending(tls_.next_layer());
  }
  void abort() override { abort_stream(tls_.next_layer()); }
  LinkReport report() const override { return report_on(tls_.next_layer()); }
  asio::any_io_executor executor() override { return const_cast<asio::ssl::stream<S>&>(tls_).get_executor(); }

 private:
  asio::ssl::stream<S> tls_;
};

}  // namespace anabranch::apps
