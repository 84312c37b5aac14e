/// Initial sequence numbers that strangers cannot guess (RFC 6528): a clock plus a keyed hash of the 4-tuple.
#pragma once
#include "base/address.hh"
#include "base/seq.hh"
#include "base/units.hh"
#include "crypto/siphash.hh"

namespace anabranch::crypto {

/// A keyed hash of a 4-tuple, the same for the same tuple and key; also for demultiplexing tables.
std::uint64_t tuple_hash(const SipKey& key, const SocketAddress& local, const SocketAddress& remote);

/// The clock ticks every 4 microseconds (RFC 9293 §3.4.1), so that a new incarnation starts above the old one.
SeqNum initial_seq(const SipKey& key, const SocketAddress& local, const SocketAddress& remote, Instant now);
}  // namespace anabranch::crypto
