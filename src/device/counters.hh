/// What a device did with frames, and why some never went anywhere.
#pragma once
#include "base/names.hh"

#include <cstdint>

namespace anabranch::device {

enum class Fate : std::uint8_t {
  received,
  received_super_segments,
  received_pending,   ///< without a TCP checksum, from a virtual link
  receive_truncated,  ///< larger than a slab
  receive_malformed,  ///< offload facts that make no sense, or no IP packet
  receive_errors,
  sent,
  sent_super_segments,
  queued_for_neighbour,
  no_route,
  no_neighbour,  ///< its link-layer address did not become known in time
  neighbour_queue_full,
  link_down,
  too_large,
  queue_full,   ///< the kernel's transmit queue was full: a loss like any other
  refused,      ///< any other error of the kernel
  would_block,  ///< not a loss: the caller keeps the frame
};
}  // namespace anabranch::device

template <>
struct anabranch::Names<anabranch::device::Fate> {
  static constexpr std::string_view list[] = {"received",
                                              "received_super_segments",
                                              "received_pending",
                                              "receive_truncated",
                                              "receive_malformed",
                                              "receive_errors",
                                              "sent",
                                              "sent_super_segments",
                                              "queued_for_neighbour",
                                              "no_route",
                                              "no_neighbour",
                                              "neighbour_queue_full",
                                              "link_down",
                                              "too_large",
                                              "queue_full",
                                              "refused",
                                              "would_block"};
};

namespace anabranch::device {
using Counters = Tally<Fate>;
static_assert(Counters::size() == static_cast<std::size_t>(Fate::would_block) + 1);
}  // namespace anabranch::device
