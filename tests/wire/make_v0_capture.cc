// Writes a capture of two simulated connections that speak version 0 of MPTCP over two paths:  make_v0_capture <file>
// One carries data both ways and closes, the other is aborted. tshark_v0.py asks tshark what it sees.
#include "sim/world.hh"
#include "trace/pcapng.hh"
#include "trace/sinks.hh"

#include <fstream>
#include <iostream>

namespace anabranch::sim {
namespace {

std::string exchange(const char* path) {
  trace::MemorySink file;
  trace::Pcapng capture{file};
  World world{6824};
  Host &client = world.host("client"), &server = world.host("server");
  for (const char* name : {"path1", "path2"}) {
    LinkSpec spec;
    spec.rate = {1'250'000};
    spec.delay = 10_ms;
    const std::uint32_t interface = capture.add_interface(name);
    world.link(client, server, spec).set_tap([&, interface](const Host&, const Frame& frame) {
      capture.packet({.interface = interface, .at = world.now(), .direction = {}, .comment = {}}, frame.bytes);
    });
  }
  TransferOptions options;
  options.client.versions = options.server.versions = mptcp::Versions::v0;
  options.client.checksum = true;
  options.back = {60'000};
  world.transfer(client, server, {120'000}, options);
  options.start = 3_s;
  options.client.send_buffer = {16'000};  // so that what it has written is soon on its way
  options.abort_after = {60'000};
  world.transfer(client, server, {120'000}, options);
  const auto complete = [&] {
    return std::ranges::all_of(world.transfers(), [](const auto& t) { return t->complete(); });
  };
  if (!world.run_until([&] { return complete() && world.quiet(); }, Duration{300'000'000'000})) {
    return "it came to no end\n" + world.replay();
  }
  std::ofstream out{path, std::ios::binary};
  out.write(reinterpret_cast<const char*>(file.bytes().data()), static_cast<std::streamsize>(file.bytes().size()));
  return out.good() ? "" : "cannot write the capture\n";
}
}  // namespace
}  // namespace anabranch::sim

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: make_v0_capture <file>\n";
    return 2;
  }
  const std::string trouble = anabranch::sim::exchange(argv[1]);
  std::cerr << trouble;
  return trouble.empty() ? 0 : 1;
}
