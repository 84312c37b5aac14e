/// What a script's segments need to know of keys and positions: from a line of script to a segment and back.
///
/// Owned by the runner (script.cc). `A` is the peer's key, `B` the stack's, which is learned when it is first seen, as
/// is the version of MPTCP, from each MP_CAPABLE.
#pragma once
#include "crypto/keys.hh"
#include "packet/segment.hh"
#include "wire/notation.hh"

#include <expected>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace anabranch::support {

/// The byte at a data position, the same in both directions.
std::uint8_t pattern_at(std::uint64_t position);

/// One subflow of a script.
struct ScriptFlow {
  unsigned number = 0;
  Addresses addresses;       ///< local: the stack's
  SeqNum our_isn, peer_isn;  ///< the stack's, the peer's
  bool know_our_isn = false;
  std::uint32_t our_nonce = 0, peer_nonce = 0;
  std::uint64_t our_syn_data = 0, peer_syn_data = 0;  ///< what of a SYN counted: it is in no data sequence space
  struct Mapped {
    std::uint64_t sub, data, length;
  };
  std::vector<Mapped> peer_mappings;  ///< relative; where the peer's payload lies in the connection
};

class ScriptWire {
 public:
  explicit ScriptWire(SlabPool& pool) : packer_{pool} {}

  /// A line the peer sends, as a segment with payload.
  std::expected<Segment, std::string> peer_segment(std::string text, ScriptFlow& flow);
  /// A segment the stack sent, in notation with names in place of keys, tokens, MACs and checksums.
  std::string describe(const Segment& segment, ScriptFlow& flow);

  void set_peer_key(wire::Key key) { peer_key_ = key; }

 private:
  void learn(const Segment& segment, ScriptFlow& flow);
  void learn_version(const wire::MptcpOptions& options);
  wire::Token token_of(wire::Key key) const { return crypto::token_of(key, version_); }
  DataSeq idsn_of(wire::Key key) const { return crypto::idsn_of(key, version_); }
  std::string cookie() const;
  void fix(wire::MptcpOption& option, ScriptFlow& flow, const std::vector<bool>& good, std::size_t& at);
  std::uint16_t checksum(std::uint64_t data, std::uint32_t subflow, std::uint16_t length, std::uint64_t bytes,
                         DataSeq origin, std::uint64_t skipped = 0) const;
  wire::Origins from_peer(const ScriptFlow& flow) const;
  void name_values(std::string& text, const Segment& segment, const ScriptFlow& flow) const;
  std::string wrong_bytes(const Segment& segment, const ScriptFlow& flow) const;

  Packer packer_;
  std::optional<wire::Key> stack_key_;
  wire::Version version_ = wire::Version::v1;
  wire::Key peer_key_{0xa11ce5a11ce5a11c};
  wire::FastOpen::Cookie cookie_;  ///< the stack's, as it last told it
};
}  // namespace anabranch::support
