/// http and https URLs: text to value, references resolved against a base (RFC 3986 §5.2), a file name for the result.
///
/// Invariant of `Url`: `host` has no brackets and is not empty, `target` starts with '/', holds no space, control or
/// non-ASCII byte and no fragment. So no header can be smuggled into a request through it.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace anabranch::apps {

struct Url {
  bool tls = false;
  std::string host;  ///< a name or an address; IPv6 without brackets
  std::uint16_t port = 80;
  std::string target = "/";  ///< path and query, percent-encoded
  bool operator==(const Url&) const = default;
};

/// Throws Failure (usage) that says what is wrong. Without a scheme, http is meant.
Url parse_url(std::string_view text);
/// What `reference`, the value of a Location field, means on the page `base`. Throws Failure (http).
Url resolve_reference(const Url& base, std::string_view reference);
std::string to_text(const Url&);
/// host, or host:port where the port is not the scheme's, as the Host field wants it.
std::string host_field(const Url&);
/// The last segment of the path, decoded; "index.html" where that is empty or no good as a name in this directory.
std::string file_name(const Url&);

/// Strict: every '%' is followed by two hex digits. False: it is not, and `out` is undefined.
bool percent_decode(std::string_view text, std::string& out);
/// Everything but unreserved characters and '/' becomes %XX.
std::string percent_encode_path(std::string_view text);
}  // namespace anabranch::apps
