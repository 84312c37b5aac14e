/// An open MPTCP subflow: data is mapped, ACKs carry DATA_ACKs, signals come and go (RFC 8684 §3.3 to §3.7).
#pragma once
#include "mptcp/roles/role.hh"

namespace anabranch::mptcp {

class Mapped final : public SubflowRole {
 public:
  Step read(Session& session, Lane& lane, const Reading& reading) override;
  void write(Session& session, Lane& lane, const tcp::Plan& plan, wire::MptcpOptions& out, Instant now) override;
  std::size_t data_option_bytes(const Session& session, SubPos) const override { return dss_bytes(session); }
  bool carries_data() const override { return true; }
  bool sends_signals() const override { return true; }
  std::string_view name() const override { return "mapped"; }
};
}  // namespace anabranch::mptcp
