// Writes the seed corpus from the examples of tests/wire/examples.hh:  make_corpus <folder>
#include "packet/assemble.hh"
#include "wire/examples.hh"
#include "wire/icmp.hh"
#include "wire/mptcp_codec.hh"
#include "wire/notation.hh"
#include "wire/option_space.hh"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

namespace anabranch {
namespace {

using Buffer = std::vector<std::uint8_t>;

class Corpus {
 public:
  explicit Corpus(std::filesystem::path folder) : folder_{std::move(folder)} {}

  void add(const std::string& target, const std::string& name, const Buffer& bytes) {
    std::filesystem::create_directories(folder_ / target);
    std::ofstream file{folder_ / target / name, std::ios::binary};
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }

 private:
  std::filesystem::path folder_;
};

Buffer with_prefix(std::initializer_list<std::uint8_t> prefix, const Buffer& bytes) {
  Buffer out{prefix};
  out.insert(out.end(), bytes.begin(), bytes.end());
  return out;
}

Buffer packet_of(const wire::SegmentLine& line, const Addresses& addresses, std::size_t payload) {
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
  s.payload = packer.copy(Buffer(payload, 0x41));
  return assemble(addresses, s, {}, arena).bytes.to_vector();
}

void add_line(Corpus& corpus, const std::string& name, const std::string& text) {
  const Addresses v4{{Address::v4(10, 0, 0, 1), 1000}, {Address::v4(10, 0, 0, 2), 80}};
  const Addresses v6{{*address_from_text("2001:db8::1"), 1000}, {*address_from_text("2001:db8::2"), 80}};
  corpus.add("notation", name, Buffer(text.begin(), text.end()));
  const auto line = wire::parse_notation(text);
  if (!line) { return; }
  for (const auto& option : line->mptcp) {
    Buffer bytes(64);
    wire::Writer out{bytes};
    wire::write_mptcp(out, option);
    bytes.resize(out.size());
    corpus.add("mptcp", name, bytes);
  }
  if (!wire::options_fit(line->tcp, line->mptcp)) { return; }
  Buffer options(wire::kOptionSpace);
  wire::Writer out{options};
  wire::write_options(out, line->tcp, line->mptcp);
  options.resize(out.size());
  corpus.add("tcp_options", name, options);
  const Buffer packet = packet_of(*line, v4, line->payload), packet6 = packet_of(*line, v6, line->payload);
  corpus.add("tcp_header", name, Buffer(packet.begin() + 20, packet.end()));
  corpus.add("dissect", name, with_prefix({0, 0}, packet));
  corpus.add("dissect", name + "_v6", with_prefix({1, 100}, packet6));
  corpus.add("offload", name, with_prefix({0, 3, 0}, packet));
}

void add_network(Corpus& corpus) {
  const Addresses v4{{Address::v4(10, 0, 0, 1), 1000}, {Address::v4(10, 0, 0, 2), 80}};
  const Addresses v6{{*address_from_text("2001:db8::1"), 1000}, {*address_from_text("2001:db8::2"), 80}};
  const auto line = *wire::parse_notation(wire::kExamples[2]);
  const Buffer four = packet_of(line, v4, 100), six = packet_of(line, v6, 100);
  corpus.add("ipv4", "plain", four);
  corpus.add("ipv6", "plain", six);
  Buffer extended = six;
  extended.insert(extended.begin() + 40, {6, 0, 1, 4, 0, 0, 0, 0});
  extended[6] = 0;  // hop-by-hop options
  extended[5] = static_cast<std::uint8_t>(extended[5] + 8);
  corpus.add("ipv6", "extension", extended);
  corpus.add("offload", "extension", with_prefix({0, 30, 0}, extended));
  Buffer chain = six;  // hop-by-hop, destination options, routing walked to its end, atomic fragment
  chain.insert(chain.begin() + 40, {60, 0, 5, 2, 0, 0, 1, 0, 43, 0, 0x1e, 4, 0, 0, 0, 0,  //
                                    44, 0, 4, 0, 0, 0, 0, 0, 6,  0, 0,    0, 0, 0, 0, 7});
  chain[6] = 0;
  chain[5] = static_cast<std::uint8_t>(chain[5] + 32);
  corpus.add("ipv6", "chain", chain);
  corpus.add("dissect", "chain_v6", with_prefix({1, 150}, chain));
  Buffer fragment = six;
  fragment.insert(fragment.begin() + 40, {6, 0, 0, 1, 0, 0, 0, 9});
  fragment[6] = 44;
  fragment[5] = static_cast<std::uint8_t>(fragment[5] + 8);
  corpus.add("ipv6", "fragment", fragment);
  corpus.add("offload", "many", with_prefix({0, 7, 60}, packet_of(line, v4, 900)));
  for (std::size_t kind = 0; kind < std::size(Names<wire::IcmpKind>::list); ++kind) {
    const auto k = static_cast<wire::IcmpKind>(kind);
    const Buffer icmp4 = wire::icmp_error_packet(v4.remote.address, k, 1400, four);
    const Buffer icmp6 = wire::icmp_error_packet(v6.remote.address, k, 1400, six);
    const std::string name{anabranch::name(k)};
    corpus.add("icmp", name, Buffer(icmp4.begin() + 20, icmp4.end()));
    corpus.add("icmp", name + "_v6", Buffer(icmp6.begin() + 40, icmp6.end()));
    corpus.add("dissect", "icmp_" + name, with_prefix({0, 0}, icmp4));
    corpus.add("dissect", "icmp_" + name + "_v6", with_prefix({0, 70}, icmp6));
  }
}
}  // namespace
}  // namespace anabranch

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: make_corpus <folder>\n";
    return 2;
  }
  anabranch::Corpus corpus{argv[1]};
  int number = 0;
  for (const char* text : anabranch::wire::kExamples) {
    anabranch::add_line(corpus, (number < 10 ? "0" : "") + std::to_string(number), text);
    ++number;
  }
  anabranch::add_network(corpus);
  return 0;
}
