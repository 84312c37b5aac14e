/// The routed network of a world: pipes by name, ports, paths between them, traffic that is not TCP.
///
/// Source-routed: a packet knows its pipes when it enters the first one, so that pipes shared by many paths are shared
/// bottlenecks, and there are no routers as objects. Paths that nobody made are asked for when a frame first wants
/// one (`Routing`), so that a data centre needs no table of all pairs. Owned by the world.
#pragma once
#include "sim/cross_traffic.hh"
#include "sim/port.hh"

#include <functional>
#include <map>
#include <string>

namespace anabranch::sim {

/// Knows the alternatives between any two ports of a topology.
class Routing {
 public:
  virtual ~Routing() = default;
  /// Appends them; asked once for two ports that no path joins. Nothing appended: there is no way.
  virtual void alternatives(const Port& from, const Port& to, std::vector<Alternative>& out) = 0;
  virtual Spread spread() const { return Spread::hash; }
};

class Fabric {
 public:
  /// All outlive it. `enrolled` hears of whatever takes a number in the agenda.
  struct Surroundings {
    SlabPool& pool;
    ParcelPool& packets;
    Agenda& agenda;
    const Instant& clock;
  };
  Fabric(const Surroundings& world, Generator generator);

  Pipe& pipe(std::string name, const LinkSpec& spec);
  Pipe* find_pipe(std::string_view name) const;
  const std::vector<std::unique_ptr<Pipe>>& pipes() const { return pipes_; }
  Port& port(Host& host, std::string_view name, const PortOptions& options);
  Port* find_port(const Address& address) const;
  const std::vector<std::unique_ptr<Port>>& ports() const { return ports_; }
  Path& path(Port& first, Port& second);
  const std::vector<std::unique_ptr<Path>>& paths() const { return paths_; }
  void set_routing(std::unique_ptr<Routing> routing) { routing_ = std::move(routing); }
  /// Hears of each path that is made from now on, before anything passes there.
  void on_path(std::function<void(Path&)> tell) { on_path_ = std::move(tell); }
  CrossSource& cross_traffic(std::vector<Pipe*> route, const CrossTraffic& traffic);

 private:
  friend class Port;
  Path* path_between(const Port& from, const Port& to);
  Path* look_for(Port& from, Port& to);
  void address_changed(const Address& address, Port* owner);
  std::vector<InterfaceAddress> addresses_for(unsigned number, const PortOptions& options) const;

  Surroundings world_;
  Generator generator_;
  std::vector<std::unique_ptr<Pipe>> pipes_;
  std::map<std::string, Pipe*, std::less<>> by_name_;
  std::vector<std::unique_ptr<Port>> ports_;
  std::map<Address, Port*> by_address_;
  std::vector<std::unique_ptr<Path>> paths_;
  std::map<std::pair<unsigned, unsigned>, Path*> between_;  ///< by numbers of ports, the lower first
  std::unique_ptr<Routing> routing_;
  std::function<void(Path&)> on_path_;
  std::vector<std::unique_ptr<CrossSource>> sources_;
};
}  // namespace anabranch::sim
