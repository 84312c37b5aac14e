#include "apps/lab_system.hh"

#include "apps/http_failure.hh"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <poll.h>
#include <sched.h>
#include <sstream>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace anabranch::apps {
namespace {

const std::filesystem::path kNamespaces = "/run/netns";  // where iproute2 keeps them

struct Ended {
  int status = 0;
  std::string output;
};

/// Input and output are files in memory: no pipe that could fill up while nobody reads it.
Ended execute(const std::vector<std::string>& command, std::string_view input) {
  const Descriptor in{memfd_create("input", MFD_CLOEXEC)};
  const Descriptor out{memfd_create("output", MFD_CLOEXEC)};
  if (!in || !out || ::write(in.get(), input.data(), input.size()) != static_cast<ssize_t>(input.size())) {
    throw Failure(Exit::internal, "memfd: " + system_error());
  }
  lseek(in.get(), 0, SEEK_SET);
  std::vector<char*> argv;
  for (const std::string& word : command) { argv.push_back(const_cast<char*>(word.c_str())); }
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child < 0) { throw Failure(Exit::internal, "fork: " + system_error()); }
  if (child == 0) {
    dup2(in.get(), 0);
    dup2(out.get(), 1);
    dup2(out.get(), 2);
    execvp(argv[0], argv.data());
    dprintf(2, "cannot run: %s\n", strerror(errno));
    _exit(127);
  }
  Ended ended;
  while (waitpid(child, &ended.status, 0) < 0 && errno == EINTR) {}
  const off_t size = lseek(out.get(), 0, SEEK_END);
  ended.output.resize(static_cast<std::size_t>(std::max<off_t>(size, 0)));
  if (pread(out.get(), ended.output.data(), ended.output.size(), 0) < 0) { ended.output.clear(); }
  return ended;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

bool wait_until_gone(pid_t pid, int milliseconds) {
  const Descriptor handle{static_cast<int>(syscall(SYS_pidfd_open, pid, 0))};
  if (!handle) { return true; }  // no such process
  pollfd wait{.fd = handle.get(), .events = POLLIN, .revents = 0};
  return poll(&wait, 1, milliseconds) > 0;
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) { ::close(fd_); }
}

std::string system_error() { return std::strerror(errno); }

std::string run(const std::vector<std::string>& command, std::string_view input) {
  Ended ended = execute(command, input);
  if (WIFEXITED(ended.status) && WEXITSTATUS(ended.status) == 0) { return std::move(ended.output); }
  std::string line;
  for (const std::string& word : command) { line += (line.empty() ? "" : " ") + word; }
  throw Failure(Exit::internal, fmt::format("`{}`: {}", line,
                                            WIFEXITED(ended.status) ? first_line(ended.output) : "ended by a signal"));
}

bool try_run(const std::vector<std::string>& command, std::string_view input) {
  const Ended ended = execute(command, input);
  return WIFEXITED(ended.status) && WEXITSTATUS(ended.status) == 0;
}

InsideNamespace::InsideNamespace(const std::string& name)
    : before_{open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)} {
  const Descriptor there{open((kNamespaces / name).c_str(), O_RDONLY | O_CLOEXEC)};
  if (!before_ || !there || setns(there.get(), CLONE_NEWNET) != 0) {
    throw Failure(Exit::internal, fmt::format("cannot enter the network namespace {}: {}", name, system_error()));
  }
}

InsideNamespace::~InsideNamespace() {
  // Cannot fail: it is the namespace that this thread came from, held open.
  if (setns(before_.get(), CLONE_NEWNET) != 0) { std::abort(); }
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  const Descriptor file{open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
  if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    throw Failure(Exit::file, fmt::format("cannot write {}: {}", path.string(), system_error()));
  }
}

void write_sysctl(const std::string& name, std::string_view value) {
  std::string path = name;
  std::replace(path.begin(), path.end(), '.', '/');
  const Descriptor file{open(("/proc/sys/" + path).c_str(), O_WRONLY | O_CLOEXEC)};
  if (!file || ::write(file.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size())) {
    throw Failure(Exit::internal, fmt::format("cannot set {} to '{}': {}", name, value, system_error()));
  }
}

std::vector<std::string> namespaces() {
  std::vector<std::string> out;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator{kNamespaces, none}) {
    out.push_back(entry.path().filename().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<pid_t> processes_inside(const std::string& name) {
  std::vector<pid_t> out;
  struct stat wanted{};
  if (stat((kNamespaces / name).c_str(), &wanted) != 0) { return out; }
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc", none}) {
    const std::string text = entry.path().filename().string();
    pid_t pid = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), pid);
    if (failed != std::errc{} || *end != '\0' || pid == getpid()) { continue; }
    struct stat its{};
    if (stat((entry.path() / "ns/net").c_str(), &its) != 0) { continue; }
    if (its.st_dev == wanted.st_dev && its.st_ino == wanted.st_ino) { out.push_back(pid); }
  }
  return out;
}

void end_processes(const std::vector<pid_t>& pids) {
  for (const pid_t pid : pids) { kill(pid, SIGTERM); }
  for (const pid_t pid : pids) {
    if (!wait_until_gone(pid, 1000)) {
      kill(pid, SIGKILL);
      wait_until_gone(pid, 1000);
    }
  }
}

}  // namespace anabranch::apps
