#include "apps/processes.hh"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace anabranch::apps {
namespace {

struct Child {
  pid_t pid = 0;
  int output = -1;
  std::size_t index = 0;
  std::string text;
};

[[noreturn]] void give_up() {
  fmt::print(stderr, "cannot start a process: {}\n", std::strerror(errno));
  std::exit(2);
}

Child start(std::size_t index, const Work& work) {
  int ends[2];
  if (pipe(ends) != 0) { give_up(); }
  std::fflush(stdout);  // or each child would print what we have not yet
  const pid_t pid = fork();
  if (pid < 0) { give_up(); }
  if (pid == 0) {
    close(ends[0]);
    dup2(ends[1], STDOUT_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    const int status = work(index);
    std::fflush(stdout);
    _exit(status);
  }
  close(ends[1]);
  return {pid, ends[0], index, {}};
}

/// Reads what there is; true at the end of the child's output.
bool read_from(Child& child) {
  char buffer[65536];
  const ssize_t n = read(child.output, buffer, sizeof buffer);
  if (n > 0) { child.text.append(buffer, static_cast<std::size_t>(n)); }
  return n <= 0;
}

void finish(Child& child, const Done& done) {
  close(child.output);
  int status = 0;
  waitpid(child.pid, &status, 0);
  done(child.index, std::move(child.text), status);
}
}  // namespace

void in_processes(std::size_t count, unsigned jobs, const Work& work, const Done& done) {
  std::vector<Child> children;
  std::size_t next = 0;
  while (next < count || !children.empty()) {
    while (next < count && children.size() < jobs) { children.push_back(start(next++, work)); }
    std::vector<pollfd> waits;
    for (const Child& child : children) { waits.push_back({child.output, POLLIN, 0}); }
    if (poll(waits.data(), waits.size(), -1) < 0) { continue; }
    for (std::size_t i = waits.size(); i-- > 0;) {
      if (waits[i].revents == 0 || !read_from(children[i])) { continue; }
      finish(children[i], done);
      children.erase(children.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
}
}  // namespace anabranch::apps
