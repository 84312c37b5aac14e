/// What `get` shows: live lines while it runs, a summary or one JSON object at the end, a time series for a plot.
#pragma once
#include "apps/http_client.hh"

#include <string>
#include <vector>

namespace anabranch::apps {

/// A download that is complete.
struct GetResult {
  FetchState state;
  std::string sha256;
  std::string file;  ///< "-" for standard output
};
double seconds_of(const FetchState& state);
double goodput_of(const FetchState& state);  ///< bits per second

/// Bytes received on each subflow over time; a subflow keeps its column when others come and go.
class Timeline {
 public:
  void add(double seconds, const LinkReport& link);
  std::string to_json(const FetchState& state) const;
  /// Bytes of column `i` that came in the last second before the latest sample.
  double rate(std::size_t path) const;  ///< bits per second

 private:
  struct Sample {
    double seconds = 0;
    std::vector<std::uint64_t> bytes;
  };
  std::vector<PathReport> paths_;
  std::vector<Sample> samples_;
};

std::string result_json(const GetResult& result);
std::string result_text(const GetResult& result);
/// One line per path, then one for the whole; each cut to `width` columns.
std::vector<std::string> progress_lines(const FetchState& state, const LinkReport& link, const Timeline& timeline,
                                        std::size_t width);
}  // namespace anabranch::apps
