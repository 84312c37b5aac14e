/// The initial subflow of the side that was connected to: SYN with MP_CAPABLE in, our key out, both keys back (§3.1).
///
/// Of a SYN that `offered` has found usable. In version 0 the peer's key is on the SYN, and what is lost with the third
/// ACK can be made up for by any DSS that acknowledges our IDSN: only who has our key knows it.
#pragma once
#include "mptcp/roles/role.hh"

namespace anabranch::mptcp {

class CapableServer final : public SubflowRole {
 public:
  Step read(Session& session, Lane& lane, const Reading& reading) override;
  void write(Session& session, Lane& lane, const tcp::Plan& plan, wire::MptcpOptions& out, Instant now) override;
  std::size_t data_option_bytes(const Session& session, SubPos) const override { return dss_bytes(session); }
  std::string_view name() const override { return "capable_server"; }

 private:
  Step read_third(Session& session, Lane& lane, const Reading& reading);
};
}  // namespace anabranch::mptcp
