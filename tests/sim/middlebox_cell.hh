/// One cell of the middlebox matrix: a kind of box, where it stands, on what it turns; and how a transfer must end there.
///
/// The world: a client with two links to a server, 20 and 10 Mb/s, of which the server's one address is reached over
/// both; on every link one packet in a hundred is lost, half of them before the box, half behind. A cell passes when each
/// seed ends as its row says, within three times what the same seed takes without the box plus a budget for timeouts.
#pragma once
#include "sim/scenario.hh"

#include <string>
#include <vector>

namespace anabranch::sim {

enum class Place : std::uint8_t {
  alone,    ///< the client has one link, with the box on it
  initial,  ///< of two links, on that of the initial subflow
  joined,   ///< on the other one
  everywhere,
};

enum class Content : std::uint8_t {
  original,    ///< every byte as it was written
  as_tcp,      ///< what plain TCP delivers past this box
  undetected,  ///< as many bytes as were written, some of them the box's: without checksums nobody can tell
};

/// What happens besides the transfer, so that the option in question is sent at all.
enum class Happening : std::uint8_t {
  nothing,
  announces,        ///< the server announces its second address; only ADD_ADDR shows the way to the second path
  loses_interface,  ///< the client's second interface goes: REMOVE_ADDR
  becomes_backup,   ///< the client makes the second subflow a backup: MP_PRIO
  aborts,           ///< the client aborts in the middle: MP_FASTCLOSE
};

/// How a transfer ends. What the ends say of the connection when they let it go, and what was counted on the way.
struct Ending {
  Content content = Content::original;
  mptcp::FallbackReason client = mptcp::FallbackReason::none, server = mptcp::FallbackReason::none;
  bool tcp_client = false, tcp_server = false;  ///< plain TCP at the end
  unsigned paths = 2;                           ///< links that carried data
  bool mp_fail = false;                         ///< MP_FAIL was sent
  bool broken = false;                          ///< an application was told of an error
  bool operator==(const Ending&) const = default;
};
std::string to_text(const Ending& ending);

struct Cell {
  Meddling box{};
  Place place{};
  Ways ways{};
  bool checksum = false;
  Happening happening{};
  Duration budget{};            ///< for timeouts, beyond three times the undisturbed run
  std::vector<Ending> allowed;  ///< usually one; more where chance decides which packet is lost
  std::string name() const;     ///< strip_dss.initial.forth.checksum
};

/// The whole matrix. Data: middlebox_rows.cc.
std::vector<Cell> all_cells();
/// What Multipath TCP does about such a box, in a sentence or two for the table.
std::string_view answer_to(Meddling box);

struct CellRun {
  std::string wrong;  ///< empty: as it must be
  Ending ending;
  Duration took{};
  double slower = 0;   ///< times the undisturbed run's time, the budget not counted
  std::string replay;  ///< what a person needs, if asked for or wrong
};
/// Seconds that the transfer takes without the box; 0: it does not end well.
double undisturbed_seconds(const Cell& cell, std::uint64_t seed);
CellRun run_cell(const Cell& cell, std::uint64_t seed, double undisturbed);

/// 10,000 connections over paths drawn as measurements found them. Prints one line of the protocol; true: all is well.
bool run_population();
}  // namespace anabranch::sim

template <>
struct anabranch::Names<anabranch::sim::Place> {
  static constexpr std::string_view list[] = {"alone", "initial", "joined", "everywhere"};
};
template <>
struct anabranch::Names<anabranch::sim::Content> {
  static constexpr std::string_view list[] = {"original", "as_tcp", "undetected"};
};
template <>
struct anabranch::Names<anabranch::sim::Happening> {
  static constexpr std::string_view list[] = {"nothing", "announces", "loses_interface", "becomes_backup", "aborts"};
};
