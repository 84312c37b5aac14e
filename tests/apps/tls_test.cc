#include "tests/apps/loopback.hh"
#include "tests/apps/temporary.hh"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace anabranch::apps::loopback {
namespace {

/// A key and a certificate it signed itself, for 127.0.0.1 or for another name, as PEM files.
struct Identity {
  Identity(const std::string& directory, const std::string& alternative_name)
      : key(directory + "/key.pem"),
        certificate(directory + "/certificate.pem") {
    EVP_PKEY* pair = EVP_EC_gen("P-256");
    X509* cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, pair);
    X509_NAME* name = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
    X509_set_issuer_name(cert, name);
    X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, alternative_name.c_str());
    X509_add_ext(cert, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(cert, pair, EVP_sha256());
    std::FILE* out = std::fopen(key.c_str(), "w");
    PEM_write_PrivateKey(out, pair, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(out);
    out = std::fopen(certificate.c_str(), "w");
    PEM_write_X509(out, cert);
    std::fclose(out);
    X509_free(cert);
    EVP_PKEY_free(pair);
  }
  std::string key, certificate;
};

struct TlsServer {
  bool orderly = true;      ///< says close_notify at the end
  std::string server_name;  ///< what the client asked for (SNI)

  asio::awaitable<void> run(tcp::acceptor& acceptor, const Identity& identity, std::string reply) {
    asio::ssl::context context(asio::ssl::context::tls_server);
    context.use_private_key_file(identity.key, asio::ssl::context::pem);
    context.use_certificate_chain_file(identity.certificate);
    auto [error, socket] = co_await acceptor.async_accept(kAwaitTuple);
    asio::ssl::stream<tcp::socket> tls(std::move(socket), context);
    co_await tls.async_handshake(asio::ssl::stream_base::server, kAwaitTuple);
    const char* name = SSL_get_servername(tls.native_handle(), TLSEXT_NAMETYPE_host_name);
    if (name != nullptr) { server_name = name; }
    char buffer[4096];
    const auto [failed, n] = co_await tls.async_read_some(asio::buffer(buffer), kAwaitTuple);
    if (failed) { co_return; }
    co_await asio::async_write(tls, asio::buffer(reply), kAwaitTuple);
    if (orderly) { co_await tls.async_shutdown(kAwaitTuple); }
  }
};

struct Setup {
  std::string alternative_name = "IP:127.0.0.1", host = "127.0.0.1";
  std::string reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
  bool trusted = true, verify = true, orderly = true;
};

Outcome fetch_over_tls(const Setup& setup, std::string* server_name = nullptr) {
  const TemporaryDirectory directory;
  const Identity identity(directory.path, setup.alternative_name);
  asio::io_context io;
  tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  TlsServer server{setup.orderly, {}};
  asio::co_spawn(io, server.run(acceptor, identity, setup.reply), asio::detached);
  KernelDialer dialer(io);
  if (setup.trusted) { dialer.authority = identity.certificate; }
  dialer.verify = setup.verify;
  const std::string url = "https://" + setup.host + ":" + std::to_string(acceptor.local_endpoint().port()) + "/x";
  FetchOptions options;
  options.family = Family::v4;
  Outcome out = fetch(io, dialer, url, options, [] {});
  if (server_name != nullptr) { *server_name = server.server_name; }
  return out;
}

TEST(Https, GetsAFileFromAServerItTrusts) {
  const Outcome out = fetch_over_tls({});
  EXPECT_FALSE(out.exit) << out.line;
  EXPECT_EQ(out.sink.body, "hello");
}

TEST(Https, NamesTheHostButNotAnAddressInTheHandshake) {
  std::string name;
  EXPECT_FALSE(fetch_over_tls({.alternative_name = "DNS:localhost", .host = "localhost"}, &name).exit);
  EXPECT_EQ(name, "localhost");
  EXPECT_FALSE(fetch_over_tls({}, &name).exit);
  EXPECT_EQ(name, "");
}

TEST(Https, RefusesACertificateThatNobodyVouchesFor) {
  const Outcome out = fetch_over_tls({.trusted = false});
  EXPECT_EQ(out.exit, Exit::tls);
  EXPECT_NE(out.line.find("--cacert FILE, or --insecure"), std::string::npos) << out.line;
  EXPECT_FALSE(fetch_over_tls({.trusted = false, .verify = false}).exit);
}

TEST(Https, RefusesACertificateForSomebodyElse) {
  const Outcome out = fetch_over_tls({.alternative_name = "DNS:example.org"});
  EXPECT_EQ(out.exit, Exit::tls);
  EXPECT_NE(out.line.find("127.0.0.1"), std::string::npos) << out.line;
  EXPECT_NE(out.line.find("--insecure"), std::string::npos) << out.line;
}

TEST(Https, TakesAMissingFarewellForATruncationUnlessTheLengthIsKnown) {
  EXPECT_FALSE(fetch_over_tls({.orderly = false}).exit);
  const Outcome out = fetch_over_tls({.reply = "HTTP/1.1 200 OK\r\n\r\nuntil the end", .orderly = false});
  EXPECT_EQ(out.exit, Exit::network) << out.line;
  EXPECT_FALSE(fetch_over_tls({.reply = "HTTP/1.1 200 OK\r\n\r\nuntil the end"}).exit);
}

TEST(Https, SaysThatAPortSpeaksNoTls) {
  asio::io_context io;
  ScriptedServer server(io, {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"});
  KernelDialer dialer(io);
  server.impatient = true;
  const std::string port = std::to_string(parse_url(server.url()).port);
  const Outcome out = fetch(io, dialer, "https://127.0.0.1:" + port + "/", {}, [&] { server.stop(), io.stop(); });
  EXPECT_EQ(out.exit, Exit::tls);
  EXPECT_NE(out.line.find("is it an https port?"), std::string::npos) << out.line;
}

}  // namespace
}  // namespace anabranch::apps::loopback
