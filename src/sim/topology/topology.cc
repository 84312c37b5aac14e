#include "sim/topology/topology.hh"

namespace anabranch::sim {

class TopologyRouting final : public Routing {
 public:
  explicit TopologyRouting(const Topology& topology) : topology_{topology} {}
  void alternatives(const Port& from, const Port& to, std::vector<Alternative>& out) override {
    const auto a = topology_.places_.find(&from), b = topology_.places_.find(&to);
    if (a == topology_.places_.end() || b == topology_.places_.end()) { return; }
    out = topology_.ways(a->second.first, a->second.second, b->second.first, b->second.second);
  }
  Spread spread() const override { return topology_.spec_.spread; }

 private:
  const Topology& topology_;
};

void Topology::add_host(std::size_t ports) {
  const std::size_t number = hosts_.size();
  Host& host = world_.host("h" + std::to_string(number), spec_.host);
  hosts_.push_back(&host);
  ports_.emplace_back();
  PortOptions options = spec_.port;
  options.reach = Reach::everywhere;
  for (std::size_t i = 0; i < ports; ++i) {
    Port& port = world_.port(host, "eth" + std::to_string(i), options);
    ports_.back().push_back(&port);
    places_.emplace(&port, std::pair{number, i});
  }
}

void Topology::add_links(const std::vector<TopologyLink>& all) {
  for (const TopologyLink& link : all) {
    const LinkSpec& spec = link.trunk && spec_.trunk ? *spec_.trunk : spec_.link;
    Pipe& up = world_.pipe(link.name + ".forth", spec);
    links_.push_back({&up, &world_.pipe(link.name + ".back", spec)});
  }
}

void Topology::serve() { world_.set_routing(std::make_unique<TopologyRouting>(*this)); }
}  // namespace anabranch::sim
