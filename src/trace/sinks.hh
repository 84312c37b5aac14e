/// Where formatted traces go, and traces that hand events on. The file behind a `ByteSink` belongs to upper floors.
#pragma once
#include "trace/event.hh"

#include <cstdint>
#include <span>
#include <vector>

namespace anabranch::trace {

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  /// Takes all of it. A sink that cannot keep up drops whole writes, never parts.
  virtual void write(std::span<const std::uint8_t> bytes) = 0;
  void write_text(std::string_view text) { write({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}); }
};

/// Keeps everything in memory: tests, reports.
class MemorySink final : public ByteSink {
 public:
  void write(std::span<const std::uint8_t> more) override { bytes_.insert(bytes_.end(), more.begin(), more.end()); }
  std::span<const std::uint8_t> bytes() const { return bytes_; }
  std::string_view text() const { return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}; }
  void clear() { bytes_.clear(); }

 private:
  std::vector<std::uint8_t> bytes_;
};

/// Hands each event to several traces, in order. They must outlive it.
class Tee final : public Trace {
 public:
  Tee() : Trace{false} {}
  void add(Trace& trace) {
    traces_.push_back(&trace);
    set_wants(wants() || trace.wants());
  }
  void on(Instant now, const Event& event) override {
    for (Trace* trace : traces_) {
      if (trace->wants()) { trace->on(now, event); }
    }
  }

 private:
  std::vector<Trace*> traces_;
};
}  // namespace anabranch::trace
