/// The peer's mappings on one subflow: turns in-order subflow bytes into data positions, and checks DSS checksums.
///
/// Mappings may arrive before their data, with it, repeated on every packet of it, and may cover several packets
/// (RFC 8684 §3.3.1). One that contradicts an earlier one is refused: what came first wins. With checksums, bytes of a
/// mapping are passed on when all of it is here and intact. Owned by a subflow.
#pragma once
#include "base/names.hh"
#include "base/seq.hh"
#include "packet/slab.hh"

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <deque>
#include <optional>

namespace anabranch::mptcp {

struct RxMapping {
  DataPos data;
  SubPos sub;
  std::uint64_t length = 0;  ///< bytes of data: without a DATA_FIN
  std::optional<std::uint16_t> checksum;
  // As transmitted, for the checksum's pseudo header:
  std::uint64_t wire_data = 0;  ///< all 64 bits
  std::uint32_t wire_subflow = 0;
  std::uint16_t wire_length = 0;
  SubPos end() const { return sub + length; }
};

enum class MapAdded : std::uint8_t { fresh, known, late, contradicts, too_many };
enum class MapTrouble : std::uint8_t { none, missing, checksum };

class MappingRx {
 public:
  /// Remembered at most: a window of single-packet mappings.
  static constexpr std::size_t kMostMappings = 16384;

  /// Bytes before it are not mapped: they rode on the SYN (RFC 8684 appendix B.2).
  void start_at(SubPos first) { next_ = first; }
  MapAdded add(const RxMapping& mapping);
  struct Piece {
    DataPos at;
    Chain bytes;
  };
  struct Translated {
    boost::container::small_vector<Piece, 1> pieces;
    MapTrouble trouble = MapTrouble::none;
    SubPos at;     ///< where the trouble begins
    DataPos data;  ///< checksum: the mapping's data position, for MP_FAIL
    Chain rest;    ///< bytes from `at` on, not translated
  };
  /// In-order bytes of the subflow, without gaps between calls. `checksums`: negotiated, so each mapping must have one.
  Translated deliver(SubPos at, Chain bytes, bool checksums);
  SubPos next() const { return next_; }  ///< subflow bytes before it were delivered
  /// Bytes that wait for the rest of their mapping, up to next(): whoever gives up mappings takes them as they are.
  Chain take_pending() { return std::exchange(pending_, {}); }
  bool ever_verified() const { return verified_; }

 private:
  bool complete(const RxMapping& mapping, Chain part, SubPos at, Translated& out);

  std::deque<RxMapping> mappings_;  ///< by sub, disjoint
  Chain pending_;                   ///< bytes of the first mapping, waiting for the rest of it (checksums only)
  SubPos next_{1};
  bool verified_ = false;
};
}  // namespace anabranch::mptcp

template <>
struct anabranch::Names<anabranch::mptcp::MapAdded> {
  static constexpr std::string_view list[] = {"fresh", "known", "late", "contradicts", "too_many"};
};
