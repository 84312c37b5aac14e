#include "support/script.hh"

#include "base/result.hh"
#include "packet/assemble.hh"
#include "packet/dissect.hh"
#include "stack/stack.hh"
#include "support/script_wire.hh"
#include "trace/event.hh"
#include "wire/icmp.hh"

#include <charconv>
#include <deque>
#include <fmt/format.h>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>

namespace anabranch::support {
namespace {

constexpr Duration kTolerance{1'000'000};  ///< between when a segment shall leave and when it does

/// Small numbers in turn: ports and nonces of a script are the same on every run and easy to read.
class ScriptRandom final : public Random {
 public:
  std::uint64_t visible() override { return visible_++; }
  void next_key(std::uint64_t key) { key_ = key; }
  void secret(std::span<std::uint8_t> out) override {
    if (key_ && out.size() == sizeof(std::uint64_t)) {  // the only secret of this size is a connection's key
      for (std::size_t i = 0; i < out.size(); ++i) { out[i] = static_cast<std::uint8_t>(*key_ >> (56 - 8 * i)); }
      return key_.reset();
    }
    for (std::uint8_t& b : out) { b = static_cast<std::uint8_t>(secret_ += 0x35); }
  }

 private:
  std::uint64_t visible_ = 0;
  std::uint8_t secret_ = 0;
  std::optional<std::uint64_t> key_;
};

/// Takes `[ect0]` off the front of a line: the congestion bits of the IP header. Without: not_ect.
std::string take_ecn(std::string& text) {
  const std::size_t from = text.find_first_not_of(' ');
  if (from == std::string::npos || text[from] != '[') { return "not_ect"; }
  const std::size_t to = std::min(text.find(']', from), text.size() - 1);
  std::string word = text.substr(from + 1, to - from - 1);
  text.erase(0, to + 1);
  return word;
}
std::optional<wire::Ecn> ecn_of(std::string_view word) {
  const auto& names = Names<wire::Ecn>::list;
  const auto* found = std::find(std::begin(names), std::end(names), word);
  if (found == std::end(names)) { return std::nullopt; }
  return static_cast<wire::Ecn>(found - std::begin(names));
}
std::string with_ecn(const Segment& segment, const std::string& text) {
  return segment.ecn == wire::Ecn::not_ect ? text : fmt::format("[{}] {}", name(segment.ecn), text);
}

struct Failure {
  std::string what;
};

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in{text};
  std::vector<std::string> out;
  for (std::string w; in >> w;) { out.push_back(w); }
  return out;
}

std::uint64_t number_of(const std::string& text) {
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end != text.data() + text.size()) { throw Failure{"not a number: " + text}; }
  return n;
}

/// Seconds with a fraction, exactly.
Duration seconds_of(const std::string& text) {
  const std::size_t dot = std::min(text.find('.'), text.size());
  std::string fraction = dot < text.size() ? text.substr(dot + 1) : "";
  if (fraction.size() > 9) { throw Failure{"not a time: " + text}; }
  fraction.resize(9, '0');
  return Duration{static_cast<std::int64_t>(number_of(text.substr(0, dot)) * 1'000'000'000 + number_of(fraction))};
}

std::uint64_t hex_of(const std::string& text) {
  std::uint64_t n = 0;
  const char* const begin = text.data() + (text.starts_with("0x") ? 2 : 0);
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), n, 16);
  if (error != std::errc{} || end != text.data() + text.size()) { throw Failure{"not a key: " + text}; }
  return n;
}

SocketAddress door_of(const std::string& text) {
  const auto out = socket_address_from_text(text);
  if (!out) { throw Failure{"not an address with a port: " + text}; }
  return *out;
}

class Script {
 public:
  explicit Script(std::string_view text) : lines_{std::string{text}} {}

  std::string run() {
    std::string line;
    unsigned number = 0;
    try {
      while (std::getline(lines_, line)) {
        ++number;
        const std::size_t hash = line.find('#');
        if (hash != std::string::npos) { line.resize(hash); }
        if (words_of(line).empty()) { continue; }
        step(line);
      }
      ++number;
      line = "(end of script)";
      if (!started_) { throw Failure{"an empty script"}; }
      drain();
      expect_silence_before(Instant::never());
      if (!stack_->is_consistent()) { throw Failure{"the stack is inconsistent"}; }
    } catch (const Failure& f) { return fmt::format("line {}: {}\n  {}\n{}", number, line, f.what, all_seen()); }
    return {};
  }

 private:
  struct Seen {
    Instant at;
    unsigned flow = 0;
    std::string text;
    bool expected = false;
  };

  // --- lines
  void step(const std::string& line) {
    const std::vector<std::string> words = words_of(line);
    if (words[0] == "set") { return set(words); }
    if (words[0] == "flow") { return declare_flow(words); }
    start();
    const bool relative = words[0].starts_with('+');
    const Duration time = seconds_of(words[0].substr(relative ? 1 : 0));
    line_time_ = relative ? line_time_ + time : Instant{kStart.ns + time.ns};
    if (words.size() < 2) { throw Failure{"a time and nothing else"}; }
    const std::string& verb = words[1];
    if (verb == "app") {
      advance(line_time_);
      app({words.begin() + 2, words.end()});
      return drain();
    }
    const char direction = verb.back();
    const unsigned flow = verb.size() > 1 ? static_cast<unsigned>(number_of(verb.substr(0, verb.size() - 1))) : 0;
    if ((direction != '<' && direction != '>') || !flows_.contains(flow)) {
      throw Failure{"neither <, > nor app: " + verb};
    }
    const std::size_t at = line.find(verb, line.find(words[0]) + words[0].size()) + verb.size();
    direction == '<' ? peer_sends(flow, line.substr(at)) : stack_sends(flow, line.substr(at));
  }

  void set(const std::vector<std::string>& words) {
    if (started_ || words.size() < 2) { throw Failure{"set NAME [VALUE], before all else"}; }
    const std::string& name = words[1];
    const std::string value = words.size() > 2 ? words[2] : "";
    if (name == "client") {
      client_ = true;
    } else if (name == "checksum") {
      config_.checksum = true;
    } else if (name == "versions") {
      const auto versions = from_name<mptcp::Versions>(value);
      if (!versions) { throw Failure{"not 0, 1 or both: " + value}; }
      config_.versions = *versions;
    } else if (name == "no_multipath") {
      config_.multipath = false;
    } else if (name == "ecn") {
      config_.tcp.ecn = value == "off" ? tcp::EcnMode::off : tcp::EcnMode::request;
    } else if (name == "pacing") {
      config_.tcp.pacing = true;
    } else if (name == "timestamps") {
      config_.tcp.timestamps = true;
    } else if (name == "not_accepting") {
      accepting_ = false;
    } else if (name == "stateless") {
      const auto which = from_name<stack::Stateless>(value);
      if (!which) { throw Failure{"stateless never|under_pressure|always"}; }
      stateless_ = *which;
    } else if (name == "window_scaling") {
      config_.tcp.window_scaling = true;
    } else if (name == "backlog") {
      backlog_ = number_of(value);
    } else if (name == "path_manager") {
      config_.path_manager = value;
    } else if (name == "max_subflows") {
      config_.max_subflows = static_cast<unsigned>(number_of(value));
    } else if (name == "fast_open") {
      fast_open_ = value.empty() ? 16 : number_of(value);
    } else if (name == "no_race") {
      race_.on = false;
    } else if (name == "bind") {
      bound_ = door_of(value);
    } else if (name == "ports") {
      ports_ = static_cast<std::uint16_t>(number_of(value));
    } else if (name == "nagle") {
      config_.no_delay = false;
    } else if (name == "cork") {
      config_.cork = true;
    } else if (name == "give_up_after") {
      config_.tcp.give_up_after = seconds_of(value);
    } else if (name == "keepalive") {
      config_.tcp.keepalive_idle = config_.tcp.keepalive_interval = seconds_of(value);
      config_.tcp.keepalive_probes = 2;
    } else if (name == "user_timeout") {
      config_.tcp.user_timeout_option = true;
    } else if (name == "user_timeout_fixed") {
      config_.tcp.user_timeout_fixed = true;
    } else if (name == "receive_buffer") {
      config_.receive_buffer = config_.initial_receive_buffer = Bytes{number_of(value)};
    } else if (name == "close_timeout") {
      config_.close_timeout = seconds_of(value);
    } else if (name == "wait_for_fins") {
      config_.wait_for_fins = seconds_of(value);
    } else if (name == "fast_close_on_ack") {
      config_.fast_close = mptcp::FastClose::on_ack;
    } else if (name == "no_joins_to_this_address") {
      config_.no_joins_to_this_address = true;
    } else if (name == "announce") {
      announce_at_.push_back(door_of(value));
    } else if (name == "key") {
      random_.next_key(hex_of(value));
    } else if (name == "peer_key") {
      wire_.set_peer_key({hex_of(value)});
    } else if (name == "syns_with_option") {
      config_.syns_with_option = static_cast<unsigned>(number_of(value));
    } else {
      throw Failure{"no such setting: " + name};
    }
  }

  /// flow NUMBER OURS > THEIRS
  void declare_flow(const std::vector<std::string>& words) {
    if (words.size() != 5 || words[3] != ">") { throw Failure{"flow NUMBER OURS > THEIRS"}; }
    const auto ours = socket_address_from_text(words[2]), theirs = socket_address_from_text(words[4]);
    if (!ours || !theirs) { throw Failure{"not addresses with ports"}; }
    add_flow(static_cast<unsigned>(number_of(words[1])), {*ours, *theirs});
  }
  void add_flow(unsigned number, const Addresses& addresses) {
    ScriptFlow& f = flows_[number];
    f.number = number;
    f.addresses = addresses;
    f.peer_isn = SeqNum{0xffffff00u + number * 16};  // positions cross 2^32 soon
  }

  // --- time
  void start() {
    if (std::exchange(started_, true)) { return; }
    if (!flows_.contains(0)) {
      const Address ours = Address::v4(10, 1, 0, 1), theirs = Address::v4(10, 1, 0, 2);
      client_ ? add_flow(0, {{ours, 5000}, {theirs, 80}}) : add_flow(0, {{ours, 80}, {theirs, 5000}});
    }
    stack::Stack::Config config;
    for (std::uint16_t port = 5000; port < 5000 + ports_; ++port) { config.ports.push_back(port); }
    stack_ = std::make_unique<stack::Stack>(env_, pool_, config);
    path(flows_[0].addresses.local.address, true);
    if (client_) { return; }
    const auto listener = stack_->listen({.port = 80,
                                          .address = {},
                                          .interfaces = {},
                                          .backlog = backlog_,
                                          .stateless = stateless_,
                                          .announce_at = announce_at_,
                                          .fast_open = fast_open_,
                                          .config = config_});
    if (!listener) { throw Failure{"cannot listen"}; }
    listener_ = *listener;
  }
  void advance(Instant to) {
    drain();
    while (stack_->deadline() <= to) {
      now_ = std::max(now_, stack_->deadline());
      stack_->on_deadline(now_);
      drain();
    }
    now_ = std::max(now_, to);
  }
  void drain() {
    Frame frames[8];
    for (;;) {
      hear_events();
      const std::size_t n = stack_->poll_transmit(frames, now_);
      if (n == 0) { break; }
      for (std::size_t i = 0; i < n; ++i) { see(std::exchange(frames[i], {})); }
    }
    hear_events();
  }
  void see(const Frame& frame) {
    const auto parsed = dissect(frame);
    const Dissected* d = parsed ? std::get_if<Dissected>(&*parsed) : nullptr;
    if (!d) { throw Failure{"the stack sent a frame that cannot be read"}; }
    const Addresses mine{d->addresses.remote, d->addresses.local};
    for (auto& [number, flow] : flows_) {
      if (flow.addresses == mine) {
        return seen_.push_back({now_, number, with_ecn(d->segment, wire_.describe(d->segment, flow)), false});
      }
    }
    ScriptFlow stranger{.number = 99, .addresses = mine};
    seen_.push_back({now_, 99,
                     wire_.describe(d->segment, stranger) +
                         fmt::format("   # flow {} > {}", to_text(mine.local), to_text(mine.remote)),
                     false});
  }

  // --- segments
  void peer_sends(unsigned number, std::string text) {
    const auto ecn = ecn_of(take_ecn(text));
    if (!ecn) { throw Failure{"[not_ect], [ect0], [ect1] or [ce]"}; }
    advance(line_time_);
    expect_silence_before(line_time_);
    ScriptFlow& flow = flows_[number];
    auto segment = wire_.peer_segment(text, flow);
    if (!segment) { throw Failure{segment.error()}; }
    segment->ecn = *ecn;
    Frame frame = assemble({flow.addresses.remote, flow.addresses.local}, *segment,
                           {.ipv4_id = 1, .interface = interface_of(flow.addresses.local.address)}, arena_);
    stack_->receive({&frame, 1}, now_);
    drain();
  }
  void stack_sends(unsigned number, std::string expected) {
    drain();
    while (next_ == seen_.size() && stack_->deadline() <= line_time_ + kTolerance) { advance(stack_->deadline()); }
    if (next_ == seen_.size()) { throw Failure{"nothing was sent"}; }
    Seen& seen = seen_[next_];
    const bool in_time = seen.at >= line_time_ - kTolerance && seen.at <= line_time_ + kTolerance;
    std::string text = seen.text;
    const bool same_ecn = take_ecn(expected) == take_ecn(text);
    if (!in_time || seen.flow != number || !same_ecn || !wire::matches_notation(expected, text)) {
      throw Failure{"seen: " + show(seen)};
    }
    seen.expected = true;
    ++next_;
  }
  void expect_silence_before(Instant when) const {
    if (next_ < seen_.size() && seen_[next_].at < when) { throw Failure{"not expected: " + show(seen_[next_])}; }
  }
  std::string show(const Seen& s) const {
    return fmt::format("{:.3f} {}> {}", seconds(s.at - kStart), s.flow ? std::to_string(s.flow) : "", s.text);
  }
  std::string all_seen() const {
    std::string out = "  seen (=: as expected):\n";
    for (const Seen& s : seen_) { out += fmt::format("  {} {}\n", s.expected ? "=" : "!", show(s)); }
    for (const auto& [what, word] : happened_) { out += fmt::format("    event {} {}\n", what, word); }
    return out;
  }

  // --- the application
  void hear_events() {
    while (const auto event = stack_->poll_event()) {
      std::string word;
      if (event->what == stack::Happened::acceptable) {
        if (!accepting_ || id_) { continue; }
        id_ = stack_->accept(event->listener);
      }
      if (event->what == stack::Happened::closed) { word = name(event->error); }
      if (event->what == stack::Happened::fell_back) {
        word = name(stack_->info(event->connection, now_)->fallback_reason);
      }
      happened_.emplace_back(name(event->what), word);
    }
  }
  stack::ConnectionId id() const {
    if (!id_) { throw Failure{"there is no connection yet"}; }
    return *id_;
  }
  mptcp::ConnectionInfo info() const {
    const auto info = stack_->info(id(), now_);
    if (!info) { throw Failure{"the connection is gone"}; }
    return *info;
  }
  static void check(const Status& status) {
    if (!status) { throw Failure{fmt::format("failed: {}", name(status.error().code))}; }
  }
  void same(std::string_view what, std::string_view expected, std::string_view is) {
    if (expected != is) { throw Failure{fmt::format("{} is {}", what, is)}; }
  }

  void app(std::vector<std::string> words) {
    words.resize(std::max<std::size_t>(words.size(), 4));
    const std::string& verb = words[0];
    if (verb == "connect") { return connect({words.begin() + 1, words.end()}); }
    if (verb == "write") { return write(number_of(words[1])); }
    if (verb == "read") { return read(words[1]); }
    if (verb == "finish") { return check(stack_->finish(id(), now_)); }
    if (verb == "abort") { return check(stack_->abort(id(), now_)); }
    if (verb == "release") { return release(); }
    if (verb == "no_delay") { return check(stack_->set_no_delay(id(), words[1] == "on", now_)); }
    if (verb == "cork") { return check(stack_->set_cork(id(), words[1] == "on", now_)); }
    if (verb == "icmp") { return icmp(words[1], number_of(words[2]), words[3]); }
    if (verb == "user_timeout") { return expect_user_timeout(words[1]); }
    if (verb == "backup") {
      return check(stack_->set_backup(id(), {static_cast<std::uint32_t>(number_of(words[1]))}, words[2] == "on", now_));
    }
    if (verb == "close_subflow") {
      return check(stack_->close_subflow(id(), {static_cast<std::uint32_t>(number_of(words[1]))}, now_));
    }
    if (verb == "announce") { return check(stack_->announce(id(), door_of(words[1]), now_)); }
    if (verb == "withdraw") { return check(stack_->withdraw(id(), door_of(words[1]), now_)); }
    if (verb == "path") { return change_path(words[1], words[2]); }
    if (verb == "expect") { return expect(words[1], words[2]); }
    if (verb == "hears") { return hears(words); }
    if (verb == "rates") { return check(stack_->watch_rates(id(), seconds_of(words[1]), now_)); }
    if (verb == "scheduler") { return check(stack_->set_scheduler(id(), words[1], now_)); }
    if (verb == "version") {
      const auto version = info().version;
      return same("the version", words[1], version ? std::to_string(static_cast<int>(*version)) : "none");
    }
    if (verb == "state") { return same("the state", words[1], info().state); }
    if (verb == "fast_open") { return same("the outcome", words[1], name(info().fast_open)); }
    if (verb == "protocol") { return same("the protocol", words[1], name(info().protocol)); }
    if (verb == "fallback") { return same("the reason", words[1], name(info().fallback_reason)); }
    if (verb == "subflow") { return expect_subflow(number_of(words[1]), words[2], words[3]); }
    if (verb == "acknowledged") { return same("acknowledged", words[1], std::to_string(info().bytes_acknowledged)); }
    if (verb == "connections") { return same("their number", words[1], std::to_string(stack_->connection_count())); }
    if (verb == "count") { return expect_count(words[1], words[2]); }
    throw Failure{"the application cannot " + verb};
  }
  /// connect [ADDRESS:PORT ...] [ERROR]: with an error's name, that it fails so.
  void connect(const std::vector<std::string>& words) {
    stack::ConnectOptions options;
    options.config = config_;
    options.race = race_;
    options.fast_open = fast_open_ > 0;
    if (bound_) {
      options.local_address = bound_->address;
      options.local_port = bound_->port;
    }
    std::vector<SocketAddress> to;
    std::string error;
    for (const std::string& word : words) {
      if (const auto address = socket_address_from_text(word)) {
        to.push_back(*address);
      } else if (!word.empty()) {
        error = word;
      }
    }
    options.remote = to.empty() ? flows_[0].addresses.remote : to.front();
    if (to.size() > 1) { options.remotes.assign(to.begin() + 1, to.end()); }
    const auto id = stack_->connect(options, now_);
    if (!id && error == name(id.error().code)) { return; }
    if (!id) { throw Failure{fmt::format("cannot connect: {}", name(id.error().code))}; }
    id_ = *id;
    written_ = read_ = 1;
  }
  /// icmp KIND POSITION [MTU]: a router tells the stack so of its segment at POSITION of flow 0.
  void icmp(const std::string& kind, std::uint64_t position, const std::string& mtu) {
    const auto which = from_name<wire::IcmpKind>(kind);
    if (!which) { throw Failure{"no such ICMP error"}; }
    const ScriptFlow& flow = flows_[0];
    Segment quoted;
    quoted.seq = {static_cast<std::uint32_t>(flow.our_isn.raw + position)};
    Packer packer{pool_};
    quoted.payload = packer.copy(std::vector<std::uint8_t>(1460));  // nobody complains of a small one
    const auto original = assemble(flow.addresses, quoted, {.ipv4_id = 1}, arena_).bytes.to_vector();
    const Address router =
        flow.addresses.local.address.family == Family::v4 ? Address::v4(10, 99, 0, 1) : flow.addresses.remote.address;
    const std::uint32_t size = mtu.empty() ? 0 : static_cast<std::uint32_t>(number_of(mtu));
    Frame frame{.bytes = packer.copy(wire::icmp_error_packet(router, *which, size, original)),
                .interface = interface_of(flow.addresses.local.address)};
    stack_->receive({&frame, 1}, now_);
  }
  void release() {
    stack_->release(id(), now_);
    id_.reset();
    written_ = read_ = 1;
  }
  void write(std::uint64_t amount) {
    std::vector<std::uint8_t> bytes(amount);
    for (std::uint64_t i = 0; i < amount; ++i) { bytes[i] = pattern_at(written_ + i); }
    const auto n = stack_->write(id(), bytes, now_);
    if (!n || *n != amount) {
      throw Failure{n ? fmt::format("took {}", *n) : fmt::format("failed: {}", name(n.error().code))};
    }
    written_ += amount;
  }
  /// read N: exactly so many, and the right ones. read eof, read would_block, ...: that and nothing else.
  void read(const std::string& what) {
    std::vector<std::uint8_t> bytes(1u << 20);
    const bool counted = !what.empty() && what[0] >= '0' && what[0] <= '9';
    if (counted) { bytes.resize(number_of(what)); }
    const auto n = stack_->read(id(), bytes, now_);
    if (!n) { return same("the answer", what, name(n.error().code)); }
    if (*n == 0) { return same("the answer", what, "eof"); }
    if (!counted || *n != bytes.size()) { throw Failure{fmt::format("read {}", *n)}; }
    for (std::size_t i = 0; i < *n; ++i) {
      if (bytes[i] != pattern_at(read_ + i)) { throw Failure{fmt::format("read wrong bytes from {} on", read_ + i)}; }
    }
    read_ += *n;
  }
  void change_path(const std::string& change, const std::string& address) {
    const auto a = address_from_text(address);
    if (!a || (change != "up" && change != "down")) { throw Failure{"path up|down ADDRESS"}; }
    path(*a, change == "up");
  }
  void path(const Address& address, bool up) {
    const auto same_address = [&](const Interface& i) { return i.addresses.front().address == address; };
    auto it = std::ranges::find_if(network_.interfaces, same_address);
    if (it == network_.interfaces.end()) {
      const InterfaceId interface{static_cast<std::uint32_t>(network_.interfaces.size() + 1)};
      network_.interfaces.push_back(
          {.id = interface, .name = fmt::format("eth{}", interface.raw), .addresses = {{address, 24}}});
      Address any{.family = address.family, .raw = {}};
      network_.routes.push_back(
          {.interface = interface, .destination = any, .prefix = 0, .gateway = {}, .metric = interface.raw});
      it = network_.interfaces.end() - 1;
    }
    it->up = up;
    stack_->update(network_, now_);
  }
  InterfaceId interface_of(const Address& address) const {
    for (const Interface& i : network_.interfaces) {
      if (i.addresses.front().address == address) { return i.id; }
    }
    return {1};
  }
  /// expect EVENT [WORD]: it has happened since the last such question. expect no EVENT: it has not.
  void expect(const std::string& what, const std::string& word) {
    drain();
    const bool no = what == "no";
    const auto it = std::ranges::find_if(happened_, [&](const auto& h) {
      return h.first == (no ? word : what) && (no || word.empty() || h.second == word);
    });
    if (no != (it == happened_.end())) { throw Failure{no ? "it has happened" : "it has not happened"}; }
    if (!no) { happened_.erase(it); }
  }
  /// hears WHAT ...: the next unread event of the paths says that. hears nothing: there is none.
  void hears(const std::vector<std::string>& words) {
    drain();
    std::string expected;
    for (auto it = words.begin() + 1; it != words.end(); ++it) {
      expected += (it->empty() || expected.empty() ? "" : " ") + *it;
    }
    const auto event = stack_->poll_path_event(id());
    same("what it hears", expected, event ? in_words(*event) : "nothing");
  }
  static std::string in_words(const mptcp::PathEvent& e) {
    using C = mptcp::PathChange;
    std::string out{name(e.what)};
    if (e.what == C::announced) { return fmt::format("{} {} {}", out, e.address, anabranch::to_text(e.remote)); }
    if (e.what == C::withdrawn) { return fmt::format("{} {}", out, e.address); }
    if (e.what == C::fell_back) { return fmt::format("{} {}", out, e.why); }
    out += fmt::format(" {}", e.subflow.raw);
    if (e.what == C::opened && e.by_peer) { out += " by_peer"; }
    if (e.what == C::closed) { out += fmt::format(" {}{}", e.why, e.was_open ? "" : " unopened"); }
    if (e.what == C::priority) {
      out += fmt::format(" {}{}", e.backup ? "backup" : "regular", e.by_peer ? " by_peer" : "");
    }
    if (e.what == C::rates) { out += fmt::format(" {} {}", e.sent.bytes_per_second, e.received.bytes_per_second); }
    return out;
  }
  void expect_subflow(std::uint64_t number, const std::string& state, const std::string& ended_by) {
    for (const mptcp::SubflowInfo& s : info().subflows) {
      if (s.id.raw != number) { continue; }
      same("the state", state, s.state);
      return same("what ended it", ended_by, s.ended_by);
    }
    throw Failure{"there is no such subflow"};
  }
  /// Of the initial subflow, in seconds.
  void expect_user_timeout(const std::string& value) {
    const auto& subflows = info().subflows;
    if (subflows.empty()) { throw Failure{"there is no subflow"}; }
    same("the user timeout", value, std::to_string(subflows.front().user_timeout.ns / 1'000'000'000));
  }
  void expect_count(const std::string& counter, const std::string& value) {
    const auto which = from_name<mptcp::Counter>(counter);
    if (!which) { throw Failure{"no such counter"}; }
    same("the count", value, std::to_string(stack_->counters()[*which]));
  }

  static constexpr Instant kStart{1'000'000'000'000};  ///< 0.000 of a script: some time after the clock's origin

  std::istringstream lines_;
  SlabPool pool_;
  ScriptRandom random_;
  trace::NoTrace trace_;
  NoFaults faults_;
  Env env_{random_, trace_, faults_};
  HeaderArena arena_{pool_};
  ScriptWire wire_{pool_};
  Network network_;
  std::map<unsigned, ScriptFlow> flows_;
  mptcp::Config config_ = [] {
    mptcp::Config c;
    c.tcp.stamp_offset = 2;
    c.tcp.timestamps = c.tcp.window_scaling = false;  // fewer words a line; they have tests of their own
    return c;
  }();
  bool client_ = false, accepting_ = true, started_ = false;
  std::size_t backlog_ = 128, fast_open_ = 0;
  std::uint16_t ports_ = 8;
  stack::RaceOptions race_;
  std::optional<SocketAddress> bound_;
  stack::Stateless stateless_ = stack::Stateless::under_pressure;
  std::vector<SocketAddress> announce_at_;
  std::optional<stack::ListenerId> listener_;
  std::optional<stack::ConnectionId> id_;
  Instant now_ = kStart, line_time_ = kStart;
  std::vector<Seen> seen_;
  std::size_t next_ = 0;
  std::vector<std::pair<std::string, std::string>> happened_;
  std::uint64_t written_ = 1, read_ = 1;
  std::unique_ptr<stack::Stack> stack_;  ///< last: it borrows the others
};
}  // namespace

std::string run_script(std::string_view text) { return Script{text}.run(); }

std::string run_script_file(const std::string& path) {
  std::ifstream in{path};
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  if (!text.starts_with("# ")) { return path + ": a script opens with a comment: what it is about\n"; }
  return run_script(text);
}
}  // namespace anabranch::support
