/// Which data rides where on one subflow, from binding until the subflow has acknowledged it.
///
/// A mapping is made once, when the scheduler has chosen, and never changes: every segment with a part of it, sent
/// again or not, carries the same DSS (peers refuse anything else). It holds views of its bytes, so that a subflow can
/// repeat what the connection has already seen acknowledged elsewhere. Owned by a subflow. RFC 8684 §3.3.1.
#pragma once
#include "base/check.hh"
#include "base/seq.hh"
#include "base/units.hh"
#include "packet/slab.hh"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>

namespace anabranch::mptcp {

/// Bytes [data, data + length) of the connection ride as [sub, sub + length) of the subflow.
struct TxMapping {  // [8684-3.3.2-04 8684-3.3.6-01]
  DataPos data;
  SubPos sub;
  Chain bytes;
  std::optional<std::uint16_t> checksum;
  Instant bound{};  ///< when: it left then or later
  std::uint64_t length() const { return bytes.size().n; }
  SubPos sub_end() const { return sub + length(); }
  DataPos data_end() const { return data + length(); }
};

class MappingTx {
 public:
  /// The largest mapping: its length field has 16 bits.
  static constexpr std::uint64_t kLongest = 65535;

  MappingTx() = default;
  explicit MappingTx(SubPos first) : end_{first} {}

  SubPos end() const { return end_; }
  bool empty() const { return mappings_.empty(); }
  const auto& mappings() const { return mappings_; }

  const TxMapping& bind(DataPos data, Chain bytes, std::optional<std::uint16_t> checksum, Instant now = {}) {
    ANABRANCH_CHECK(!bytes.empty() && bytes.size().n <= kLongest);
    mappings_.push_back({data, end_, std::move(bytes), checksum, now});
    end_ = mappings_.back().sub_end();
    return mappings_.back();
  }
  const TxMapping* at(SubPos p) const {
    // What leaves is the last one, what is acknowledged the first.
    if (mappings_.empty() || p >= end_) { return nullptr; }
    if (p >= mappings_.back().sub) { return &mappings_.back(); }
    if (p < mappings_.front().sub_end()) { return p < mappings_.front().sub ? nullptr : &mappings_.front(); }
    const auto it = std::ranges::partition_point(mappings_, [p](const TxMapping& m) { return m.sub_end() <= p; });
    return it == mappings_.end() || it->sub > p ? nullptr : &*it;
  }
  Chain bytes(SubPos p, Bytes at_most) const {
    const TxMapping* m = at(p);
    ANABRANCH_CHECK(m != nullptr);  // the endpoint asks only for what is bound and not acknowledged
    return m->bytes.part({p - m->sub}, at_most);
  }
  void acknowledged(SubPos up_to) {
    while (!mappings_.empty() && mappings_.front().sub_end() <= up_to) { mappings_.pop_front(); }
  }

 private:
  std::deque<TxMapping> mappings_;
  SubPos end_{1};
};
}  // namespace anabranch::mptcp
