/// A layer-4 load balancer: servers behind one virtual address, chosen by a hash of the five-tuple (RFC 8041 §3.12).
///
/// It keeps no state and reads no options, so each subflow to the virtual address lands where its ports say. Whoever
/// forwards frames asks it for those to the virtual address only.
#pragma once
#include "packet/segment.hh"

#include <cstddef>

namespace anabranch::sim {

class Balancer {
 public:
  explicit Balancer(std::size_t servers) : servers_{servers} {}
  /// `local` is the virtual end, `remote` the client's.
  std::size_t server_of(const Addresses& flow) const;

 private:
  std::size_t servers_;
};
}  // namespace anabranch::sim
