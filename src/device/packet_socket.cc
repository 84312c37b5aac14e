#include "device/packet_socket.hh"

#include "device/virtio_header.hh"
#include "wire/checksum.hh"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

namespace anabranch::device {
namespace {
constexpr std::size_t kKnownHops = 64;  // destinations whose next hop is remembered; beyond, they are looked up

std::unexpected<SystemError> failed(std::string_view call) { return std::unexpected(SystemError{call, errno}); }

constexpr unsigned kArphrdRawIp = 519;  // <linux/if_arp.h>, which does not go with <net/if.h>

/// Links that carry IP packets without a header of their own.
bool is_raw_link(unsigned type) {
  return type == ARPHRD_NONE || type == ARPHRD_PPP || type == ARPHRD_TUNNEL || type == ARPHRD_TUNNEL6 ||
         type == ARPHRD_SIT || type == kArphrdRawIp;
}
Address destination_of(std::span<const std::uint8_t> ip) {
  if (ip.size() >= 40 && ip[0] >> 4 == 6) { return Address::of(Family::v6, ip.subspan(24, 16)); }
  if (ip.size() >= 20 && ip[0] >> 4 == 4) { return Address::of(Family::v4, ip.subspan(16, 4)); }
  return {};
}
Address source_of(std::span<const std::uint8_t> ip) {
  return ip[0] >> 4 == 6 ? Address::of(Family::v6, ip.subspan(8, 16)) : Address::of(Family::v4, ip.subspan(12, 4));
}
}  // namespace

/// What the kernel reads and writes during one system call.
struct PacketSocket::Arrays {
  struct LinkBytes {
    VirtioHeader offload;
    std::array<std::uint8_t, 14> ethernet;
  };
  static_assert(sizeof(LinkBytes) == 24);

  std::array<mmsghdr, kBatch> in{}, out{};
  std::array<iovec, kBatch> in_parts{};
  std::array<SlabRef, kBatch> slabs;
  std::array<LinkBytes, kBatch> link{};
  std::array<sockaddr_ll, kBatch> to{};
  std::array<Frame, kBatch> rewritten;  ///< frames whose headers had to be changed
  std::array<std::size_t, kBatch> first_part{};
  std::vector<iovec> out_parts;
  std::size_t prepared = 0;
};
class PacketSocket::Key {};

std::expected<std::unique_ptr<PacketSocket>, SystemError> PacketSocket::open(const Options& options, SlabPool& pool,
                                                                             Neighbours& neighbours) {
  // Protocol 0: deaf until it is bound, which `allow` does when the filter is in place.
  const int fd = ::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) { return failed("socket(AF_PACKET)"); }
  auto device = std::make_unique<PacketSocket>(Key{}, fd, options, pool, neighbours);
  if (auto status = device->set_up(options); !status) { return std::unexpected(status.error()); }
  return device;
}

PacketSocket::PacketSocket(Key, int fd, const Options& options, SlabPool& pool, Neighbours& neighbours)
    : fd_{fd},
      name_{options.interface},
      wanted_super_segment_{options.super_segment},
      pool_{pool},
      neighbours_{neighbours},
      headers_{pool},
      arrays_{std::make_unique<Arrays>()} {
  arrays_->out_parts.reserve(kBatch * 8);
}

PacketSocket::~PacketSocket() { ::close(fd_); }

std::expected<void, SystemError> PacketSocket::set_up(const Options& options) {
  ifreq request{};
  if (name_.size() >= sizeof request.ifr_name) {
    errno = ENODEV;
    return failed("interface name");
  }
  std::ranges::copy(name_, request.ifr_name);
  if (::ioctl(fd_, SIOCGIFINDEX, &request) != 0) { return failed("SIOCGIFINDEX"); }
  traits_.interface = {static_cast<std::uint32_t>(request.ifr_ifindex)};
  if (::ioctl(fd_, SIOCGIFMTU, &request) != 0) { return failed("SIOCGIFMTU"); }
  traits_.mtu = static_cast<std::uint32_t>(request.ifr_mtu);
  if (::ioctl(fd_, SIOCGIFHWADDR, &request) != 0) { return failed("SIOCGIFHWADDR"); }
  const unsigned type = request.ifr_hwaddr.sa_family;
  if (type != ARPHRD_ETHER && !is_raw_link(type)) {
    errno = EAFNOSUPPORT;
    return failed("link type");
  }
  link_ = type == ARPHRD_ETHER ? LinkHeader::ethernet : LinkHeader::none;
  std::memcpy(own_mac_.data(), request.ifr_hwaddr.sa_data, own_mac_.size());
  traits_.checksum_offload = true;  // the kernel completes it in software where the card cannot
  traits_.super_segment = std::min(wanted_super_segment_, 65535u - link_header());

  const int on = 1;
  if (::setsockopt(fd_, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) != 0) { return failed("PACKET_VNET_HDR"); }
  if (::setsockopt(fd_, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) != 0) {
    return failed("PACKET_IGNORE_OUTGOING");
  }
  const auto size_buffer = [&](int forced, int plain, int bytes) {
    if (::setsockopt(fd_, SOL_SOCKET, forced, &bytes, sizeof bytes) != 0) {
      ::setsockopt(fd_, SOL_SOCKET, plain, &bytes, sizeof bytes);  // what the system allows is better than nothing
    }
  };
  size_buffer(SO_RCVBUFFORCE, SO_RCVBUF, options.receive_buffer);
  size_buffer(SO_SNDBUFFORCE, SO_SNDBUF, options.send_buffer);
  return {};
}

std::expected<void, SystemError> PacketSocket::allow(std::span<const std::uint16_t> ports) {
  std::vector<sock_filter> program = packet_filter(link_, ports);
  const sock_fprog attached{static_cast<unsigned short>(program.size()), program.data()};
  if (::setsockopt(fd_, SOL_SOCKET, SO_ATTACH_FILTER, &attached, sizeof attached) != 0) {
    return failed("SO_ATTACH_FILTER");
  }
  if (bound_) { return {}; }
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(traits_.interface.raw);
  if (::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) { return failed("bind"); }
  bound_ = true;
  return {};
}

void PacketSocket::update(const Network& network) {
  network_ = network;
  known_.clear();
  if (const Interface* interface = find_interface(network_, traits_.interface)) { traits_.mtu = interface->mtu; }
}

std::uint64_t PacketSocket::kernel_drops() {
  tpacket_stats since_last{};
  socklen_t size = sizeof since_last;
  if (::getsockopt(fd_, SOL_PACKET, PACKET_STATISTICS, &since_last, &size) == 0) {
    kernel_drops_ += since_last.tp_drops;
  }
  return kernel_drops_;
}

// --- in

std::size_t PacketSocket::receive(std::span<Frame> into) {
  std::size_t done = 0;
  for (bool dry = false; done < into.size() && !dry;) { done += receive_batch(into.subspan(done), dry); }
  return done;
}

std::size_t PacketSocket::receive_batch(std::span<Frame> into, bool& dry) {
  Arrays& a = *arrays_;
  const std::size_t wanted = std::min(kBatch, into.size());
  for (std::size_t i = 0; i < wanted; ++i) {
    if (!a.slabs[i]) { a.slabs[i] = pool_.get(); }
    a.in_parts[i] = {a.slabs[i]->data(), a.slabs[i]->capacity};
    a.in[i].msg_hdr.msg_iov = &a.in_parts[i];
    a.in[i].msg_hdr.msg_iovlen = 1;
  }
  const int got = ::recvmmsg(fd_, a.in.data(), static_cast<unsigned>(wanted), MSG_DONTWAIT | MSG_TRUNC, nullptr);
  if (got < 0) {
    dry = errno != EINTR;
    if (dry && errno != EAGAIN) { counters_.add(Fate::receive_errors); }  // ENETDOWN: reported once, then quiet
    return 0;
  }
  dry = static_cast<std::size_t>(got) < wanted;
  std::size_t frames = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i) { frames += take_message(i, into[frames]); }
  return frames;
}

bool PacketSocket::take_message(std::size_t i, Frame& frame) {
  Arrays& a = *arrays_;
  const std::uint32_t length = a.in[i].msg_len;
  const std::uint32_t front = static_cast<std::uint32_t>(kVirtioHeader) + link_header();
  SlabRef& slab = a.slabs[i];
  if (length > slab->capacity) {
    counters_.add(Fate::receive_truncated);
    return false;
  }
  VirtioHeader offload;
  if (length <= front || (std::memcpy(&offload, slab->data(), sizeof offload), !read_offload(offload, frame))) {
    counters_.add(Fate::receive_malformed);
    return false;
  }
  const std::span packet{slab->data() + front, length - front};
  frame.interface = traits_.interface;
  frame.bytes.clear();
  if (length < kCopyBelow) {
    frame.bytes.append(copy_small(packet));
  } else {
    slab->used = length;
    frame.bytes.append(Slice{std::move(slab), packet});
  }
  counters_.add(Fate::received);
  counters_.add(Fate::received_super_segments, frame.cut != 0);
  counters_.add(Fate::received_pending, frame.checksum == ChecksumState::pending);
  return true;
}

Slice PacketSocket::copy_small(std::span<const std::uint8_t> bytes) {
  constexpr std::uint32_t kAligned = 16;
  if (!small_ || small_->capacity - small_->used < bytes.size()) { small_ = pool_.get(); }
  std::uint8_t* at = small_->data() + small_->used;
  std::memcpy(at, bytes.data(), bytes.size());
  const Slice slice{small_, {at, bytes.size()}};
  const auto size = static_cast<std::uint32_t>(bytes.size());
  small_->used = std::min(small_->capacity, small_->used + (size + kAligned - 1) / kAligned * kAligned);
  return slice;
}

// --- out

std::size_t PacketSocket::transmit(std::span<const Frame> frames) {
  std::size_t done = 0;
  for (bool full = false; done < frames.size() && !full;) { done += send_batch(frames.subspan(done), full); }
  return done;
}

std::size_t PacketSocket::send_batch(std::span<const Frame> frames, bool& full) {
  Arrays& a = *arrays_;
  a.prepared = 0;
  a.out_parts.clear();
  std::size_t taken_aside = 0;
  for (const Frame& frame : frames) {
    Mac to{};
    const Hop hop = find_hop(frame, to);
    if (hop == Hop::known) {
      prepare(frame, to);
      if (a.prepared == kBatch) { break; }
    } else if (a.prepared != 0) {
      break;  // frames count as taken from the front only: this one's turn comes when those before it are gone
    } else {
      if (hop == Hop::waiting) { wait_for(destination_of(frame.bytes.slices()[0].bytes()), frame); }
      ++taken_aside;
    }
  }
  return taken_aside + send_prepared(full);
}

/// Answers from what is remembered; otherwise asks for route and neighbour. Counts why there is none.
PacketSocket::Hop PacketSocket::find_hop(const Frame& frame, Mac& mac) {
  if (frame.bytes.empty()) {
    counters_.add(Fate::refused);
    return Hop::none;
  }
  if (link_ == LinkHeader::none) { return Hop::known; }
  const Address destination = destination_of(frame.bytes.slices()[0].bytes());
  if (last_known_ >= known_.size() || known_[last_known_].destination != destination) {
    const auto it = std::ranges::find(known_, destination, &KnownHop::destination);
    last_known_ = static_cast<std::size_t>(it - known_.begin());
  }
  if (last_known_ < known_.size()) {
    mac = known_[last_known_].mac;
    return Hop::known;
  }
  const auto route = route_over(network_, traits_.interface, destination);
  if (!route) {
    counters_.add(Fate::no_route);
    return Hop::none;
  }
  const auto answer = neighbours_.find(traits_.interface, route->gateway.value_or(destination));
  if (answer.state != Neighbours::State::known) { return Hop::waiting; }
  mac = answer.mac;
  if (known_.size() == kKnownHops) { known_.clear(); }
  known_.push_back({destination, mac});
  return Hop::known;
}

void PacketSocket::wait_for(const Address& destination, const Frame& frame) {
  const auto route = route_over(network_, traits_.interface, destination);
  const Address hop = route->gateway.value_or(destination);
  auto it = std::ranges::find(waiting_, hop, &WaitingHop::hop);
  if (it == waiting_.end()) {
    if (waiting_.size() == kWaitingHops) {
      counters_.add(Fate::neighbour_queue_full);
      return;
    }
    waiting_.push_back({.hop = hop, .age = 0, .frames = {}});
    it = waiting_.end() - 1;
    neighbours_.resolve(traits_.interface, hop);
  }
  if (it->frames.size() == kWaitingPerHop) {
    counters_.add(Fate::neighbour_queue_full);
    return;
  }
  counters_.add(Fate::queued_for_neighbour);
  it->frames.push_back(frame);
}

void PacketSocket::neighbours_changed() {
  known_.clear();
  std::vector<WaitingHop> still;
  for (WaitingHop& w : std::exchange(waiting_, {})) {
    const auto state = neighbours_.find(traits_.interface, w.hop).state;
    if (state == Neighbours::State::known) {
      counters_.add(Fate::queue_full, w.frames.size() - transmit(w.frames));
    } else if (state == Neighbours::State::failed) {
      counters_.add(Fate::no_neighbour, w.frames.size());
    } else {
      still.push_back(std::move(w));
    }
  }
  for (WaitingHop& w : still) { waiting_.push_back(std::move(w)); }
}

void PacketSocket::age() {
  known_.clear();
  std::erase_if(waiting_, [&](WaitingHop& w) {
    if (++w.age < 2) { return false; }
    counters_.add(Fate::no_neighbour, w.frames.size());
    return true;
  });
}

void PacketSocket::prepare(const Frame& frame, const Mac& to) {
  Arrays& a = *arrays_;
  const std::size_t i = a.prepared++;
  const Frame* sent = &frame;
  const auto headers = frame.bytes.slices()[0].bytes();
  const auto place = place_tcp(headers);
  VirtioHeader offload = offload_of(frame, place, link_header());
  if (offload.flags != 0 && frame.checksum != ChecksumState::pending) {
    a.rewritten[i] = with_partial_checksum(frame);
    sent = &a.rewritten[i];
  }
  const bool v6 = headers[0] >> 4 == 6;
  Arrays::LinkBytes& link = a.link[i];
  link.offload = offload;
  std::ranges::copy(to, link.ethernet.begin());
  std::ranges::copy(own_mac_, link.ethernet.begin() + 6);
  const std::uint16_t protocol = v6 ? ETH_P_IPV6 : ETH_P_IP;
  link.ethernet[12] = static_cast<std::uint8_t>(protocol >> 8);
  link.ethernet[13] = static_cast<std::uint8_t>(protocol);

  msghdr& message = a.out[i].msg_hdr;
  message = {};
  if (link_ == LinkHeader::none) {  // nothing in the packet tells the protocol
    a.to[i] = {};
    a.to[i].sll_family = AF_PACKET;
    a.to[i].sll_protocol = htons(protocol);
    a.to[i].sll_ifindex = static_cast<int>(traits_.interface.raw);
    message.msg_name = &a.to[i];
    message.msg_namelen = sizeof(sockaddr_ll);
  }
  a.first_part[i] = a.out_parts.size();
  a.out_parts.push_back({&link, kVirtioHeader + link_header()});
  for (const Slice& slice : sent->bytes.slices()) {
    a.out_parts.push_back({const_cast<std::uint8_t*>(slice.bytes().data()), slice.size()});
  }
  message.msg_iovlen = a.out_parts.size() - a.first_part[i];
}

/// Sends what was prepared; returns for how many the matter is settled.
std::size_t PacketSocket::send_prepared(bool& full) {
  Arrays& a = *arrays_;
  for (std::size_t i = 0; i < a.prepared; ++i) { a.out[i].msg_hdr.msg_iov = &a.out_parts[a.first_part[i]]; }
  std::size_t done = 0;
  while (done < a.prepared) {
    const int n = ::sendmmsg(fd_, &a.out[done], static_cast<unsigned>(a.prepared - done), MSG_DONTWAIT);
    if (n > 0) {
      for (int k = 0; k < n; ++k) { counters_.add(Fate::sent_super_segments, a.link[done + k].offload.gso_type != 0); }
      counters_.add(Fate::sent, static_cast<std::size_t>(n));
      done += static_cast<std::size_t>(n);
    } else if (errno == EAGAIN) {
      counters_.add(Fate::would_block);
      full = true;
      break;
    } else if (errno != EINTR) {
      note_failure(errno);
      ++done;
    }
  }
  for (std::size_t i = 0; i < a.prepared; ++i) { a.rewritten[i].bytes.clear(); }
  return done;
}

/// A super-segment whose checksum is complete (forwarded, say): offload wants the pseudo header's sum in its place.
Frame PacketSocket::with_partial_checksum(const Frame& frame) {
  const auto headers = frame.bytes.slices()[0].bytes();
  const TcpPlace place = *place_tcp(headers);
  const HeaderArena::Room room = headers_.reserve(place.payload);
  std::ranges::copy(headers.first(place.payload), room.bytes.begin());
  const auto tcp_length = static_cast<std::uint32_t>(frame.bytes.size().n - place.tcp);
  const std::uint16_t sum =
      wire::pseudo_header_sum(source_of(headers), destination_of(headers), 6, tcp_length).folded();
  room.bytes[place.tcp + 16u] = static_cast<std::uint8_t>(sum >> 8);
  room.bytes[place.tcp + 17u] = static_cast<std::uint8_t>(sum);
  Frame out{
      .bytes = Chain{room.slice()}, .interface = frame.interface, .cut = frame.cut, .checksum = ChecksumState::pending};
  out.bytes.append(frame.bytes.after({place.payload}));
  return out;
}

void PacketSocket::note_failure(int error) {
  switch (error) {
    case ENOBUFS: counters_.add(Fate::queue_full); break;  // the queueing discipline dropped it
    case EMSGSIZE: counters_.add(Fate::too_large); break;
    case ENETDOWN:
    case ENXIO:
    case ENODEV: counters_.add(Fate::link_down); break;
    default: counters_.add(Fate::refused); break;
  }
}
}  // namespace anabranch::device
