/// Frames from fuzz input: the packet split over slices as the input says.
#pragma once
#include "packet/frame.hh"

#include <algorithm>

namespace anabranch::fuzz {

/// `split`: how many bytes go into the first slice; 0: all. The rest goes into slices of its own slab.
inline Frame frame_of(SlabPool& pool, std::span<const std::uint8_t> packet, std::size_t split, ChecksumState state) {
  Frame frame{.bytes = {}, .interface = {1}, .checksum = state};
  packet = packet.first(std::min<std::size_t>(packet.size(), 65'535));
  const std::size_t first = split == 0 ? packet.size() : std::min(split, packet.size());
  for (const auto part : {packet.first(first), packet.subspan(first)}) {
    if (part.empty()) { continue; }
    SlabRef slab = pool.get();
    std::ranges::copy(part, slab->data());
    slab->used = static_cast<std::uint32_t>(part.size());
    frame.bytes.append(Slice{slab, {slab->data(), part.size()}});
  }
  return frame;
}
}  // namespace anabranch::fuzz
