/// What the lab asks of the machine: commands, network namespaces, files, processes.
///
/// Everything fails with a Failure of one line. Owner: the lab's commands; single-threaded, because entering a
/// namespace is a matter of the calling thread.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace anabranch::apps {

/// An open file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_{fd} {}
  Descriptor(Descriptor&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// Runs a program to its end, `input` as its standard input; throws with the first line of what it printed when it
/// fails. Returns its output.
std::string run(const std::vector<std::string>& command, std::string_view input = {});
/// The same, but whether it worked is all that is told.
bool try_run(const std::vector<std::string>& command, std::string_view input = {});

/// This thread is inside the named network namespace as long as the object lives.
class InsideNamespace {
 public:
  explicit InsideNamespace(const std::string& name);
  ~InsideNamespace();
  InsideNamespace(const InsideNamespace&) = delete;
  InsideNamespace& operator=(const InsideNamespace&) = delete;

 private:
  Descriptor before_;
};

std::string read_file(const std::filesystem::path& path);  ///< empty when there is none
void write_file(const std::filesystem::path& path, std::string_view text);
/// Sets a sysctl by its dotted name in this thread's network namespace.
void write_sysctl(const std::string& name, std::string_view value);

std::vector<std::string> namespaces();  ///< names under /run/netns, sorted
/// Processes whose network namespace it is.
std::vector<pid_t> processes_inside(const std::string& name);
/// SIGTERM, and after a second SIGKILL; returns when all are gone. They need not be children.
void end_processes(const std::vector<pid_t>& pids);
std::string system_error();  ///< errno in words

}  // namespace anabranch::apps
