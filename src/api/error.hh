/// Errors of the core as the error codes that users of sockets know.
#pragma once
#include "base/result.hh"

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

namespace anabranch {

/// closed → eof, reset_by_peer → connection_reset, refused → connection_refused, and so on; see error.cc.
boost::system::error_code to_error_code(Errc code);
}  // namespace anabranch
