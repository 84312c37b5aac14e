/// What a network card would do, in software: cut super-segments, complete checksums.
///
/// Works on frames by their bytes, whoever made them (we, or a kernel). The views in a frame are immutable: headers
/// that change are copied into an arena, payload is shared. Option bytes are the same in every packet.
#pragma once
#include "packet/assemble.hh"
#include "packet/dissect.hh"
#include "packet/frame.hh"

#include <expected>
#include <optional>
#include <vector>

namespace anabranch {

/// Appends to `out` the packets that `frame` stands for: each with at most `frame.cut` bytes of payload, its own
/// sequence number, IPv4 id, lengths and complete checksums. FIN and PSH only on the last, CWR only on the first
/// (RFC 3168 §6.1.2). A frame with cut 0 or little payload comes out as one packet. Returns how many were appended.
std::expected<std::size_t, DropReason> cut_frame(const Frame& frame, HeaderArena& arena, std::vector<Frame>& out);

/// The packet as a congested router passes it on: marked, when it may be (RFC 3168 §5); else nothing, it must be
/// dropped or passed as it is. A super-segment stands for packets that are all marked.
std::optional<Frame> with_congestion_mark(const Frame& frame, HeaderArena& arena);

/// The same packet with its TCP checksum in place; the frame itself when it is not `pending`. Keeps `cut`.
std::expected<Frame, DropReason> complete_checksum(const Frame& frame, HeaderArena& arena);
}  // namespace anabranch
