#include "apps/sim_measure.hh"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <numeric>

namespace anabranch::apps::experiment {
namespace {

using sim::Side;

constexpr int kTimeDecimals = 6, kMsDecimals = 3, kShareDecimals = 6;

Side sender(const FlowPlan& flow) { return flow.down ? Side::server : Side::client; }

Json when(Instant at) { return at.is_never() ? Json(nullptr) : Json(rounded(seconds(at - Instant{}), kTimeDecimals)); }
Json ms(Duration d) { return d.ns == 0 ? Json(nullptr) : Json(rounded(milliseconds(d), kMsDecimals)); }
Json ratio(double a, double b) { return b <= 0 ? Json(nullptr) : Json(rounded(a / b, kShareDecimals)); }
std::int64_t bits(double bytes, double over) { return over > 0 ? std::llround(bytes * 8 / over) : 0; }

/// Packets that left, about: a subflow's payload in full packets, and those sent again.
double packets_sent(const mptcp::SubflowInfo& info, double packet) {
  return std::ceil(static_cast<double>(info.bytes_sent) / packet) + static_cast<double>(info.retransmits);
}

double quantile(const std::vector<double>& sorted, double q) {
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(sorted.size())));
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

Json gaps_json(const sim::EndFigures& f, Duration limit, Instant end) {
  sim::Gap longest = f.longest;
  std::vector<sim::Gap> gaps = f.gaps;
  const bool open = f.ended.is_never() && !f.last_byte.is_never() && end > f.last_byte;
  if (open) {  // the last pause has not ended
    const sim::Gap last{f.last_byte, end - f.last_byte};
    if (last.length > longest.length) { longest = last; }
    if (last.length > limit && gaps.size() < sim::Conversation::kMostGaps) { gaps.push_back(last); }
  }
  Json list = Json::array();
  for (const sim::Gap& gap : gaps) {
    list.push_back({{"at_s", when(gap.at)}, {"for_s", rounded(seconds(gap.length), kTimeDecimals)}});
  }
  const bool none = longest.length == Duration{};
  return {{"longest_s", none ? Json(nullptr) : Json(rounded(seconds(longest.length), kTimeDecimals))},
          {"longest_at_s", none ? Json(nullptr) : when(longest.at)},
          {"list", list}};
}

std::vector<double> waits_ms(const std::vector<sim::Delay>& delays) {
  std::vector<double> out;
  for (const sim::Delay& d : delays) {
    if (!d.over.is_never()) { out.push_back(milliseconds(d.over - d.at)); }
  }
  return out;
}

Json delays_json(const std::vector<sim::Delay>& delays) {
  if (delays.empty()) { return nullptr; }
  Json out{{"count", delays.size()}};
  const auto waits = waits_ms(delays);
  out["unanswered"] = delays.size() - waits.size();
  const Json all = summary(waits, kMsDecimals);
  for (const char* key : {"mean", "min", "p50", "p90", "p95", "p99", "max"}) {
    out[fmt::format("{}_ms", key)] = all.is_null() ? Json(nullptr) : all[key];
  }
  Json at = Json::array(), each = Json::array();
  for (const sim::Delay& d : delays) {
    at.push_back(when(d.at));
    each.push_back(d.over.is_never() ? Json(nullptr) : Json(rounded(milliseconds(d.over - d.at), kMsDecimals)));
  }
  out["at_s"] = at;
  out["each_ms"] = each;
  return out;
}

}  // namespace

double rounded(double value, int decimals) {
  const double scale = std::pow(10.0, decimals);
  return std::round(value * scale) / scale;
}

double jain(const std::vector<double>& values) {
  double sum = 0, squares = 0;
  for (const double v : values) {
    sum += v;
    squares += v * v;
  }
  return squares > 0 ? sum * sum / (static_cast<double>(values.size()) * squares) : 1;
}

Json summary(std::vector<double> values, int decimals) {
  if (values.empty()) { return nullptr; }
  std::ranges::sort(values);
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  Json out{{"count", values.size()}, {"mean", rounded(mean, decimals)}, {"min", rounded(values.front(), decimals)}};
  constexpr std::pair<const char*, double> kQuantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}};
  for (const auto& [name, q] : kQuantiles) { out[name] = rounded(quantile(values, q), decimals); }
  out["max"] = rounded(values.back(), decimals);
  return out;
}

std::vector<SubflowView> pair_up(const mptcp::ConnectionInfo& client, const mptcp::ConnectionInfo* server) {
  std::vector<SubflowView> out;
  for (const mptcp::SubflowInfo& mine : client.subflows) {
    SubflowView view{.client = &mine};
    if (server != nullptr) {
      for (const mptcp::SubflowInfo& theirs : server->subflows) {
        if (theirs.local == mine.remote && theirs.remote == mine.local) { view.server = &theirs; }
      }
    }
    out.push_back(view);
  }
  // Behind a translator the addresses do not fit: then the order does, if nothing else is missing.
  if (server != nullptr && server->subflows.size() == out.size()) {
    for (std::size_t i = 0; i < out.size(); ++i) {
      const auto same = [&](const SubflowView& v) { return v.server == &server->subflows[i]; };
      if (out[i].server == nullptr && std::ranges::none_of(out, same)) { out[i].server = &server->subflows[i]; }
    }
  }
  return out;
}

struct Meter::Seen {
  std::optional<mptcp::ConnectionInfo> client, server;
  std::vector<SubflowView> subflows;
  const mptcp::ConnectionInfo* of(Side side) const {
    const auto& info = side == Side::client ? client : server;
    return info ? &*info : nullptr;
  }
};

namespace {
const mptcp::SubflowInfo* end_of(const SubflowView& view, Side side) {
  return side == Side::client ? view.client : view.server;
}
}  // namespace

Meter::Meter(Stage& stage) : stage_{stage}, flows_(stage.connections().size()) {
  before_.resize(stage.pipes().size());
  arrived_before_.resize(stage.plan().flows.size());
}

Meter::Seen Meter::look(const Running& running) const {
  const Instant now = stage_.world().now();
  Seen out{running.conversation->info(Side::client, now), running.conversation->info(Side::server, now), {}};
  if (out.client) { out.subflows = pair_up(*out.client, out.of(Side::server)); }
  return out;
}

SubflowMeter& Meter::meter_of(FlowMeter& flow, const SubflowView& view) const {
  for (SubflowMeter& known : flow.subflows) {
    if (known.id == view.client->id.raw) { return known; }
  }
  SubflowMeter made;
  made.id = view.client->id.raw;
  made.path = stage_.path_name(view.client->local.address, view.client->remote.address);
  made.first_point = points_.size();
  return flow.subflows.emplace_back(std::move(made));
}

void Meter::begin() {
  begun_ = stage_.world().now();
  measuring_ = true;
  for (std::size_t i = 0; i < flows_.size(); ++i) {
    const Running& running = stage_.connections()[i];
    const FlowPlan& plan = stage_.plan().flows[running.flow];
    FlowMeter& meter = flows_[i];
    meter.before = running.conversation->figures(other(sender(plan))).read;
    meter.reverse_before = running.conversation->figures(sender(plan)).read;
    const Seen seen = look(running);
    for (const SubflowView& view : seen.subflows) {
      SubflowMeter& subflow = meter_of(meter, view);
      if (const auto* end = end_of(view, other(sender(plan)))) { subflow.received_before = end->bytes_received; }
      if (const auto* end = end_of(view, sender(plan))) { subflow.reverse_before = end->bytes_received; }
    }
  }
  for (std::size_t i = 0; i < before_.size(); ++i) { before_[i] = stage_.pipes()[i]->stats(); }
}

void Meter::sample(bool point) {
  for (std::size_t i = 0; i < flows_.size(); ++i) {
    const Running& running = stage_.connections()[i];
    const FlowPlan& plan = stage_.plan().flows[running.flow];
    FlowMeter& meter = flows_[i];
    const Seen seen = look(running);
    const auto* receiver = seen.of(other(sender(plan)));
    const auto* source = seen.of(sender(plan));
    if (receiver != nullptr) { meter.reordering_max = std::max(meter.reordering_max, receiver->reordering.n); }
    if (point) {
      meter.read.push_back(running.conversation->figures(other(sender(plan))).read);
      meter.reinjected.push_back(source != nullptr ? source->bytes_reinjected : 0);
      meter.receive_buffer.push_back(receiver != nullptr ? receiver->receive_buffer.n : 0);
    }
    for (const SubflowView& view : seen.subflows) {
      SubflowMeter& subflow = meter_of(meter, view);
      const auto *from = end_of(view, sender(plan)), *to = end_of(view, other(sender(plan)));
      const bool alive = from != nullptr && from->ended_by.empty();
      if (measuring_ && alive && from->srtt.ns > 0) {
        ++subflow.samples;
        subflow.srtt_sum += milliseconds(from->srtt);
        subflow.window_sum += static_cast<double>(from->window.n);
      }
      if (point) {
        subflow.received.push_back(to != nullptr ? to->bytes_received : 0);
        subflow.srtt_ms.push_back(alive ? milliseconds(from->srtt) : 0);
        subflow.window.push_back(alive ? from->window.n : 0);
        subflow.in_flight.push_back(alive ? from->in_flight.n : 0);
      }
    }
  }
  if (point) { points_.push_back(rounded(seconds(stage_.world().now() - Instant{}), kTimeDecimals)); }
}

Json Meter::subflow_json(const FlowPlan& plan, const SubflowView& view, const FlowMeter& flow) const {
  const auto known = std::ranges::find(flow.subflows, view.client->id.raw, &SubflowMeter::id);
  const SubflowMeter* meter = known == flow.subflows.end() ? nullptr : &*known;
  const auto *from = end_of(view, sender(plan)), *to = end_of(view, other(sender(plan)));
  Json out{{"subflow", view.client->id.raw},
           {"path", stage_.path_name(view.client->local.address, view.client->remote.address)},
           {"local", to_text(view.client->local)},
           {"remote", to_text(view.client->remote)}};
  const auto put = [&](const char* key, const mptcp::SubflowInfo* info, auto value) {
    out[key] = info != nullptr ? Json(value(*info)) : Json(nullptr);
  };
  using Info = mptcp::SubflowInfo;
  put("state", from, [](const Info& i) { return Json(std::string{i.state}); });
  put("ended_by", from,
      [](const Info& i) { return i.ended_by.empty() ? Json(nullptr) : Json(std::string{i.ended_by}); });
  put("backup", from, [](const Info& i) { return Json(i.backup); });
  put("rate_bps", to, [&](const Info& i) {
    const std::uint64_t before = meter != nullptr ? meter->received_before : 0;
    return Json(bits(static_cast<double>(i.bytes_received - before), span()));
  });
  put("sent_bytes", from, [](const Info& i) { return Json(i.bytes_sent); });
  put("received_bytes", to, [](const Info& i) { return Json(i.bytes_received); });
  put("reverse_received_bytes", from, [](const Info& i) { return Json(i.bytes_received); });
  put("retransmits", from, [](const Info& i) { return Json(i.retransmits); });
  constexpr double kPayload = 1400;  // of a packet of 1500 bytes, with room for options
  put("loss_ratio", from,
      [&](const Info& i) { return ratio(static_cast<double>(i.retransmits), packets_sent(i, kPayload)); });
  put("srtt_ms", from, [](const Info& i) { return ms(i.srtt); });
  put("min_rtt_ms", from, [](const Info& i) { return ms(i.min_rtt); });
  const double samples = meter != nullptr ? meter->samples : 0;
  out["srtt_mean_ms"] = samples > 0 ? Json(rounded(meter->srtt_sum / samples, kMsDecimals)) : Json(nullptr);
  out["window_mean_bytes"] = samples > 0 ? Json(std::llround(meter->window_sum / samples)) : Json(nullptr);
  put("window_bytes", from, [](const Info& i) { return Json(i.window.n); });
  put("in_flight_bytes", from, [](const Info& i) { return Json(i.in_flight.n); });
  return out;
}

Json Meter::series_json(const FlowPlan&, const FlowMeter& meter) const {
  const auto rates = [this](const std::vector<std::uint64_t>& totals, std::size_t first) {
    Json out = Json::array();
    for (std::size_t i = 0; i < points_.size(); ++i) {
      if (i < first || i - first >= totals.size()) {
        out.push_back(nullptr);
        continue;
      }
      const std::uint64_t before = i == first ? 0 : totals[i - first - 1];
      const double since = i == 0 ? 0 : points_[i - 1];
      out.push_back(bits(static_cast<double>(totals[i - first] - before), points_[i] - since));
    }
    return out;
  };
  const auto padded = [this](const auto& values, std::size_t first, auto each) {
    Json out = Json::array();
    for (std::size_t i = 0; i < points_.size(); ++i) {
      out.push_back(i < first || i - first >= values.size() ? Json(nullptr) : each(values[i - first]));
    }
    return out;
  };
  const auto as_it_is = [](auto value) { return Json(value); };
  const auto as_ms = [](double value) { return value > 0 ? Json(rounded(value, kMsDecimals)) : Json(nullptr); };
  Json out{{"t_s", points_},
           {"goodput_bps", rates(meter.read, 0)},
           {"reinjected_bytes", meter.reinjected},
           {"receive_buffer_bytes", meter.receive_buffer},
           {"paths", Json::array()}};
  for (const SubflowMeter& s : meter.subflows) {
    out["paths"].push_back({{"path", s.path},
                            {"subflow", s.id},
                            {"rate_bps", rates(s.received, s.first_point)},
                            {"srtt_ms", padded(s.srtt_ms, s.first_point, as_ms)},
                            {"window_bytes", padded(s.window, s.first_point, as_it_is)},
                            {"in_flight_bytes", padded(s.in_flight, s.first_point, as_it_is)}});
  }
  return out;
}

Json Meter::flow_json(std::size_t place) {
  const Running& running = stage_.connections()[place];
  const FlowPlan& plan = stage_.plan().flows[running.flow];
  const FlowMeter& meter = flows_[place];
  const auto& conversation = *running.conversation;
  const Seen seen = look(running);
  const auto& at_receiver = conversation.figures(other(sender(plan)));
  const auto& at_sender = conversation.figures(sender(plan));
  const auto *receiver = seen.of(other(sender(plan))), *source = seen.of(sender(plan));

  Json out{{"name", plan.name},
           {"index", running.index},
           {"from", conversation.options().from->name()},
           {"to", conversation.options().to->name()},
           {"direction", plan.down ? "down" : "up"}};
  const bool known = seen.client.has_value();
  const bool fell_back = known && plan.client.multipath && seen.client->fallback_reason != mptcp::FallbackReason::none;
  out["protocol"] = known ? Json(std::string{name(seen.client->protocol)}) : Json(nullptr);
  out["fallback"] = fell_back ? Json(std::string{name(seen.client->fallback_reason)}) : Json(nullptr);
  out["start_s"] = when(conversation.options().start);
  out["connected_s"] = when(conversation.connected_at());
  out["finished_s"] = when(conversation.finished_at());
  const auto error = conversation.figures(Side::client).error ? conversation.figures(Side::client).error
                                                              : conversation.figures(Side::server).error;
  out["error"] = error ? Json(std::string{name(*error)}) : Json(nullptr);
  out["bytes"] = at_receiver.read;
  out["goodput_bps"] = bits(static_cast<double>(at_receiver.read - meter.before), span());
  out["reverse_bytes"] = at_sender.read;
  out["reverse_goodput_bps"] = bits(static_cast<double>(at_sender.read - meter.reverse_before), span());

  std::uint64_t sent = 0, arrived = 0, alive = 0;
  Json paths = Json::array();
  for (const SubflowView& view : seen.subflows) {
    const auto *from = end_of(view, sender(plan)), *to = end_of(view, other(sender(plan)));
    sent += from != nullptr ? from->bytes_sent : 0;
    arrived += to != nullptr ? to->bytes_received : 0;
    alive += view.client->ended_by.empty() ? 1 : 0;
    paths.push_back(subflow_json(plan, view, meter));
  }
  out["sent_bytes"] = sent;
  out["subflow_bytes"] = arrived;
  out["sent_per_delivered"] = ratio(static_cast<double>(arrived), static_cast<double>(at_receiver.read));
  out["reinjected_bytes"] = source != nullptr ? Json(source->bytes_reinjected) : Json(nullptr);
  out["copied_bytes"] = source != nullptr ? Json(source->bytes_copied) : Json(nullptr);
  out["duplicate_bytes"] = receiver != nullptr ? Json(receiver->duplicate_bytes) : Json(nullptr);
  out["penalties"] = source != nullptr ? Json(source->penalties) : Json(nullptr);
  out["send_buffer_bytes"] = source != nullptr ? Json(source->send_buffer.n) : Json(nullptr);
  out["receive_buffer_bytes"] = receiver != nullptr ? Json(receiver->receive_buffer.n) : Json(nullptr);
  out["reordering_max_bytes"] = meter.reordering_max;
  out["subflows_opened"] = seen.subflows.size();
  out["subflows_alive"] = alive;
  out["paths"] = paths;
  out["gaps"] = gaps_json(at_receiver, stage_.plan().gap, stage_.world().now());
  const Json delays = delays_json(conversation.program().delays());
  if (!delays.is_null()) { out["delays"] = delays; }
  if (!points_.empty()) { out["series"] = series_json(plan, meter); }
  return out;
}

namespace {

struct GroupSums {
  std::vector<double> goodputs, completions, delays;
  std::uint64_t bytes = 0, finished = 0, failed = 0, refused = 0, flows = 0;
  double longest_gap = 0;
  Json paths = Json::object();
};

void add_paths(const Json& flow, Json& paths) {
  for (const Json& path : flow["paths"]) {
    if (path["path"] == "") { continue; }  // over a topology they have no names
    Json& sum = paths[path["path"].get<std::string>()];
    if (sum.is_null()) { sum = {{"rate_bps", 0}, {"received_bytes", 0}, {"retransmits", 0}, {"sent_packets", 0.0}}; }
    const auto number = [&](const char* key) { return path[key].is_number() ? path[key].get<double>() : 0; };
    sum["rate_bps"] = sum["rate_bps"].get<std::int64_t>() + std::llround(number("rate_bps"));
    sum["received_bytes"] = sum["received_bytes"].get<std::int64_t>() + std::llround(number("received_bytes"));
    sum["retransmits"] = sum["retransmits"].get<std::int64_t>() + std::llround(number("retransmits"));
    const double lost = number("loss_ratio"), again = number("retransmits");
    sum["sent_packets"] = sum["sent_packets"].get<double>() + (lost > 0 ? again / lost : number("sent_bytes") / 1400);
  }
}

void add_flow(const Json& flow, GroupSums& out) {
  ++out.flows;
  out.goodputs.push_back(flow["goodput_bps"].get<double>());
  out.bytes += flow["bytes"].get<std::uint64_t>();
  const bool failed = !flow["error"].is_null();
  out.failed += failed ? 1 : 0;
  if (!flow["finished_s"].is_null() && !failed) {
    ++out.finished;
    out.completions.push_back(flow["finished_s"].get<double>() - flow["start_s"].get<double>());
  }
  if (!flow["gaps"]["longest_s"].is_null()) {
    out.longest_gap = std::max(out.longest_gap, flow["gaps"]["longest_s"].get<double>());
  }
  if (flow.contains("delays")) {
    for (const Json& one : flow["delays"]["each_ms"]) {
      if (one.is_number()) { out.delays.push_back(one.get<double>()); }
    }
  }
  add_paths(flow, out.paths);
}

Json goodput_json(std::vector<double> values) {
  if (values.empty()) { return nullptr; }
  const double fairness = jain(values);
  std::ranges::sort(values);
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  return {{"mean", std::llround(sum / static_cast<double>(values.size()))},
          {"min", std::llround(values.front())},
          {"max", std::llround(values.back())},
          {"p10", std::llround(quantile(values, 0.1))},
          {"sum", std::llround(sum)},
          {"jain", rounded(fairness, kShareDecimals)}};
}

/// Connections that came one by one: they count by when they ended, not by what passed in the measured time.
void add_arrivals(const sim::Arrivals& arrivals, Instant from, Instant to, GroupSums& out) {
  out.refused = arrivals.refused();
  for (const sim::Past& past : arrivals.past()) {
    ++out.flows;
    out.bytes += past.bytes;
    const double took = seconds(past.finished - past.start);
    if (past.failed) {
      ++out.failed;
    } else if (past.start >= from && past.finished <= to) {
      ++out.finished;
      out.completions.push_back(took);
      if (took > 0) { out.goodputs.push_back(static_cast<double>(past.bytes) * 8 / took); }
      for (const double wait : waits_ms(past.delays)) { out.delays.push_back(wait); }
    }
  }
  out.flows += arrivals.alive().size();
}

}  // namespace

Json Meter::group_json(std::size_t number, const Json& flows) {
  GroupSums sums;
  for (std::size_t i = 0; i < stage_.connections().size(); ++i) {
    if (stage_.connections()[i].flow == number) { add_flow(flows[i], sums); }
  }
  if (sim::Arrivals* arrivals = stage_.arrivals()[number]) {
    arrivals->sweep();
    add_arrivals(*arrivals, begun_, stage_.world().now(), sums);
  }
  for (auto& [name, path] : sums.paths.items()) {
    path["loss_ratio"] = ratio(path["retransmits"].get<double>(), path["sent_packets"].get<double>());
    path.erase("sent_packets");
  }
  return {{"flows", sums.flows},
          {"goodput_bps", goodput_json(std::move(sums.goodputs))},
          {"bytes", sums.bytes},
          {"finished", sums.finished},
          {"failed", sums.failed},
          {"refused", sums.refused},
          {"completion_s", summary(std::move(sums.completions), kTimeDecimals)},
          {"delays_ms", summary(std::move(sums.delays), kMsDecimals)},
          {"longest_gap_s", rounded(sums.longest_gap, kTimeDecimals)},
          {"paths", sums.paths}};
}

Json Meter::groups_json(const Json& flows) {
  Json out = Json::object();
  for (std::size_t i = 0; i < stage_.plan().flows.size(); ++i) {
    out[stage_.plan().flows[i].name] = group_json(i, flows);
  }
  return out;
}

Json Meter::links_json() const {
  Json out = Json::object();
  const bool all = stage_.plan().detail == Detail::all;
  for (std::size_t i = 0; i < stage_.pipes().size(); ++i) {
    const sim::Pipe& pipe = *stage_.pipes()[i];
    const sim::LinkStats &now = pipe.stats(), &then = before_[i];
    if (now.offered_packets == 0 || (!all && !stage_.plan().links[i / 2].core)) { continue; }
    const double offered = static_cast<double>(now.offered_packets - then.offered_packets);
    const double dropped = static_cast<double>(now.dropped.total() - then.dropped.total());
    Json drops = Json::object();
    for (std::size_t d = 0; d < now.dropped.size(); ++d) {
      const auto why = static_cast<sim::LinkDrop>(d);
      if (now.dropped[why] != 0) { drops[std::string{name(why)}] = now.dropped[why]; }
    }
    const bool limited = pipe.spec().rate != Rate{};
    const PipePlan& plan = stage_.plan().pipes[i];
    out[plan.link][std::string{name(plan.way)}] = {
        {"utilisation", limited ? ratio(seconds(now.busy - then.busy), span()) : Json(nullptr)},
        {"delivered_packets", now.delivered_packets},
        {"delivered_bytes", now.delivered_bytes},
        {"rate_bps", bits(static_cast<double>(now.delivered_bytes - then.delivered_bytes), span())},
        {"offered_packets", now.offered_packets - then.offered_packets},
        {"dropped_packets", now.dropped.total() - then.dropped.total()},
        {"loss_ratio", ratio(dropped, offered)},
        {"drops", drops},
        {"queue_mean_bytes", std::llround(static_cast<double>(now.byte_waited - then.byte_waited) / 1e6 / span())},
        {"queue_max_bytes", now.highest_queue},
        {"queue_max_packets", now.highest_queue_packets}};
  }
  return out;
}

Json Meter::result() {
  Json flows = Json::array();
  for (std::size_t i = 0; i < flows_.size(); ++i) { flows.push_back(flow_json(i)); }
  const Instant now = stage_.world().now();
  Json out{{"end_s", when(now)}, {"measured_from_s", when(begun_)}, {"measured_to_s", when(now)}};
  out["groups"] = groups_json(flows);
  if (stage_.plan().detail == Detail::flows) {
    for (Json& flow : flows) {
      for (const char* key : {"paths", "gaps", "delays", "series"}) { flow.erase(key); }
    }
  }
  out["flows"] = stage_.plan().detail == Detail::groups ? Json::array() : std::move(flows);
  out["links"] = links_json();
  out["engine"] = {{"events", stage_.world().events()}, {"delivered_packets", stage_.world().arrivals()}};
  return out;
}
}  // namespace anabranch::apps::experiment
