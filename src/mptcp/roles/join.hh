/// A further subflow: token and nonces, then a MAC each way, then the fourth ACK (RFC 8684 §3.2).
///
/// The joining side repeats its third ACK until anything comes back, and sends no data before; the other side answers
/// the third ACK at once. Either ends the subflow with an RST when the other's MAC is wrong.
#pragma once
#include "mptcp/roles/role.hh"

namespace anabranch::mptcp {

class JoinClient final : public SubflowRole {
 public:
  explicit JoinClient(std::uint32_t nonce) : nonce_{nonce} {}
  Step read(Session& session, Lane& lane, const Reading& reading) override;
  void write(Session& session, Lane& lane, const tcp::Plan& plan, wire::MptcpOptions& out, Instant now) override;
  std::size_t data_option_bytes(const Session& session, SubPos) const override { return dss_bytes(session); }
  Instant deadline() const override { return repeat_at_; }
  void on_deadline(Session& session, Lane& lane, Instant now) override;
  std::string_view name() const override { return "join_client"; }

  static constexpr unsigned kThirdAcks = 7;  ///< then the join has failed; Linux sends about as many

 private:
  Step read_syn_ack(Session& session, Lane& lane, const Reading& reading);
  std::uint32_t nonce_, their_nonce_ = 0;
  enum class Phase : std::uint8_t { syn_sent, unacknowledged } phase_ = Phase::syn_sent;
  Instant syn_at_{}, repeat_at_ = Instant::never();
  Duration interval_{};  ///< twice the round trip of the SYN, doubling
  unsigned third_acks_ = 0;
};

/// The SYN/ACK's option, and whether the third ACK's is right; `nonce` is ours.
wire::JoinSynAck join_answer(const Session& session, const Lane& lane, const wire::JoinSyn& syn, std::uint32_t nonce);
bool join_is_proved(const Session& session, const wire::JoinSyn& syn, std::uint32_t nonce, const wire::JoinAck& ack);

class JoinServer final : public SubflowRole {
 public:
  JoinServer(std::uint32_t nonce, const wire::JoinSyn& syn) : nonce_{nonce}, syn_{syn} {}
  Step read(Session& session, Lane& lane, const Reading& reading) override;
  void write(Session& session, Lane& lane, const tcp::Plan& plan, wire::MptcpOptions& out, Instant now) override;
  std::size_t data_option_bytes(const Session& session, SubPos) const override { return dss_bytes(session); }
  std::string_view name() const override { return "join_server"; }

 private:
  std::uint32_t nonce_;
  wire::JoinSyn syn_;
};
}  // namespace anabranch::mptcp
