/// Memory for the bytes of all connections of a stack: one budget, an account each.
///
/// Invariant: the sum of what accounts are charged never exceeds the cap. Each account has a part of its own, reserved
/// when it is opened, so that a connection gets on whatever the others hold: it may always have some bytes to send, and
/// some in order that nobody has read. Everything beyond comes from what is left. Counts bytes, not slabs. Budget owned
/// by a stack, accounts by its connections.
#pragma once
#include "base/check.hh"
#include "base/units.hh"

#include <algorithm>
#include <limits>

namespace anabranch::stream {

class MemoryBudget {
 public:
  static constexpr Bytes kUnlimited{std::numeric_limits<std::uint64_t>::max() / 2};

  explicit MemoryBudget(Bytes cap = kUnlimited) : cap_{cap} {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  Bytes cap() const { return cap_; }
  Bytes used() const { return used_; }
  Bytes highest() const { return highest_; }
  Bytes left() const { return cap_ - used_; }
  /// Nobody's buffer grows while three quarters are in use: what is left is for what has been promised already.
  bool pressure() const { return used_ > cap_ / 4 * 3; }

 private:
  friend class MemoryAccount;
  void change(Bytes from, Bytes to) {
    used_ = used_ - from + to;
    highest_ = std::max(highest_, used_);
  }
  Bytes cap_, used_, highest_;
};

class MemoryAccount {
 public:
  /// In any case: bytes to send, and bytes received. Half a dozen packets each.
  static constexpr Bytes kToSend{8 * 1024}, kReceived{8 * 1024};
  static constexpr Bytes kReserved = Bytes{kToSend.n + kReceived.n};

  /// What a connection holds.
  struct Use {
    Bytes to_send;   ///< written and not acknowledged
    Bytes unread;    ///< in order
    Bytes waiting;   ///< out of order, and may be thrown away
    Bytes reported;  ///< out of order, and the peer was told that it is here (SACK)
  };

  /// Without a budget there is no limit. The owner has looked whether there is room for the reserve.
  explicit MemoryAccount(MemoryBudget* budget = nullptr) : budget_{budget} {
    if (budget_ != nullptr) { budget_->change({}, kReserved); }
  }
  MemoryAccount(const MemoryAccount&) = delete;
  MemoryAccount& operator=(const MemoryAccount&) = delete;
  ~MemoryAccount() {
    if (budget_ != nullptr) { budget_->change(charge(use_), {}); }
  }

  bool pressure() const { return budget_ != nullptr && budget_->pressure(); }
  /// How many bytes more may be taken, by what was reported last. What waits out of order gives way to what is in order.
  Bytes room_to_send() const { return left() + (kToSend - use_.to_send); }
  Bytes room_in_order() const {
    return std::max(left() + (kReceived - (use_.unread + use_.waiting)), kReceived - use_.unread);
  }
  Bytes room_out_of_order() const { return left(); }
  /// Whether so much that comes in order may join what waits; else the latter must be thrown away first, for it may come
  /// in order too and could not be thrown away then.
  bool joins(Bytes more) const { return more <= left() + (kReceived - (use_.unread + use_.waiting)); }
  /// Whether that is within the budget; else something that waits must be thrown away first.
  bool fits(const Use& use) const { return budget_ == nullptr || charge(use) <= charge(use_) + budget_->left(); }
  void report(const Use& use) {
    if (budget_ != nullptr) { budget_->change(charge(use_), charge(use)); }
    use_ = use;
  }
  const Use& use() const { return use_; }

 private:
  static Bytes charge(const Use& u) {
    return kReserved + (u.to_send - kToSend) + (u.unread + u.waiting - kReceived) + u.reported;
  }
  Bytes left() const { return budget_ != nullptr ? budget_->left() : MemoryBudget::kUnlimited; }

  MemoryBudget* budget_;
  Use use_;
};
}  // namespace anabranch::stream
