#include "sim/middlebox.hh"

#include "packet/assemble.hh"
#include "packet/dissect.hh"

#include <gtest/gtest.h>

namespace anabranch::sim {
namespace {

class MiddleboxTest : public testing::Test {
 protected:
  /// What comes out when this goes in; nothing if it vanished.
  std::optional<Segment> through(Meddling meddling, const Segment& segment) {
    const Addresses addresses{{Address::v4(10, 1, 0, 1), 50000}, {Address::v4(10, 1, 0, 2), 1000}};
    Frame frame = assemble(addresses, segment, {}, arena);
    const Middlebox box = make_middlebox(meddling, pool);
    if (!box(host, frame)) { return std::nullopt; }
    Pipe pipe{{}, Generator{1}, pool};  // completes checksums
    pipe.offer(frame, Instant{});
    std::vector<Frame> out;
    pipe.take_due(Instant{}, out);
    EXPECT_EQ(out.size(), 1u);
    const auto dissection = dissect(out.at(0));
    EXPECT_TRUE(dissection) << name(dissection.error());
    return std::get<Dissected>(*dissection).segment;
  }
  static Segment syn(bool ack) {
    Segment segment;
    segment.flags.syn = true;
    segment.flags.ack = ack;
    segment.tcp = {.mss = 1460, .window_scale = 7, .sack_permitted = true, .timestamps = {}, .sack = {}};
    if (ack) {
      segment.mptcp = {wire::CapableKey{{}, wire::Key{7}}};
    } else {
      segment.mptcp = {wire::CapableSyn{}};
    }
    return segment;
  }
  Segment data() {
    Segment segment;
    segment.flags.ack = true;
    segment.mptcp = {wire::Dss{wire::DataSeqForm{1, true}, wire::Mapping{{1, true}, 1, 999, {}}, false}};
    segment.payload = Packer{pool}.copy(std::vector<std::uint8_t>(999, 7));
    return segment;
  }

  SlabPool pool;
  HeaderArena arena{pool};
  Host host{"middle", Generator{1}, pool};
};

TEST_F(MiddleboxTest, StrippedOptionsAreGoneAndEverythingElseIsAsItWas) {
  for (const Segment& given : {syn(false), data()}) {
    const auto seen = through(Meddling::strip_all, given);
    ASSERT_TRUE(seen);
    EXPECT_TRUE(seen->mptcp.empty());
    EXPECT_EQ(seen->tcp, given.tcp);
    EXPECT_EQ(seen->payload.to_vector(), given.payload.to_vector());
  }
}

TEST_F(MiddleboxTest, EachKindTakesOnlyWhatItsNameSays) {
  EXPECT_EQ(through(Meddling::strip_syn_ack, syn(false))->mptcp.size(), 1u);
  EXPECT_EQ(through(Meddling::strip_syn_ack, syn(true))->mptcp.size(), 0u);
  EXPECT_EQ(through(Meddling::strip_after_syn, syn(true))->mptcp.size(), 1u);
  EXPECT_EQ(through(Meddling::strip_after_syn, data())->mptcp.size(), 0u);
  EXPECT_EQ(through(Meddling::strip_join, syn(false))->mptcp.size(), 1u);
  EXPECT_EQ(through(Meddling::strip_add_addr, data())->mptcp.size(), 1u);
  EXPECT_FALSE(through(Meddling::drop_capable_syn, syn(false)).has_value());
  EXPECT_TRUE(through(Meddling::drop_capable_syn, syn(true)).has_value());
}
}  // namespace
}  // namespace anabranch::sim
