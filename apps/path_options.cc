#include "apps/path_options.hh"

#include "apps/http_failure.hh"
#include "apps/path_use.hh"
#include "cc/registry.hh"
#include "mptcp/path_manager.hh"
#include "mptcp/policy.hh"
#include "mptcp/scheduler.hh"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace anabranch::apps {
namespace {

/// A value out of a list of names; the message lists them.
CLI::Validator one_of(std::span<const std::string_view> names) {
  return CLI::Validator{[names](const std::string& value) -> std::string {
                          if (std::ranges::find(names, value) != names.end()) { return {}; }
                          return fmt::format("'{}' is not one of: {}", value, fmt::join(names, ", "));
                        },
                        ""};
}

}  // namespace

void add_path_options(CLI::App& command, PathOptions& options) {
  const mptcp::Config defaults;
  options.congestion = defaults.tcp.congestion;
  command.add_option("--path", options.paths, "Use this interface; repeat for each (default: all that are up)")
      ->option_text("DEV[,USE]")
      ->check(CLI::Validator{[](const std::string& value) -> std::string {
                               const auto use = path_use_from_text(value);
                               return use ? std::string{} : use.error();
                             },
                             ""})
      ->allow_extra_args(false);
  command.add_option("--policy", options.policy, "What paths are for: handover, interactive, aggregate, redundant")
      ->option_text("NAME")
      ->check(one_of(mptcp::policy_names()));
  command.add_option("--congestion", options.congestion, "Congestion control of the subflows")
      ->option_text(fmt::format("NAME [{}]", defaults.tcp.congestion))
      ->check(one_of(cc::controller_names()));
  command.add_option("--scheduler", options.scheduler, "Which subflow carries the next bytes we send")
      ->option_text(fmt::format("NAME [{}]", defaults.scheduler))
      ->check(one_of(mptcp::scheduler_names()));
  command.add_option("--path-manager", options.path_manager, "Which subflows are opened")
      ->option_text("NAME")
      ->check(one_of(mptcp::path_manager_names()));
  command.add_option("--ecn", options.ecn, "Congestion marks (RFC 3168): off, accept or request")
      ->option_text(fmt::format("MODE [{}]", name(defaults.tcp.ecn)))
      ->check(one_of(Names<tcp::EcnMode>::list));
  auto* pacing = command.add_flag("--pacing", options.pacing, "Spread packets over the round trip")->option_text(" ");
  command.add_flag("--no-pacing", options.no_pacing, "Send packets as they come")->option_text(" ")->excludes(pacing);
  options.versions = name(defaults.versions);
  command.add_option("--mptcp-version", options.versions, "Of Multipath TCP: 0 (RFC 6824), 1 (RFC 8684) or both")
      ->option_text(fmt::format("V [{}]", options.versions))
      ->check(one_of(Names<mptcp::Versions>::list));
  command.add_flag("--no-multipath", options.no_multipath, "Plain TCP, for comparison");
  command.add_flag("--checksum", options.checksum, "Ask for checksums over the data (RFC 8684, section 3.3)");
  command.add_flag("--no-race", options.no_race, "Connect over the first path only, however long it takes");
  command.add_flag("--fast-open", options.fast_open, "Let requests ride on the SYN (RFC 7413)");
  command.add_option("--pcap", options.pcap, "Record every packet to this pcapng file")->option_text("FILE");
}

mptcp::Config connection_config(const PathOptions& options) {
  mptcp::Config config;
  config.multipath = !options.no_multipath;
  config.versions = from_name<mptcp::Versions>(options.versions).value_or(config.versions);  // checked when parsed
  config.checksum = options.checksum;
  if (!options.policy.empty()) { (void)mptcp::apply_policy(options.policy, config); }  // checked when parsed
  if (!options.scheduler.empty()) { config.scheduler = options.scheduler; }
  if (!options.path_manager.empty()) { config.path_manager = options.path_manager; }
  config.tcp.congestion = options.congestion;
  config.tcp.ecn = from_name<tcp::EcnMode>(options.ecn).value_or(config.tcp.ecn);
  config.tcp.pacing = (config.tcp.pacing || options.pacing) && !options.no_pacing;
  return config;
}

Context open_context(boost::asio::io_context& io, const PathOptions& options, std::vector<std::uint16_t> listen_ports) {
  ContextOptions wanted;
  for (const std::string& path : options.paths) {
    const PathUse use = path_use_from_text(path).value();  // checked when parsed
    wanted.interfaces.push_back(use.interface);
    wanted.uses[use.interface] = use.use;
  }
  wanted.listen_ports = std::move(listen_ports);
  wanted.pcapng = options.pcap;
  wanted.connection = connection_config(options);
  auto context = Context::open(io, std::move(wanted));
  if (!context) {
    const bool busy = context.error().code == Errc::address_in_use || context.error().code == Errc::no_ports_left;
    const bool capture = !options.pcap.empty() && context.error().text.find(options.pcap) != std::string::npos;
    throw Failure(busy ? Exit::network : capture ? Exit::file : Exit::interface, context.error().text);
  }
  return *std::move(context);
}

}  // namespace anabranch::apps
