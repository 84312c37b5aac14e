/// A connection that is being opened over several ways at once: its attempts, each a connection of its own, and what its
/// application has wanted of it meanwhile.
///
/// Belongs to the entry whose handle the application has, which is that of the first attempt. Ends with the race
/// (racing.cc): the winner's connection becomes that entry's, and gets what was written.
#pragma once
#include "base/slots.hh"
#include "stack/stack.hh"
#include "stream/memory.hh"

#include <cstdint>
#include <vector>

namespace anabranch::stack {

struct Entry;

struct Contest {
  ConnectOptions options;
  std::vector<Candidate> candidates;
  Race race;
  std::vector<Handle<Entry>> attempts = {};  ///< by candidate; none: not begun
  std::vector<std::uint8_t> written = {};    ///< for the winner
  std::size_t on_syn = 0;                    ///< of it: given to the first attempt, to ride on its SYN
  bool wants_writable = false;               ///< not all fitted
  bool finished = false;

  /// What more may be written before there is a winner: no more than each connection may hold in any case.
  Bytes room() const {
    const Bytes all = std::min(options.config.send_buffer, stream::MemoryAccount::kToSend);
    return finished ? Bytes{} : all - Bytes{written.size()};
  }
};
}  // namespace anabranch::stack
