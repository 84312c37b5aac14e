/// Random simulations, one process a seed, so that a broken invariant takes down its own seed and no other.
///
///     sim_campaign --seeds 1..200 --jobs 2      all of them; a report for each that fails
///     sim_campaign --seed 17 --verbose          one of them, with its scenario and its last segments
///
/// What the stacks counted over all seeds is summed up: an event that no seed has brought about is named at the end.
/// One seed in twenty runs twice: the digest of everything that arrived must be the same. Exit status 0: all passed.
#include "apps/processes.hh"
#include "sim/scenario.hh"

#include <charconv>
#include <csignal>
#include <ctime>
#include <fmt/format.h>
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
bool judge(std::uint64_t seed, std::string text, int status, const Options& options, stack::Counters& counters) {
  take_counters(text, counters);
  const bool passed = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (!passed) {
    fmt::print("FAILED seed {}: {}\n{}{}\n", seed, command(seed), text,
               WIFSIGNALED(status) ? fmt::format("ended by signal {}\n", WTERMSIG(status)) : "");
  } else if (options.verbose) {
    fmt::print("{}", text);
  }
  std::fflush(stdout);
  return passed;
}

int run_all(const Options& options) {
  const std::time_t began = std::time(nullptr);
  std::vector<std::uint64_t> failed;
  stack::Counters counters;
  apps::in_processes(
      options.last - options.first + 1, options.jobs,
      [&](std::size_t index) { return run_seed(options.first + index, options); },
      [&](std::size_t index, std::string text, int status) {
        const std::uint64_t seed = options.first + index;
        if (!judge(seed, std::move(text), status, options, counters)) { failed.push_back(seed); }
      });
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
