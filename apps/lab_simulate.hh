/// The demo's transfer in the simulator: two paths, one is cut and heals, every byte is checked. No privilege, no
/// kernel's help, virtual time.
///
/// Writes into a directory what a real download would report: report.json, plot.json and packets.pcapng as `get` does,
/// and events.json with what was done to the paths. Owner: `anabranch lab simulate`.
#pragma once
#include "base/units.hh"

#include <cstdint>
#include <filesystem>

namespace anabranch::apps {

struct Simulation {
  std::uint64_t seed = 1;
  Bytes size{120'000'000};
  Duration cut_for{8'000'000'000};
};

/// Throws Failure when the transfer did not come out right or a file cannot be written.
void simulate(const Simulation& wanted, const std::filesystem::path& directory);

}  // namespace anabranch::apps
