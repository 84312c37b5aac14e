/// What is measured of a run: each connection and each link, over the measured time, and as series if they are wanted.
///
/// Looks at the stage at instants that the run chooses and keeps sums; at the end says it all as JSON (docs/sim.md, "The
/// result"). Changes nothing: a run with and without series is the same run. Owner: the run.
#pragma once
#include "apps/sim_stage.hh"

#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

namespace anabranch::apps::experiment {

using Json = nlohmann::ordered_json;

/// A subflow as both ends see it, found by its addresses. Borrows from two infos.
struct SubflowView {
  const mptcp::SubflowInfo* client = nullptr;
  const mptcp::SubflowInfo* server = nullptr;  ///< nullptr: none that fits
};
std::vector<SubflowView> pair_up(const mptcp::ConnectionInfo& client, const mptcp::ConnectionInfo* server);

/// Means of samples, and series.
struct SubflowMeter {
  std::uint32_t id = 0;  ///< the client's number
  std::string path;
  std::uint64_t received_before = 0;  ///< by the receiver, when the measured time began
  std::uint64_t reverse_before = 0;
  double srtt_sum = 0, window_sum = 0;
  unsigned samples = 0;                 ///< with an estimate of the round trip
  std::size_t first_point = 0;          ///< of the series: earlier ones are null
  std::vector<std::uint64_t> received;  ///< in total, at each point
  std::vector<double> srtt_ms;
  std::vector<std::uint64_t> window, in_flight;
};

struct FlowMeter {
  std::uint64_t before = 0, reverse_before = 0;  ///< bytes read when the measured time began
  std::uint64_t reordering_max = 0;
  std::vector<SubflowMeter> subflows;
  std::vector<std::uint64_t> read, reinjected, receive_buffer;  ///< series
};

class Meter {
 public:
  explicit Meter(Stage& stage);
  /// The measured time begins.
  void begin();
  /// A sample for means; a point of the series as well if `point`.
  void sample(bool point);
  /// The whole result of the run but seed and settings.
  Json result();

 private:
  struct Seen;  ///< a connection at this instant
  Seen look(const Running& running) const;
  SubflowMeter& meter_of(FlowMeter& flow, const SubflowView& view) const;
  Json flow_json(std::size_t place);
  Json subflow_json(const FlowPlan& plan, const SubflowView& view, const FlowMeter& meter) const;
  Json series_json(const FlowPlan& plan, const FlowMeter& meter) const;
  Json groups_json(const Json& flows);
  Json group_json(std::size_t flow, const Json& flows);
  Json links_json() const;
  double span() const { return seconds(stage_.world().now() - begun_); }

  Stage& stage_;
  Instant begun_{};
  bool measuring_ = false;
  std::vector<FlowMeter> flows_;  ///< as stage.connections()
  std::vector<sim::LinkStats> before_;
  std::vector<std::uint64_t> arrived_before_;  ///< by flow of the plan: bytes that came with arrivals
  std::vector<double> points_;                 ///< seconds
};

/// count, mean, min, p50, p90, p95, p99, max; null when there are none.
Json summary(std::vector<double> values, int decimals);
double rounded(double value, int decimals);
double jain(const std::vector<double>& values);
}  // namespace anabranch::apps::experiment
