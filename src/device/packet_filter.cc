#include "device/packet_filter.hh"

#include <algorithm>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

namespace anabranch::device {
namespace {
constexpr std::uint32_t kAll = 0x40000;  // bytes of a packet to pass: more than any packet has
constexpr std::uint8_t kTcp = 6, kIcmp = 1, kIcmpV6 = 58;
constexpr std::uint8_t kIcmpUnreachable = 3;                       // RFC 792
constexpr std::uint8_t kIcmpV6Unreachable = 1, kIcmpV6TooBig = 2;  // RFC 4443

struct Range {
  std::uint16_t first, last;
};
std::vector<Range> ranges_of(std::span<const std::uint16_t> ports) {
  std::vector<std::uint16_t> sorted(ports.begin(), ports.end());
  std::ranges::sort(sorted);
  std::vector<Range> out;
  for (const std::uint16_t port : sorted) {
    if (!out.empty() && port <= out.back().last + 1) {
      out.back().last = port;
    } else {
      out.push_back({port, port});
    }
  }
  return out;
}

/// Jumps only skip a known number of instructions ahead: each test ends in a `ret` of its own, no far labels.
class Program {
 public:
  explicit Program(LinkHeader link) : base_{static_cast<std::uint32_t>(link)} {}
  std::vector<sock_filter> take() && { return std::move(code_); }

  void op(std::uint16_t code, std::uint32_t k, std::uint8_t yes = 0, std::uint8_t no = 0) {
    code_.push_back({code, yes, no, k});
  }
  void ret(std::uint32_t k) { op(BPF_RET | BPF_K, k); }
  void drop_if(std::uint16_t test, std::uint32_t k) {
    op(BPF_JMP | BPF_K | test, k, 0, 1);
    ret(0);
  }
  void accept_if_equal(std::uint32_t k) {
    op(BPF_JMP | BPF_JEQ | BPF_K, k, 0, 1);
    ret(kAll);
  }
  void load(std::uint16_t size, std::uint32_t at) { op(BPF_LD | BPF_ABS | size, base_ + at); }
  void load_absolute(std::uint16_t size, std::uint32_t at) { op(BPF_LD | BPF_ABS | size, at); }
  /// The IPv4 header's length into X, for `load_behind`.
  void measure_ipv4() { op(BPF_LDX | BPF_B | BPF_MSH, base_); }
  void load_behind(std::uint16_t size, std::uint32_t at) { op(BPF_LD | BPF_IND | size, base_ + at); }

  void ports(const std::vector<Range>& ranges) {
    if (ranges.size() > kMaxPortRanges) { return ret(kAll); }
    for (const Range& r : ranges) {
      if (r.first == r.last) {
        accept_if_equal(r.first);
      } else {
        op(BPF_JMP | BPF_JGE | BPF_K, r.first, 0, 2);
        op(BPF_JMP | BPF_JGT | BPF_K, r.last, 1, 0);
        ret(kAll);
      }
    }
    ret(0);
  }
  /// Runs `body` when the accumulator equals `k`, skips it otherwise. Bodies end in `ret`.
  template <class Body>
  void when_equal(std::uint32_t k, Body body) {
    op(BPF_JMP | BPF_JEQ | BPF_K, k, 1, 0);
    const std::size_t skip = code_.size();
    op(BPF_JMP | BPF_JA, 0);
    body();
    code_[skip].k = static_cast<std::uint32_t>(code_.size() - skip - 1);
  }

 private:
  std::uint32_t base_;
  std::vector<sock_filter> code_;
};

void ipv4(Program& p, const std::vector<Range>& ranges) {
  p.load(BPF_H, 6);
  p.drop_if(BPF_JSET, 0x1fff);  // a later fragment has no TCP header
  p.measure_ipv4();
  p.load(BPF_B, 9);
  p.when_equal(kTcp, [&] {
    p.load_behind(BPF_H, 2);
    p.ports(ranges);
  });
  p.when_equal(kIcmp, [&] {
    p.load_behind(BPF_B, 0);
    p.accept_if_equal(kIcmpUnreachable);
    p.ret(0);
  });
  p.ret(0);
}

void ipv6(Program& p, const std::vector<Range>& ranges) {
  p.load(BPF_B, 6);
  p.when_equal(kTcp, [&] {
    p.load(BPF_H, 42);
    p.ports(ranges);
  });
  p.when_equal(kIcmpV6, [&] {
    p.load(BPF_B, 40);
    p.accept_if_equal(kIcmpV6Unreachable);
    p.accept_if_equal(kIcmpV6TooBig);
    p.ret(0);
  });
  p.ret(0);
}
}  // namespace

std::vector<sock_filter> packet_filter(LinkHeader link, std::span<const std::uint16_t> ports) {
  const std::vector<Range> ranges = ranges_of(ports);
  Program p{link};
  p.load_absolute(BPF_B, static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_PKTTYPE));
  p.drop_if(BPF_JEQ, PACKET_OTHERHOST);
  p.load_absolute(BPF_B, static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT));
  p.drop_if(BPF_JGT, 0);
  if (link == LinkHeader::ethernet) {
    p.load_absolute(BPF_H, 12);
    p.when_equal(ETH_P_IP, [&] { ipv4(p, ranges); });
    p.when_equal(ETH_P_IPV6, [&] { ipv6(p, ranges); });
  } else {
    p.load_absolute(BPF_B, 0);
    p.op(BPF_ALU | BPF_RSH | BPF_K, 4);
    p.when_equal(4, [&] { ipv4(p, ranges); });
    p.when_equal(6, [&] { ipv6(p, ranges); });
  }
  p.ret(0);
  return std::move(p).take();
}

namespace {
/// Just the instructions that `packet_filter` uses; a load beyond the packet ends the program with "no", as in the
/// kernel. The ancillary loads see a packet for this host without a VLAN tag.
class Machine {
 public:
  explicit Machine(std::span<const std::uint8_t> packet) : packet_{packet} {}

  bool run(std::span<const sock_filter> program) {
    for (std::size_t at = 0; at < program.size(); ++at) {
      const sock_filter& i = program[at];
      if (BPF_CLASS(i.code) == BPF_RET) { return i.k != 0; }
      if (BPF_CLASS(i.code) == BPF_JMP) {
        at += BPF_OP(i.code) == BPF_JA ? i.k : holds(i) ? i.jt : i.jf;
      } else if (!step(i)) {
        return false;
      }
    }
    return false;
  }

 private:
  bool holds(const sock_filter& i) const {
    switch (BPF_OP(i.code)) {
      case BPF_JEQ: return a_ == i.k;
      case BPF_JGT: return a_ > i.k;
      case BPF_JGE: return a_ >= i.k;
      default: return (a_ & i.k) != 0;  // BPF_JSET
    }
  }
  bool step(const sock_filter& i) {
    if (BPF_CLASS(i.code) == BPF_ALU) {
      a_ >>= i.k;
      return true;
    }
    if (BPF_CLASS(i.code) == BPF_LDX) {
      if (i.k >= packet_.size()) { return false; }
      x_ = 4u * (packet_[i.k] & 0xfu);
      return true;
    }
    if (i.k >= static_cast<std::uint32_t>(SKF_AD_OFF)) {
      a_ = 0;
      return true;
    }
    return load(BPF_MODE(i.code) == BPF_IND ? x_ + i.k : i.k, BPF_SIZE(i.code) == BPF_H ? 2 : 1);
  }
  bool load(std::size_t at, std::size_t size) {
    if (at + size > packet_.size()) { return false; }
    a_ = size == 2 ? static_cast<std::uint32_t>(packet_[at] << 8 | packet_[at + 1]) : packet_[at];
    return true;
  }

  std::span<const std::uint8_t> packet_;
  std::uint32_t a_ = 0, x_ = 0;
};
}  // namespace

bool filter_accepts(std::span<const sock_filter> program, std::span<const std::uint8_t> packet) {
  return Machine{packet}.run(program);
}
}  // namespace anabranch::device
