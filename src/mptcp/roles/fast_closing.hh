/// A connection that was aborted where RSTs speak of their own subflow only: MP_FASTCLOSE on an ACK, until the peer's
/// RST answers it (RFC 6824 §3.5, FASTCLOSE_WAIT; option A of RFC 8684 §3.5).
///
/// On one subflow, the others were reset. Repeated after each RTO; when nobody answers, an RST ends it. What the peer
/// still sends is ignored.
#pragma once
#include "mptcp/roles/role.hh"

namespace anabranch::mptcp {

class FastClosing final : public SubflowRole {
 public:
  explicit FastClosing(Duration rto) : interval_{rto} {}
  Step read(Session& session, Lane& lane, const Reading& reading) override;
  void write(Session& session, Lane& lane, const tcp::Plan& plan, wire::MptcpOptions& out, Instant now) override;
  std::size_t data_option_bytes(const Session& session, SubPos) const override { return dss_bytes(session); }
  bool outlives_connection() const override { return true; }
  Instant deadline() const override { return repeat_at_; }
  void on_deadline(Session& session, Lane& lane, Instant now) override;
  std::string_view name() const override { return "fast_closing"; }

  static constexpr unsigned kRepeats = 3;  ///< recommended by RFC 6824 §3.5

 private:
  Duration interval_;
  Instant repeat_at_ = Instant::never();
  unsigned said_ = 0;
};
}  // namespace anabranch::mptcp
