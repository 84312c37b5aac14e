#include "mptcp/mapping_rx.hh"

#include "wire/checksum.hh"

#include <algorithm>

namespace anabranch::mptcp {
namespace {
wire::Sum sum_of(const Chain& chain) {
  wire::Sum sum;
  for (const Slice& slice : chain.slices()) { sum.add(slice.bytes()); }
  return sum;
}
}  // namespace

MapAdded MappingRx::add(const RxMapping& mapping) {
  if (mapping.length == 0) { return MapAdded::known; }
  if (mapping.end() <= next_) { return MapAdded::late; }
  const auto after =
      std::ranges::partition_point(mappings_, [&](const RxMapping& m) { return m.end() <= mapping.sub; });
  if (after != mappings_.end() && after->sub < mapping.end()) {
    const bool same = after->sub == mapping.sub && after->data == mapping.data && after->length == mapping.length;
    return same ? MapAdded::known : MapAdded::contradicts;  // [8684-3.3.1-02]
  }
  if (mappings_.size() >= kMostMappings) { return MapAdded::too_many; }
  mappings_.insert(after, mapping);
  return MapAdded::fresh;
}

MappingRx::Translated MappingRx::deliver(SubPos at, Chain bytes, bool checksums) {
  Translated out;
  while (!bytes.empty()) {
    while (!mappings_.empty() && mappings_.front().end() <= at) { mappings_.pop_front(); }
    if (mappings_.empty() || mappings_.front().sub > at) {
      out.trouble = MapTrouble::missing;
      out.at = at;
      out.rest = std::move(bytes);
      return out;
    }
    const RxMapping& m = mappings_.front();
    const Bytes here{std::min<std::uint64_t>(bytes.size().n, m.end() - at)};
    Chain part;
    if (here == bytes.size()) {  // the usual case: a packet, a mapping
      part = std::move(bytes);
      bytes.clear();
    } else {
      part = bytes.first(here);
      bytes.drop_front(here);
    }
    next_ = at + here.n;
    if (!checksums) {
      out.pieces.push_back({m.data + (at - m.sub), std::move(part)});
    } else if (!complete(m, std::move(part), at, out)) {
      out.rest.append(bytes);
      return out;
    }
    at = next_;
  }
  return out;
}

/// Collects a mapping's bytes; passes them on when the last is here. False when the checksum is wrong.
bool MappingRx::complete(const RxMapping& m, Chain part, SubPos at, Translated& out) {
  if (at == m.sub) { pending_.clear(); }
  pending_.append(part);
  if (next_ < m.end()) { return true; }
  // [8684-3.7-12]
  const bool intact = m.checksum && wire::dss_checksum_intact(m.wire_data, m.wire_subflow, m.wire_length, *m.checksum,
                                                              sum_of(pending_));
  if (!intact) {
    out.trouble = MapTrouble::checksum;
    out.at = m.sub;
    out.data = m.data;
    out.rest = std::exchange(pending_, {});  // [8684-3.7-11 8684-3.7-16]
    return false;
  }
  verified_ = true;
  out.pieces.push_back({m.data, std::exchange(pending_, {})});
  return true;
}
}  // namespace anabranch::mptcp
