/// Scripts: one real stack against a peer played by hand, line by line, in virtual time (docs/notation.md, "Scripts").
///
/// A script is text: what the peer sends and when, what the stack must send and when, and what the application does.
/// A run is a function of the text alone. Every segment the stack sends must be expected, in the order of the script.
/// Keys, tokens, MACs and checksums are worked out here, so that scripts say `key=A`, `mac=good`, `csum=bad`.
#pragma once
#include <string>
#include <string_view>

namespace anabranch::support {

/// Runs a script. Empty when all went as written; else what was expected, what was seen, and all that was seen.
std::string run_script(std::string_view text);

/// Runs the script in a file, likewise; a first line that is not a comment is a failure too.
std::string run_script_file(const std::string& path);
}  // namespace anabranch::support
