/// The last segments that were on the wire, kept as their headers and written out only when something went wrong.
///
/// A ring of fixed size; older ones are forgotten. Owned by the world.
#pragma once
#include "packet/frame.hh"
#include "sim/oracle.hh"

#include <array>
#include <string>
#include <vector>

namespace anabranch::sim {

class Capture {
 public:
  /// Keeps the last `segments`.
  explicit Capture(std::size_t segments) : limit_{segments} {}

  /// `from`, `to`: names that live as long as this. `arrived`: seen by the receiver, not by the sender.
  void add(Instant at, std::string_view from, std::string_view to, unsigned link, bool arrived, const Frame& frame);
  /// One line each, oldest first: time, link, direction (`>` sent, `|` arrived), notation.
  std::string to_text(const Oracle& oracle) const;

 private:
  static constexpr std::size_t kHead = 120;  ///< an IPv6 header and the longest TCP header, and some
  struct Entry {
    Instant at;
    std::string_view from, to;
    unsigned link = 0;
    bool arrived = false;
    std::uint32_t size = 0, cut = 0;
    std::uint8_t kept = 0;
    std::array<std::uint8_t, kHead> head;
  };
  static std::string line(const Entry& entry, const Oracle& oracle);

  std::size_t limit_, next_ = 0;
  std::vector<Entry> entries_;
};
}  // namespace anabranch::sim
