// A farm of servers behind one address, and clients with two: where their joins land, and what the C flag does to that.
#include "sim/balancer.hh"

#include "packet/dissect.hh"
#include "sim/host.hh"
#include "sim/link.hh"

#include <algorithm>
#include <gtest/gtest.h>
#include <memory>
#include <vector>

namespace anabranch::sim {
namespace {

constexpr std::uint16_t kPort = 80;
const Address kVirtual = Address::v4(10, 9, 9, 9);
Address own(std::size_t server) { return Address::v4(10, 8, static_cast<std::uint8_t>(server), 1); }

/// One client with two addresses, the balancer in front of eight servers; a millisecond from anywhere to anywhere.
class Farm {
 public:
  static constexpr std::size_t kServers = 8;
  explicit Farm(bool says_so) {
    add("client", {Address::v4(10, 1, 0, 1), Address::v4(10, 2, 0, 1)}, 2);
    for (std::size_t i = 0; i < kServers; ++i) {
      add("server", says_so ? std::vector{kVirtual, own(i)} : std::vector{kVirtual}, 1);
      mptcp::Config config;
      config.no_joins_to_this_address = says_so;
      const auto listener = hosts_.back()->stack().listen({.port = kPort, .backlog = 1000, .config = config});
      EXPECT_TRUE(listener.has_value());
    }
  }

  void connect_to_the_farm(unsigned connections) {
    for (unsigned i = 0; i < connections; ++i) {
      ASSERT_TRUE(client().connect({.remote = {kVirtual, kPort}, .interfaces = {}, .config = {}}, now_).has_value());
      run(5_ms);
    }
    run(200_ms);
  }
  void run(Duration span) {
    const Instant end = now_ + span;
    for (;;) {
      while (step()) {}
      Instant next = Instant::never();
      for (const auto& p : pipes_) { next = std::min(next, p->next()); }
      for (const auto& h : hosts_) { next = std::min(next, h->stack().deadline()); }
      if (next > end) { break; }
      now_ = std::max(now_, next);
      for (const auto& h : hosts_) {
        if (h->stack().deadline() <= now_) { h->stack().on_deadline(now_); }
      }
    }
    now_ = end;
  }

  stack::Stack& client() { return hosts_[0]->stack(); }
  std::size_t joins_to_the_virtual_address() const { return joins_to_virtual_; }
  std::size_t joined() const {
    std::size_t out = 0;
    for (const auto& h : hosts_) { out += h->stack().counters()[stack::Counter::mp_join_established]; }
    return out / 2;  // both ends count
  }
  std::size_t tried() const { return joins_; }

 private:
  /// Who forwards is `step` below.
  class Cable final : public Outlet {
   public:
    Cable(Pipe& pipe, const Instant& now) : pipe_{pipe}, now_{now} {}
    void offer(const Host&, Frame frame) override { pipe_.offer(frame, now_); }
    unsigned number() const override { return 0; }
    std::string_view towards(const Host&) const override { return {}; }

   private:
    Pipe& pipe_;
    const Instant& now_;
  };
  void add(const char* name, const std::vector<Address>& addresses, std::uint32_t interfaces) {
    auto& host =
        hosts_.emplace_back(std::make_unique<Host>(name, 0, HostOptions{}, Generator{++seed_}, pool_, touched_));
    for (std::uint32_t i = 1; i <= interfaces; ++i) {
      pipes_.emplace_back(std::make_unique<Pipe>(LinkSpec{.delay = 1_ms}, Generator{++seed_}, pool_));
      Cable& cable = *cables_.emplace_back(std::make_unique<Cable>(*pipes_.back(), now_));
      Interface interface{.id = {i}, .name = "eth", .addresses = {}};
      for (std::size_t a = 0; a < addresses.size(); ++a) {
        if (interfaces == 1 || a + 1 == i) { interface.addresses.push_back({addresses[a], 24}); }
      }
      const anabranch::Route any{
          .interface = {i}, .destination = Address::v4(0, 0, 0, 0), .prefix = 0, .gateway = {}, .metric = i};
      host->attach(interface, {any}, cable, now_);
      owner_.push_back(hosts_.size() - 1);
    }
  }
  std::size_t destination(const Frame& frame, std::size_t from) {
    const auto parsed = dissect(frame);
    const auto* d = parsed ? std::get_if<Dissected>(&*parsed) : nullptr;
    if (!d) { return 0; }
    if (from != 0) { return 0; }
    if (wire::find<wire::JoinSyn>(d->segment.mptcp)) {
      ++joins_;
      joins_to_virtual_ += d->addresses.local.address == kVirtual ? 1 : 0;
    }
    if (d->addresses.local.address == kVirtual) { return 1 + balancer_.server_of(d->addresses); }
    for (std::size_t i = 0; i < kServers; ++i) {
      if (d->addresses.local.address == own(i)) { return 1 + i; }
    }
    return 0;
  }
  bool step() {
    bool any = false;
    for (std::size_t h = 0; h < hosts_.size(); ++h) {
      Frame frames[16];
      while (const std::size_t n = hosts_[h]->stack().poll_transmit(frames, now_)) {
        any = true;
        for (std::size_t i = 0; i < n; ++i) { hosts_[h]->outlet(frames[i].interface)->offer(*hosts_[h], frames[i]); }
      }
      while (const auto event = hosts_[h]->stack().poll_event()) {
        if (event->what == stack::Happened::acceptable) { (void)hosts_[h]->stack().accept(event->listener); }
      }
    }
    for (std::size_t p = 0; p < pipes_.size(); ++p) {
      std::vector<Frame> arrived;
      if (pipes_[p]->take_due(now_, arrived) == 0) { continue; }
      any = true;
      for (Frame& frame : arrived) {
        const std::size_t to = destination(frame, owner_[p]);
        frame.interface = {1};
        hosts_[to]->stack().receive({&frame, 1}, now_);
      }
    }
    return any;
  }

  SlabPool pool_;
  std::uint64_t seed_ = 7;
  Instant now_{1'000'000'000};
  Balancer balancer_{kServers};
  std::vector<std::unique_ptr<Pipe>> pipes_;
  std::vector<std::unique_ptr<Cable>> cables_;
  std::vector<Host*> touched_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::vector<std::size_t> owner_;  ///< the host that sends into a pipe
  std::size_t joins_ = 0, joins_to_virtual_ = 0;
};

TEST(Balancer, SpreadsFlowsOverAllServers) {
  const Balancer balancer{8};
  std::vector<unsigned> count(8);
  for (std::uint16_t port = 40000; port < 48000; ++port) {
    ++count[balancer.server_of({{kVirtual, kPort}, {Address::v4(10, 1, 0, 1), port}})];
  }
  EXPECT_GT(std::ranges::min(count), 800u);
  EXPECT_LT(std::ranges::max(count), 1200u);
}
TEST(Balancer, JoinsToTheVirtualAddressMostlyMissTheirServer) {
  Farm farm{false};
  farm.connect_to_the_farm(100);
  ASSERT_GE(farm.tried(), 100u);
  EXPECT_EQ(farm.joins_to_the_virtual_address(), farm.tried());
  EXPECT_LT(farm.joined() * 4, farm.tried());  // one in eight finds it
  EXPECT_GT(farm.joined() * 16, farm.tried());
}
TEST(Balancer, WithTheFlagAndAnAddressOfItsOwnEveryJoinFindsItsServer) {
  Farm farm{true};
  farm.connect_to_the_farm(100);
  ASSERT_GE(farm.tried(), 100u);
  EXPECT_EQ(farm.joins_to_the_virtual_address(), 0u);
  EXPECT_EQ(farm.joined(), farm.tried());
}
}  // namespace
}  // namespace anabranch::sim
