/// What the subcommands of `anabranch` have in common: how each is added to the command line, and exit statuses.
///
/// `add_x` creates the subcommand `x` with its options and sets a callback that does the work. A callback that
/// returns means success; anything else it says with `throw CLI::RuntimeError(status)` after one line on stderr.
#pragma once

namespace CLI {
class App;
}  // namespace CLI

namespace anabranch::apps {

void add_get(CLI::App& app);      // get.cc
void add_serve(CLI::App& app);    // serve.cc
void add_lab(CLI::App& app);      // lab.cc
void add_emulate(CLI::App& app);  // emulator.cc
void add_perf(CLI::App& app);     // lab_perf.cc
void add_sim(CLI::App& app);      // sim.cc

}  // namespace anabranch::apps
