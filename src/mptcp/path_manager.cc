#include "mptcp/path_manager.hh"

#include "mptcp/path_managers/backup.hh"
#include "mptcp/path_managers/full_mesh.hh"
#include "mptcp/path_managers/ndiffports.hh"
#include "mptcp/path_managers/single_path.hh"

#include <array>

namespace anabranch::mptcp {
namespace {
/// Opens and announces nothing: joins by the peer are still taken.
class Passive final : public PathManager {
 public:
  void on(const Fact&, Instant, std::vector<Request>&) override {}
  void on_deadline(Instant, std::vector<Request>&) override {}
  Instant deadline() const override { return Instant::never(); }
  std::string_view name() const override { return "passive"; }
};
constexpr std::array<std::string_view, 6> kNames{"full_mesh",  "both_sides",  "passive",
                                                 "ndiffports", "single_path", "backup"};
}  // namespace

std::unique_ptr<PathManager> make_path_manager(std::string_view name, const PathRules& rules) {
  if (name == "full_mesh") { return std::make_unique<FullMesh>(false, rules); }
  if (name == "both_sides") { return std::make_unique<FullMesh>(true, rules); }
  if (name == "passive") { return std::make_unique<Passive>(); }
  if (name == "same_subnet") {
    PathRules within = rules;
    within.same_subnet = true;
    return std::make_unique<FullMesh>(false, within);
  }
  if (name == "ndiffports") { return std::make_unique<Ndiffports>(rules); }
  if (name == "single_path") { return std::make_unique<SinglePath>(rules); }
  if (name == "backup") { return std::make_unique<Backup>(rules); }
  return nullptr;
}
std::span<const std::string_view> path_manager_names() { return kNames; }
}  // namespace anabranch::mptcp
