/// What the networks of data centres have in common: hosts by number, their ports, all equal-cost ways between two.
///
/// A topology makes hosts, ports and pipes in a world and is then its routing: it answers which pipes lead from one
/// port to another, when somebody first wants to go there. It must outlive the world's run. One kind a file.
#pragma once
#include "sim/world.hh"

#include <string>
#include <unordered_map>
#include <vector>

namespace anabranch::sim {

struct TopologySpec {
  LinkSpec link;                  ///< of every hop, both ways
  std::optional<LinkSpec> trunk;  ///< of those between switches, if they differ
  Spread spread = Spread::dealt;  ///< how flows take the alternatives
  HostOptions host;
  PortOptions port;  ///< everybody reaches everybody, whatever `reach` says
};

/// A link of a topology: what it is called, and what it is between. Each kind lists its links by its parameters alone.
struct TopologyLink {
  std::string name;    ///< its pipes are `name.forth`, up or away from the host, and `name.back`
  bool trunk = false;  ///< between switches
  bool core = false;   ///< to the switches in the middle, or of the only kind there is
};

class Topology {
 public:
  /// The two pipes of a link.
  struct Both {
    Pipe *up = nullptr, *down = nullptr;
  };
  Topology(World& world, const TopologySpec& spec) : world_{world}, spec_{spec} {}
  Topology(const Topology&) = delete;
  Topology& operator=(const Topology&) = delete;
  virtual ~Topology() = default;

  std::size_t size() const { return hosts_.size(); }  ///< hosts
  Host& host(std::size_t i) const { return *hosts_[i]; }
  std::size_t ports_of(std::size_t i) const { return ports_[i].size(); }
  Port& port(std::size_t i, std::size_t which = 0) const { return *ports_[i][which]; }
  const std::vector<Both>& links() const { return links_; }  ///< in the order in which the kind lists them
  /// All shortest ways from one port to another.
  virtual std::vector<Alternative> ways(std::size_t from, std::size_t from_port, std::size_t to,
                                        std::size_t to_port) const = 0;

 protected:
  /// A host `h<i>` with so many ports `eth0`, `eth1`, ...
  void add_host(std::size_t ports);
  void add_links(const std::vector<TopologyLink>& all);
  void serve();  ///< from now on the world asks here for ways

 private:
  friend class TopologyRouting;
  World& world_;
  TopologySpec spec_;
  std::vector<Host*> hosts_;
  std::vector<std::vector<Port*>> ports_;
  std::vector<Both> links_;
  std::unordered_map<const Port*, std::pair<std::size_t, std::size_t>> places_;  ///< never iterated
};
}  // namespace anabranch::sim
