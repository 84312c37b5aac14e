// From values to text. The order of words here is the canonical form; docs/notation.md lists it.
#include "base/result.hh"
#include "wire/notation.hh"

#include <fmt/format.h>
#include <iterator>

namespace anabranch::wire {
namespace {

class Formatter {
 public:
  explicit Formatter(const Origins& origins) : origins_{origins} {}

  void head(const SegmentLine& line) {
    flags(line.flags);
    const std::uint32_t begin = line.seq.raw - origins_.seq.raw;
    add(" {}:{}({})", begin, begin + line.payload, line.payload);
    if (line.flags.ack) { add(" ack {}", line.ack.raw - origins_.ack.raw); }
    if (line.window) { add(" win {}", *line.window); }
  }

  void options(const TcpOptions& tcp, const MptcpOptions& mptcp) {
    const std::size_t before = text_.size();
    if (tcp.mss) { item("mss {}", *tcp.mss); }
    if (tcp.sack_permitted) { item("sackOK"); }
    if (tcp.timestamps) { item("TS val {} ecr {}", tcp.timestamps->value, tcp.timestamps->echo); }
    if (tcp.window_scale) { item("wscale {}", *tcp.window_scale); }
    if (tcp.fast_open) { item("fast_open"); }
    if (tcp.fast_open && !tcp.fast_open->cookie.empty()) { add(" 0x"); }
    if (tcp.fast_open) {
      for (const std::uint8_t byte : tcp.fast_open->cookie) { add("{:02x}", byte); }
    }
    if (tcp.user_timeout) {
      item("user_timeout {}{}", tcp.user_timeout->value, tcp.user_timeout->minutes ? "min" : "s");
    }
    if (!tcp.sack.empty()) { item("sack"); }
    for (const SackBlock& block : tcp.sack) {
      add(" {}:{}", block.left.raw - origins_.ack.raw, block.right.raw - origins_.ack.raw);
    }
    for (const MptcpOption& option : mptcp) {
      item("");
      mptcp_option(option);
    }
    if (text_.size() != before) {
      text_.insert(before, " <");
      text_ += '>';
    }
  }

  void mptcp_option(const MptcpOption& option) {
    std::visit([this](const auto& form) { write(form); }, option);
  }

  std::string take() { return std::move(text_); }

 private:
  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }
  template <class... Args>
  void item(fmt::format_string<Args...> format, Args&&... args) {
    if (listed_) { text_ += ", "; }
    listed_ = true;
    add(format, std::forward<Args>(args)...);
  }

  void flags(const TcpFlags& f) {
    const std::size_t before = text_.size();
    if (f.syn) { text_ += 'S'; }
    if (f.fin) { text_ += 'F'; }
    if (f.rst) { text_ += 'R'; }
    if (f.psh) { text_ += 'P'; }
    if (f.urg) { text_ += 'U'; }
    if (f.ece) { text_ += 'E'; }
    if (f.cwr) { text_ += 'W'; }
    if (f.ack) { text_ += '.'; }
    if (text_.size() == before) { text_ += '-'; }
  }

  /// A 64-bit number relative to its origin, or the low half relative to the origin's low half.
  static std::uint64_t relative(const DataSeqForm& form, DataSeq origin) {
    if (form.wide) { return form.bits - origin.raw; }
    return static_cast<std::uint32_t>(form.bits) - static_cast<std::uint32_t>(origin.raw);
  }

  void capable(const CapableFlags& f) {
    add("capable v{}", f.version);
    if (f.checksum) { add(" checksum"); }
    if (f.extensibility) { add(" extensibility"); }
    if (f.no_more_to_this) { add(" no_more_to_this"); }
    if (f.unknown_flags != 0) { add(" unknown_flags={:#04x}", f.unknown_flags); }
    if (!f.hmac) { text_ += f.version == 0 ? " no_sha1" : " no_sha256"; }
  }
  void keys(Key sender, Key receiver) { add(" keys={:#018x},{:#018x}", sender.raw, receiver.raw); }
  void checksum(const std::optional<std::uint16_t>& sum) {
    if (sum) { add(" csum={:#06x}", *sum); }
  }
  void backup(bool on) {
    if (on) { add(" backup"); }
  }

  void write(const CapableSyn& o) { capable(o.flags); }
  void write(const CapableKey& o) {
    capable(o.flags);
    add(" key={:#018x}", o.sender.raw);
  }
  void write(const CapableAck& o) {
    capable(o.flags);
    keys(o.sender, o.receiver);
  }
  void write(const CapableData& o) {
    capable(o.flags);
    keys(o.sender, o.receiver);
    add(" length={}", o.length);
    checksum(o.checksum);
  }
  void write(const JoinSyn& o) {
    add("join token={:#010x} id={} nonce={:#010x}", o.token.raw, o.id.raw, o.nonce);
    backup(o.backup);
  }
  void write(const JoinSynAck& o) {
    add("join mac={:#018x} id={} nonce={:#010x}", o.mac, o.id.raw, o.nonce);
    backup(o.backup);
  }
  void write(const JoinAck& o) {
    add("join mac=0x");
    for (const std::uint8_t b : o.mac) { add("{:02x}", b); }
  }
  void write(const Dss& o) {
    add("dss");
    if (o.ack) { add(" ack{}={}", o.ack->wide ? "" : "4", relative(*o.ack, origins_.data_ack)); }
    if (o.map) {
      add(" map{}={}:{}+{}", o.map->data.wide ? "" : "4", relative(o.map->data, origins_.data), o.map->subflow,
          o.map->length);
      checksum(o.map->checksum);
    }
    if (o.data_fin) { add(" fin"); }
  }
  void write(const AddAddr& o) {
    add("add_addr{} id={} {}", o.echo ? " echo" : "", o.id.raw,
        o.port ? to_text(SocketAddress{o.address, *o.port}) : to_text(o.address));
    if (o.mac) { add(" mac={:#018x}", *o.mac); }
  }
  void write(const AddAddrV0& o) {
    add("add_addr v0 id={} {}", o.id.raw, o.port ? to_text(SocketAddress{o.address, *o.port}) : to_text(o.address));
  }
  void write(const RemoveAddr& o) {
    add("remove_addr");
    for (const AddressId id : o.ids) { add(" {}", id.raw); }
  }
  void write(const Prio& o) {
    add("prio");
    backup(o.backup);
  }
  void write(const PrioOfAddress& o) {
    add("prio id={}", o.id.raw);
    backup(o.backup);
  }
  void write(const Fail& o) { add("fail dsn={}", o.data - origins_.data_ack.raw); }
  void write(const FastClose& o) { add("fast_close key={:#018x}", o.receiver.raw); }
  void write(const Reset& o) {
    const auto number = static_cast<unsigned>(o.reason);
    if (number < std::size(Names<ResetReason>::list)) {
      add("reset reason={}", name(o.reason));
    } else {
      add("reset reason={}", number);
    }
    if (o.unknown_flags != 0) { add(" unknown_flags={:#04x}", o.unknown_flags); }
    if (o.transient) { add(" transient"); }
  }
  void write(const Unknown& o) { add("unknown subtype={} length={}", o.subtype, o.length); }

  Origins origins_;
  std::string text_;
  bool listed_ = false;
};
}  // namespace

std::string format_notation(const SegmentLine& line, const Origins& origins) {
  Formatter out{origins};
  out.head(line);
  out.options(line.tcp, line.mptcp);
  return out.take();
}

std::string format_option(const MptcpOption& option, const Origins& origins) {
  Formatter out{origins};
  out.mptcp_option(option);
  return out.take();
}

SegmentLine line_of(const TcpHeader& h, std::uint32_t payload) {
  return {.flags = h.flags,
          .seq = h.seq,
          .payload = payload,
          .ack = h.flags.ack ? h.ack : SeqNum{},
          .window = h.window,
          .tcp = h.tcp,
          .mptcp = h.mptcp};
}
}  // namespace anabranch::wire
