/// Which subflow a packet belongs to: a table of 4-tuples, keyed so that strangers cannot make it slow.
///
/// Never iterated, so the order inside is nobody's business. Owned by a stack.
#pragma once
#include "crypto/isn.hh"
#include "mptcp/config.hh"
#include "packet/segment.hh"

#include <unordered_map>

namespace anabranch::stack {

struct Place {
  std::uint32_t index = 0, generation = 0;  ///< of the connection
  mptcp::SubflowId subflow;
};

class Demux {
 public:
  explicit Demux(Random& random) : table_{0, Hash{crypto::SipKey::draw(random)}} {}

  const Place* find(const Addresses& a) const {
    const auto it = table_.find(a);
    return it == table_.end() ? nullptr : &it->second;
  }
  bool contains(const Addresses& a) const { return table_.contains(a); }
  bool insert(const Addresses& a, const Place& place) { return table_.emplace(a, place).second; }
  void erase(const Addresses& a) { table_.erase(a); }
  std::size_t size() const { return table_.size(); }

 private:
  struct Hash {
    crypto::SipKey key;
    std::size_t operator()(const Addresses& a) const { return crypto::tuple_hash(key, a.local, a.remote); }
  };
  std::unordered_map<Addresses, Place, Hash> table_;
};
}  // namespace anabranch::stack
