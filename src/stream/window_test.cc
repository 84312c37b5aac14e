#include "base/seq.hh"
#include "stream/receive_window.hh"
#include "stream/send_window.hh"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <vector>

namespace anabranch::stream {
namespace {

SubPos at(std::uint64_t n) { return {n}; }

TEST(SendWindow, AcknowledgmentsAreOldRepeatedNewOrNonsense) {
  SendWindow<SubPos> w{at(1)};
  w.sent(at(1001));
  EXPECT_EQ(w.on_ack(at(501)), AckKind::advanced);
  EXPECT_EQ(w.on_ack(at(501)), AckKind::repeated);
  EXPECT_EQ(w.on_ack(at(500)), AckKind::old);
  EXPECT_EQ(w.on_ack(at(1002)), AckKind::unsent);
  EXPECT_EQ(w.una(), at(501));
  EXPECT_EQ(w.in_flight(), 500_B);
}

TEST(SendWindow, AnOlderSegmentDoesNotMoveTheLimit) {  // RFC 9293 §3.10.7.4, SND.WL1 and SND.WL2
  SendWindow<SubPos> w{at(1)};
  EXPECT_TRUE(w.on_window(at(100), at(1), 1000_B));
  EXPECT_FALSE(w.on_window(at(99), at(1), 9000_B));
  EXPECT_EQ(w.limit(), at(1001));
  w.sent(at(501));
  w.on_ack(at(501));
  EXPECT_TRUE(w.on_window(at(100), at(501), 1000_B));
  EXPECT_FALSE(w.on_window(at(100), at(1), 9000_B));
  EXPECT_EQ(w.limit(), at(1501));
  EXPECT_EQ(w.largest_window(), 1000_B);
}

TEST(SendWindow, AShrunkenWindowLeavesNoRoomAndBreaksNothing) {  // [9293-MUST-34]
  SendWindow<SubPos> w{at(1)};
  w.on_window(at(1), at(1), 5000_B);
  w.sent(at(4001));
  EXPECT_TRUE(w.on_window(at(2), at(1), 1000_B));
  EXPECT_EQ(w.room(), 0_B);
  EXPECT_EQ(w.limit(), at(1001));
  EXPECT_EQ(w.on_ack(at(4001)), AckKind::advanced);
  EXPECT_TRUE(w.is_consistent());
}

TEST(SendWindow, OnTheConnectionTheLimitOnlyAdvances) {  // RFC 8684 §3.3.4
  SendWindow<DataPos> w{DataPos{1}};
  EXPECT_TRUE(w.raise_limit(DataPos{1000}));
  EXPECT_FALSE(w.raise_limit(DataPos{900}));
  EXPECT_FALSE(w.raise_limit(DataPos{1000}));
  EXPECT_EQ(w.room(), 999_B);
}

TEST(WorthSending, FollowsNagleAndTheSillyWindowRule) {
  const SendDecision base{.waiting = 100_B, .room = 10_KiB, .segment = 1000_B, .largest_window = 20_KiB};
  const auto with = [&](auto change) {
    SendDecision d = base;
    change(d);
    return worth_sending(d);
  };
  EXPECT_FALSE(worth_sending(base));                  // small, more may come
  EXPECT_TRUE(with([](auto& d) { d.push = true; }));  // all there is, idle
  EXPECT_FALSE(with([](auto& d) {
    d.push = true;
    d.unacked = true;
  }));  // Nagle
  EXPECT_TRUE(with([](auto& d) {
    d.push = true;
    d.unacked = true;
    d.nagle = false;
  }));  // no delay wanted
  EXPECT_TRUE(with([](auto& d) {
    d.waiting = 1000_B;
    d.unacked = true;
  }));  // a full segment
  EXPECT_FALSE(with([](auto& d) {
    d.waiting = 5000_B;
    d.room = 500_B;
    d.push = true;
  }));  // silly window
  EXPECT_TRUE(with([](auto& d) {
    d.waiting = 500_B;
    d.room = 500_B;
    d.largest_window = 900_B;
    d.unacked = true;
  }));
  EXPECT_FALSE(with([](auto& d) {
    d.waiting = 5000_B;
    d.room = 0_B;
    d.push = true;
  }));  // closed
  EXPECT_FALSE(with([](auto& d) {
    d.waiting = 0_B;
    d.push = true;
  }));  // nothing
}

TEST(ReceiveWindow, TheShiftFitsTheBuffer) {
  EXPECT_EQ(window_shift_for(65'535_B), 0);
  EXPECT_EQ(window_shift_for(65'536_B), 1);
  EXPECT_EQ(window_shift_for(6_MiB), 7);
  EXPECT_EQ(window_shift_for(Bytes{std::uint64_t{1} << 40}), 14);
}

TEST(ReceiveWindow, OnASynItIsNotScaled) {
  ReceiveWindow<SubPos> w{at(1), 1000_B};
  w.set_shift(7);
  EXPECT_EQ(w.advertise_on_syn(at(1), {.free = 1_MiB, .buffer = 1_MiB}), 65'535);
  EXPECT_EQ(w.edge(), at(65'536));
  EXPECT_EQ(w.advertise(at(1), {.free = 1_MiB, .buffer = 1_MiB}), 8192);
  EXPECT_EQ(w.offered(at(1)), 1_MiB);
}

// [9293-MUST-39]
TEST(ReceiveWindow, GrowsOnlyBySegmentsOrHalfTheBuffer) {  // RFC 9293 §3.8.6.2.2
  ReceiveWindow<SubPos> w{at(1), 1000_B};
  EXPECT_EQ(w.advertise(at(1), {.free = 10'000_B, .buffer = 10'000_B}), 10'000);
  // 4000 bytes came and nothing was read: the edge stands, the field shrinks with what was used.
  EXPECT_EQ(w.advertise(at(4001), {.free = 6000_B, .buffer = 10'000_B}), 6000);
  EXPECT_EQ(w.edge(), at(10'001));
  EXPECT_FALSE(w.update_due(at(4001), {.free = 6999_B, .buffer = 10'000_B}));
  EXPECT_EQ(w.advertise(at(4001), {.free = 6999_B, .buffer = 10'000_B}), 6000);
  EXPECT_TRUE(w.update_due(at(4001), {.free = 7000_B, .buffer = 10'000_B}));
  EXPECT_EQ(w.advertise(at(4001), {.free = 7000_B, .buffer = 10'000_B}), 7000);
}

TEST(ReceiveWindow, ASmallBufferReopensAtHalf) {
  ReceiveWindow<SubPos> w{at(1), 1000_B};
  w.advertise(at(1), {.free = 800_B, .buffer = 800_B});
  EXPECT_EQ(w.advertise(at(801), {.free = 0_B, .buffer = 800_B}), 0);
  EXPECT_FALSE(w.update_due(at(801), {.free = 399_B, .buffer = 800_B}));
  EXPECT_TRUE(w.update_due(at(801), {.free = 400_B, .buffer = 800_B}));
}

TEST(ReceiveWindow, NeverShrinksWhenTheBufferDoes) {
  ReceiveWindow<SubPos> w{at(1), 1000_B};
  w.advertise(at(1), {.free = 10'000_B, .buffer = 10'000_B});
  EXPECT_EQ(w.advertise(at(1), {.free = 2000_B, .buffer = 2000_B}), 10'000);
  EXPECT_EQ(w.edge(), at(10'001));
}

TEST(ReceiveWindow, AcceptsWhatTouchesThePromisedRange) {  // the four cases of RFC 9293 §3.10.7.4
  ReceiveWindow<SubPos> w{at(100), 10_B};
  w.advertise(at(100), {.free = 50_B, .buffer = 50_B});
  EXPECT_TRUE(w.accepts(at(100), at(100), 0));
  EXPECT_TRUE(w.accepts(at(100), at(149), 1));
  EXPECT_FALSE(w.accepts(at(100), at(150), 1));
  EXPECT_FALSE(w.accepts(at(100), at(150), 0));
  EXPECT_TRUE(w.accepts(at(100), at(90), 11));
  EXPECT_FALSE(w.accepts(at(100), at(90), 10));
  EXPECT_FALSE(w.accepts(at(100), at(99), 0));
  EXPECT_TRUE(w.accepts(at(150), at(150), 0));  // closed: acknowledgments still come
  EXPECT_FALSE(w.accepts(at(150), at(150), 1));
}

/// A peer that sends what it may and an application that reads what it likes.
RC_GTEST_PROP(ReceiveWindow, TheEdgeNeverMovesBackAndThePromiseIsCovered, ()) {  // [9293-SHLD-14]
  const auto shift = static_cast<std::uint8_t>(*rc::gen::inRange(0, 8));
  const Bytes buffer{static_cast<std::uint64_t>(*rc::gen::inRange(1000, 60'000))};
  ReceiveWindow<SubPos> w{at(1), 1000_B};
  w.set_shift(shift);
  SubPos next = at(1), seen_edge = at(1);
  std::uint64_t unread = 0;
  for (const auto& [send, amount] : *rc::gen::container<std::vector<std::pair<bool, int>>>(
           rc::gen::pair(rc::gen::arbitrary<bool>(), rc::gen::inRange(1, 5000)))) {
    const auto n = static_cast<std::uint64_t>(amount);
    if (send) {
      const std::uint64_t sent = std::min(n, seen_edge - next);
      next = next + sent;
      unread += sent;
    } else {
      unread -= std::min(n, unread);
    }
    const SubPos before = w.edge();
    const Room room{.free = buffer - Bytes{unread}, .buffer = buffer};
    const bool due = w.update_due(next, room);
    const std::uint16_t field = w.advertise(next, room);
    RC_ASSERT(w.edge() >= before);
    RC_ASSERT(!due || w.edge() > before);
    RC_ASSERT(w.edge() <= next + room.free.n);  // never more than can be stored
    const SubPos told = next + (std::uint64_t{field} << shift);
    RC_ASSERT(told <= w.edge());
    RC_ASSERT(told + (std::uint64_t{1} << shift) > w.edge());  // the peer sees it but for a unit of scaling
    seen_edge = std::max(seen_edge, told);
    RC_ASSERT(unread <= buffer.n);
  }
}
}  // namespace
}  // namespace anabranch::stream
