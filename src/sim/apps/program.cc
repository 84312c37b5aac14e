#include "sim/apps/program.hh"

namespace anabranch::sim {
namespace {

class Bulk final : public Program {
 public:
  explicit Bulk(const BulkWish& wish) : ends_{wish.up != kUnlimited && wish.down != kUnlimited} {
    allowance_ = {wish.up, wish.down};
  }
  void begin(Instant) override {}
  void has_read(Side, std::uint64_t, Instant) override {}
  void on_time(Instant) override {}
  Instant next() const override { return Instant::never(); }
  void stop(std::array<std::uint64_t, 2> written) override { allowance_ = written; }
  /// Who has nothing to send closes when the other has: as a client that reads a file to its end.
  bool may_finish(Side side, bool peer_ended) const override {
    const bool nothing_at_all = allowance_[0] == 0 && allowance_[1] == 0;
    return allowance(side) > 0 || peer_ended || (nothing_at_all && side == Side::client);
  }
  bool ends() const override { return ends_; }

 private:
  bool ends_;
};

class Requests final : public Program {
 public:
  explicit Requests(const RequestsWish& wish) : wish_{wish} {}
  void begin(Instant now) override {
    due_ = now;
    on_time(now);
  }
  void on_time(Instant now) override {
    while (due_ <= now && more() && may_ask()) { ask(now); }
  }
  Instant next() const override { return more() && may_ask() ? due_ : Instant::never(); }
  void has_read(Side side, std::uint64_t total, Instant now) override {
    if (side == Side::server) {
      allowance_[index(Side::server)] = total / wish_.request.n * wish_.response.n;
      return;
    }
    while (answered_ < delays_.size() && total >= (answered_ + 1) * wish_.response.n) {
      delays_[answered_++].over = now;
      if (wish_.interval == Duration{}) { due_ = now; }
    }
    on_time(now);
  }
  void stop(std::array<std::uint64_t, 2>) override { stopped_ = true; }
  bool may_finish(Side side, bool peer_ended) const override {
    return side == Side::server ? peer_ended : !more() && answered_ == delays_.size();
  }
  bool ends() const override { return wish_.count != 0; }

 private:
  bool more() const { return !stopped_ && (wish_.count == 0 || delays_.size() < wish_.count); }
  bool may_ask() const { return (!wish_.wait && wish_.interval > Duration{}) || answered_ == delays_.size(); }
  void ask(Instant now) {
    // A wish that had to wait for the last answer is as old as its turn: a user would have clicked then.
    delays_.push_back({.at = wish_.interval > Duration{} ? due_ : now});
    allowance_[index(Side::client)] += wish_.request.n;
    due_ = wish_.interval > Duration{} ? due_ + wish_.interval : Instant::never();
  }

  RequestsWish wish_;
  Instant due_ = Instant::never();
  std::size_t answered_ = 0;
  bool stopped_ = false;
};

class Messages final : public Program {
 public:
  explicit Messages(const MessagesWish& wish) : wish_{wish} {}
  void begin(Instant now) override {
    due_ = now;
    on_time(now);
  }
  void on_time(Instant now) override {
    for (; due_ <= now && more(); due_ = due_ + wish_.interval) {
      delays_.push_back({.at = due_});
      allowance_[index(wish_.from)] += wish_.message.n;
    }
  }
  Instant next() const override { return more() ? due_ : Instant::never(); }
  void has_read(Side side, std::uint64_t total, Instant now) override {
    if (side == wish_.from) { return; }
    while (arrived_ < delays_.size() && total >= (arrived_ + 1) * wish_.message.n) { delays_[arrived_++].over = now; }
  }
  void stop(std::array<std::uint64_t, 2>) override { stopped_ = true; }
  bool may_finish(Side side, bool peer_ended) const override { return side == wish_.from ? !more() : peer_ended; }
  bool ends() const override { return wish_.count != 0; }

 private:
  bool more() const { return !stopped_ && (wish_.count == 0 || delays_.size() < wish_.count); }

  MessagesWish wish_;
  Instant due_ = Instant::never();
  std::size_t arrived_ = 0;
  bool stopped_ = false;
};

}  // namespace

std::unique_ptr<Program> make_program(const BulkWish& wish) { return std::make_unique<Bulk>(wish); }
std::unique_ptr<Program> make_program(const RequestsWish& wish) { return std::make_unique<Requests>(wish); }
std::unique_ptr<Program> make_program(const MessagesWish& wish) { return std::make_unique<Messages>(wish); }
}  // namespace anabranch::sim
