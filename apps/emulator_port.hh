/// One end of a cable in the emulator's hands: Ethernet frames in and out of a device, in batches.
///
/// Reads super-segments whole (PACKET_VNET_HDR) and writes single packets. Checksums that the sending kernel left to
/// hardware are completed here, except in super-segments, where the pipe does it as it cuts. All protocols pass: the
/// packet behind the Ethernet header becomes a Frame, and the header itself is kept aside under a number that travels
/// as the frame's interface. Owner: the emulator.
#pragma once
#include "apps/lab_system.hh"
#include "packet/frame.hh"
#include "packet/slab.hh"

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace anabranch::apps {

using EthernetHeader = std::array<std::uint8_t, 14>;

/// Ethernet headers by number, from 1. A cable sees a handful: two stations, a few protocols and multicast groups.
class HeaderBook {
 public:
  InterfaceId number(const EthernetHeader& header);
  const EthernetHeader& header(InterfaceId number) const { return headers_[number.raw - 1]; }

  static constexpr std::size_t kMaxHeaders = 4096;  ///< beyond it the oldest are forgotten: somebody scans

 private:
  std::map<EthernetHeader, std::uint32_t> numbers_;
  std::vector<EthernetHeader> headers_;
  std::size_t oldest_ = 0;
};

struct PortStats {
  std::uint64_t received = 0, sent = 0;  ///< frames, super-segments counted once
  std::uint64_t unreadable = 0;          ///< frames with offload facts that make no sense
  std::uint64_t refused = 0;             ///< the device did not take it: down, or its host is too slow
};

class Port {
 public:
  /// Opens the device of that name in this thread's network namespace; throws a Failure.
  Port(const std::string& device, SlabPool& pool, HeaderBook& book);

  /// Appends what has come in, at most a batch. Returns how many.
  std::size_t receive(std::vector<Frame>& out);
  void transmit(std::span<const Frame> frames);
  /// Gives or takes the carrier of the host at the other end of the cable.
  void set_up(bool up);
  int descriptor() const { return socket_.get(); }
  const PortStats& stats() const { return stats_; }

  static constexpr std::size_t kBatch = 32;

 private:
  /// Takes a packet out of its room: a small one as a copy behind others in one slab, in one piece always, a large one
  /// with its room.
  Slice keep(std::span<const std::uint8_t> packet, SlabRef& room);
  void transmit_batch(std::span<const Frame> frames);

  std::string device_;
  Descriptor socket_;
  SlabPool* pool_;
  HeaderBook* book_;
  SlabRef small_;  ///< where small packets go, one behind the other
  std::array<SlabRef, kBatch> rooms_;
  PortStats stats_;
};

}  // namespace anabranch::apps
