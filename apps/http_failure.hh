/// The one way in which a command fails: a status for the shell and one line for people.
///
/// Thrown as an exception from anywhere in apps/; caught once, by the command. The line names the cause and, where
/// there is one, what to do about it.
#pragma once
#include <stdexcept>
#include <string>

namespace anabranch::apps {

/// Exit statuses, documented in docs/guide/get.md. A signal ends a command with 128 + its number.
enum class Exit : int {
  ok = 0,
  internal = 1,   ///< a fault of ours
  usage = 2,      ///< the command line makes no sense
  network = 3,    ///< no name, no path, refused, timed out, lost
  http = 4,       ///< the server answered, but not with the file: status, malformed, truncated
  file = 5,       ///< a local file or directory cannot be written or read
  tls = 6,        ///< no handshake, or a certificate that does not hold
  interface = 7,  ///< an interface cannot be used: unknown, down, no permission
};

class Failure : public std::runtime_error {
 public:
  Failure(Exit exit, const std::string& line) : std::runtime_error(line), exit_(exit) {}
  Exit exit() const { return exit_; }

 private:
  Exit exit_;
};
}  // namespace anabranch::apps
