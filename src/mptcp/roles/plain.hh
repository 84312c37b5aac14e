/// Plain TCP, from the start or after a fallback (§3.7): at most one infinite mapping is written, and MP_FAIL until the
/// peer has answered it. No other option is read or written.
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

  Step read(Session&, Lane&, const Reading& reading) override;
  void write(Session& session, Lane& lane, const tcp::Plan& plan, wire::MptcpOptions& out, Instant) override;
  std::size_t data_option_bytes(const Session& session, SubPos at) const override;
  bool carries_data() const override { return true; }
  std::string_view name() const override { return "plain"; }
  const From& from() const { return from_; }
  /// `answer`: the peer has said it first, so that once is enough; else it is repeated until the peer answers.
  void set_fail(std::uint64_t data_seq, bool answer) {
    fail_ = wire::Fail{data_seq};
    fails_left_ = answer ? 1 : kFails;
  }

 private:
  static constexpr unsigned kFails = 10;  ///< an ACK may get lost, and so may the answer; a path may eat all of them
  From from_;
  std::optional<SubPos> infinite_at_;
  std::optional<wire::Fail> fail_;  ///< MP_FAIL, to leave with the next ACKs
  bool fail_said_ = false;
  unsigned fails_left_ = 0;
};
}  // namespace anabranch::mptcp
