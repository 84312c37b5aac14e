#include "trace/text.hh"

#include "trace/fields.hh"
#include "wire/notation.hh"

#include <fmt/format.h>
#include <iterator>

namespace anabranch::trace {
namespace {
/// 950ns, 20us, 240ms, 1.5s: the largest unit that is not smaller than the value.
std::string length_text(Duration d) {
  if (d.ns < 0) { return "-" + length_text(Duration{-d.ns}); }
  if (d.ns >= 1'000'000'000) { return fmt::format("{:.6g}s", seconds(d)); }
  if (d.ns >= 1'000'000) { return fmt::format("{:.6g}ms", milliseconds(d)); }
  if (d.ns >= 1'000) { return fmt::format("{:.6g}us", static_cast<double>(d.ns) / 1e3); }
  return fmt::format("{}ns", d.ns);
}

/// Writes " name=value" for each field; what explains itself goes without its name.
class Line {
 public:
  explicit Line(fmt::memory_buffer& out) : out_{out} {}

  void operator()(std::string_view name, std::string_view v) const { put("{}={}", name, v.empty() ? "-" : v); }
  void operator()(std::string_view name, std::uint64_t v) const { put("{}={}", name, v); }
  void operator()(std::string_view name, bool v) const { put("{}={}", name, v ? "yes" : "no"); }
  void operator()(std::string_view name, Bytes v) const {
    if (v.n == std::numeric_limits<std::uint64_t>::max()) {
      put("{}=none", name);
    } else {
      put("{}={}", name, v.n);
    }
  }
  void operator()(std::string_view name, Duration v) const { put("{}={}", name, length_text(v)); }
  void operator()(std::string_view name, Instant v) const {
    if (v.is_never()) {
      put("{}=never", name);
    } else {
      put("{}={:.6f}", name, static_cast<double>(v.ns) / 1e9);
    }
  }
  template <class Tag>
  void operator()(std::string_view name, Position<Tag> v) const {
    put("{}={}", name, v.n);
  }
  void operator()(std::string_view name, InterfaceId v) const { put("{}={}", name, v.raw); }
  void operator()(std::string_view name, const SocketAddress& v) const {
    put("{}={}", name, v.port == 0 ? to_text(v.address) : to_text(v));
  }
  void operator()(std::string_view, const Addresses& v) const { put("{}-{}", to_text(v.local), to_text(v.remote)); }
  void operator()(std::string_view, const Segment& v) const { put(" {}", to_text(v)); }

 private:
  template <class... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) const {
    out_.push_back(' ');
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }
  fmt::memory_buffer& out_;
};

void write_line(fmt::memory_buffer& out, Instant now, const Event& event) {
  fmt::format_to(std::back_inserter(out), "{:11.6f}  ", static_cast<double>(now.ns) / 1e9);
  const Where& where = event.where;
  if (where.subflow != 0) {
    fmt::format_to(std::back_inserter(out), "c{}.{}  ", where.connection, where.subflow);
  } else if (where.connection != 0) {
    fmt::format_to(std::back_inserter(out), "c{}  ", where.connection);
  } else {
    out.append(std::string_view{"-  "});
  }
  out.append(name(event));
  std::visit([&](const auto& what) { fields(what, Line{out}); }, event.what);
}
}  // namespace

std::string to_text(const Segment& segment) {
  return wire::format_notation({.flags = segment.flags,
                                .seq = segment.seq,
                                .payload = static_cast<std::uint32_t>(segment.payload.size().n),
                                .ack = segment.flags.ack ? segment.ack : SeqNum{},
                                .window = segment.window,
                                .tcp = segment.tcp,
                                .mptcp = segment.mptcp});
}

std::string to_text(Instant now, const Event& event) {
  fmt::memory_buffer out;
  write_line(out, now, event);
  return fmt::to_string(out);
}

void TextTrace::on(Instant now, const Event& event) {
  fmt::memory_buffer out;
  write_line(out, now, event);
  out.push_back('\n');
  sink_.write_text({out.data(), out.size()});
}
}  // namespace anabranch::trace
