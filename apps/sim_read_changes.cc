// What happens to the network while a scenario runs: cross traffic, boxes, changes.
#include "apps/sim_read.hh"

#include <algorithm>
#include <fmt/format.h>

namespace anabranch::apps::experiment {
namespace {

std::string name_at(const Entry& entry, std::string_view key, std::string_view example) {
  std::string name;
  entry.need(key, example);
  entry.text(key, name);
  return name;
}

/// The pipes of `link` that `direction` means.
std::vector<std::size_t> pipes_at(const Entry& entry, const Reading& reading) {
  const std::size_t link = reading.link(entry, "link", name_at(entry, "link", "link = \"wifi\""));
  sim::Ways ways = sim::Ways::both;
  entry.choice("direction", ways);
  std::vector<std::size_t> out;
  if (ways != sim::Ways::back) { out.push_back(2 * link); }
  if (ways != sim::Ways::forth) { out.push_back(2 * link + 1); }
  return out;
}

std::vector<std::size_t> paths_at(const Entry& entry, const Reading& reading) {
  return reading.paths(entry, "path", name_at(entry, "path", "path = \"wifi\""));
}

/// The ends of a path that `host` means; without it: both, or the first.
std::vector<std::size_t> ends_at(const Entry& entry, const Reading& reading, std::size_t path, bool both) {
  std::string host;
  if (entry.text("host", host)) { return {reading.end(entry, path, host)}; }
  return both ? std::vector<std::size_t>{0, 1} : std::vector<std::size_t>{0};
}

/// Of the connection's subflows over a path: at whose end something is done.
std::size_t end_at_flow(const Entry& entry, const Reading& reading, std::size_t flow, std::size_t path) {
  std::string host = reading.plan.flows[flow].from;
  entry.text("host", host);
  return reading.end(entry, path, host);
}

void read_traffic_one(const Entry& entry, Reading& reading) {
  TrafficPlan out;
  entry.need("name", "name = \"cbr\"");
  entry.text("name", out.name);
  check_name(entry, "name", out.name);
  const std::size_t link = reading.link(entry, "link", name_at(entry, "link", "link = \"wifi\""));
  sim::Way way = sim::Way::forth;
  entry.choice("direction", way);
  out.pipe = 2 * link + (way == sim::Way::back ? 1 : 0);
  const sim::LinkSpec& spec = reading.plan.pipes[out.pipe].spec;
  out.packet = {spec.mtu};
  entry.size("packet", out.packet);
  RateValue rate;
  entry.need("rate", "rate = \"5 Mb/s\"");
  entry.rate("rate", rate);
  out.rate = rate.resolve(static_cast<std::uint32_t>(out.packet.n));
  if (out.rate == Rate{} || out.packet.n < 40 || out.packet.n > spec.mtu) {
    entry.complain("needs a 'rate' above 0, and a 'packet' of 40 bytes at least that the link lets through");
  }
  Draw draw;
  if (entry.times("on", draw)) { out.on = draw; }
  if (entry.times("off", draw)) { out.off = draw; }
  if (out.on.has_value() != out.off.has_value()) { entry.complain("'on' needs 'off', and the other way round"); }
  entry.time("start", out.start);
  entry.time("stop", out.stop);
  entry.done();
  reading.plan.traffic.push_back(out);
}

void read_box(const Entry& entry, Reading& reading) {
  BoxPlan out;
  const auto paths = paths_at(entry, reading);
  const bool boxed = entry.choice("box", out.box);
  DropKind drop{};
  if (entry.choice("drop", drop)) { out.drop = drop; }
  if (boxed == out.drop.has_value()) { entry.complain("needs 'box' or 'drop', and not both"); }
  entry.share("chance", out.chance);
  entry.whole("times", out.times, 0, 1'000'000'000);
  entry.choice("ways", out.ways);
  entry.time("start", out.start);
  entry.time("stop", out.stop);
  entry.done();
  for (const std::size_t path : paths) {
    out.path = path;
    reading.plan.boxes.push_back(out);
  }
}

/// One `[[change]]` whose time has not been compared with others' yet.
struct Given {
  Instant at;
  std::size_t number = 0;  ///< in the file: of one instant in this order
  const Entry* entry = nullptr;
};

class Changes {
 public:
  Changes(Reading& reading) : reading_{reading}, numbers_{reading.numbers} {}

  void read(const Given& given) {
    at_ = given.at;
    const Entry& entry = *given.entry;
    using Read = void (Changes::*)(const Entry&);
    struct Kind {
      std::string_view what;
      Read read;
    };
    static constexpr Kind kKinds[] = {{"set", &Changes::set},
                                      {"cut", &Changes::cut},
                                      {"heal", &Changes::heal},
                                      {"down", &Changes::down},
                                      {"up", &Changes::up},
                                      {"remove_address", &Changes::remove_address},
                                      {"add_address", &Changes::add_address},
                                      {"use", &Changes::use},
                                      {"priority", &Changes::priority},
                                      {"close_subflow", &Changes::close_subflow}};
    std::vector<std::string_view> names;
    for (const Kind& kind : kKinds) { names.push_back(kind.what); }
    std::string what;
    entry.need("what", "what = \"cut\"");
    entry.one_of("what", what, names);
    for (const Kind& kind : kKinds) {
      if (kind.what == what) { (this->*kind.read)(entry); }
    }
    entry.done();
  }

 private:
  void add(Action action) { reading_.plan.changes.push_back({at_, std::move(action)}); }

  void set(const Entry& entry) {
    for (const std::size_t pipe : pipes_at(entry, reading_)) {
      read_link_numbers(entry, numbers_[pipe]);
      add(SetPipe{pipe, numbers_[pipe].spec()});
    }
  }
  void cut(const Entry& entry) {
    bool lose = false;
    entry.flag("lose_in_flight", lose);
    for (const std::size_t pipe : pipes_at(entry, reading_)) { add(CutPipe{pipe, lose}); }
  }
  void heal(const Entry& entry) {
    for (const std::size_t pipe : pipes_at(entry, reading_)) { add(HealPipe{pipe}); }
  }
  template <class Each>
  void each_end(const Entry& entry, bool both, Each each) {
    for (const std::size_t path : paths_at(entry, reading_)) {
      for (const std::size_t end : ends_at(entry, reading_, path, both)) { each(path, end); }
    }
  }
  void down(const Entry& entry) {
    each_end(entry, true, [&](std::size_t path, std::size_t end) { add(CarrierChange{path, end, false}); });
  }
  void up(const Entry& entry) {
    each_end(entry, true, [&](std::size_t path, std::size_t end) { add(CarrierChange{path, end, true}); });
  }
  void remove_address(const Entry& entry) {
    each_end(entry, false, [&](std::size_t path, std::size_t end) { add(AddressChange{path, end, false}); });
  }
  void add_address(const Entry& entry) {
    each_end(entry, false, [&](std::size_t path, std::size_t end) { add(AddressChange{path, end, true}); });
  }
  void use(const Entry& entry) {
    each_end(entry, false, [&](std::size_t path, std::size_t end) {
      AddressUse use = reading_.plan.paths[path].use[end];
      read_use(entry, use);
      add(UseChange{path, end, use});
    });
  }
  template <class Each>
  void each_of_flow(const Entry& entry, Each each) {
    const std::size_t flow = reading_.flow(entry, "flow", name_at(entry, "flow", "flow = \"download\""));
    for (const std::size_t path : paths_at(entry, reading_)) {
      each(flow, path, end_at_flow(entry, reading_, flow, path));
    }
  }
  void priority(const Entry& entry) {
    bool backup = true;
    entry.flag("backup", backup);
    each_of_flow(entry, [&](std::size_t f, std::size_t p, std::size_t e) { add(PriorityChange{f, p, e, backup}); });
  }
  void close_subflow(const Entry& entry) {
    each_of_flow(entry, [&](std::size_t f, std::size_t p, std::size_t e) { add(SubflowClose{f, p, e}); });
  }

  Reading& reading_;
  std::vector<LinkNumbers> numbers_;  ///< as the changes so far have made them
  Instant at_;
};

}  // namespace

void read_traffic(const Node& document, Reading& reading) {
  for (const Entry& entry : entries(document, "traffic", reading.file)) { read_traffic_one(entry, reading); }
}

void read_boxes(const Node& document, Reading& reading) {
  for (const Entry& entry : entries(document, "middlebox", reading.file)) { read_box(entry, reading); }
}

void read_changes(const Node& document, Reading& reading) {
  const auto all = entries(document, "change", reading.file);
  std::vector<Given> given;
  for (const Entry& entry : all) {
    Instant at;
    entry.need("at", "at = \"5 s\"");
    entry.time("at", at);
    given.push_back({at, given.size(), &entry});
  }
  std::ranges::sort(given, {}, [](const Given& g) { return std::pair{g.at, g.number}; });
  Changes changes{reading};
  for (const Given& one : given) { changes.read(one); }
}
}  // namespace anabranch::apps::experiment
