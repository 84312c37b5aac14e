/// One network interface through an AF_PACKET socket: 64 KiB super-segments with their offload facts, in batches.
///
/// Payload leaves from the stack's slabs without a copy and arrives in slabs that the stack keeps; small packets are
/// copied together. Link headers are made and removed here; next hops come from `update`, their addresses from
/// `Neighbours`, and frames wait, bounded, while one is being resolved. Reads no clock. Owned by the runtime; the pool
/// and the neighbours outlive it. Does not keep the kernel from answering for our ports: see runtime/port_guard.
#pragma once
#include "base/network.hh"
#include "device/counters.hh"
#include "device/device.hh"
#include "device/neighbours.hh"
#include "device/packet_filter.hh"
#include "packet/assemble.hh"

#include <array>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace anabranch::device {

/// A system call that failed: which, and `errno`.
struct SystemError {
  std::string_view call;
  int number = 0;
};

class PacketSocket final : public Device {
 public:
  struct Options {
    std::string interface;  ///< its name
    std::uint32_t super_segment =
        65535;                      ///< largest frame with `cut` to offer; 0: none. Lowered to what the link takes
    int receive_buffer = 32 << 20;  ///< bytes the kernel may queue for us
    /// Bytes the kernel may hold of ours before transmit says "full": 1 MiB is 0.8 ms at 10 Gb/s. More would be
    /// standing queue on slow links.
    int send_buffer = 1 << 20;
  };
  /// Nothing is received until `allow` was called.
  static std::expected<std::unique_ptr<PacketSocket>, SystemError> open(const Options& options, SlabPool& pool,
                                                                        Neighbours& neighbours);
  class Key;  ///< construction is for `open`
  PacketSocket(Key, int fd, const Options& options, SlabPool& pool, Neighbours& neighbours);
  ~PacketSocket() override;
  PacketSocket(const PacketSocket&) = delete;
  PacketSocket& operator=(const PacketSocket&) = delete;

  Traits traits() const override { return traits_; }
  std::size_t receive(std::span<Frame> into) override;
  std::size_t transmit(std::span<const Frame> frames) override;
  int descriptor() const override { return fd_; }
  std::string_view name() const override { return name_; }

  /// Lets in TCP to these local ports, and ICMP errors; replaces the former set.
  std::expected<void, SystemError> allow(std::span<const std::uint16_t> ports);
  /// Routes and MTU to go by from now on.
  void update(const Network& network);
  /// Answers of `Neighbours` changed: frames that waited for them leave, or are dropped if resolution failed.
  void neighbours_changed();
  /// To be called about once a second: drops frames that waited for their neighbour over two calls, asks again for the
  /// addresses in use.
  void age();

  const Counters& counters() const { return counters_; }
  /// Packets the kernel had no room to queue for us; asks the kernel.
  std::uint64_t kernel_drops();

  static constexpr std::size_t kBatch = 16;          ///< packets a system call: more gains nothing (measured)
  static constexpr std::size_t kWaitingPerHop = 64;  ///< frames that wait for one neighbour
  static constexpr std::size_t kWaitingHops = 64;
  static constexpr std::uint32_t kCopyBelow = 8192;  ///< smaller packets are copied out of their slab

 private:
  struct Arrays;
  struct KnownHop {
    Address destination;
    Mac mac{};
  };
  struct WaitingHop {
    Address hop;
    unsigned age = 0;
    std::vector<Frame> frames;
  };
  enum class Hop : std::uint8_t { known, waiting, none };

  std::expected<void, SystemError> set_up(const Options& options);
  std::size_t receive_batch(std::span<Frame> into, bool& dry);
  bool take_message(std::size_t i, Frame& frame);
  Slice copy_small(std::span<const std::uint8_t> bytes);
  Hop find_hop(const Frame& frame, Mac& mac);
  void wait_for(const Address& hop, const Frame& frame);
  std::size_t send_batch(std::span<const Frame> frames, bool& full);
  void prepare(const Frame& frame, const Mac& to);
  std::size_t send_prepared(bool& full);
  Frame with_partial_checksum(const Frame& frame);
  void note_failure(int error);
  std::uint16_t link_header() const { return static_cast<std::uint16_t>(link_); }

  int fd_;
  std::string name_;
  Traits traits_;
  std::uint32_t wanted_super_segment_;
  LinkHeader link_ = LinkHeader::ethernet;
  Mac own_mac_{};
  bool bound_ = false;
  SlabPool& pool_;
  Neighbours& neighbours_;
  HeaderArena headers_;
  SlabRef small_;
  Network network_;
  std::vector<KnownHop> known_;
  std::size_t last_known_ = 0;
  std::vector<WaitingHop> waiting_;
  Counters counters_;
  std::uint64_t kernel_drops_ = 0;
  std::unique_ptr<Arrays> arrays_;
};
}  // namespace anabranch::device
