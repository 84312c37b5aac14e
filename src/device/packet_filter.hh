/// The classic BPF program that lets in what the stack can use and drops the rest before the kernel copies it.
///
/// In: TCP to the given local ports, ICMP and ICMPv6 errors, addressed to this host and without VLAN tag. IPv4 with
/// options, first fragments only; IPv6 with TCP right behind the fixed header. Pure: ports to instructions.
#pragma once
#include <cstdint>
#include <linux/filter.h>
#include <span>
#include <vector>

namespace anabranch::device {

/// Length of the link header in front of the IP packet: 14 on Ethernet, 0 on links without one.
enum class LinkHeader : std::uint8_t { none = 0, ethernet = 14 };

/// More disjoint port ranges than this: all TCP is let in, the stack sorts it out.
inline constexpr std::size_t kMaxPortRanges = 512;  // three instructions each; the kernel takes 4096

std::vector<sock_filter> packet_filter(LinkHeader link, std::span<const std::uint16_t> ports);

/// What the program answers for a packet with its link header: for tests and explanations. No kernel needed.
bool filter_accepts(std::span<const sock_filter> program, std::span<const std::uint8_t> packet);
}  // namespace anabranch::device
