/// Events as JSON, one object a line: {"t":1.204311000,"event":"rto_fired","connection":1,"subflow":2,...}.
///
/// Times in seconds with nanoseconds, lengths of time in seconds, amounts in bytes; names as in the C++ structs.
#pragma once
#include "trace/sinks.hh"

#include <string>

namespace anabranch::trace {

/// One event as one JSON object, without a newline. `offset` is added to the time (wall clock, say).
std::string to_json(Instant now, const Event&, Duration offset = {});

/// Writes each event as a line to a sink, which must outlive it.
class JsonLinesTrace final : public Trace {
 public:
  explicit JsonLinesTrace(ByteSink& sink, Duration offset = {}) : Trace{true}, sink_{sink}, offset_{offset} {}
  void on(Instant now, const Event&) override;

 private:
  ByteSink& sink_;
  Duration offset_;
};
}  // namespace anabranch::trace
