/// Two network namespaces joined by veth pairs, for tests against the kernel. Gone again with the object.
///
/// Names begin with `hdrv-` and the process number. A thread enters a namespace for the length of a call; sockets
/// made there stay there. Needs root; `Lab::missing` says what the machine lacks.
#pragma once
#include <cstdlib>
#include <fcntl.h>
#include <sched.h>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <utility>

namespace anabranch::test {

inline int shell(const std::string& command) { return std::system((command + " >/dev/null 2>&1").c_str()); }

class Lab {
 public:
  /// Empty when a lab can be made.
  static std::string missing() {
    if (::geteuid() != 0) { return "needs root"; }
    if (shell("ip netns list") != 0) { return "needs iproute2 with network namespaces"; }
    return {};
  }
  /// `links` veth pairs: a<i> in namespace a with 10.77.<i>.1/24 and fd77:<i>::1/64, b<i> in b with .2 and ::2.
  explicit Lab(unsigned links = 1) : stem_{"hdrv-" + std::to_string(::getpid())} {
    for (const std::string& ns : {a(), b()}) {
      run("ip netns add " + ns);
      run("ip -n " + ns + " link set lo up");
      shell("ip netns exec " + ns + " sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0");
    }
    for (unsigned i = 0; i < links; ++i) { add_link(i); }
  }
  Lab(const Lab&) = delete;
  Lab& operator=(const Lab&) = delete;
  ~Lab() {
    shell("ip netns del " + a());
    shell("ip netns del " + b());
  }
  void add_link(unsigned i) {
    const std::string n = std::to_string(i);
    run("ip link add a" + n + " netns " + a() + " type veth peer name b" + n + " netns " + b());
    set_up_end(a(), "a" + n, n, "1");
    set_up_end(b(), "b" + n, n, "2");
  }
  std::string a() const { return stem_ + "-a"; }
  std::string b() const { return stem_ + "-b"; }
  /// `ip` in a namespace.
  void ip(const std::string& ns, const std::string& arguments) { run("ip -n " + ns + " " + arguments); }
  static int exec(const std::string& ns, const std::string& command) {
    return shell("ip netns exec " + ns + " " + command);
  }
  /// Runs `f` with this thread in the namespace.
  template <class F>
  static auto inside(const std::string& ns, F&& f) {
    struct Return {
      int home = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
      ~Return() {
        if (::setns(home, CLONE_NEWNET) != 0) { std::abort(); }
        ::close(home);
      }
    } const back;
    const int there = ::open(("/run/netns/" + ns).c_str(), O_RDONLY | O_CLOEXEC);
    if (there < 0 || ::setns(there, CLONE_NEWNET) != 0) { throw std::runtime_error{"cannot enter " + ns}; }
    ::close(there);
    return std::forward<F>(f)();
  }

 private:
  static void run(const std::string& command) {
    if (shell(command) != 0) { throw std::runtime_error{"failed: " + command}; }
  }
  static void set_up_end(const std::string& ns, const std::string& name, const std::string& net,
                         const std::string& host) {
    run("ip -n " + ns + " address add 10.77." + net + "." + host + "/24 dev " + name);
    run("ip -n " + ns + " address add fd77:" + net + "::" + host + "/64 dev " + name + " nodad");
    run("ip -n " + ns + " link set " + name + " up");
  }
  std::string stem_;
};
}  // namespace anabranch::test

/// Skips the test with its reason when the machine has no namespaces for us.
#define ANABRANCH_NEEDS_LAB()                                                                             \
  do {                                                                                                    \
    if (const std::string why = ::anabranch::test::Lab::missing(); !why.empty()) { GTEST_SKIP() << why; } \
  } while (false)
