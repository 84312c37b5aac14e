#include "api/error.hh"

namespace anabranch {

boost::system::error_code to_error_code(Errc code) {
  namespace error = boost::asio::error;
  namespace errc = boost::system::errc;
  switch (code) {
    case Errc::would_block: return error::would_block;
    case Errc::closed: return error::eof;
    case Errc::reset_by_peer: return error::connection_reset;
    case Errc::timed_out: return error::timed_out;
    case Errc::refused: return error::connection_refused;
    case Errc::unreachable: return error::host_unreachable;
    case Errc::no_such_path: return error::network_unreachable;
    case Errc::no_ports_left: return errc::make_error_code(errc::address_not_available);
    case Errc::limit_reached: return error::no_buffer_space;
    case Errc::address_in_use: return error::address_in_use;
    case Errc::bad_argument: return error::invalid_argument;
  }
  return error::invalid_argument;
}
}  // namespace anabranch
