#include "trace/json_lines.hh"

#include "trace/fields.hh"
#include "trace/text.hh"

#include <fmt/format.h>
#include <iterator>

namespace anabranch::trace {
namespace {
void write_string(fmt::memory_buffer& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

/// Seconds with all nine digits: integers in, nothing rounded.
void write_seconds(fmt::memory_buffer& out, std::int64_t ns) {
  const auto bits = static_cast<std::uint64_t>(ns);
  const std::uint64_t size = ns < 0 ? 0 - bits : bits;
  fmt::format_to(std::back_inserter(out), "{}{}.{:09}", ns < 0 ? "-" : "", size / 1'000'000'000, size % 1'000'000'000);
}

/// Writes ,"name":value for each field.
class Members {
 public:
  Members(fmt::memory_buffer& out, Duration offset) : out_{out}, offset_{offset} {}

  void operator()(std::string_view name, std::string_view v) const {
    key(name);
    write_string(out_, v);
  }
  void operator()(std::string_view name, std::uint64_t v) const {
    key(name);
    number(v);
  }
  void operator()(std::string_view name, bool v) const {
    key(name);
    out_.append(std::string_view{v ? "true" : "false"});
  }
  void operator()(std::string_view name, Bytes v) const {
    key(name);
    if (v.n == std::numeric_limits<std::uint64_t>::max()) {
      null();
    } else {
      number(v.n);
    }
  }
  void operator()(std::string_view name, Duration v) const {
    key(name);
    write_seconds(out_, v.ns);
  }
  void operator()(std::string_view name, Instant v) const {
    key(name);
    if (v.is_never()) {
      null();
    } else {
      write_seconds(out_, v.ns + offset_.ns);
    }
  }
  template <class Tag>
  void operator()(std::string_view name, Position<Tag> v) const {
    (*this)(name, v.n);
  }
  void operator()(std::string_view name, InterfaceId v) const { (*this)(name, std::uint64_t{v.raw}); }
  void operator()(std::string_view name, const SocketAddress& v) const { (*this)(name, std::string_view{to_text(v)}); }
  void operator()(std::string_view, const Addresses& v) const {
    (*this)("local", v.local);
    (*this)("remote", v.remote);
  }
  void operator()(std::string_view name, const Segment& v) const {
    (*this)(name, std::string_view{to_text(v)});
    (*this)("payload", v.payload.size());
  }

 private:
  void key(std::string_view name) const { fmt::format_to(std::back_inserter(out_), ",\"{}\":", name); }
  void number(std::uint64_t v) const { fmt::format_to(std::back_inserter(out_), "{}", v); }
  void null() const { out_.append(std::string_view{"null"}); }
  fmt::memory_buffer& out_;
  Duration offset_;
};

void write_object(fmt::memory_buffer& out, Instant now, const Event& event, Duration offset) {
  out.append(std::string_view{"{\"t\":"});
  write_seconds(out, now.ns + offset.ns);
  fmt::format_to(std::back_inserter(out), ",\"event\":\"{}\"", name(event));
  const Members members{out, offset};
  if (event.where.connection != 0) { members("connection", event.where.connection); }
  if (event.where.subflow != 0) { members("subflow", std::uint64_t{event.where.subflow}); }
  std::visit([&](const auto& what) { fields(what, members); }, event.what);
  out.push_back('}');
}
}  // namespace

std::string to_json(Instant now, const Event& event, Duration offset) {
  fmt::memory_buffer out;
  write_object(out, now, event, offset);
  return fmt::to_string(out);
}

void JsonLinesTrace::on(Instant now, const Event& event) {
  fmt::memory_buffer out;
  write_object(out, now, event, offset_);
  out.push_back('\n');
  sink_.write_text({out.data(), out.size()});
}
}  // namespace anabranch::trace
