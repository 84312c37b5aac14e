/// Plain TCP, from the start or after a fallback: no option is read, and at most one infinite mapping is written (§3.7).
#pragma once
#include "mptcp/roles/role.hh"

namespace anabranch::mptcp {

class Plain final : public SubflowRole {
 public:
  /// From where on the two ends agree to count plainly.
  struct From {
    SubPos sub{1};    ///< the peer's bytes on the subflow ...
    DataPos data{1};  ///< ... and where they stand in the connection
  };
  Plain() = default;
  explicit Plain(From from) : from_{from} {}
  /// The peer said MP_FAIL: data from `at` on is announced with one infinite mapping, which repeats with its segment.
  Plain(From from, SubPos infinite_at) : from_{from}, infinite_at_{infinite_at} {}

  Step read(Session&, Lane&, const Reading&) override { return Stay{}; }
  void write(Session& session, Lane& lane, const tcp::Plan& plan, wire::MptcpOptions& out, Instant) override;
  std::size_t data_option_bytes(const Session& session, SubPos at) const override;
  bool carries_data() const override { return true; }
  std::string_view name() const override { return "plain"; }
  const From& from() const { return from_; }
  void set_fail(std::uint64_t data_seq) { fail_ = wire::Fail{data_seq}; }

 private:
  From from_;
  std::optional<SubPos> infinite_at_;
  std::optional<wire::Fail> fail_;  ///< MP_FAIL, to leave with the next segment
};
}  // namespace anabranch::mptcp
