// Whether a window is used, and the echo of congestion marks.
#include "tcp/window_use.hh"
#include "tcp/ecn_echo.hh"

#include <gtest/gtest.h>

namespace anabranch::tcp {
namespace {
constexpr Instant at(std::int64_t ms) { return {ms * 1'000'000}; }
constexpr Duration kRto{200'000'000};

TEST(WindowUse, OnlyWhatLeftWhileItWasFullMayLetItGrow) {
  WindowUse use{at(0)};
  EXPECT_FALSE(use.limited({1}));
  use.on_sent(at(1), {1001}, {1000}, true);
  use.on_sent(at(2), {2001}, {500}, false);
  EXPECT_TRUE(use.limited({1}));
  EXPECT_TRUE(use.limited({1000}));
  EXPECT_FALSE(use.limited({1001}));
}

TEST(WindowUse, ReportsTheMostInFlightOfATimeoutsTimeOnce) {
  WindowUse use{at(0)};
  use.on_sent(at(100), {1001}, {3000}, false);
  use.on_sent(at(199), {2001}, {1000}, false);
  EXPECT_FALSE(use.underused(at(199), kRto).has_value());
  EXPECT_EQ(Bytes{3000}, use.underused(at(200), kRto));
  EXPECT_FALSE(use.underused(at(201), kRto).has_value());
  use.on_sent(at(300), {2001}, {1000}, false);
  EXPECT_EQ(Bytes{1000}, use.underused(at(400), kRto));
}

TEST(WindowUse, AFullWindowBeginsAnew) {
  WindowUse use{at(0)};
  use.on_sent(at(100), {1001}, {3000}, true);
  EXPECT_FALSE(use.underused(at(299), kRto).has_value());
  EXPECT_TRUE(use.underused(at(300), kRto).has_value());
}

TEST(EcnEcho, LastsFromTheMarkToTheAnswerThatTheWindowWasReduced) {  // RFC 3168 §6.1.3
  EcnEcho echo;
  EXPECT_FALSE(echo.on_segment(false, false));
  EXPECT_FALSE(echo.echoes());
  EXPECT_TRUE(echo.on_segment(true, false));
  EXPECT_FALSE(echo.on_segment(true, false));  // known
  EXPECT_FALSE(echo.on_segment(false, false));
  EXPECT_TRUE(echo.echoes());
  EXPECT_TRUE(echo.on_segment(false, true));
  EXPECT_FALSE(echo.echoes());
}

TEST(EcnEcho, AMarkOnTheAnswerItselfBeginsAnew) {
  EcnEcho echo;
  echo.on_segment(true, false);
  EXPECT_TRUE(echo.on_segment(true, true));
  EXPECT_TRUE(echo.echoes());
}
}  // namespace
}  // namespace anabranch::tcp
