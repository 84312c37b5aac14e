/// Every middlebox in every place, twenty seeds each: what must come of it stands beside each in middlebox_rows.cc.
///
///     middlebox_matrix --jobs 2                     all cells; one line each (protocol: tests/interop/README.md)
///     middlebox_matrix --table docs/middleboxes.md  writes the page as well; --check FILE: says whether it is the same
///     middlebox_matrix --cell strip_dss.alone.forth --seed 7     one run, with its last segments
///
/// A cell is a process, so that a broken invariant takes down its own cell and no other. Exit status 0: all passed.
#include "apps/processes.hh"
#include "middlebox_cell.hh"

#include <charconv>
#include <csignal>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <sys/wait.h>
#include <tuple>
#include <unistd.h>

namespace {
using namespace anabranch;
using namespace anabranch::sim;
using anabranch::apps::in_processes;

constexpr std::uint64_t kSeeds = 20;
constexpr unsigned kSecondsPerCell =
    600;  // of the wall; a cell takes one or two of the processor, on a busy machine many more

struct Options {
  unsigned jobs = 1;
  std::string cell, table, check;  ///< of cells: part of their names
  std::uint64_t seed = 0, seeds = kSeeds;
  bool list = false;
};

/// What a cell's world is like without the box: many cells share it.
using Ground = std::tuple<Place, Ways, bool, Happening>;
Ground ground_of(const Cell& cell) { return {cell.place, cell.ways, cell.checksum, cell.happening}; }

/// Seconds by seed.
using Undisturbed = std::map<Ground, std::vector<double>>;

Undisturbed measure_undisturbed(const std::vector<Cell>& cells, const std::vector<std::uint64_t>& seeds,
                                unsigned jobs) {
  Undisturbed out;
  std::vector<const Cell*> first;
  for (const Cell& cell : cells) {
    if (out.emplace(ground_of(cell), std::vector<double>(seeds.size())).second) { first.push_back(&cell); }
  }
  const auto work = [&](std::size_t index) {
    alarm(kSecondsPerCell);
    for (const std::uint64_t seed : seeds) { fmt::print("{:.6f}\n", undisturbed_seconds(*first[index], seed)); }
    return 0;
  };
  in_processes(first.size(), jobs, work, [&](std::size_t index, const std::string& text, int) {
    std::stringstream lines{text};
    for (double& took : out[ground_of(*first[index])]) { lines >> took; }
  });
  return out;
}

/// What a cell's process says at the end, after everything else it printed.
constexpr std::string_view kVerdict = "\nverdict ";

int run_seeds(const Cell& cell, const std::vector<std::uint64_t>& seeds, const std::vector<double>& undisturbed) {
  std::map<std::string, unsigned> endings;
  std::string first_wrong;
  unsigned wrong = 0;
  double slowest = 0;
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    const CellRun run = run_cell(cell, seeds[i], undisturbed[i]);
    ++endings[to_text(run.ending)];
    slowest = std::max(slowest, run.slower);
    if (seeds.size() == 1) { fmt::print("{}", run.replay); }
    if (!run.wrong.empty() && wrong++ == 0) { first_wrong = fmt::format("seed {}: {}", seeds[i], run.wrong); }
  }
  std::string seen;
  for (const auto& [ending, count] : endings) {
    seen += fmt::format("{}{}x {}", seen.empty() ? "" : "; ", count, ending);
  }
  fmt::print("{}{}|{}|{:.2f}|{}", kVerdict, wrong, first_wrong, slowest, seen);
  return wrong == 0 ? 0 : 1;
}

/// Prints the line of a cell that has ended. True if it passed.
bool tell(const Cell& cell, const std::string& text, int status, bool verbose) {
  const std::size_t at = text.rfind(kVerdict);
  std::vector<std::string> parts;
  std::stringstream verdict{at == std::string::npos ? "" : text.substr(at + kVerdict.size())};
  for (std::string part; std::getline(verdict, part, '|');) { parts.push_back(part); }
  const std::string before = text.substr(0, at);
  if (verbose) { fmt::print("{}\n", before); }
  const bool passed = WIFEXITED(status) && WEXITSTATUS(status) == 0 && parts.size() == 4;
  if (passed) {
    fmt::print("ok {}\n  slowest {} times; {}\n", cell.name(), parts[2], parts[3]);
  } else if (parts.size() == 4) {
    fmt::print("not ok {}: {} of the seeds; {}\n    | endings: {}\n", cell.name(), parts[0], parts[1], parts[3]);
    for (const Ending& ending : cell.allowed) { fmt::print("    | allowed: {}\n", to_text(ending)); }
    fmt::print("    | again: middlebox_matrix --cell {} --seed N\n", cell.name());
  } else {
    fmt::print("not ok {}: the process ended with {} {}\n", cell.name(), WIFSIGNALED(status) ? "signal" : "status",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    std::stringstream lines{before.size() > 2000 ? before.substr(before.size() - 2000) : before};
    for (std::string line; std::getline(lines, line);) { fmt::print("    | {}\n", line); }
  }
  std::fflush(stdout);
  return passed;
}

int run_cells(const std::vector<Cell>& cells, const Options& options) {
  std::vector<std::uint64_t> seeds;
  if (options.seed != 0) { seeds.push_back(options.seed); }
  for (std::uint64_t seed = 1; options.seed == 0 && seed <= options.seeds; ++seed) { seeds.push_back(seed); }
  const Undisturbed undisturbed = measure_undisturbed(cells, seeds, options.jobs);
  std::size_t failed = 0;
  in_processes(
      cells.size(), options.jobs,
      [&](std::size_t index) {
        alarm(kSecondsPerCell);
        return run_seeds(cells[index], seeds, undisturbed.at(ground_of(cells[index])));
      },
      [&](std::size_t index, const std::string& text, int status) {
        failed += tell(cells[index], text, status, options.seed != 0) ? 0 : 1;
      });
  fmt::print("{} cells, {} seeds each, {} failed\n", cells.size(), seeds.size(), failed);
  return failed == 0 ? 0 : 1;
}

/// The page of the matrix: what is expected, which a run without failures has shown to hold.
std::string page(const std::vector<Cell>& cells) {
  std::string text = R"(# Middleboxes

What stands between two hosts changes, holds, repeats and answers packets. This is what each kind of such a box does here,
and how a transfer past it ends: what RFC 8684 §3.7 and §6 ask for, tried out. It is written by a program; the data lies
in `tests/sim/middlebox_rows.cc`, the boxes in `src/sim/middleboxes/`. To run all of it and write the page anew:

```
build/dev/middlebox_matrix --jobs 2 --table docs/middleboxes.md
```

A client with two links (20 Mb/s, 20 ms and 10 Mb/s, 50 ms round trip) exchanges a megabyte with a server; one packet in a
hundred is lost, half of them in front of the box, half behind. The box stands on the only link (*alone*), on that of the
initial subflow (*initial*), on the other one (*joined*), or on both (*everywhere*), and turns on packets from the client
(*forth*), to it (*back*), or *both*, which is also the way the bytes go. Each case runs with twenty seeds. It passes when
every byte arrives as it was written, unless the table says otherwise, when nothing hangs and nothing is kept afterwards,
when it takes at most three times as long as without the box (timeouts of handshakes apart), and when both ends say of the
connection what stands here, client first:

- *mptcp*, and over how many paths data went; or *tcp* with the reason of the fallback.
- *MP_FAIL*: one end has told the other that mappings or checksums are wrong.
- *as edited*: the application gets what the box made of the bytes, as with TCP; *edited and undetected*: the same, but
  with mappings that no longer fit. Only checksums help against that (RFC 8684 §3.3).
- *broken*: the connection ends with an error that the application is told of. That is so where every path spoils mappings
  after they have worked: there is no way back to TCP then.

`anabranch lab set LINK middlebox=NAME` puts the same boxes between real hosts ([guide](guide/lab.md#middleboxes)).
)";
  for (std::size_t i = 0; i < cells.size();) {
    const Meddling box = cells[i].box;
    text += fmt::format("\n## {}\n\nIt {}.\n\n{}\n\n| place | way | checksums | ends as |\n|---|---|---|---|\n",
                        name(box), describe(box), answer_to(box));
    for (; i < cells.size() && cells[i].box == box; ++i) {
      std::string endings;
      for (const Ending& ending : cells[i].allowed) {
        const std::string one = to_text(ending);
        if (endings.find(one) == endings.npos) { endings += (endings.empty() ? "" : "; or ") + one; }
      }
      text += fmt::format("| {} | {} | {} | {} |\n", name(cells[i].place), name(cells[i].ways),
                          cells[i].checksum ? "on" : "off", endings);
    }
  }
  return text;
}

std::string contents(const std::string& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

template <class T>
bool number(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

bool parse(std::span<char*> arguments, Options& options) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view option = arguments[i];
    if (option == "--list") {
      options.list = true;
      continue;
    }
    if (i + 1 == arguments.size()) { return false; }
    const std::string value = arguments[++i];
    if (option == "--cell") {
      options.cell = value;
    } else if (option == "--table") {
      options.table = value;
    } else if (option == "--check") {
      options.check = value;
    } else if (option == "--seeds") {
      if (!number(value, options.seeds)) { return false; }
    } else if (option == "--seed") {
      if (!number(value, options.seed)) { return false; }
    } else if (option != "--jobs" || !number(value, options.jobs) || options.jobs == 0) {
      return false;
    }
  }
  return true;
}
}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parse({argv + 1, static_cast<std::size_t>(argc - 1)}, options)) {
    fmt::print(stderr,
               "usage: middlebox_matrix [--jobs N] [--cell PART] [--seed N | --seeds N] [--table FILE] [--check FILE] "
               "[--list]\n"
               "  --cell PART   only cells with this in their names; with --seed also the last segments\n"
               "  --table FILE  writes the page of the matrix; --check FILE compares it\n");
    return 2;
  }
  std::vector<Cell> cells = all_cells();
  if (!options.cell.empty()) {
    std::erase_if(cells, [&](const Cell& cell) { return cell.name().find(options.cell) == std::string::npos; });
  }
  if (options.list) {
    for (const Cell& cell : cells) { fmt::print("{}\n", cell.name()); }
    return 0;
  }
  int status = 0;
  if (options.cell.empty()) {
    in_processes(
        1, 1,
        [](std::size_t) {
          alarm(kSecondsPerCell);
          return run_population() ? 0 : 1;
        },
        [&](std::size_t, const std::string& text, int ended) {
          fmt::print("{}", text.empty() ? "not ok population: it stopped\n" : text);
          status = ended == 0 ? 0 : 1;
        });
  }
  status |= run_cells(cells, options);
  if (!options.table.empty() && status == 0) { std::ofstream{options.table} << page(cells); }
  if (!options.check.empty()) {
    const bool same = contents(options.check) == page(cells);
    fmt::print("{}", same ? "ok page\n"
                          : fmt::format("not ok page: {} is not what the matrix writes (--table)\n", options.check));
    status |= same ? 0 : 1;
  }
  return status;
}
