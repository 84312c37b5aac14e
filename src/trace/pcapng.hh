/// Packets as a pcapng capture, with a comment for each that deserves one.
///
/// Writes a section header at construction, an interface description per interface and an enhanced packet block per
/// packet, in the machine's byte order, into a sink that must outlive it (draft-ietf-opsawg-pcapng §4.1 to §4.3).
/// Times are nanoseconds: an `Instant` plus the wall-clock time of the instant 0.
#pragma once
#include "packet/slab.hh"
#include "trace/sinks.hh"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace anabranch::trace {

/// Link types of the tcpdump registry.
enum class LinkType : std::uint16_t { ethernet = 1, raw_ip = 101 };
/// EPB flags, bits 0 and 1.
enum class PacketDirection : std::uint8_t { unknown = 0, inbound = 1, outbound = 2 };

class Pcapng {
 public:
  /// `wall_clock_at_zero`: time since 1970 that belongs to Instant{0}. `application`: shb_userappl.
  explicit Pcapng(ByteSink& sink, Duration wall_clock_at_zero = {}, std::string_view application = "anabranch");

  /// Describes an interface; returns its number in this file, for `packet`.
  std::uint32_t add_interface(std::string_view name, LinkType link = LinkType::raw_ip);

  struct Packet {
    std::uint32_t interface = 0;
    Instant at;
    PacketDirection direction = PacketDirection::unknown;
    std::string_view comment;  ///< empty: none
  };
  void packet(const Packet&, std::span<const std::uint8_t> bytes);
  void packet(const Packet&, const Chain& bytes);
  std::uint64_t packets() const { return packets_; }

 private:
  void begin_block(std::uint32_t type);
  void end_block();
  void u16(std::uint16_t v);
  void u32(std::uint32_t v);
  void padded(std::span<const std::uint8_t> bytes);
  void option(std::uint16_t code, std::span<const std::uint8_t> value);
  void option(std::uint16_t code, std::string_view text);
  void end_options();

  ByteSink& sink_;
  Duration wall_clock_at_zero_;
  std::vector<std::uint8_t> block_;
  std::uint32_t interfaces_ = 0;
  std::uint64_t packets_ = 0;
};
}  // namespace anabranch::trace
