#include "trace/pcapng.hh"

#include "base/check.hh"

#include <algorithm>
#include <array>
#include <cstring>

namespace anabranch::trace {
namespace {
// draft-ietf-opsawg-pcapng: block types, option codes.
constexpr std::uint32_t kSectionHeader = 0x0a0d0d0a, kInterfaceDescription = 1, kEnhancedPacket = 6;
constexpr std::uint32_t kByteOrderMagic = 0x1a2b3c4d;
constexpr std::uint16_t kEndOfOptions = 0, kComment = 1, kApplication = 4, kInterfaceName = 2, kTimeResolution = 9,
                        kPacketFlags = 2;
constexpr std::uint8_t kNanoseconds = 9;  // 10^-9 s
constexpr std::size_t kLongestOption = 0xffff;

std::span<const std::uint8_t> raw(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
}  // namespace

Pcapng::Pcapng(ByteSink& sink, Duration wall_clock_at_zero, std::string_view application)
    : sink_{sink},
      wall_clock_at_zero_{wall_clock_at_zero} {
  begin_block(kSectionHeader);
  u32(kByteOrderMagic);
  u16(1);  // version 1.0
  u16(0);
  u32(0xffffffff);  // section length not given: 64 bits of ones
  u32(0xffffffff);
  option(kApplication, application);
  end_options();
  end_block();
}

std::uint32_t Pcapng::add_interface(std::string_view name, LinkType link) {
  begin_block(kInterfaceDescription);
  u16(static_cast<std::uint16_t>(link));
  u16(0);
  u32(0);  // no limit on what is captured of a packet
  option(kInterfaceName, name);
  option(kTimeResolution, std::array{kNanoseconds});
  end_options();
  end_block();
  return interfaces_++;
}

void Pcapng::packet(const Packet& packet, const Chain& bytes) {
  if (bytes.slices().size() == 1) {
    this->packet(packet, bytes.slices().front().bytes());
  } else {
    this->packet(packet, bytes.to_vector());
  }
}

void Pcapng::packet(const Packet& packet, std::span<const std::uint8_t> bytes) {
  ANABRANCH_CHECK(packet.interface < interfaces_);
  const auto time = static_cast<std::uint64_t>(packet.at.ns + wall_clock_at_zero_.ns);
  begin_block(kEnhancedPacket);
  u32(packet.interface);
  u32(static_cast<std::uint32_t>(time >> 32));
  u32(static_cast<std::uint32_t>(time));
  u32(static_cast<std::uint32_t>(bytes.size()));  // captured
  u32(static_cast<std::uint32_t>(bytes.size()));  // on the wire
  padded(bytes);
  const bool directed = packet.direction != PacketDirection::unknown;
  if (!packet.comment.empty()) { option(kComment, packet.comment); }
  if (directed) {
    const auto flags = static_cast<std::uint32_t>(packet.direction);
    std::array<std::uint8_t, 4> value;
    std::memcpy(value.data(), &flags, sizeof flags);
    option(kPacketFlags, value);
  }
  if (directed || !packet.comment.empty()) { end_options(); }
  end_block();
  ++packets_;
}

void Pcapng::begin_block(std::uint32_t type) {
  block_.clear();
  u32(type);
  u32(0);  // length: known at the end
}

void Pcapng::end_block() {
  const auto length = static_cast<std::uint32_t>(block_.size() + 4);
  std::memcpy(block_.data() + 4, &length, sizeof length);
  u32(length);
  sink_.write(block_);
}

void Pcapng::u16(std::uint16_t v) {
  const auto at = block_.size();
  block_.resize(at + sizeof v);
  std::memcpy(block_.data() + at, &v, sizeof v);
}

void Pcapng::u32(std::uint32_t v) {
  const auto at = block_.size();
  block_.resize(at + sizeof v);
  std::memcpy(block_.data() + at, &v, sizeof v);
}

void Pcapng::padded(std::span<const std::uint8_t> bytes) {
  block_.insert(block_.end(), bytes.begin(), bytes.end());
  block_.resize((block_.size() + 3) / 4 * 4);
}

void Pcapng::option(std::uint16_t code, std::span<const std::uint8_t> value) {
  value = value.first(std::min(value.size(), kLongestOption));
  u16(code);
  u16(static_cast<std::uint16_t>(value.size()));
  padded(value);
}

void Pcapng::option(std::uint16_t code, std::string_view text) { option(code, raw(text)); }

void Pcapng::end_options() {
  u16(kEndOfOptions);
  u16(0);
}
}  // namespace anabranch::trace
