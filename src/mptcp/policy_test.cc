#include "mptcp/policy.hh"

#include "mptcp/path_manager.hh"

#include <gtest/gtest.h>

namespace anabranch::mptcp {
namespace {
TEST(Policy, EachNamesAPathManagerThatThereIs) {
  EXPECT_EQ(policy_names().size(), 4u);
  for (const std::string_view name : policy_names()) {
    Config config;
    ASSERT_TRUE(apply_policy(name, config).has_value()) << name;
    EXPECT_NE(make_path_manager(config.path_manager), nullptr) << name;
  }
}
TEST(Policy, SetsWhatItIsAboutAndNothingElse) {
  Config config{.max_subflows = 3};
  ASSERT_TRUE(apply_policy("handover", config).has_value());
  EXPECT_EQ(config.path_manager, "backup");
  EXPECT_EQ(config.paths.metered, Metered::last_resort);
  EXPECT_EQ(config.max_subflows, 3u);
}
TEST(Policy, AnUnknownNameIsTheCallersMistakeAndChangesNothing) {
  Config config;
  const auto status = apply_policy("fastest", config);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, Errc::bad_argument);
  EXPECT_EQ(config.path_manager, Config{}.path_manager);
}
}  // namespace
}  // namespace anabranch::mptcp
