#include "apps/lab_build.hh"

#include "apps/http_failure.hh"
#include "apps/lab_commands.hh"
#include "apps/lab_system.hh"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sstream>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace anabranch::apps {
namespace {

namespace fs = std::filesystem;
const fs::path kRun = "/run/anabranch";

/// What every host's kernel is told before it gets its interfaces, which inherit some of it.
constexpr std::pair<const char*, const char*> kSysctls[] = {
    // Each address speaks over its own link (source-based routes below): the way back may differ from the way there.
    {"net.ipv4.conf.all.rp_filter", "0"},
    {"net.ipv4.conf.default.rp_filter", "0"},
    // ARP answers only on the link that has the address.
    {"net.ipv4.conf.all.arp_ignore", "1"},
    {"net.ipv4.conf.all.arp_announce", "2"},
    // IPv6 addresses are good at once.
    {"net.ipv6.conf.all.accept_dad", "0"},
    {"net.ipv6.conf.default.accept_dad", "0"},
    {"net.ipv6.conf.default.router_solicitations", "0"},
    {"net.ipv4.tcp_congestion_control", "cubic"},
    // Room for the bandwidth-delay product of all links together, with the delay of the slowest (RFC 8684 §3.3.1); the
    // kernel's Multipath TCP does not find out by itself what to send ahead while a path recovers from a loss.
    {"net.ipv4.tcp_rmem", "4096 131072 33554432"},
    {"net.ipv4.tcp_wmem", "4096 4194304 16777216"},
    // No transfer learns from the one before it.
    {"net.ipv4.tcp_no_metrics_save", "1"},
};

/// In a namespace other than the initial one a congestion control must be allowed for all first.
void allow_cubic() {
  const char* const name = "net.ipv4.tcp_allowed_congestion_control";
  std::string allowed = read_file("/proc/sys/net/ipv4/tcp_allowed_congestion_control");
  allowed.erase(std::remove(allowed.begin(), allowed.end(), '\n'), allowed.end());
  if (allowed.empty() || (" " + allowed + " ").find(" cubic ") != std::string::npos) { return; }
  write_sysctl(name, allowed + " cubic");
  fmt::print(stderr, "note: {} now allows cubic as well (it stays so)\n", name);
}

/// Cables: the device of the host and the middle end that the emulator holds. The latter have numbers that no host has:
/// where both ends have the same one, Linux takes the device for hardware, and tells of a lost carrier up to a second
/// later if the carrier of any other device of the machine has changed just before (linkwatch_urgent_event).
void make_cables(const std::string& lab, const Topology& topology) {
  std::string commands;
  unsigned index = 10'000;
  const auto one = [&](const LinkPlan& link, const LinkEnd& end, char side) {
    commands += fmt::format("link add {0}-{1} index {4} mtu {2} type veth peer name {0} netns {3} mtu {2}\n", link.name,
                            side, link.mtu, host_namespace(lab, end.host), ++index);
    commands += fmt::format("link set {}-{} up\n", link.name, side);
  };
  for (const LinkPlan& link : topology.links) {
    one(link, link.a, 'a');
    one(link, link.b, 'b');
  }
  run({"ip", "-n", host_namespace(lab, "net"), "-batch", "-"}, commands);
}

void configure_host(const std::string& lab, const Topology& topology, const HostPlan& host) {
  const std::string space = host_namespace(lab, host.name);
  {
    const InsideNamespace inside{space};
    for (const auto& [name, value] : host.sysctls) { write_sysctl(name, value); }
  }
  const Batches batches = interface_commands(topology, host);
  run({"ip", "-n", space, "-batch", "-"}, batches.v4);
  if (!batches.v6.empty()) { run({"ip", "-6", "-n", space, "-batch", "-"}, batches.v6); }
  if (fs::exists("/proc/sys/net/mptcp")) { run({"ip", "-n", space, "-batch", "-"}, mptcp_commands(host)); }
}

/// Starts `anabranch emulate`, its own session, and waits until it says that it forwards.
void start_emulator(const std::string& lab) {
  int ready[2];
  if (pipe2(ready, 0) != 0) { throw Failure(Exit::internal, "pipe: " + system_error()); }
  const Descriptor hear{ready[0]};
  Descriptor tell{ready[1]};
  fcntl(hear.get(), F_SETFD, FD_CLOEXEC);
  const std::string log = (lab_directory(lab) / "emulator.log").string();
  const std::string fd = fmt::format("{}", tell.get());
  const pid_t child = fork();
  if (child < 0) { throw Failure(Exit::internal, "fork: " + system_error()); }
  if (child == 0) {
    setsid();
    const int null = open("/dev/null", O_RDONLY);
    const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    dup2(null, 0);
    dup2(out, 1);
    dup2(out, 2);
    execl("/proc/self/exe", "anabranch", "emulate", lab.c_str(), "--ready-fd", fd.c_str(), nullptr);
    _exit(127);
  }
  tell = Descriptor{};
  char word = 0;
  pollfd wait{.fd = hear.get(), .events = POLLIN, .revents = 0};
  if (poll(&wait, 1, 5000) != 1 || read(hear.get(), &word, 1) != 1) {
    const std::string said = read_file(log);
    throw Failure(Exit::internal, "the emulator did not start: " + said.substr(0, said.find('\n')));
  }
}

volatile std::sig_atomic_t interrupted = 0;

void fail_if_interrupted() {
  if (interrupted != 0) { throw Failure(Exit::internal, "interrupted"); }
}

/// The middle has no addresses and no IPv6 of its own: it must not say a word on the cables.
void make_namespaces(const std::string& lab, const Topology& topology) {
  run({"ip", "netns", "add", host_namespace(lab, "net")});
  {
    const InsideNamespace inside{host_namespace(lab, "net")};
    if (fs::exists("/proc/sys/net/ipv6")) {
      write_sysctl("net.ipv6.conf.all.disable_ipv6", "1");
      write_sysctl("net.ipv6.conf.default.disable_ipv6", "1");
    }
  }
  for (const HostPlan& host : topology.hosts) {
    run({"ip", "netns", "add", host_namespace(lab, host.name)});
    const InsideNamespace inside{host_namespace(lab, host.name)};
    for (const auto& [name, value] : kSysctls) { write_sysctl(name, value); }
  }
}

}  // namespace

fs::path lab_directory(const std::string& lab) { return kRun / lab; }

std::string host_namespace(const std::string& lab, const std::string& host) { return "ab-" + lab + "-" + host; }

std::vector<std::string> labs_up() {
  std::vector<std::string> out;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator{kRun, none}) {
    if (entry.is_directory()) { out.push_back(entry.path().filename().string()); }
  }
  std::sort(out.begin(), out.end());
  return out;
}

void build(const std::string& lab, const Topology& topology, std::string_view toml) {
  std::error_code failed;
  fs::create_directories(kRun, failed);
  if (!fs::create_directory(lab_directory(lab), failed)) {  // making the directory is the lock, too
    if (failed) {
      throw Failure(Exit::file, fmt::format("cannot make {}: {}", lab_directory(lab).string(), failed.message()));
    }
    throw Failure(Exit::usage, fmt::format("lab {0} is up already: `anabranch lab down {0}`, or another --name", lab));
  }
  const auto note = [](int) { interrupted = 1; };
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) { std::signal(signal, note); }
  try {
    write_file(lab_directory(lab) / "topology.toml", toml);
    allow_cubic();
    make_namespaces(lab, topology);
    fail_if_interrupted();
    make_cables(lab, topology);
    for (const HostPlan& host : topology.hosts) {
      configure_host(lab, topology, host);
      fail_if_interrupted();
    }
    start_emulator(lab);
    fail_if_interrupted();
  } catch (...) {
    take_down(lab);
    throw;
  }
}

void set_addresses(const std::string& lab, const std::string& host, const std::string& link, bool there) {
  const Topology topology = topology_from_toml(read_file(lab_directory(lab) / "topology.toml"), "topology.toml");
  const auto found = std::ranges::find(topology.hosts, host, &HostPlan::name);
  if (found == topology.hosts.end()) { throw Failure(Exit::usage, fmt::format("lab {} has no host '{}'", lab, host)); }
  const auto commands = there ? give_addresses(topology, *found, link) : take_addresses(topology, *found, link);
  if (commands.empty()) {
    throw Failure(Exit::usage, fmt::format("host {} has no link '{}' with addresses", host, link));
  }
  for (const std::string& command : commands) {
    std::vector<std::string> words{"ip", "-n", host_namespace(lab, host)};
    std::istringstream text{command};
    for (std::string word; text >> word;) { words.push_back(word); }
    run(words);
  }
}

bool take_down(const std::string& lab) {
  const bool known = fs::exists(lab_directory(lab));
  bool found = known;
  // Hosts first: programs there may still talk, and should not see their network vanish under them unexplained.
  std::vector<std::string> spaces;
  const std::string prefix = host_namespace(lab, "");
  const Topology topology = [&] {
    const std::string text = read_file(lab_directory(lab) / "topology.toml");
    return text.empty() ? Topology{} : topology_from_toml(text, "topology.toml");
  }();
  const auto all = namespaces();
  const auto take = [&](const std::string& space) {
    if (std::find(all.begin(), all.end(), space) != all.end()) { spaces.push_back(space); }
  };
  for (const HostPlan& host : topology.hosts) { take(prefix + host.name); }
  take(prefix + "net");
  for (const std::string& space : spaces) {
    found = true;
    end_processes(processes_inside(space));
    run({"ip", "netns", "del", space});
  }
  std::error_code ignored;
  fs::remove_all(lab_directory(lab), ignored);
  fs::remove(kRun, ignored);  // only when it is empty
  return found;
}

std::string ask_emulator(const std::string& lab, std::string_view request) {
  const Descriptor fd{socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = (lab_directory(lab) / "control").string();
  std::copy_n(path.c_str(), std::min(path.size() + 1, sizeof address.sun_path), address.sun_path);
  constexpr timeval kPatience{.tv_sec = 2, .tv_usec = 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw Failure(Exit::internal,
                  fmt::format("the emulator of lab {0} is gone: `anabranch lab down {0}` and up again", lab));
  }
  std::string answer(65536, '\0');
  if (send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) { answer.clear(); }
  const ssize_t got = answer.empty() ? -1 : recv(fd.get(), answer.data(), answer.size(), 0);
  if (got <= 0) { throw Failure(Exit::internal, fmt::format("the emulator of lab {} does not answer", lab)); }
  answer.resize(static_cast<std::size_t>(got));
  if (answer.starts_with("error: ")) { throw Failure(Exit::usage, answer.substr(7)); }
  return answer;
}

}  // namespace anabranch::apps
