#include "trace/pcapng.hh"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>
#include <vector>

namespace anabranch::trace {
namespace {

/// An IPv4 packet with a UDP datagram of `payload` bytes; checksums left zero.
std::vector<std::uint8_t> datagram(std::size_t payload) {
  const auto total = static_cast<std::uint16_t>(28 + payload);
  const auto udp = static_cast<std::uint16_t>(8 + payload);
  std::vector<std::uint8_t> p = {0x45,
                                 0,
                                 static_cast<std::uint8_t>(total >> 8),
                                 static_cast<std::uint8_t>(total),
                                 0,
                                 0,
                                 0,
                                 0,
                                 64,
                                 17,
                                 0,
                                 0,
                                 10,
                                 0,
                                 0,
                                 1,
                                 10,
                                 0,
                                 0,
                                 2,
                                 0x0f,
                                 0xa0,
                                 0x0f,
                                 0xa1,
                                 static_cast<std::uint8_t>(udp >> 8),
                                 static_cast<std::uint8_t>(udp),
                                 0,
                                 0};
  p.resize(total, 0xab);
  return p;
}

std::uint32_t word(std::span<const std::uint8_t> bytes, std::size_t at) {
  std::uint32_t w;
  std::memcpy(&w, bytes.data() + at, sizeof w);
  return w;
}

TEST(Pcapng, IsASequenceOfBlocksWhoseLengthsAgree) {
  MemorySink sink;
  Pcapng file{sink};
  const auto wifi = file.add_interface("wifi");
  const auto lte = file.add_interface("lte", LinkType::ethernet);
  EXPECT_EQ(wifi, 0u);
  EXPECT_EQ(lte, 1u);
  for (std::size_t payload = 0; payload < 5; ++payload) {
    file.packet({.interface = lte, .at = Instant{7}, .comment = "odd sizes are padded"}, datagram(payload));
  }
  EXPECT_EQ(file.packets(), 5u);
  std::vector<std::uint32_t> types;
  const auto bytes = sink.bytes();
  for (std::size_t at = 0; at < bytes.size();) {
    const std::uint32_t length = word(bytes, at + 4);
    ASSERT_EQ(length % 4, 0u);
    ASSERT_LE(at + length, bytes.size());
    ASSERT_EQ(word(bytes, at + length - 4), length);
    types.push_back(word(bytes, at));
    at += length;
  }
  EXPECT_EQ(types, (std::vector<std::uint32_t>{0x0a0d0d0a, 1, 1, 6, 6, 6, 6, 6}));
}

TEST(Pcapng, TimesAreNanosecondsSinceTheWallClocksOrigin) {
  MemorySink sink;
  Pcapng file{sink, Duration{1'700'000'000'000'000'000}};
  file.add_interface("a");
  const std::size_t at = sink.bytes().size();
  file.packet({.at = Instant{123}, .comment = {}}, datagram(0));
  const auto high = std::uint64_t{word(sink.bytes(), at + 12)};
  EXPECT_EQ(high << 32 | word(sink.bytes(), at + 16), 1'700'000'000'000'000'123u);
}

TEST(Pcapng, AChainIsWrittenInOnePiece) {
  SlabPool pool;
  Packer packer{pool};
  const auto whole = datagram(100);
  const std::span<const std::uint8_t> view{whole};
  Chain chain = packer.copy(view.first(28));
  packer.copy(view.first(1));  // so that what follows does not join
  chain.append(packer.copy(view.subspan(28)));
  ASSERT_EQ(chain.slices().size(), 2u);
  MemorySink a, b;
  Pcapng one{a}, two{b};
  one.add_interface("x");
  two.add_interface("x");
  one.packet({}, whole);
  two.packet({}, chain);
  EXPECT_EQ(a.text(), b.text());
}

/// The output of a command, or nothing when it failed.
std::string output_of(const std::string& command) {
  std::string out;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) { return out; }
  char buffer[4096];
  while (const std::size_t n = fread(buffer, 1, sizeof buffer, pipe)) { out.append(buffer, n); }
  return pclose(pipe) == 0 ? out : std::string{};
}

TEST(Pcapng, TsharkSeesInterfacesTimesDirectionsAndComments) {
  if (output_of("command -v tshark").empty()) { GTEST_SKIP() << "tshark is not installed"; }
  MemorySink sink;
  Pcapng file{sink, 1'700'000'000_s};
  const auto wifi = file.add_interface("wifi");
  const auto lte = file.add_interface("lte");
  file.packet({wifi, Instant{1'000'000'001}, PacketDirection::outbound, "c1.1 scheduled here"}, datagram(10));
  file.packet({lte, Instant{2'000'000'002}, PacketDirection::inbound, {}}, datagram(11));

  const auto path = std::filesystem::temp_directory_path() / ("anabranch-" + std::to_string(getpid()) + ".pcapng");
  std::ofstream{path, std::ios::binary}.write(reinterpret_cast<const char*>(sink.bytes().data()),
                                              static_cast<std::streamsize>(sink.bytes().size()));
  std::string seen = output_of("tshark -r " + path.string() +
                               " -T fields -E separator='|' -e frame.interface_name -e frame.time_epoch"
                               " -e frame.packet_flags_direction -e frame.comment -e ip.dst -e udp.length"
                               " 2>/dev/null");
  std::filesystem::remove(path);
  for (std::size_t at; (at = seen.find("0x0000000")) != std::string::npos;) { seen.erase(at, 9); }  // older tshark: 1
  EXPECT_EQ(seen,
            "wifi|1700000001.000000001|2|c1.1 scheduled here|10.0.0.2|18\n"
            "lte|1700000002.000000002|1||10.0.0.2|19\n");
}
}  // namespace
}  // namespace anabranch::trace
