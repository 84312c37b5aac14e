// The table of subcommands and what is the same for all of them: help, version, errors, exit statuses.
#include "apps/command.hh"
#include "apps/http_failure.hh"

#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>
#include <string>

namespace {

using anabranch::apps::Exit;
using anabranch::apps::Failure;

using Add = void (*)(CLI::App&);
constexpr Add kCommands[] = {
    anabranch::apps::add_get,     anabranch::apps::add_serve, anabranch::apps::add_lab,
    anabranch::apps::add_emulate, anabranch::apps::add_perf,  anabranch::apps::add_sim,
};

int complain(const CLI::App& app, const std::string& what, Exit status) {
  const auto chosen = app.get_subcommands();
  const std::string name = chosen.empty() ? app.get_name() : app.get_name() + ' ' + chosen.front()->get_name();
  std::cerr << name << ": " << what << '\n';
  return static_cast<int>(status);
}

int run(int argc, char** argv) {
  CLI::App app{"Anabranch: Multipath TCP (RFC 8684) in user space", "anabranch"};
  app.set_version_flag("--version", "anabranch " ANABRANCH_VERSION);
  app.get_formatter()->column_width(32);
  app.require_subcommand(1);
  for (const Add add : kCommands) { add(app); }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked_for) { return app.exit(asked_for); } catch (const CLI::RuntimeError& ended) {
    return ended.get_exit_code();
  } catch (const CLI::ParseError& wrong) {
    const auto chosen = app.get_subcommands();
    const std::string help =
        chosen.empty() ? "anabranch --help" : "anabranch " + chosen.front()->get_name() + " --help";
    return complain(app, wrong.what() + std::string{" (see `"} + help + "`)", Exit::usage);
  } catch (const Failure& failure) {
    return complain(app, failure.what(), failure.exit());
  } catch (const std::exception& e) { return complain(app, e.what(), Exit::internal); }
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return run(argc, argv); }
