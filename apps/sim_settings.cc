// A connection's configuration by key: one table, so that a new field of mptcp::Config is one new line here.
#include "apps/sim_read.hh"
#include "cc/registry.hh"
#include "mptcp/path_manager.hh"
#include "mptcp/policy.hh"
#include "mptcp/scheduler.hh"

#include <cmath>

namespace anabranch::apps::experiment {
namespace {

using mptcp::Config;
using Apply = void (*)(const Entry& entry, std::string_view key, Config& config);

struct Setting {
  std::string_view key;
  Apply apply;
};

template <auto Member>
void flag(const Entry& entry, std::string_view key, Config& config) {
  entry.flag(key, config.*Member);
}
template <auto Member>
void tcp_flag(const Entry& entry, std::string_view key, Config& config) {
  entry.flag(key, config.tcp.*Member);
}
template <auto Member>
void time(const Entry& entry, std::string_view key, Config& config) {
  entry.time(key, config.*Member);
}
template <auto Member>
void tcp_time(const Entry& entry, std::string_view key, Config& config) {
  entry.time(key, config.tcp.*Member);
}
template <auto Member>
void choice(const Entry& entry, std::string_view key, Config& config) {
  entry.choice(key, config.*Member);
}

/// So that a limit below the first size is that first size as well, and a larger window can be announced at all.
void fit_buffers(Config& config) {
  config.initial_send_buffer = std::min(config.initial_send_buffer, config.send_buffer);
  config.initial_receive_buffer = std::min(config.initial_receive_buffer, config.receive_buffer);
  constexpr std::uint8_t kLargestScale = 14;  // RFC 7323 §2.3
  while (config.tcp.window_scale < kLargestScale && (65535ull << config.tcp.window_scale) < config.receive_buffer.n) {
    ++config.tcp.window_scale;
  }
}

constexpr unsigned kMostSubflows = 256;

void reinjection(const Entry& entry, std::string_view key, Config& config) {
  const auto table = entry.table(key);
  if (!table) { return; }
  mptcp::Reinjection& r = config.reinjection;
  table->flag("opportunistic", r.opportunistic);
  table->choice("penalise", r.penalise);
  table->flag("trailing", r.trailing);
  table->flag("cap_bufferbloat", r.cap_bufferbloat);
  table->flag("avoid_silent", r.avoid_silent);
  table->time("reset_stuck_after", r.reset_stuck_after);
  table->done();
}

/// First of all: what is set besides wins.
void policy(const Entry& entry, std::string_view key, Config& config) {
  std::string name;
  if (entry.one_of(key, name, mptcp::policy_names())) { (void)mptcp::apply_policy(name, config); }
}

const Setting kSettings[] = {
    {"policy", policy},
    {"controller",
     [](const Entry& e, std::string_view k, Config& c) { e.one_of(k, c.tcp.congestion, cc::controller_names()); }},
    {"scheduler",
     [](const Entry& e, std::string_view k, Config& c) { e.one_of(k, c.scheduler, mptcp::scheduler_names()); }},
    {"path_manager",
     [](const Entry& e, std::string_view k, Config& c) { e.one_of(k, c.path_manager, mptcp::path_manager_names()); }},
    {"reinjection", reinjection},
    {"ndiffports",
     [](const Entry& e, std::string_view k, Config& c) { e.whole(k, c.paths.ndiffports, 1, kMostSubflows); }},
    {"same_subnet", [](const Entry& e, std::string_view k, Config& c) { e.flag(k, c.paths.same_subnet); }},
    {"metered", [](const Entry& e, std::string_view k, Config& c) { e.choice(k, c.paths.metered); }},
    {"send_buffer", [](const Entry& e, std::string_view k, Config& c) { e.size(k, c.send_buffer); }},
    {"receive_buffer", [](const Entry& e, std::string_view k, Config& c) { e.size(k, c.receive_buffer); }},
    {"initial_send_buffer", [](const Entry& e, std::string_view k, Config& c) { e.size(k, c.initial_send_buffer); }},
    {"initial_receive_buffer",
     [](const Entry& e, std::string_view k, Config& c) { e.size(k, c.initial_receive_buffer); }},
    {"max_subflows",
     [](const Entry& e, std::string_view k, Config& c) { e.whole(k, c.max_subflows, 1, kMostSubflows); }},
    {"checksum", flag<&Config::checksum>},
    {"no_delay", flag<&Config::no_delay>},
    {"versions", choice<&Config::versions>},
    {"pacing", tcp_flag<&tcp::Config::pacing>},
    {"sack", tcp_flag<&tcp::Config::sack>},
    {"timestamps", tcp_flag<&tcp::Config::timestamps>},
    {"window_scaling", tcp_flag<&tcp::Config::window_scaling>},
    {"mtu_search", tcp_flag<&tcp::Config::mtu_search>},
    {"ecn", [](const Entry& e, std::string_view k, Config& c) { e.choice(k, c.tcp.ecn); }},
    {"minimum_rto", tcp_time<&tcp::Config::minimum_rto>},
    {"delayed_ack", tcp_time<&tcp::Config::delayed_ack>},
    {"give_up_after", tcp_time<&tcp::Config::give_up_after>},
    {"time_wait", tcp_time<&tcp::Config::time_wait>},
    {"close_timeout", time<&Config::close_timeout>},
    {"wait_for_fins", time<&Config::wait_for_fins>},
};

void read_one(const Entry& entry, Config& config) {
  for (const Setting& setting : kSettings) { setting.apply(entry, setting.key, config); }
  fit_buffers(config);
}

}  // namespace

void read_settings(const Entry& entry, Config& client, Config& server) {
  read_one(entry, client);
  read_one(entry, server);
  if (const auto own = entry.table("client")) {
    read_one(*own, client);
    own->done();
  }
  if (const auto own = entry.table("server")) {
    read_one(*own, server);
    own->done();
  }
}
}  // namespace anabranch::apps::experiment
