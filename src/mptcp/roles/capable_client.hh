/// The initial subflow of the side that connects: SYN, SYN/ACK, third ACK, first data (RFC 8684 §3.1).
///
/// Until the peer has acknowledged with a DSS, every ACK and the first segment of data carry both keys: the third ACK
/// may have been lost, and a server that has not seen the keys falls back to TCP. Version 0 has our key on the SYN
/// already and a DSS on all data: there ACKs alone carry both keys (RFC 6824 §3.1, §3.6).
#pragma once
#include "mptcp/roles/role.hh"

namespace anabranch::mptcp {

class CapableClient final : public SubflowRole {
 public:
  explicit CapableClient(const Dialect& dialect) : dialect_{dialect} {}
  Step read(Session& session, Lane& lane, const Reading& reading) override;
  void write(Session& session, Lane& lane, const tcp::Plan& plan, wire::MptcpOptions& out, Instant now) override;
  std::size_t data_option_bytes(const Session& session, SubPos at) const override;
  bool single_packet(SubPos at) const override { return dialect_.data_on_capable && at == first_; }
  bool carries_data() const override { return phase_ == Phase::unconfirmed; }
  std::string_view name() const override { return "capable_client"; }

 private:
  Step read_syn_ack(Session& session, const Reading& reading);
  Step read_first(Session& session, Lane& lane, const Reading& reading);
  /// Whether what came with this segment shows that the server speaks MPTCP and the path lets it.
  bool confirms(const Lane& lane, const ReadOptions& seen, const wire::MptcpOptions& options) const;
  const Dialect& dialect_;
  enum class Phase : std::uint8_t { syn_sent, unconfirmed } phase_ = Phase::syn_sent;
  SubPos first_{1};  ///< of the first byte that is mapped: behind what rode on the SYN
  bool last_syn_had_option_ = false;
  bool keys_said_ = false;  ///< the last pure ACK carried them
};
}  // namespace anabranch::mptcp
