#include "stream/close.hh"

#include <functional>
#include <gtest/gtest.h>
#include <queue>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace anabranch::stream {
namespace {

using enum Sending;

struct Row {
  Close from;
  // Names after each step, in the order finish, fin_sent, fin_acked, peer_finished.
  std::string_view finish, sent, acked, peer;
};

constexpr Receiving kOpen = Receiving::open, kDone = Receiving::finished;

// Every state that can be reached, every step: what changes and what is ignored.
constexpr Row kTable[] = {
    {{open, kOpen, false}, "FIN-WAIT-1", "ESTABLISHED", "ESTABLISHED", "CLOSE-WAIT"},
    {{fin_queued, kOpen, true}, "FIN-WAIT-1", "FIN-WAIT-1", "FIN-WAIT-1", "CLOSING"},
    {{fin_sent, kOpen, true}, "FIN-WAIT-1", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSING"},
    {{fin_acked, kOpen, true}, "FIN-WAIT-2", "FIN-WAIT-2", "FIN-WAIT-2", "TIME-WAIT"},
    {{fin_queued, kDone, true}, "CLOSING", "CLOSING", "CLOSING", "CLOSING"},
    {{fin_sent, kDone, true}, "CLOSING", "CLOSING", "TIME-WAIT", "CLOSING"},
    {{fin_acked, kDone, true}, "TIME-WAIT", "TIME-WAIT", "TIME-WAIT", "TIME-WAIT"},
    {{open, kDone, false}, "LAST-ACK", "CLOSE-WAIT", "CLOSE-WAIT", "CLOSE-WAIT"},
    {{fin_queued, kDone, false}, "LAST-ACK", "LAST-ACK", "LAST-ACK", "LAST-ACK"},
    {{fin_sent, kDone, false}, "LAST-ACK", "LAST-ACK", "CLOSED", "LAST-ACK"},
    {{fin_acked, kDone, false}, "CLOSED", "CLOSED", "CLOSED", "CLOSED"},
};

Close after(Close c, void (Close::*step)()) {
  (c.*step)();
  return c;
}

TEST(Close, EveryStepFromEveryStateIsAsTheTableSays) {
  for (const Row& row : kTable) {
    const std::string from = std::string{rfc_name(row.from)} + "/" + std::string{name(row.from.sending)};
    EXPECT_EQ(rfc_name(after(row.from, &Close::finish)), row.finish) << from;
    EXPECT_EQ(rfc_name(after(row.from, &Close::fin_sent)), row.sent) << from;
    EXPECT_EQ(rfc_name(after(row.from, &Close::fin_acked)), row.acked) << from;
    EXPECT_EQ(rfc_name(after(row.from, &Close::peer_finished)), row.peer) << from;
  }
}

using Key = std::tuple<int, int, bool>;
Key key(const Close& c) { return {static_cast<int>(c.sending), static_cast<int>(c.receiving), c.we_were_first}; }

TEST(Close, TheTableHasExactlyTheStatesThatCanBeReached) {
  std::set<Key> reached{key({})}, listed;
  std::queue<Close> todo{{Close{}}};
  while (!todo.empty()) {
    for (const auto step : {&Close::finish, &Close::fin_sent, &Close::fin_acked, &Close::peer_finished}) {
      const Close next = after(todo.front(), step);
      if (reached.insert(key(next)).second) { todo.push(next); }
    }
    todo.pop();
  }
  for (const Row& row : kTable) { listed.insert(key(row.from)); }
  EXPECT_EQ(reached, listed);
}

TEST(Close, AFinIsOwedFromAskingUntilItsAcknowledgment) {
  Close c;
  EXPECT_TRUE(c.may_write());
  EXPECT_FALSE(c.fin_owed());
  c.finish();
  EXPECT_FALSE(c.may_write());
  EXPECT_TRUE(c.fin_owed());
  c.fin_sent();
  EXPECT_TRUE(c.fin_owed());
  c.fin_acked();
  EXPECT_FALSE(c.fin_owed());
  EXPECT_FALSE(c.complete());
  c.peer_finished();
  EXPECT_TRUE(c.complete());
}

TEST(Close, OnlyWhoFinishedFirstLingers) {
  Close active, passive;
  active.finish();
  passive.peer_finished();
  passive.finish();
  EXPECT_TRUE(active.we_were_first);
  EXPECT_FALSE(passive.we_were_first);
}
}  // namespace
}  // namespace anabranch::stream
