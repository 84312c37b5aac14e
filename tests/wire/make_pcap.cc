// Writes a capture of segments with every option form we write:  make_pcap <file> <random segments>
// and prints each segment in notation, one a line, in the order of the capture. tshark_fields.py compares the two.
#include "base/random.hh"
#include "packet/assemble.hh"
#include "wire/examples.hh"
#include "wire/notation.hh"
#include "wire/option_space.hh"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

namespace anabranch {
namespace {

/// The classic pcap format: magic, version 2.4, no zone, no accuracy, snap length, link type.
class Capture {
 public:
  explicit Capture(const char* path) : file_{path, std::ios::binary} {
    constexpr std::uint32_t kRawIp = 101;  // LINKTYPE_RAW
    for (const std::uint32_t word : {0xa1b2c3d4u, 0x00040002u, 0u, 0u, 262'144u, kRawIp}) { put(word); }
  }
  void add(const std::vector<std::uint8_t>& packet) {
    put(1'700'000'000u);
    put(++microseconds_);
    put(static_cast<std::uint32_t>(packet.size()));
    put(static_cast<std::uint32_t>(packet.size()));
    file_.write(reinterpret_cast<const char*>(packet.data()), static_cast<std::streamsize>(packet.size()));
  }
  bool ok() const { return file_.good(); }

 private:
  void put(std::uint32_t word) { file_.write(reinterpret_cast<const char*>(&word), sizeof word); }
  std::ofstream file_;
  std::uint32_t microseconds_ = 0;
};

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_{seed} {}

  wire::SegmentLine line() {
    using namespace wire;
    const auto number = [&] { return static_cast<std::uint32_t>(random_.next()); };
    SegmentLine line{.flags = {.ack = true},
                     .seq = {number()},
                     .payload = 0,
                     .ack = {number()},
                     .window = static_cast<std::uint16_t>(random_.next()),
                     .tcp = {},
                     .mptcp = {}};
    if (coin()) { line.tcp.timestamps = Timestamps{number(), number()}; }
    line.mptcp.push_back(option(line));
    if (coin()) { line.mptcp.push_back(Prio{coin()}); }
    if (!options_fit(line.tcp, line.mptcp)) { line.mptcp.pop_back(); }
    if (!options_fit(line.tcp, line.mptcp)) { line.tcp.timestamps.reset(); }
    const std::size_t blocks = std::min<std::size_t>(random_.below(3), room_for_sack(line.tcp, line.mptcp));
    for (std::size_t i = 0; i < blocks; ++i) { line.tcp.sack.push_back({{number()}, {number()}}); }
    return line;
  }

 private:
  bool coin() { return random_.chance(0.5); }
  wire::DataSeqForm data_seq() {
    return coin() ? wire::DataSeqForm{random_.next(), true} : wire::DataSeqForm{random_.next() >> 32, false};
  }

  wire::MptcpOption option(wire::SegmentLine& line) {
    using namespace wire;
    const auto id = AddressId{static_cast<std::uint8_t>(random_.next())};
    const auto half = [&] { return static_cast<std::uint16_t>(random_.next()); };
    const auto word = [&] { return static_cast<std::uint32_t>(random_.next()); };
    const auto maybe = [&] { return coin() ? std::optional{half()} : std::nullopt; };
    CapableFlags flags;
    flags.checksum = coin();
    flags.no_more_to_this = coin();
    CapableFlags v0;
    v0.version = 0;
    v0.checksum = flags.checksum;
    switch (random_.below(15)) {
      case 0:
        line.flags = {.syn = true};
        line.ack = {};
        return CapableSyn{flags};
      case 1: line.flags.syn = true; return CapableKey{flags, {random_.next()}};
      case 2: return CapableAck{flags, {random_.next()}, {random_.next()}};
      case 3: line.payload = 20; return CapableData{flags, {random_.next()}, {random_.next()}, half(), maybe()};
      case 4:
        line.flags = {.syn = true};
        line.ack = {};
        return JoinSyn{coin(), id, {word()}, word()};
      case 5: line.flags.syn = true; return JoinSynAck{coin(), id, random_.next(), word()};
      case 6: {
        JoinAck ack;
        random_.secret(ack.mac);
        return ack;
      }
      case 7: {
        const bool echo = coin();
        const Address v6 = *address_from_text("2001:db8::77");
        return AddAddr{echo, id, coin() ? v6 : Address::v4(10, 1, 2, 3), maybe(),
                       echo ? std::nullopt : std::optional{random_.next()}};
      }
      case 8: return RemoveAddr{{id, AddressId{7}}};
      case 9: return coin() ? MptcpOption{Fail{random_.next()}} : MptcpOption{FastClose{{random_.next()}}};
      case 10: line.flags.rst = true; return Reset{coin(), 0, static_cast<ResetReason>(random_.below(7))};
      case 11:
        line.flags = {.syn = true, .ack = coin()};
        line.ack = line.flags.ack ? line.ack : SeqNum{};
        return CapableKey{v0, {random_.next()}};
      case 12: return CapableAck{v0, {random_.next()}, {random_.next()}};
      case 13: return AddAddrV0{id, coin() ? *address_from_text("2001:db8::77") : Address::v4(10, 1, 2, 3), maybe()};
      default: break;
    }
    line.payload = 10;
    Dss dss;
    if (coin()) { dss.ack = data_seq(); }
    if (coin()) { dss.map = Mapping{data_seq(), word(), half(), maybe()}; }
    dss.data_fin = coin();
    return dss;
  }

  Generator random_;
};

void add(Capture& capture, const wire::SegmentLine& line, std::uint16_t number) {
  // A connection of its own each, so that tshark sees no relation between them; the versions of IP take turns.
  const bool v6 = number % 2 == 1;
  const Address a = v6 ? *address_from_text("2001:db8::1") : Address::v4(10, 0, 0, 1);
  const Address b = v6 ? *address_from_text("2001:db8::2") : Address::v4(10, 0, 0, 2);
  SlabPool pool;
  Packer packer{pool};
  HeaderArena arena{pool};
  Segment s;
  s.seq = line.seq;
  s.ack = line.ack;
  s.flags = line.flags;
  s.window = line.window.value_or(1000);
  s.tcp = line.tcp;
  s.mptcp = line.mptcp;
  s.payload = packer.copy(std::vector<std::uint8_t>(line.payload, 0x41));
  const Addresses addresses{{a, static_cast<std::uint16_t>(20'000 + number)}, {b, 9}};
  capture.add(assemble(addresses, s, {}, arena).bytes.to_vector());
  std::cout << wire::format_notation(line) << '\n';
}

int run(const char* path, int random_segments) {
  Capture capture{path};
  std::uint16_t number = 0;
  for (const char* text : wire::kExamples) {
    const auto line = wire::parse_notation(text);
    if (line && wire::options_fit(line->tcp, line->mptcp)) { add(capture, *line, number++); }
  }
  Draw draw{1};
  for (int i = 0; i < random_segments; ++i) { add(capture, draw.line(), number++); }
  return capture.ok() ? 0 : 1;
}
}  // namespace
}  // namespace anabranch

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: make_pcap <file> <random segments>\n";
    return 2;
  }
  return anabranch::run(argv[1], std::atoi(argv[2]));
}
