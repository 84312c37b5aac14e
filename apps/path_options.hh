/// The options that every subcommand with connections has: which interfaces, which policies, a capture file.
///
/// Turns them into a Context, and what goes wrong there into one line that says what to do.
#pragma once
#include "api/context.hh"

#include <string>
#include <vector>

namespace CLI {
class App;
}  // namespace CLI

namespace anabranch::apps {

struct PathOptions {
  std::vector<std::string> paths;  ///< interfaces and their uses (path_use.hh); empty: all that are up
  std::string pcap, congestion;
  std::string policy, scheduler, path_manager;  ///< empty: the default; the latter two go before what the policy says
  std::string ecn;                              ///< a name of tcp::EcnMode; empty: the default
  bool pacing = false, no_pacing = false;       ///< neither: the default
  std::string versions;                         ///< of MPTCP: a name of mptcp::Versions
  bool no_multipath = false, checksum = false, fast_open = false, no_race = false;
};
void add_path_options(CLI::App& command, PathOptions& options);

mptcp::Config connection_config(const PathOptions& options);
/// Throws Failure (interface).
Context open_context(boost::asio::io_context& io, const PathOptions& options, std::vector<std::uint16_t> listen_ports);
}  // namespace anabranch::apps
