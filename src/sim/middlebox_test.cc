#include "sim/middlebox.hh"

#include "packet/assemble.hh"
#include "packet/dissect.hh"
#include "sim/world.hh"

#include <gtest/gtest.h>
#include <set>

namespace anabranch::sim {
namespace {

class MiddleboxTest : public testing::Test {
 protected:
  const SocketAddress client{Address::v4(10, 1, 0, 1), 50000}, server{Address::v4(10, 1, 0, 2), 1000};

  std::unique_ptr<Middlebox> box(Meddling meddling, Ways ways = Ways::both) {
    return make_middlebox(meddling, {.pool = pool, .generator = Generator{7}, .ways = ways, .mtu = 3000});
  }
  /// What leaves the box when this goes in.
  std::vector<std::pair<Way, Dissected>> through(Middlebox& box, Way way, const Segment& segment) {
    const Addresses addresses = way == Way::forth ? Addresses{client, server} : Addresses{server, client};
    std::vector<Sent> out;
    box.pass(way, assemble(addresses, segment, {}, arena), now, out);
    return dissected(out);
  }
  std::vector<std::pair<Way, Dissected>> dissected(const std::vector<Sent>& out) {
    std::vector<std::pair<Way, Dissected>> seen;
    for (const Sent& sent : out) {
      const auto complete = complete_checksum(sent.frame, arena);
      const auto dissection = dissect(*complete);
      EXPECT_TRUE(dissection) << name(dissection.error());
      if (dissection) { seen.emplace_back(sent.way, std::get<Dissected>(*dissection)); }
    }
    return seen;
  }
  /// The one packet that leaves, the same way.
  Segment only(Middlebox& box, Way way, const Segment& segment) {
    const auto seen = through(box, way, segment);
    EXPECT_EQ(seen.size(), 1u);
    EXPECT_EQ(seen.at(0).first, way);
    return seen.at(0).second.segment;
  }
  static Segment syn(bool ack) {
    Segment segment;
    segment.flags.syn = true;
    segment.flags.ack = ack;
    segment.seq = ack ? SeqNum{5000} : SeqNum{100};
    segment.ack = ack ? SeqNum{101} : SeqNum{0};
    segment.tcp = {.mss = 1460, .window_scale = 7, .sack_permitted = true, .timestamps = {}, .sack = {}};
    if (ack) {
      segment.mptcp = {wire::CapableKey{{}, wire::Key{7}}};
    } else {
      segment.mptcp = {wire::CapableSyn{}};
    }
    return segment;
  }
  Segment data(std::uint32_t offset = 0, std::size_t size = 1000) {
    Segment segment;
    segment.flags.ack = true;
    segment.seq = {101 + offset};
    segment.ack = {5001};
    segment.mptcp = {wire::Dss{wire::DataSeqForm{1, true},
                               wire::Mapping{{1 + offset, true}, 1 + offset, static_cast<std::uint16_t>(size), {}},
                               false}};
    segment.payload = Packer{pool}.copy(std::vector<std::uint8_t>(size, 7));
    return segment;
  }
  static Segment ack_of(std::uint32_t offset) {
    Segment segment;
    segment.flags.ack = true;
    segment.seq = {5001};
    segment.ack = {101 + offset};
    return segment;
  }

  SlabPool pool;
  HeaderArena arena{pool};
  Instant now{};
};

TEST_F(MiddleboxTest, EveryKindHasANameOfItsOwnAndADescription) {
  std::set<std::string_view> names, descriptions;
  for (std::size_t i = 0; i < std::size(Names<Meddling>::list); ++i) {
    const auto meddling = static_cast<Meddling>(i);
    names.insert(name(meddling));
    descriptions.insert(describe(meddling));
    EXPECT_EQ(box(meddling) == nullptr, meddling == Meddling::none);
  }
  EXPECT_EQ(names.size(), std::size(Names<Meddling>::list));
  EXPECT_EQ(descriptions.size(), std::size(Names<Meddling>::list));
}

TEST_F(MiddleboxTest, WhatIsNoTcpPassesEveryBoxAsItIs) {
  const std::vector<std::uint8_t> junk(60, 0x45);
  for (std::size_t i = 1; i < std::size(Names<Meddling>::list); ++i) {
    const auto one = box(static_cast<Meddling>(i));
    std::vector<Sent> out;
    one->pass(Way::forth, Frame{.bytes = Packer{pool}.copy(junk)}, now, out);
    for (const Sent& sent : out) { EXPECT_EQ(sent.frame.bytes.to_vector(), junk) << name(static_cast<Meddling>(i)); }
  }
}

TEST_F(MiddleboxTest, StrippedOptionsAreGoneAndEverythingElseIsAsItWas) {
  for (const Segment& given : {syn(false), data()}) {
    const Segment seen = only(*box(Meddling::strip_all), Way::forth, given);
    EXPECT_TRUE(seen.mptcp.empty());
    EXPECT_EQ(seen.tcp, given.tcp);
    EXPECT_EQ(seen.payload.to_vector(), given.payload.to_vector());
  }
}

TEST_F(MiddleboxTest, EachKindTakesOnlyWhatItsNameSays) {
  const auto left = [&](Meddling meddling, Way way, const Segment& given) {
    return only(*box(meddling), way, given).mptcp.size();
  };
  EXPECT_EQ(left(Meddling::strip_capable_syn_ack, Way::forth, syn(false)), 1u);
  EXPECT_EQ(left(Meddling::strip_capable_syn_ack, Way::back, syn(true)), 0u);
  EXPECT_EQ(left(Meddling::strip_after_syn, Way::back, syn(true)), 1u);
  EXPECT_EQ(left(Meddling::strip_after_syn, Way::forth, data()), 0u);
  EXPECT_EQ(left(Meddling::strip_join, Way::forth, syn(false)), 1u);
  EXPECT_EQ(left(Meddling::strip_add_addr, Way::forth, data()), 1u);
  EXPECT_EQ(left(Meddling::strip_dss, Way::forth, data()), 0u);
  EXPECT_TRUE(through(*box(Meddling::drop_capable_syn), Way::forth, syn(false)).empty());
  EXPECT_EQ(through(*box(Meddling::drop_capable_syn), Way::back, syn(true)).size(), 1u);
}

TEST_F(MiddleboxTest, ABoxThatTurnsOnOneWayLeavesTheOtherAlone) {
  EXPECT_EQ(only(*box(Meddling::strip_all, Ways::back), Way::forth, syn(false)).mptcp.size(), 1u);
  EXPECT_EQ(only(*box(Meddling::strip_all, Ways::back), Way::back, syn(true)).mptcp.size(), 0u);
}

TEST_F(MiddleboxTest, ATranslatorShowsAnotherAddressAndTakesItBack) {
  const auto nat = box(Meddling::nat);
  const auto out = through(*nat, Way::forth, syn(false));
  ASSERT_EQ(out.size(), 1u);
  const SocketAddress outside = out[0].second.addresses.remote;
  EXPECT_NE(outside.address, client.address);
  EXPECT_NE(outside.port, client.port);
  std::vector<Sent> back;
  nat->pass(Way::back, assemble({server, outside}, syn(true), {}, arena), now, back);
  ASSERT_EQ(dissected(back).size(), 1u);
  EXPECT_EQ(dissected(back)[0].second.addresses.local, client);
}

TEST_F(MiddleboxTest, ShiftedNumbersComeBackAsTheyWere) {
  const auto shift = box(Meddling::shift_isn, Ways::forth);
  const Segment seen = only(*shift, Way::forth, syn(false));
  EXPECT_NE(seen.seq, SeqNum{100});
  Segment answer = syn(true);
  answer.ack = {seen.seq.raw + 1};
  answer.tcp.sack = {{{seen.seq.raw + 11}, {seen.seq.raw + 21}}};
  const Segment home = only(*shift, Way::back, answer);
  EXPECT_EQ(home.ack, SeqNum{101});
  EXPECT_EQ(home.tcp.sack.at(0), (wire::SackBlock{{111}, {121}}));
}

TEST_F(MiddleboxTest, ACutPacketIsTheSameStreamAndAJoinedOneToo) {
  const auto split = box(Meddling::split_copy_first);
  const auto parts = through(*split, Way::forth, data());
  ASSERT_EQ(parts.size(), 2u);
  const Segment &first = parts[0].second.segment, &second = parts[1].second.segment;
  EXPECT_EQ(first.payload.size() + second.payload.size(), 1000_B);
  EXPECT_EQ(second.seq, SeqNum{first.seq.raw + static_cast<std::uint32_t>(first.payload.size().n)});
  EXPECT_EQ(first.mptcp.size(), 1u);
  EXPECT_EQ(second.mptcp.size(), 0u);

  const auto join = box(Meddling::coalesce_keep_last);
  EXPECT_TRUE(through(*join, Way::forth, data(0)).empty());
  const Segment both = only(*join, Way::forth, data(1000));
  EXPECT_EQ(both.seq, SeqNum{101});
  EXPECT_EQ(both.payload.size(), 2000_B);
  EXPECT_EQ(std::get<wire::Dss>(both.mptcp.at(0)).map->subflow, 1001u);
}

TEST_F(MiddleboxTest, APacketThatWaitsForAnotherLeavesWhenNoneComes) {
  const auto join = box(Meddling::coalesce_keep_first);
  EXPECT_TRUE(through(*join, Way::forth, data()).empty());
  ASSERT_FALSE(join->next().is_never());
  std::vector<Sent> out;
  join->on_time(join->next(), out);
  EXPECT_EQ(out.size(), 1u);
  EXPECT_TRUE(join->next().is_never());
}

TEST_F(MiddleboxTest, AnEditOfTheSameLengthDependsOnNothingButTheOffset) {
  const auto edit = box(Meddling::edit_payload, Ways::forth);
  only(*edit, Way::forth, syn(false));
  const auto at = [&](std::uint32_t offset) { return only(*edit, Way::forth, data(offset)).payload.to_vector(); };
  EXPECT_EQ(at(19'500)[500], 7 ^ 0x20);
  EXPECT_EQ(at(20'000)[0], 7 ^ 0x20);
  EXPECT_EQ(at(59'001)[999], 7 ^ 0x20);
  EXPECT_EQ(std::ranges::count(at(20'001), 7), 1000);
}

TEST_F(MiddleboxTest, AnEditThatMakesAStreamLongerTranslatesAllThatFollows) {
  const auto edit = box(Meddling::edit_length, Ways::forth);
  only(*edit, Way::forth, syn(false));
  const Segment seen = only(*edit, Way::forth, data(59'500));
  EXPECT_EQ(seen.payload.size(), 1004_B);
  EXPECT_EQ(seen.payload.to_vector()[500], 'E');
  EXPECT_EQ(only(*edit, Way::forth, data(60'500)).seq, SeqNum{101 + 60'504});
  EXPECT_EQ(only(*edit, Way::back, ack_of(60'504)).ack, SeqNum{101 + 60'500});
  EXPECT_EQ(only(*edit, Way::back, ack_of(60'002)).ack, SeqNum{101 + 60'000});
  EXPECT_EQ(only(*edit, Way::back, ack_of(59'000)).ack, SeqNum{101 + 59'000});
}

TEST_F(MiddleboxTest, AProxyThatAcksEarlyKeepsWhatItHasAckedUntilItArrives) {
  const auto proxy = box(Meddling::ack_early, Ways::forth);
  only(*proxy, Way::forth, syn(false));
  only(*proxy, Way::back, syn(true));
  const auto seen = through(*proxy, Way::forth, data());
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0].first, Way::back);
  EXPECT_EQ(seen[0].second.segment.ack, SeqNum{1101});
  ASSERT_FALSE(proxy->next().is_never());
  now = proxy->next();
  std::vector<Sent> out;
  proxy->on_time(now, out);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].way, Way::forth);
  only(*proxy, Way::back, ack_of(1000));
  EXPECT_TRUE(proxy->next().is_never());
}

TEST_F(MiddleboxTest, AProxyThatHoldsLetsThePacketsGoInOrder) {
  const auto proxy = box(Meddling::hold_above_holes, Ways::forth);
  only(*proxy, Way::forth, syn(false));
  EXPECT_TRUE(through(*proxy, Way::forth, data(1000)).empty());
  EXPECT_EQ(through(*proxy, Way::forth, data(0)).size(), 2u);
}

TEST_F(MiddleboxTest, BoxesInSeriesAreMetInOrderAndAnswersPassThoseInFront) {
  std::vector<std::unique_ptr<Middlebox>> boxes;
  boxes.push_back(box(Meddling::nat));
  boxes.push_back(box(Meddling::answer_syn, Ways::forth));
  const auto series = in_series(std::move(boxes));
  const auto seen = through(*series, Way::forth, syn(false));
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].first, Way::back);
  EXPECT_EQ(seen[0].second.addresses.local, client);  // the translator took its address off again
}

/// Whatever a box does, it does the same again with the same dice, and time does not stand still in it.
TEST_F(MiddleboxTest, EveryBoxIsTheSameAgainWithTheSameSeed) {
  const auto digest_with = [](Meddling meddling) {
    World world{3, {.kept_segments = 0, .consistency_every = 0, .watched = false}};
    Host &from = world.host("from"), &to = world.host("to");
    Link& link = world.link(from, to, {.rate = 20_Mbps, .delay = 5_ms});
    link.set_middlebox(make_middlebox(meddling, {.pool = world.pool(), .generator = Generator{9}}));
    TransferOptions options;
    options.may_fail = options.client_manners.takes_anything = options.server_manners.takes_anything = true;
    world.transfer(from, to, 200_KiB, options);
    EXPECT_TRUE(world.run_for(20_s)) << world.replay();
    return world.trace_digest();
  };
  for (std::size_t i = 1; i < std::size(Names<Meddling>::list); ++i) {
    const auto meddling = static_cast<Meddling>(i);
    EXPECT_EQ(digest_with(meddling), digest_with(meddling)) << name(meddling);
  }
}
}  // namespace
}  // namespace anabranch::sim
