#include "sim/parcel.hh"

#include <deque>
#include <gtest/gtest.h>

namespace anabranch::sim {
namespace {

/// Against a deque: whoever joins, leaves or pushes in, the order of the others stays.
TEST(TransitLine, KeepsItsOrderWhoeverComesAndGoes) {
  TransitLine line;
  std::deque<std::uint32_t> model;
  std::uint64_t random = 1;
  for (std::uint32_t step = 1; step < 20'000; ++step) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    const auto draw = static_cast<std::uint32_t>(random >> 40);
    const std::size_t place = model.empty() ? 0 : draw % model.size();
    switch (draw / 1024 % (step / 1000 % 2 == 0 ? 4 : 5)) {
      case 0:
      case 1:
        line.push({.size = step});
        model.push_back(step);
        break;
      case 2:
        line.insert(place, {.size = step});
        model.insert(model.begin() + static_cast<std::ptrdiff_t>(place), step);
        break;
      case 3:
        if (model.empty()) { break; }
        line.remove(place);
        model.erase(model.begin() + static_cast<std::ptrdiff_t>(place));
        break;
      default:
        if (model.empty()) { break; }
        line.pop();
        model.pop_front();
        if (model.empty()) { break; }
        line.take_last();
        model.pop_back();
        break;
    }
    ASSERT_EQ(line.size(), model.size());
    for (std::size_t i = 0; i < model.size(); i += 1 + model.size() / 8) { ASSERT_EQ(line[i].size, model[i]); }
  }
}

TEST(ParcelPool, GivesPacketsAgain) {
  ParcelPool pool;
  Parcel* first = pool.make();
  Parcel* second = pool.make();
  EXPECT_EQ(pool.in_use(), 2u);
  pool.give_back(first);
  EXPECT_EQ(pool.in_use(), 1u);
  EXPECT_EQ(pool.make(), first);
  EXPECT_NE(first, second);
}
}  // namespace
}  // namespace anabranch::sim
