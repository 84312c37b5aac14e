/// Random simulations, one process a seed, so that a broken invariant takes down its own seed and no other.
///
///     sim_campaign --seeds 1..200 --jobs 2      all of them; a report for each that fails
///     sim_campaign --seed 17 --verbose          one of them, with its scenario and its last segments
///
/// What the stacks counted over all seeds is summed up: an event that no seed has brought about is named at the end.
/// One seed in twenty runs twice: the digest of everything that arrived must be the same. Exit status 0: all passed.
#include "sim/scenario.hh"

#include <charconv>
#include <csignal>
#include <cstring>
#include <ctime>
#include <fmt/format.h>
#include <optional>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {
using namespace anabranch;

constexpr std::uint64_t kTwiceEvery = 20;
constexpr unsigned kSecondsPerSeed = 120;  // of processor and wall; a seed takes well under one unless it hangs

struct Options {
  std::uint64_t first = 1, last = 200;
  unsigned jobs = 1;
  std::size_t segments = 40;
  bool verbose = false;
  bool trace = false;
};

struct Child {
  pid_t pid = 0;
  int output = -1;
  std::uint64_t seed = 0;
  std::string text;
};

/// Ends a child's report; what follows are its stacks' counters.
constexpr std::string_view kCounters = "\ncounters";

std::string command(std::uint64_t seed) { return fmt::format("sim_campaign --seed {} --verbose", seed); }

/// The program is about to stop at a broken invariant, or has run too long: say what the world looked like. Not safe
/// in general in a signal handler; here the signal comes from our own code, and the process ends anyway.
void last_words(int signal) {
  std::signal(SIGABRT, SIG_DFL);
  std::string text = signal == SIGALRM ? fmt::format("took more than {} s\n", kSecondsPerSeed) : "stopped\n";
  if (const sim::World* world = sim::current_world()) { text += world->replay(); }
  (void)!write(STDOUT_FILENO, text.data(), text.size());
  _exit(2);
}

class StandardOutput final : public trace::ByteSink {
 public:
  void write(std::span<const std::uint8_t> bytes) override { std::fwrite(bytes.data(), 1, bytes.size(), stdout); }
};

/// In the child: runs the seed, writes a report if it failed. Returns the exit status.
int run_seed(std::uint64_t seed, const Options& options) {
  std::signal(SIGABRT, last_words);
  std::signal(SIGSEGV, last_words);
  std::signal(SIGALRM, last_words);
  alarm(kSecondsPerSeed);
  const sim::Scenario scenario = sim::draw(seed);
  StandardOutput out;
  sim::RunOptions how{command(seed), options.segments, options.trace ? &out : nullptr};
  const sim::Outcome outcome = sim::run(scenario, how);
  std::string text = outcome.report;
  bool passed = outcome.passed;
  if (passed && seed % kTwiceEvery == 0) {
    how.trace = nullptr;
    const sim::Outcome again = sim::run(scenario, how);
    if (again.digest != outcome.digest) {
      passed = false;
      text = fmt::format("not deterministic: digest {:016x}, then {:016x}\n", outcome.digest, again.digest);
    }
  }
  if (options.verbose) {
    if (passed) { text += sim::to_text(scenario); }
    text += fmt::format("seed {} digest {:016x} complete at {:.3f} s, {} frames arrived\n", seed, outcome.digest,
                        seconds(outcome.took), outcome.arrivals);
  }
  text += kCounters;
  for (std::size_t i = 0; i < stack::Counters::size(); ++i) {
    text += fmt::format(" {}", outcome.counters[static_cast<stack::Counter>(i)]);
  }
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
  return passed ? 0 : 1;
}

std::optional<Child> start(std::uint64_t seed, const Options& options) {
  int ends[2];
  if (pipe(ends) != 0) { return std::nullopt; }
  const pid_t pid = fork();
  if (pid == 0) {
    close(ends[0]);
    dup2(ends[1], STDOUT_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    _exit(run_seed(seed, options));
  }
  close(ends[1]);
  if (pid < 0) {
    close(ends[0]);
    return std::nullopt;
  }
  return Child{pid, ends[0], seed, {}};
}

/// Reads what there is; true at the end of the child's output.
bool read_from(Child& child) {
  char buffer[4096];
  const ssize_t n = read(child.output, buffer, sizeof buffer);
  if (n > 0) { child.text.append(buffer, static_cast<std::size_t>(n)); }
  return n <= 0;
}

/// Takes the counters off the end of a child's report and adds them to `sum`.
void take_counters(std::string& text, stack::Counters& sum) {
  const std::size_t at = text.rfind(kCounters);
  if (at == text.npos) { return; }
  const char* next = text.data() + at + kCounters.size();
  for (std::size_t i = 0; i < stack::Counters::size(); ++i) {
    std::size_t count = 0;
    next = std::from_chars(next + 1, text.data() + text.size(), count).ptr;
    sum.add(static_cast<stack::Counter>(i), count);
  }
  text.resize(at);
}

/// True if the seed passed.
bool finish(Child& child, const Options& options, stack::Counters& counters) {
  close(child.output);
  int status = 0;
  waitpid(child.pid, &status, 0);
  take_counters(child.text, counters);
  const bool passed = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (!passed) {
    fmt::print("FAILED seed {}: {}\n{}{}\n", child.seed, command(child.seed), child.text,
               WIFSIGNALED(status) ? fmt::format("ended by signal {}\n", WTERMSIG(status)) : "");
  } else if (options.verbose) {
    fmt::print("{}", child.text);
  }
  std::fflush(stdout);
  return passed;
}

int run_all(const Options& options) {
  const std::time_t began = std::time(nullptr);
  std::vector<Child> children;
  std::vector<std::uint64_t> failed;
  stack::Counters counters;
  std::uint64_t next = options.first;
  while (next <= options.last || !children.empty()) {
    while (next <= options.last && children.size() < options.jobs) {
      auto child = start(next, options);
      if (!child) {
        fmt::print(stderr, "cannot start a process: {}\n", std::strerror(errno));
        return 2;
      }
      children.push_back(std::move(*child));
      ++next;
    }
    std::vector<pollfd> waits;
    for (const Child& child : children) { waits.push_back({child.output, POLLIN, 0}); }
    if (poll(waits.data(), waits.size(), -1) < 0) { continue; }
    for (std::size_t i = waits.size(); i-- > 0;) {
      if (waits[i].revents == 0 || !read_from(children[i])) { continue; }
      if (!finish(children[i], options, counters)) { failed.push_back(children[i].seed); }
      children.erase(children.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  std::string list, silent;
  for (std::size_t i = 0; i < stack::Counters::size(); ++i) {
    const auto counter = static_cast<stack::Counter>(i);
    if (options.verbose) { fmt::print("{:>12} {}\n", counters[counter], name(counter)); }
    if (counters[counter] == 0) { silent += fmt::format(" {}", name(counter)); }
  }
  if (!silent.empty()) { fmt::print("never happened:{}\n", silent); }
  for (const std::uint64_t seed : failed) { list += fmt::format(" {}", seed); }
  fmt::print("{} seeds ({}..{}) in {} s, {} failed{}{}\n", options.last - options.first + 1, options.first,
             options.last, std::time(nullptr) - began, failed.size(), failed.empty() ? "" : ":", list);
  return failed.empty() ? 0 : 1;
}

template <class T>
bool number(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

bool parse(std::span<char*> arguments, Options& options) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view option = arguments[i];
    if (option == "--verbose") {
      options.verbose = true;
      continue;
    }
    if (option == "--trace") {
      options.trace = options.verbose = true;
      continue;
    }
    if (i + 1 == arguments.size()) { return false; }
    const std::string_view value = arguments[++i];
    if (option == "--seed") {
      if (!number(value, options.first)) { return false; }
      options.last = options.first;
    } else if (option == "--seeds") {
      const std::size_t dots = value.find("..");
      if (dots == value.npos) {  // so many, from the first on
        options.first = 1;
        if (!number(value, options.last)) { return false; }
      } else if (!number(value.substr(0, dots), options.first) || !number(value.substr(dots + 2), options.last)) {
        return false;
      }
    } else if (option == "--jobs") {
      if (!number(value, options.jobs) || options.jobs == 0) { return false; }
    } else if (option != "--segments" || !number(value, options.segments)) {
      return false;
    }
  }
  return options.first <= options.last;
}
}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parse({argv + 1, static_cast<std::size_t>(argc - 1)}, options)) {
    fmt::print(stderr,
               "usage: sim_campaign [--seeds A..B | --seed N] [--jobs N] [--segments N] [--verbose] [--trace]\n"
               "  --seeds A..B   both included; default 1..200; --seeds N: 1..N\n"
               "  --segments N   how many of the last segments a report shows; default 40\n"
               "  --trace        every event of both stacks, with --verbose\n");
    return 2;
  }
  return run_all(options);
}
