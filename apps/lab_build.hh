/// A lab made real and taken away again: namespaces, cables, addresses, routes, the emulator.
///
/// All of a lab bears its name: namespaces `ab-<lab>-<host>` and `ab-<lab>-net`, files under /run/anabranch/<lab>/.
/// So `take_down` needs nothing but the name, and works on halves that a crash left behind. Nothing else is touched
/// but net.ipv4.tcp_allowed_congestion_control of the initial namespace, which `build` widens by cubic.
#pragma once
#include "apps/lab_topology.hh"

#include <filesystem>
#include <string>
#include <vector>

namespace anabranch::apps {

std::filesystem::path lab_directory(const std::string& lab);                  ///< /run/anabranch/<lab>
std::string host_namespace(const std::string& lab, const std::string& host);  ///< `net` is the emulator's
std::vector<std::string> labs_up();                                           ///< by name, sorted

/// Throws a Failure when it cannot; then nothing is left behind. `toml` is what `topology` was read from.
void build(const std::string& lab, const Topology& topology, std::string_view toml);
/// Ends what runs in the lab's namespaces, removes them and the files. False when there was no such lab.
bool take_down(const std::string& lab);

/// Takes the addresses of a host's link away, or gives them back, with their routes and the kernel's endpoints at them,
/// as a network manager would. Throws a Failure.
void set_addresses(const std::string& lab, const std::string& host, const std::string& link, bool there);

/// The emulator's answer to one request ("set path1 down", "status"). Throws when it does not answer or complains.
std::string ask_emulator(const std::string& lab, std::string_view request);

}  // namespace anabranch::apps
