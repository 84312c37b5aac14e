// How fast two packet sockets pass super-segments over a veth pair: one process sends from its slabs, another receives
// and reads every byte. `packet_socket_rate send|receive <interface> <local> <remote> <mac> <seconds> [payload]`; the
// caller puts each into its namespace and pins it to a core.
#include "device/packet_socket.hh"
#include "packet/assemble.hh"
#include "wire/checksum.hh"

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <poll.h>
#include <string>

namespace {
using namespace anabranch;
using Clock = std::chrono::steady_clock;
constexpr std::uint16_t kPort = 4711;

struct One final : device::Neighbours {
  device::Mac mac{};
  Answer find(InterfaceId, const Address&) override { return {State::known, mac}; }
  void resolve(InterfaceId, const Address&) override {}
};

void wait_for(const device::Device& d, short events) {
  pollfd p{.fd = d.descriptor(), .events = events, .revents = 0};
  ::poll(&p, 1, 100);
}

void send(device::PacketSocket& socket, SlabPool& pool, const Addresses& addresses, std::size_t payload,
          Clock::time_point end) {
  HeaderArena arena{pool};
  Packer packer{pool};
  std::vector<std::uint8_t> application(payload, 0x5a);
  std::array<Frame, device::PacketSocket::kBatch> frames;
  std::uint32_t seq = 0;
  std::uint64_t sent = 0, calls = 0, full = 0;
  while (Clock::now() < end) {
    for (Frame& frame : frames) {
      Segment segment;
      segment.seq = SeqNum{seq};
      segment.flags.ack = true;
      segment.cut = 1448;
      segment.tcp.timestamps = wire::Timestamps{1, 2};
      segment.payload = packer.copy(application);  // the copy every real sender makes
      seq += static_cast<std::uint32_t>(payload);
      frame = assemble(addresses, segment, {.checksum = ChecksumState::pending, .interface = socket.traits().interface},
                       arena);
    }
    for (std::span<const Frame> left{frames}; !left.empty() && Clock::now() < end;) {
      const std::size_t n = socket.transmit(left);
      ++calls;
      sent += n;
      left = left.subspan(n);
      if (!left.empty()) {
        ++full;
        wait_for(socket, POLLOUT);
      }
    }
  }
  std::printf("sent %llu frames, full %llu times\n", static_cast<unsigned long long>(sent),
              static_cast<unsigned long long>(full));
}

void receive(device::PacketSocket& socket, Clock::time_point end) {
  std::array<Frame, 64> frames;
  std::uint64_t bytes = 0, count = 0;
  wire::Sum sum;
  Clock::time_point first{}, last{};
  while (Clock::now() < end) {
    const std::size_t n = socket.receive(frames);
    if (n == 0) {
      wait_for(socket, POLLIN);
      continue;
    }
    last = Clock::now();
    if (count == 0) { first = last; }
    for (std::size_t i = 0; i < n; ++i) {
      bytes += frames[i].bytes.size().n;
      for (const Slice& slice : frames[i].bytes.slices()) { sum.add(slice.bytes()); }  // touches every byte
      frames[i].bytes.clear();
    }
    count += n;
  }
  const double seconds = std::chrono::duration<double>(last - first).count();
  std::printf("%.1f Gb/s, %.0f frames/s, %llu frames, kernel dropped %llu, sum %04x\n",
              static_cast<double>(bytes) * 8e-9 / seconds, static_cast<double>(count) / seconds,
              static_cast<unsigned long long>(count), static_cast<unsigned long long>(socket.kernel_drops()),
              sum.folded());
}
}  // namespace

int main(int argc, char** argv) {
  if (argc < 7) { return 2; }
  SlabPool pool;
  One neighbours;
  unsigned m[6];
  std::sscanf(argv[5], "%x:%x:%x:%x:%x:%x", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5]);
  for (int i = 0; i < 6; ++i) { neighbours.mac[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(m[i]); }
  auto socket = device::PacketSocket::open({.interface = argv[2]}, pool, neighbours);
  if (!socket) {
    std::perror(std::string{socket.error().call}.c_str());
    return 1;
  }
  const Addresses addresses{{*address_from_text(argv[3]), kPort}, {*address_from_text(argv[4]), kPort}};
  Network network;
  network.interfaces.push_back(
      {.id = (*socket)->traits().interface, .name = argv[2], .addresses = {{addresses.local.address, 24}}});
  (*socket)->update(network);
  if (!(*socket)->allow(std::array{kPort})) { return 1; }
  const auto end = Clock::now() + std::chrono::milliseconds(static_cast<long>(std::atof(argv[6]) * 1000));
  if (std::string{argv[1]} == "send") {
    send(**socket, pool, addresses, argc > 7 ? static_cast<std::size_t>(std::atol(argv[7])) : 64000, end);
  } else {
    receive(**socket, end);
  }
}
