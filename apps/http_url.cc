#include "apps/http_url.hh"

#include "apps/http_failure.hh"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <vector>

namespace anabranch::apps {
namespace {

constexpr std::string_view kHex = "0123456789ABCDEF";

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view{"-._~"}.find(c) != std::string_view::npos;
}

void append_encoded(std::string& out, char c) {
  const auto byte = static_cast<unsigned char>(c);
  out += '%';
  out += kHex[byte >> 4];
  out += kHex[byte & 15];
}

/// What people paste is often not encoded; what must not stand in a request line is encoded, the rest is left alone.
std::string tidy_target(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool bad = byte <= 0x20 || byte >= 0x7f || std::string_view{"\"<>\\^`{|}"}.find(c) != std::string_view::npos;
    if (bad) {
      append_encoded(out, c);
    } else {
      out += c;
    }
  }
  return out;
}

std::string lower(std::string_view text) {
  std::string out{text};
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string_view before(std::string_view text, std::string_view any_of) {
  return text.substr(0, std::min(text.find_first_of(any_of), text.size()));
}

/// A scheme and "//": "http:" alone is not followed, nobody sends it.
std::string_view scheme_of(std::string_view text) {
  const std::size_t end = text.find("://");
  if (end == std::string_view::npos) { return {}; }
  const std::string_view scheme = text.substr(0, end);
  const bool plausible = std::ranges::all_of(scheme, [](unsigned char c) { return std::isalnum(c) || c == '+'; });
  return plausible ? scheme : std::string_view{};
}

std::uint16_t parse_port(std::string_view text, std::string_view whole) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0 || port > 65535) {
    throw Failure(Exit::usage, "the port in '" + std::string{whole} + "' is not a number from 1 to 65535");
  }
  return static_cast<std::uint16_t>(port);
}

void parse_authority(std::string_view authority, std::string_view whole, Url& url) {
  if (authority.find('@') != std::string_view::npos) {
    throw Failure(Exit::usage, "user names and passwords in a URL are not supported: leave out what is before '@'");
  }
  std::string_view rest;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) { throw Failure(Exit::usage, "']' is missing in '" + std::string{whole} + "'"); }
    url.host = lower(authority.substr(1, end - 1));
    rest = authority.substr(end + 1);
  } else {
    url.host = lower(before(authority, ":"));
    rest = authority.substr(url.host.size());
  }
  const bool odd = std::ranges::any_of(url.host, [](unsigned char c) { return c <= 0x20 || c == 0x7f || c == '%'; });
  if (url.host.empty() || odd || (!rest.empty() && rest[0] != ':')) {
    throw Failure(Exit::usage, "'" + std::string{whole} + "' has no host that could be looked up");
  }
  url.port = url.tls ? 443 : 80;
  if (rest.size() > 1) { url.port = parse_port(rest.substr(1), whole); }
}

/// RFC 3986 §5.2.4 on a path that starts with '/'.
std::string without_dots(std::string_view path) {
  std::vector<std::string_view> kept;
  bool slash_at_end = true;
  for (std::size_t at = 1; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view part = path.substr(at, end - at);
    slash_at_end = part == "." || part == ".." || part.empty();
    if (part == "..") {
      if (!kept.empty()) { kept.pop_back(); }
    } else if (part != "." && !(part.empty() && end == path.size())) {
      kept.push_back(part);
    }
    at = end + 1;
  }
  std::string out;
  for (const std::string_view part : kept) { out += '/' + std::string{part}; }
  if (slash_at_end || out.empty()) { out += '/'; }
  return out;
}

}  // namespace

Url parse_url(std::string_view text) {
  Url url;
  const std::string scheme = lower(scheme_of(text));
  if (!scheme.empty() && scheme != "http" && scheme != "https") {
    throw Failure(Exit::usage, "'" + scheme + "' is not supported: give a URL with http:// or https://");
  }
  url.tls = scheme == "https";
  std::string_view rest = scheme.empty() ? text : text.substr(scheme.size() + 3);
  const std::string_view authority = before(rest, "/?#");
  parse_authority(authority, text, url);
  rest = before(rest.substr(authority.size()), "#");
  url.target = tidy_target(rest);
  if (!url.target.starts_with('/')) { url.target.insert(0, 1, '/'); }
  return url;
}

Url resolve_reference(const Url& base, std::string_view reference) {
  try {
    if (!scheme_of(reference).empty()) { return parse_url(reference); }
    if (reference.starts_with("//")) { return parse_url((base.tls ? "https:" : "http:") + std::string{reference}); }
  } catch (const Failure& wrong) {
    throw Failure(Exit::http, "the server redirects to somewhere unusable: " + std::string{wrong.what()});
  }
  Url url = base;
  reference = before(reference, "#");
  const std::string_view path = before(reference, "?");
  const std::string query{reference.substr(path.size())};
  const std::string base_path{before(base.target, "?")};
  if (path.empty()) {
    url.target = base_path + tidy_target(query);
  } else if (path.starts_with('/')) {
    url.target = without_dots(tidy_target(path)) + tidy_target(query);
  } else {
    const std::string folder = base_path.substr(0, base_path.rfind('/') + 1);
    url.target = without_dots(folder + tidy_target(path)) + tidy_target(query);
  }
  return url;
}

std::string host_field(const Url& url) {
  std::string out = url.host.find(':') == std::string::npos ? url.host : '[' + url.host + ']';
  if (url.port != (url.tls ? 443 : 80)) { out += ':' + std::to_string(url.port); }
  return out;
}

std::string to_text(const Url& url) { return (url.tls ? "https://" : "http://") + host_field(url) + url.target; }

std::string file_name(const Url& url) {
  std::string_view path = before(url.target, "?");
  path = path.substr(path.rfind('/') + 1);
  std::string name;
  const bool decoded = percent_decode(path, name);
  const bool odd = std::ranges::any_of(name, [](unsigned char c) { return c < 0x20 || c == 0x7f || c == '/'; });
  // 255 is NAME_MAX; the temporary name needs some letters more.
  if (!decoded || odd || name.empty() || name == "." || name == ".." || name.size() > 200) { return "index.html"; }
  return name;
}

bool percent_decode(std::string_view text, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) { return false; }
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16);
    if (error != std::errc{} || end != text.data() + i + 3) { return false; }
    out += static_cast<char>(value);
    i += 2;
  }
  return true;
}

std::string percent_encode_path(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c) || c == '/') {
      out += c;
    } else {
      append_encoded(out, c);
    }
  }
  return out;
}

}  // namespace anabranch::apps
