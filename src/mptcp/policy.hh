/// What a connection is for, in one word: sets the path manager, the scheduler and what metered paths are for.
///
/// | policy      | path manager | scheduler  | metered paths | for                                                     |
/// | handover    | backup       | lowest_rtt | last resort   | one path at a time, the next one is ready or opened     |
/// | interactive | full_mesh    | lowest_rtt | backups       | short answers: the quickest path, others at hand        |
/// | aggregate   | full_mesh    | lowest_rtt | like others   | as much as all paths together give                      |
/// | redundant   | full_mesh    | redundant  | like others   | each byte on every path: the quickest arrival counts    |
#pragma once
#include "base/result.hh"
#include "mptcp/config.hh"

#include <span>
#include <string_view>

namespace anabranch::mptcp {

/// Sets those fields of `config` and leaves the others; what is set afterwards wins. bad_argument: no such policy.
Status apply_policy(std::string_view name, Config& config);
std::span<const std::string_view> policy_names();
}  // namespace anabranch::mptcp
