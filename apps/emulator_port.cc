#include "apps/emulator_port.hh"

#include "apps/http_failure.hh"
#include "device/virtio_header.hh"
#include "wire/checksum.hh"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <optional>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace anabranch::apps {
namespace {

using device::kVirtioHeader;
using device::VirtioHeader;

constexpr int kSocketBuffer = 32 << 20;  // bursts of super-segments while the emulator is not scheduled
constexpr std::size_t kSmall = 4096;     // up to here copying is cheaper than holding a slab
constexpr std::size_t kMaxSlices = 8;    // of a frame that was cut: its header, a few slices of payload

/// Puts the checksum in place that the kernel left to hardware: summed from `start` to the end, written at `start` +
/// `offset`, where the sum of the pseudo header stands already. True when the facts were sound.
bool complete(std::span<std::uint8_t> packet, std::size_t start, std::size_t offset) {
  if (start + offset + 2 > packet.size()) { return false; }
  std::uint16_t sum = wire::Sum{packet.subspan(start)}.checksum();
  if (sum == 0) { sum = 0xffff; }  // RFC 768: 0 would mean none; for TCP the two are the same number
  packet[start + offset] = static_cast<std::uint8_t>(sum >> 8);
  packet[start + offset + 1] = static_cast<std::uint8_t>(sum);
  return true;
}

/// A frame with what the virtio header says of it; the checksum of a single packet is completed. None: facts that make
/// no sense.
std::optional<Frame> offload_facts(const VirtioHeader& facts, std::span<std::uint8_t> packet) {
  Frame frame;
  if (!read_offload(facts, frame)) { return std::nullopt; }
  if (frame.cut == 0 && frame.checksum == ChecksumState::pending) {
    const std::size_t start = facts.checksum_start;
    if (start < ETH_HLEN || !complete(packet, start - ETH_HLEN, facts.checksum_offset)) { return std::nullopt; }
    frame.checksum = ChecksumState::complete;
  }
  return frame;
}

template <class T>
void option(int fd, int level, int name, const T& value, const char* what) {
  if (setsockopt(fd, level, name, &value, sizeof value) != 0) {
    throw Failure(Exit::internal, fmt::format("packet socket, {}: {}", what, system_error()));
  }
}

Descriptor open_socket(const std::string& device) {
  Descriptor fd{socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};  // protocol 0: deaf until bound
  if (!fd) { throw Failure(Exit::internal, "packet socket: " + system_error()); }
  option(fd.get(), SOL_PACKET, PACKET_VNET_HDR, 1, "PACKET_VNET_HDR");
  option(fd.get(), SOL_PACKET, PACKET_IGNORE_OUTGOING, 1, "PACKET_IGNORE_OUTGOING");
  option(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, kSocketBuffer, "SO_RCVBUFFORCE");
  option(fd.get(), SOL_SOCKET, SO_SNDBUFFORCE, kSocketBuffer, "SO_SNDBUFFORCE");
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(if_nametoindex(device.c_str()));
  if (address.sll_ifindex == 0 || bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    throw Failure(Exit::internal, fmt::format("packet socket on {}: {}", device, system_error()));
  }
  return fd;
}

}  // namespace

InterfaceId HeaderBook::number(const EthernetHeader& header) {
  if (const auto known = numbers_.find(header); known != numbers_.end()) { return {known->second}; }
  if (headers_.size() < kMaxHeaders) {
    headers_.push_back(header);
    return {numbers_[header] = static_cast<std::uint32_t>(headers_.size())};
  }
  const std::size_t place = oldest_;
  oldest_ = (oldest_ + 1) % kMaxHeaders;
  numbers_.erase(headers_[place]);
  headers_[place] = header;
  return {numbers_[header] = static_cast<std::uint32_t>(place + 1)};
}

Port::Port(const std::string& device, SlabPool& pool, HeaderBook& book)
    : device_{device},
      socket_{open_socket(device)},
      pool_{&pool},
      book_{&book} {}

Slice Port::keep(std::span<const std::uint8_t> packet, SlabRef& room) {
  if (packet.size() > kSmall) {
    room->used = static_cast<std::uint32_t>(packet.size());
    return {std::exchange(room, {}), packet};
  }
  if (!small_ || small_->capacity - small_->used < packet.size()) { small_ = pool_->get(); }
  const std::span place{small_->data() + small_->used, packet.size()};
  std::ranges::copy(packet, place.begin());
  small_->used += static_cast<std::uint32_t>(packet.size());
  return {small_, place};
}

std::size_t Port::receive(std::vector<Frame>& out) {
  std::array<VirtioHeader, kBatch> vnets;
  std::array<EthernetHeader, kBatch> headers;
  std::array<std::array<iovec, 3>, kBatch> pieces;
  std::array<mmsghdr, kBatch> messages{};
  for (std::size_t i = 0; i < kBatch; ++i) {
    if (!rooms_[i]) { rooms_[i] = pool_->get(); }
    pieces[i] = {iovec{&vnets[i], kVirtioHeader}, iovec{headers[i].data(), headers[i].size()},
                 iovec{rooms_[i]->data(), rooms_[i]->capacity}};
    messages[i].msg_hdr.msg_iov = pieces[i].data();
    messages[i].msg_hdr.msg_iovlen = pieces[i].size();
  }
  const int got = recvmmsg(socket_.get(), messages.data(), kBatch, MSG_DONTWAIT, nullptr);
  if (got <= 0) { return 0; }  // also ENETDOWN, told once after the device went down
  for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i) {
    ++stats_.received;
    if (messages[i].msg_len <= kVirtioHeader + ETH_HLEN) {
      ++stats_.unreadable;
      continue;
    }
    const std::span packet{rooms_[i]->data(), messages[i].msg_len - kVirtioHeader - ETH_HLEN};
    auto frame = offload_facts(vnets[i], packet);
    if (!frame) {
      ++stats_.unreadable;
      continue;
    }
    frame->interface = book_->number(headers[i]);
    frame->bytes = Chain{keep(packet, rooms_[i])};
    out.push_back(std::move(*frame));
  }
  return static_cast<std::size_t>(got);
}

void Port::transmit(std::span<const Frame> frames) {
  for (; frames.size() > kBatch; frames = frames.subspan(kBatch)) { transmit_batch(frames.first(kBatch)); }
  transmit_batch(frames);
}

void Port::transmit_batch(std::span<const Frame> frames) {
  VirtioHeader plain{};
  std::array<std::array<iovec, kMaxSlices + 2>, kBatch> pieces;
  std::array<mmsghdr, kBatch> messages{};
  std::size_t count = 0;
  for (const Frame& frame : frames) {
    if (frame.bytes.slices().size() > kMaxSlices) {
      ++stats_.refused;
      continue;
    }
    const EthernetHeader& header = book_->header(frame.interface);
    auto& piece = pieces[count];
    std::size_t used = 0;
    piece[used++] = {&plain, kVirtioHeader};
    piece[used++] = {const_cast<std::uint8_t*>(header.data()), header.size()};
    for (const Slice& slice : frame.bytes.slices()) {
      piece[used++] = {const_cast<std::uint8_t*>(slice.bytes().data()), slice.size()};
    }
    messages[count].msg_hdr.msg_iov = piece.data();
    messages[count].msg_hdr.msg_iovlen = used;
    ++count;
  }
  for (std::size_t done = 0; done < count;) {
    const int sent = sendmmsg(socket_.get(), messages.data() + done, static_cast<unsigned>(count - done), MSG_DONTWAIT);
    if (sent > 0) {
      done += static_cast<std::size_t>(sent);
      stats_.sent += static_cast<std::uint64_t>(sent);
    } else if (errno != EINTR) {
      ++done;
      ++stats_.refused;
    }
  }
}

void Port::set_up(bool up) {
  ifreq request{};
  std::copy_n(device_.c_str(), std::min(device_.size() + 1, std::size_t{IFNAMSIZ}), request.ifr_name);
  bool good = ioctl(socket_.get(), SIOCGIFFLAGS, &request) == 0;
  const int flags = up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP;
  request.ifr_flags = static_cast<short>(flags);
  good = good && ioctl(socket_.get(), SIOCSIFFLAGS, &request) == 0;
  if (!good) {
    throw Failure(Exit::internal, fmt::format("cannot set {} {}: {}", device_, up ? "up" : "down", system_error()));
  }
}

}  // namespace anabranch::apps
