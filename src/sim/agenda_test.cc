#include "sim/agenda.hh"

#include "base/random.hh"

#include <gtest/gtest.h>
#include <map>

namespace anabranch::sim {
namespace {

TEST(Agenda, TheEarliestIsFirstAndAmongEqualsTheLowestNumber) {
  Agenda agenda;
  const std::uint32_t a = agenda.enroll({}), b = agenda.enroll({}), c = agenda.enroll({});
  agenda.set(c, Instant{5});
  agenda.set(b, Instant{5});
  agenda.set(a, Instant{9});
  EXPECT_EQ(agenda.first_number(), b);
  agenda.set(b, Instant{10});
  EXPECT_EQ(agenda.first_number(), c);
  agenda.set(c, Instant::never());
  EXPECT_EQ(agenda.first_number(), a);
  agenda.dismiss(a);
  EXPECT_EQ(agenda.next(), Instant{10});
  EXPECT_EQ(agenda.enroll({}), a);  // numbers are used again
}

TEST(Agenda, AgreesWithASortedListOverManyChangesOfMind) {
  Generator random{4};
  Agenda agenda;
  std::map<std::uint32_t, Instant> model;
  for (int i = 0; i < 200; ++i) { model[agenda.enroll({})] = Instant::never(); }
  for (int i = 0; i < 20000; ++i) {
    const auto who = static_cast<std::uint32_t>(random.below(model.size()));
    const bool leaves = random.chance(0.2);
    const Instant at = leaves ? Instant::never() : Instant{static_cast<std::int64_t>(random.below(1000))};
    agenda.set(who, at);
    model[who] = at;
    const auto first = std::ranges::min_element(model, [](const auto& x, const auto& y) {
      return std::pair{x.second, x.first} < std::pair{y.second, y.first};
    });
    ASSERT_EQ(agenda.next(), first->second);
    if (!first->second.is_never()) { ASSERT_EQ(agenda.first_number(), first->first); }
  }
}
}  // namespace
}  // namespace anabranch::sim
