// anabranch lab: networks of namespaces on one machine, to try Multipath TCP against the kernel's.
#include "apps/command.hh"
#include "apps/http_failure.hh"
#include "apps/lab_build.hh"
#include "apps/lab_simulate.hh"
#include "apps/lab_system.hh"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <unistd.h>

namespace anabranch::apps {
namespace {

constexpr std::size_t kMaxLabName = 40;

struct LabOptions {
  std::string name;  ///< --name, or empty
  std::string what;  ///< topology, host or link
  std::vector<std::string> words;
  std::uint64_t seed = 1;  ///< of `simulate`
};

void need_root() {
  if (geteuid() != 0) { throw Failure(Exit::interface, "network namespaces need root: try sudo"); }
}

/// The lab that is meant: the one named, or the only one there is.
std::string chosen_lab(const std::string& name) {
  const auto up = labs_up();
  if (!name.empty()) {
    if (std::find(up.begin(), up.end(), name) == up.end()) { throw Failure(Exit::usage, "lab " + name + " is not up"); }
    return name;
  }
  if (up.empty()) { throw Failure(Exit::usage, "no lab is up: `anabranch lab up two-path`"); }
  if (up.size() == 1) { return up.front(); }
  std::string all;
  for (const std::string& lab : up) { all += (all.empty() ? "" : ", ") + lab; }
  throw Failure(Exit::usage, "several labs are up (" + all + "): say which with --name");
}

struct Source {
  std::string toml;
  Topology topology;
};
Source load(const std::string& what) {
  std::string text{built_in_topology(what)};
  if (text.empty()) {
    std::error_code none;
    if (!std::filesystem::is_regular_file(what, none)) {
      throw Failure(Exit::usage, fmt::format("no topology '{}': two-path, or a TOML file", what));
    }
    text = read_file(what);
  }
  Source out{.toml = std::move(text), .topology = {}};
  out.topology = topology_from_toml(out.toml, what);
  if (out.topology.name.empty()) { out.topology.name = std::filesystem::path{what}.stem().string(); }
  return out;
}

void up(const LabOptions& options) {
  need_root();
  const Source source = load(options.what);
  const std::string lab = options.name.empty() ? source.topology.name : options.name;
  if (!is_good_name(lab, kMaxLabName)) {
    throw Failure(Exit::usage, fmt::format("bad lab name '{}': letters, digits, '-' and '_'", lab));
  }
  build(lab, source.topology, source.toml);
  fmt::print("lab {} is up\n", lab);
  for (const LinkPlan& link : source.topology.links) {
    fmt::print("  {:<10} {} -- {}  {}\n", link.name, link.a.host, link.b.host, to_text(link.settings));
  }
  const std::string name = labs_up().size() > 1 ? " --name " + lab : "";
  fmt::print("try: anabranch lab exec{} {} -- ip address; anabranch lab down {}\n", name,
             source.topology.hosts.front().name, lab);
}

void down(const LabOptions& options) {
  need_root();
  const std::string lab = options.what.empty() ? chosen_lab(options.name) : options.what;
  if (!is_good_name(lab, kMaxLabName) || !take_down(lab)) { throw Failure(Exit::usage, "lab " + lab + " is not up"); }
}

void exec(const LabOptions& options) {
  need_root();
  const std::string lab = chosen_lab(options.name);
  const std::string space = host_namespace(lab, options.what);
  const auto all = namespaces();
  if (std::find(all.begin(), all.end(), space) == all.end()) {
    throw Failure(Exit::usage, fmt::format("lab {} has no host '{}'", lab, options.what));
  }
  std::vector<std::string> command{"ip", "netns", "exec", space};
  command.insert(command.end(), options.words.begin(), options.words.end());
  std::vector<char*> argv;
  for (std::string& word : command) { argv.push_back(word.data()); }
  argv.push_back(nullptr);
  execvp("ip", argv.data());
  throw Failure(Exit::internal, "cannot run ip: " + system_error());
}

void set(const LabOptions& options) {
  need_root();
  std::string request = "set " + options.what;
  for (const std::string& word : options.words) { request += " " + word; }
  fmt::print("{}\n", ask_emulator(chosen_lab(options.name), request));
}

void address(const LabOptions& options) {
  need_root();
  if (options.words.size() != 2 || (options.words[1] != "on" && options.words[1] != "off")) {
    throw Failure(Exit::usage, "say which link, and `on` or `off`: anabranch lab address client path1 off");
  }
  set_addresses(chosen_lab(options.name), options.what, options.words[0], options.words[1] == "on");
}

void status(const LabOptions& options) {
  need_root();
  if (options.name.empty() && labs_up().empty()) {
    fmt::print("no lab is up\n");
    return;
  }
  for (const std::string& lab : options.name.empty() ? labs_up() : std::vector{chosen_lab(options.name)}) {
    std::string pid = read_file(lab_directory(lab) / "emulator.pid");
    pid.erase(std::remove(pid.begin(), pid.end(), '\n'), pid.end());
    fmt::print("lab {} (emulator {})\n", lab, pid);
    fmt::print("{}", ask_emulator(lab, "status"));
  }
}

void show(const LabOptions& options) { fmt::print("{}", load(options.what).toml); }

void run_simulation(const LabOptions& options) { simulate({.seed = options.seed}, options.what); }

void on_call(CLI::App* command, const std::shared_ptr<LabOptions>& options, void (*work)(const LabOptions&)) {
  command->callback([options, work] { work(*options); });
}

}  // namespace

void add_lab(CLI::App& app) {
  auto options = std::make_shared<LabOptions>();
  CLI::App* lab = app.add_subcommand("lab", "Networks of namespaces with emulated links, on this machine");
  lab->require_subcommand(1);
  const auto named = [&](CLI::App* command) {
    command->add_option("--name", options->name, "The lab (default: the only one that is up)");
    return command;
  };

  CLI::App* command = lab->add_subcommand("up", "Build a lab: namespaces for hosts, an emulator between them");
  command->add_option("topology", options->what, "two-path, or a TOML file")->required();
  command->add_option("--name", options->name, "Call it so (default: the topology's name)");
  on_call(command, options, up);

  command = named(lab->add_subcommand("down", "End a lab with everything that runs in it, and remove it"));
  command->add_option("lab", options->what, "Name (default: the only one that is up)");
  on_call(command, options, down);

  command = named(lab->add_subcommand("exec", "Run a command on a host of the lab"));
  command->add_option("host", options->what, "Host (`net` is the emulator's side)")->required();
  command->add_option("command", options->words, "After `--`: command and arguments")->required();
  on_call(command, options, exec);

  command = named(lab->add_subcommand("set", "Change a link while it runs"));
  command->add_option("link", options->what, "Link")->required();
  command
      ->add_option("settings", options->words,
                   "rate=40Mbps delay=10ms jitter=1ms queue=100KB|1bdp loss=1% "
                   "reorder=2% duplicate=1% middlebox=strip_dss:forth|none up|down|down:a (down: no carrier; down:a: "
                   "at end a only; loss=100%: a "
                   "silent hole)")
      ->required();
  on_call(command, options, set);

  command = named(lab->add_subcommand("address", "Take the addresses of a host's link away, or give them back"));
  command->add_option("host", options->what, "Host")->required();
  command->add_option("link", options->words, "Link, then `off` or `on`")
      ->required()
      ->expected(2)
      ->option_text("LINK on|off");
  on_call(command, options, address);

  on_call(named(lab->add_subcommand("status", "Links and what passed them")), options, status);

  command = lab->add_subcommand("show", "Print a topology's TOML, to start one's own from");
  command->add_option("topology", options->what, "two-path, or a TOML file")->required();
  on_call(command, options, show);

  command = lab->add_subcommand("simulate", "A download over two-path in virtual time; path1 is cut and heals");
  command->add_option("directory", options->what, "For report.json, plot.json, events.json, packets.pcapng")
      ->required();
  command->add_option("--seed", options->seed, "Same seed, same packets [1]");
  on_call(command, options, run_simulation);
}

}  // namespace anabranch::apps
