#include "apps/path_use.hh"

#include <gtest/gtest.h>

namespace anabranch::apps {
namespace {
using namespace anabranch::literals;

TEST(PathUse, AnInterfaceAloneIsForEverything) { EXPECT_EQ(path_use_from_text("wlan0"), (PathUse{"wlan0", {}})); }
TEST(PathUse, WordsSayWhatItIsFor) {
  EXPECT_EQ(path_use_from_text("wwan0,metered,cap=5Mb/s,preference=1,weight=3"),
            (PathUse{"wwan0", {.metered = true, .preference = 1, .weight = 3, .cap = 5_Mbps}}));
  EXPECT_EQ(path_use_from_text("eth0,no-announce,backup,no-subflows"),
            (PathUse{"eth0", {.subflows = false, .announced = false, .backup = true}}));
}
TEST(PathUse, WhatIsNotAWordIsNamed) {
  for (const char* text : {"a,cheap", "a,", "a,cap", "a,cap=fast", "a,weight=0", "a,weight=70000", "a,preference=-1",
                           "a,metered=yes", "a,,backup"}) {
    const auto use = path_use_from_text(text);
    ASSERT_FALSE(use.has_value()) << text;
    EXPECT_NE(use.error().find("is not one of"), std::string::npos) << use.error();
  }
  EXPECT_EQ(path_use_from_text(",metered").error(), "',metered' begins with no interface");
}
}  // namespace
}  // namespace anabranch::apps
