// Two packet sockets at the ends of a veth pair, and one facing the kernel.
#include "device/packet_socket.hh"
#include "device/frame_tap.hh"
#include "device/lab.hh"
#include "packet/assemble.hh"
#include "packet/dissect.hh"

#include <arpa/inet.h>
#include <cstring>
#include <gtest/gtest.h>
#include <map>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace anabranch::device {
namespace {
using test::Lab;

/// What resolution would say, as a table.
class Table final : public Neighbours {
 public:
  std::map<Address, Answer> answers;
  int asked = 0;
  Answer find(InterfaceId, const Address& hop) override {
    const auto it = answers.find(hop);
    return it == answers.end() ? Answer{} : it->second;
  }
  void resolve(InterfaceId, const Address&) override { ++asked; }
};

Mac mac_of(const std::string& ns, const std::string& name) {
  return Lab::inside(ns, [&] {
    const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
    ifreq request{};
    name.copy(request.ifr_name, sizeof request.ifr_name - 1);
    ::ioctl(fd, SIOCGIFHWADDR, &request);
    ::close(fd);
    Mac mac;
    std::memcpy(mac.data(), request.ifr_hwaddr.sa_data, mac.size());
    return mac;
  });
}

constexpr std::uint16_t kPort = 4711;

/// The end of a veth pair with a packet socket on it that lets in kPort.
struct End {
  End(SlabPool& slabs, const std::string& ns, const std::string& name) : pool{&slabs}, arena{slabs} {
    socket = Lab::inside(ns, [&] { return PacketSocket::open({.interface = name}, slabs, table); }).value();
    EXPECT_TRUE(socket->allow(std::array{kPort}).has_value());
    Network network;
    const bool is_a = name[0] == 'a';
    Interface interface{.id = socket->traits().interface, .name = name, .addresses = {}};
    interface.addresses = {{Address::v4(10, 77, 0, is_a ? 1 : 2), 24},
                           {*address_from_text(is_a ? "fd77:0::1" : "fd77:0::2"), 64}};
    network.interfaces.push_back(interface);
    socket->update(network);
  }
  void knows(const Address& hop, const Mac& mac) { table.answers[hop] = {Neighbours::State::known, mac}; }

  Frame frame(const Addresses& addresses, std::size_t payload, std::uint32_t cut,
              ChecksumState checksum = ChecksumState::pending) {
    Segment segment;
    segment.seq = SeqNum{1000};
    segment.flags.ack = true;
    segment.window = 1024;
    segment.cut = cut;
    std::vector<std::uint8_t> bytes(payload);
    for (std::size_t i = 0; i < payload; ++i) { bytes[i] = static_cast<std::uint8_t>(i * 7 + i / 251); }
    segment.payload = Packer{*pool}.copy(bytes);
    return assemble(addresses, segment, {.checksum = checksum, .interface = socket->traits().interface}, arena);
  }
  /// Waits until frames are there, at most two seconds.
  std::vector<Frame> receive(std::size_t at_least) {
    std::vector<Frame> got;
    Frame into[32];
    while (got.size() < at_least) {
      pollfd wait{.fd = socket->descriptor(), .events = POLLIN, .revents = 0};
      if (::poll(&wait, 1, 2000) <= 0) { break; }
      const std::size_t n = socket->receive(into);
      for (std::size_t i = 0; i < n; ++i) { got.push_back(std::move(into[i])); }
    }
    return got;
  }

  SlabPool* pool;
  Table table;
  HeaderArena arena;
  std::unique_ptr<PacketSocket> socket;
};

Addresses between(const char* local, const char* remote) {
  return {{*address_from_text(local), kPort}, {*address_from_text(remote), kPort}};
}

struct PacketSocketPair : testing::Test {
  void SetUp() override {
    ANABRANCH_NEEDS_LAB();
    lab.emplace();
    a.emplace(pool, lab->a(), "a0");
    b.emplace(pool, lab->b(), "b0");
    for (const char* address : {"10.77.0.2", "fd77:0::2"}) {
      a->knows(*address_from_text(address), mac_of(lab->b(), "b0"));
    }
  }
  SlabPool pool;
  std::optional<Lab> lab;
  std::optional<End> a, b;
};
}  // namespace

TEST_F(PacketSocketPair, SuperSegmentsArriveWholeWithTheirCut) {
  for (const auto& addresses : {between("10.77.0.1", "10.77.0.2"), between("fd77:0::1", "fd77:0::2")}) {
    const std::uint32_t cut = addresses.local.address.family == Family::v4 ? 1460 : 1440;
    for (const std::size_t payload : {std::size_t{65000}, std::size_t{cut + 1}, std::size_t{20000}}) {
      const Frame sent = a->frame(addresses, payload, cut);
      ASSERT_EQ(1u, a->socket->transmit({&sent, 1}));
      const auto got = b->receive(1);
      ASSERT_EQ(1u, got.size());
      EXPECT_EQ(sent.bytes.to_vector(), got[0].bytes.to_vector());
      EXPECT_EQ(cut, got[0].cut);
      EXPECT_EQ(ChecksumState::pending, got[0].checksum);
      EXPECT_EQ(b->socket->traits().interface, got[0].interface);
    }
  }
  EXPECT_EQ(6u, a->socket->counters()[Fate::sent_super_segments]);
  EXPECT_EQ(6u, b->socket->counters()[Fate::received_super_segments]);
}

TEST_F(PacketSocketPair, AFrameOfTheLargestSizeOfferedStaysWhole) {
  const auto addresses = between("10.77.0.1", "10.77.0.2");
  const Frame sent = a->frame(addresses, a->socket->traits().super_segment - 40, 1460);
  ASSERT_EQ(a->socket->traits().super_segment, sent.bytes.size().n);
  ASSERT_EQ(1u, a->socket->transmit({&sent, 1}));
  const auto got = b->receive(1);
  ASSERT_EQ(1u, got.size());
  EXPECT_EQ(sent.bytes.to_vector(), got[0].bytes.to_vector());
}

TEST_F(PacketSocketPair, BatchesKeepTheirOrderAndSmallPacketsShareASlab) {
  const auto addresses = between("10.77.0.1", "10.77.0.2");
  std::vector<Frame> sent;
  for (std::size_t i = 0; i < 100; ++i) { sent.push_back(a->frame(addresses, i + 1, 0)); }
  ASSERT_EQ(100u, a->socket->transmit(sent));
  const auto got = b->receive(100);
  ASSERT_EQ(100u, got.size());
  std::size_t slabs = 0;
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(sent[i].bytes.to_vector(), got[i].bytes.to_vector());
    slabs += i == 0 || got[i].bytes.slices()[0].slab().get() != got[i - 1].bytes.slices()[0].slab().get();
  }
  EXPECT_EQ(1u, slabs);
}

TEST_F(PacketSocketPair, ACompleteChecksumIsMadeFitForOffload) {
  const auto addresses = between("fd77:0::1", "fd77:0::2");
  const Frame sent = a->frame(addresses, 30000, 1440, ChecksumState::complete);
  ASSERT_EQ(1u, a->socket->transmit({&sent, 1}));
  const auto got = b->receive(1);
  ASSERT_EQ(1u, got.size());
  EXPECT_EQ(a->frame(addresses, 30000, 1440).bytes.to_vector(), got[0].bytes.to_vector());
}

TEST_F(PacketSocketPair, PacketsToOtherPortsStayOutside) {
  auto addresses = between("10.77.0.1", "10.77.0.2");
  addresses.remote.port = kPort + 1;
  const Frame stranger = a->frame(addresses, 10, 0);
  const Frame ours = a->frame(between("10.77.0.1", "10.77.0.2"), 20, 0);
  const std::array frames{stranger, ours, stranger};
  ASSERT_EQ(3u, a->socket->transmit(frames));
  const auto got = b->receive(1);
  ASSERT_EQ(1u, got.size());
  EXPECT_EQ(ours.bytes.to_vector(), got[0].bytes.to_vector());
  EXPECT_EQ(1u, b->socket->counters()[Fate::received]);
}

TEST_F(PacketSocketPair, FramesWaitForTheirNeighbourInOrderAndOnlySoMany) {
  const auto addresses = between("10.77.0.1", "10.77.0.2");
  const Address hop = addresses.remote.address;
  const auto answer = a->table.answers[hop];
  a->table.answers.erase(hop);
  std::vector<Frame> sent;
  for (std::size_t i = 0; i < PacketSocket::kWaitingPerHop + 5; ++i) { sent.push_back(a->frame(addresses, i + 1, 0)); }
  ASSERT_EQ(sent.size(), a->socket->transmit(sent));
  EXPECT_EQ(1, a->table.asked);
  EXPECT_EQ(5u, a->socket->counters()[Fate::neighbour_queue_full]);
  a->table.answers[hop] = answer;
  a->socket->neighbours_changed();
  const auto got = b->receive(PacketSocket::kWaitingPerHop);
  ASSERT_EQ(PacketSocket::kWaitingPerHop, got.size());
  for (std::size_t i = 0; i < got.size(); ++i) { EXPECT_EQ(sent[i].bytes.to_vector(), got[i].bytes.to_vector()); }
}

TEST_F(PacketSocketPair, FramesToNeighboursThatDoNotExistAreDroppedAndCounted) {
  const Frame lost = a->frame(between("10.77.0.1", "10.77.0.9"), 10, 0);
  EXPECT_EQ(1u, a->socket->transmit({&lost, 1}));
  a->table.answers[Address::v4(10, 77, 0, 9)] = {Neighbours::State::failed, {}};
  a->socket->neighbours_changed();
  EXPECT_EQ(1u, a->socket->counters()[Fate::no_neighbour]);
  const Frame late = a->frame(between("10.77.0.1", "10.77.0.8"), 10, 0);
  EXPECT_EQ(1u, a->socket->transmit({&late, 1}));
  a->socket->age();
  EXPECT_EQ(1u, a->socket->counters()[Fate::no_neighbour]);
  a->socket->age();
  EXPECT_EQ(2u, a->socket->counters()[Fate::no_neighbour]);
  const Frame nowhere = a->frame(between("10.77.0.1", "192.0.2.1"), 10, 0);
  EXPECT_EQ(1u, a->socket->transmit({&nowhere, 1}));
  EXPECT_EQ(1u, a->socket->counters()[Fate::no_route]);
}

TEST_F(PacketSocketPair, ATapSeesWhatPasses) {
  struct Seen final : FrameObserver {
    std::size_t in = 0, out = 0;
    void on_received(const Device&, const Frame&) override { ++in; }
    void on_sent(const Device&, const Frame&) override { ++out; }
  } seen;
  FrameTap tap_a{*a->socket, seen}, tap_b{*b->socket, seen};
  const std::vector<Frame> sent(3, a->frame(between("10.77.0.1", "10.77.0.2"), 10, 0));
  ASSERT_EQ(3u, tap_a.transmit(sent));
  pollfd wait{.fd = tap_b.descriptor(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(1, ::poll(&wait, 1, 2000));
  Frame into[8];
  EXPECT_EQ(3u, tap_b.receive(into));
  EXPECT_EQ(3u, seen.out);
  EXPECT_EQ(3u, seen.in);
}

TEST_F(PacketSocketPair, TheKernelsSuperSegmentsAndSynsCanBeDissected) {
  Lab::inside(lab->a(), [&] {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    sockaddr_in to{.sin_family = AF_INET, .sin_port = htons(kPort), .sin_addr = {htonl(0x0a4d0002)}, .sin_zero = {}};
    ::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to);
    const auto got = b->receive(1);
    ::close(fd);
    ASSERT_EQ(1u, got.size());
    const auto dissection = dissect(got[0]);
    ASSERT_TRUE(dissection.has_value());
    const auto& d = std::get<Dissected>(*dissection);
    EXPECT_TRUE(d.segment.flags.syn);
    EXPECT_EQ(kPort, d.addresses.local.port);
  });
}
}  // namespace anabranch::device
