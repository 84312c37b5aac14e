/// Work in processes, so many at a time: a broken invariant takes down its own piece of work and no other.
///
/// For programs that run many simulations: `anabranch sim` and the campaigns under tests/sim. No threads may run.
#pragma once
#include <cstddef>
#include <functional>
#include <string>

namespace anabranch::apps {

/// In a process of its own: what it prints, on standard output and error, comes back when it has ended; what it returns
/// is its exit status. It sets its own alarm.
using Work = std::function<int(std::size_t index)>;
/// `status`: as waitpid(2) has it.
using Done = std::function<void(std::size_t index, std::string text, int status)>;

/// Works for all indices below `count`, in their order; `done` is told in the order in which they end. Ends the program
/// with status 2 when there is no process to be had.
void in_processes(std::size_t count, unsigned jobs, const Work& work, const Done& done);
}  // namespace anabranch::apps
