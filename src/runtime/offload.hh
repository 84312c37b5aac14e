/// What an interface does with super-segments: asked from the kernel, so that we offer what stays whole.
#pragma once
#include "runtime/network_monitor.hh"

#include <cstdint>

namespace anabranch::runtime {

/// Largest frame with `cut` that is worth offering on this link: up to 65535, or 0 where generic segmentation offload
/// is switched off. Where only the card's own (TSO) is off the kernel cuts in software, which is still cheaper than
/// single packets.
std::uint32_t super_segment_limit(const Link& link);
}  // namespace anabranch::runtime
