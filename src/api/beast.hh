/// What Beast's WebSocket streams ask of the stream below them; plain HTTP and SSL need nothing of this.
#pragma once
#include "api/stream.hh"

#include <boost/asio/append.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/role.hpp>

namespace anabranch {

inline void beast_close_socket(Stream& stream) { stream.close(); }

/// The end of a WebSocket: our side finishes; the peer's end was seen by the closing handshake above.
inline void teardown(boost::beast::role_type, Stream& stream, api::ErrorCode& error) { stream.shutdown_send(error); }
template <class Handler>
void async_teardown(boost::beast::role_type, Stream& stream, Handler&& handler) {
  api::ErrorCode error;
  stream.shutdown_send(error);
  boost::asio::post(stream.get_executor(), boost::asio::append(std::forward<Handler>(handler), error));
}
}  // namespace anabranch
