/// What a path will have delivered after a while, and when a byte sent there now arrives: estimates from what is known.
///
/// A model of the sender's clock: what has room leaves now, then a window in each round trip, which doubles while in
/// slow start and the queue is short. Rounding is towards less: who relies on a forecast should not wait in vain.
#pragma once
#include "mptcp/scheduler.hh"

namespace anabranch::mptcp::schedulers {

/// From leaving to arrival: the smallest round trip is halved; what queues add is all on the way there.
Duration one_way(const Path& p);
/// Fresh bytes that will have arrived `after` from now, if the path gets all it can carry.
Bytes delivered_within(const Path& p, Duration after, Instant now);
}  // namespace anabranch::mptcp::schedulers
