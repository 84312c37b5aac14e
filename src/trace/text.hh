/// Events as lines for people: time, whom it is about, what happened.
///
///   1.204311  c1.2  rto_fired rto=240ms in_a_row=2 in_flight=2920
#pragma once
#include "trace/sinks.hh"

#include <string>

namespace anabranch::trace {

/// One event as one line, without a newline.
std::string to_text(Instant now, const Event&);
/// A segment in one short phrase: flags, numbers as on the wire, payload, option names.
std::string to_text(const Segment&);

/// Writes each event as a line to a sink, which must outlive it.
class TextTrace final : public Trace {
 public:
  explicit TextTrace(ByteSink& sink) : Trace{true}, sink_{sink} {}
  void on(Instant now, const Event&) override;

 private:
  ByteSink& sink_;
};
}  // namespace anabranch::trace
