#include "base/seq.hh"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <type_traits>

namespace anabranch {
namespace {

template <class T>
concept HasOrder = requires(T a, T b) { a < b; };
static_assert(!HasOrder<SeqNum> && !HasOrder<DataSeq>);  // order on a circle is no order
static_assert(HasOrder<SubPos>);
static_assert(!std::is_convertible_v<SubPos, DataPos> && !std::is_constructible_v<DataPos, SubPos>);

using Tiny = Wrapping<std::uint8_t, struct TinyTag>;
using TinyPos = Position<TinyTag>;

// Every origin, every step within half the circle, against the definition.
TEST(Seq, UnwrapInvertsWrapWithinHalfTheCircle) {
  int checked = 0;
  for (unsigned origin = 0; origin < 256; ++origin) {
    const Tiny zero{static_cast<std::uint8_t>(origin)};
    for (std::uint64_t near = 0; near < 700; near += 7) {
      for (int step = -127; step <= 127; ++step) {
        const std::int64_t at = static_cast<std::int64_t>(near) + step;
        if (at < 0) { continue; }
        const TinyPos want{static_cast<std::uint64_t>(at)};
        ASSERT_EQ(unwrap(wrap(want, zero), zero, TinyPos{near}), want) << origin << ' ' << near << ' ' << step;
        ++checked;
      }
    }
  }
  EXPECT_GT(checked, 1'000'000);
}

// Every wire value near every position of the first circles, against a search for the nearest.
TEST(Seq, UnwrapGivesTheNearestPositionThatHasThatNumber) {  // [8684-3.3.1-17]
  for (std::uint64_t near = 0; near < 600; ++near) {
    for (unsigned raw = 0; raw < 256; ++raw) {
      const TinyPos got = unwrap(Tiny{static_cast<std::uint8_t>(raw)}, Tiny{0}, TinyPos{near});
      ASSERT_EQ(got.n % 256, raw);
      const std::uint64_t ahead = got - TinyPos{near}, behind = TinyPos{near} - got;
      const bool before_the_start = ahead >= 128 && near + ahead < 256 + near && raw > near % 256;
      ASSERT_TRUE((ahead < 128 && behind <= 128) || before_the_start) << near << ' ' << raw << ' ' << got.n;
    }
  }
}

TEST(Seq, NumbersFromBeforeTheStartOfTheStreamComeOutFarAhead) {
  EXPECT_EQ(unwrap(SeqNum{99}, SeqNum{100}, SubPos{10}), SubPos{0xffffffff});
  EXPECT_EQ(unwrap(Tiny{250}, Tiny{0}, TinyPos{3}).n, 250u);
}

TEST(Seq, DifferencesOfPositionsStopAtZero) {
  EXPECT_EQ(SubPos{5} - SubPos{9}, 0u);
  EXPECT_EQ(SubPos{9} - SubPos{5}, 4u);
  EXPECT_EQ(SubPos{9} - std::uint64_t{20}, SubPos{0});
  EXPECT_EQ(SubPos{9} + 3, SubPos{12});
}

RC_GTEST_PROP(Seq, RealCirclesInvertToo, (std::uint32_t origin, std::uint64_t narrow_near, std::int32_t step)) {
  const std::uint64_t near = narrow_near >> 2;
  const auto at = static_cast<std::int64_t>(near) + step;
  RC_PRE(at >= 0 && step != std::numeric_limits<std::int32_t>::min());
  const SubPos want{static_cast<std::uint64_t>(at)};
  RC_ASSERT(unwrap(wrap(want, SeqNum{origin}), SeqNum{origin}, SubPos{near}) == want);
}

RC_GTEST_PROP(Seq, TheLowHalfOfADataSequenceNumberIsEnoughNearby,  // [8684-3.3.1-12 8684-3.3.1-16 8684-3.3.1-17]
              (std::uint64_t origin, std::uint64_t narrow_near, std::int32_t step)) {
  const std::uint64_t near = narrow_near >> 2;
  const auto at = static_cast<std::int64_t>(near) + step;
  RC_PRE(at >= 0 && step != std::numeric_limits<std::int32_t>::min());
  const DataPos want{static_cast<std::uint64_t>(at)};
  const DataSeq wide = wrap(want, DataSeq{origin});
  RC_ASSERT(unwrap_narrow(static_cast<std::uint32_t>(wide.raw), DataSeq{origin}, DataPos{near}) == want);
  RC_ASSERT(unwrap(wide, DataSeq{origin}, DataPos{near}) == want);
}
}  // namespace
}  // namespace anabranch
