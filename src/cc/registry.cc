#include "cc/registry.hh"

#include "cc/balia.hh"
#include "cc/bbr/bbr.hh"
#include "cc/cubic.hh"
#include "cc/lia.hh"
#include "cc/loss_based.hh"
#include "cc/new_reno.hh"
#include "cc/olia.hh"
#include "cc/references.hh"
#include "cc/wvegas.hh"

#include <array>

namespace anabranch::cc {
namespace {
template <class Rule>
std::unique_ptr<Controller> make(Bytes segment) {
  return std::make_unique<LossBased<Rule>>(segment);
}

std::unique_ptr<Controller> make_bbr(Bytes segment) { return std::make_unique<bbr::Bbr>(segment); }

struct Entry {
  std::string_view name;
  std::unique_ptr<Controller> (*make)(Bytes segment);
};
// clang-format off: one a line, sorted
constexpr Entry kEntries[] = {
    {Balia::kName, make<Balia>},
    {bbr::Bbr::kName, make_bbr},
    {Cubic::kName, make<Cubic>},
    {Ewtcp::kName, make<Ewtcp>},
    {FullyCoupled::kName, make<FullyCoupled>},
    {Lia::kName, make<Lia>},
    {NewReno::kName, make<NewReno>},
    {Olia::kName, make<Olia>},
    {WVegas::kName, make<WVegas>},
};
// clang-format on
constexpr auto kNames = [] {
  std::array<std::string_view, std::size(kEntries)> names{};
  for (std::size_t i = 0; i < names.size(); ++i) { names[i] = kEntries[i].name; }
  return names;
}();
}  // namespace

std::unique_ptr<Controller> make_controller(std::string_view name, Bytes segment) {
  for (const Entry& entry : kEntries) {
    if (entry.name == name) { return entry.make(segment); }
  }
  return nullptr;
}

std::span<const std::string_view> controller_names() { return kNames; }
}  // namespace anabranch::cc
