// What other libraries ask of a stream, as the compiler sees it.
#include "api/acceptor.hh"
#include "api/beast.hh"
#include "api/endpoint.hh"
#include "api/error.hh"

#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/http.hpp>
#include <gtest/gtest.h>

namespace anabranch {
namespace {
namespace asio = boost::asio;
namespace beast = boost::beast;

static_assert(beast::is_async_read_stream<Stream>::value && beast::is_async_write_stream<Stream>::value);
static_assert(beast::is_async_read_stream<asio::ssl::stream<Stream>>::value);
static_assert(std::is_nothrow_move_constructible_v<Stream> && !std::is_copy_constructible_v<Stream>);
static_assert(std::is_nothrow_move_constructible_v<Acceptor> && !std::is_copy_constructible_v<Acceptor>);

/// Never run here: that it compiles is the test. TLS and HTTP over a stream as over a socket.
[[maybe_unused]] asio::awaitable<void> fetch(Context context, asio::ssl::context& tls) {
  asio::ssl::stream<Stream> stream{Stream{context}, tls};
  co_await stream.next_layer().async_connect({Address::v4(10, 77, 0, 2), 443}, asio::use_awaitable);
  co_await stream.async_handshake(asio::ssl::stream_base::client, asio::use_awaitable);
  beast::http::request<beast::http::empty_body> request{beast::http::verb::get, "/", 11};
  co_await beast::http::async_write(stream, request, asio::use_awaitable);
  beast::flat_buffer buffer;
  beast::http::response<beast::http::string_body> response;
  co_await beast::http::async_read(stream, buffer, response, asio::use_awaitable);
  co_await stream.async_shutdown(asio::use_awaitable);
}
}  // namespace

TEST(BufferList, KeepsTheBuffersWithRoomInOrderUpToItsLimit) {
  char bytes[64];
  std::vector<asio::mutable_buffer> many;
  for (std::size_t i = 0; i < 40; ++i) { many.emplace_back(bytes + i, i % 2); }
  const auto list = api::buffer_list<asio::mutable_buffer>(many);
  ASSERT_EQ(16u, list.size());
  EXPECT_EQ(bytes + 1, list[0].data());
  EXPECT_EQ(bytes + 3, list[1].data());
  EXPECT_TRUE(api::buffer_list<asio::const_buffer>(asio::buffer(bytes, 0)).empty());
  EXPECT_EQ(64u, api::buffer_list<asio::const_buffer>(asio::buffer(bytes))[0].size());
}
TEST(Endpoint, GoesThereAndBack) {
  for (const char* text : {"10.0.0.1:80", "[2001:db8::1]:443"}) {
    const auto address = socket_address_from_text(text).value();
    EXPECT_EQ(address, from_asio(to_asio(address)));
  }
  EXPECT_EQ(socket_address_from_text("10.0.0.1:80"), from_asio({asio::ip::make_address("::ffff:10.0.0.1"), 80}));
}
TEST(ErrorCode, OfEachErrorOfTheCoreIsAnErrorAndNoTwoAreAlike) {
  std::vector<boost::system::error_code> seen;
  for (std::size_t i = 0; i < std::size(Names<Errc>::list); ++i) {
    const auto code = to_error_code(static_cast<Errc>(i));
    EXPECT_TRUE(code) << Names<Errc>::list[i];
    EXPECT_EQ(seen.end(), std::find(seen.begin(), seen.end(), code)) << Names<Errc>::list[i];
    seen.push_back(code);
  }
}
}  // namespace anabranch
