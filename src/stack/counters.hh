/// A stack's counters: those of its connections (mptcp/counters.hh), one set for all.
#pragma once
#include "mptcp/counters.hh"

namespace anabranch::stack {
using mptcp::Counter;
using mptcp::Counters;
}  // namespace anabranch::stack
