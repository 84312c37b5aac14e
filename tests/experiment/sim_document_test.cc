#include "apps/sim_document.hh"
#include "apps/http_failure.hh"

#include <gtest/gtest.h>

namespace anabranch::apps::experiment {
namespace {

constexpr const char* kText = R"(
duration = "10 s"

[vars]
n = 3
rate = "8 Mb/s"
doubled = "${n * 2}"

[[link]]
name = "a"
rate = "$rate"

[[link]]
name = "b"
rate = "${doubled} Mb/s"
)";

std::string value_at(const Node& document, std::string_view list, std::size_t place, std::string_view key) {
  const Node* node = document.find(list)->list.at(place).find(key);
  return node == nullptr ? "(none)" : to_text(*node);
}

std::string complaint(const auto& action) {
  try {
    action();
  } catch (const Failure& failure) { return failure.what(); }
  return "";
}

TEST(ScenarioDocument, VariablesStandForTheirValuesAndMayUseThoseAbove) {
  Node document = read_document(kText, "t.toml");
  expand(document, "t.toml");
  EXPECT_EQ(value_at(document, "link", 0, "rate"), "8 Mb/s");
  EXPECT_EQ(value_at(document, "link", 1, "rate"), "6 Mb/s");
  EXPECT_EQ(document.find("vars"), nullptr);
}

TEST(ScenarioDocument, SettingsComeBeforeVariablesAreWorkedIn) {
  Node document = read_document(kText, "t.toml");
  put(document, "vars.n", "5", "t.toml");
  expand(document, "t.toml");
  EXPECT_EQ(value_at(document, "link", 1, "rate"), "10 Mb/s");
}

TEST(ScenarioDocument, ASettingFindsTablesByNameByNumberAndAll) {
  Node document = read_document(kText, "t.toml");
  put(document, "link.a.rate", "1 Mb/s", "t.toml");
  put(document, "link.2.rate", "2 Mb/s", "t.toml");
  put(document, "link.*.loss", "0.01", "t.toml");
  put(document, "link.b.back.delay", "5 ms", "t.toml");
  EXPECT_EQ(value_at(document, "link", 0, "rate"), "1 Mb/s");
  EXPECT_EQ(value_at(document, "link", 1, "rate"), "2 Mb/s");
  EXPECT_EQ(value_at(document, "link", 0, "loss"), "0.01");
  EXPECT_EQ(to_text(*document.find("link")->list[1].find("back")->find("delay")), "5 ms");
}

TEST(ScenarioDocument, ASettingThatLeadsNowhereIsRefused) {
  Node document = read_document(kText, "t.toml");
  EXPECT_EQ(complaint([&] { put(document, "link.c.rate", "1", "t.toml"); }),
            "t.toml: --set link.c.rate: there is no 'c'");
  EXPECT_NE(complaint([&] { put(document, "duration.x", "1", "t.toml"); }), "");
  EXPECT_NE(complaint([&] { put(document, "link.a", "1", "t.toml"); }), "");
}

TEST(ScenarioDocument, CommasPartValuesUnlessTheyAreInBrackets) {
  const Axis axis = axis_from_text("flow.mp.controller=lia,olia");
  EXPECT_EQ(axis.key, "flow.mp.controller");
  EXPECT_EQ(axis.values, (std::vector<std::string>{"lia", "olia"}));
  EXPECT_EQ(axis_from_text("flow.mp.paths=[\"a\", \"b\"],[\"a\"]").values,
            (std::vector<std::string>{"[\"a\", \"b\"]", "[\"a\"]"}));
  EXPECT_NE(complaint([] { axis_from_text("nothing"); }), "");
}

TEST(ScenarioDocument, ValuesFromTheCommandLineNeedNoQuotes) {
  EXPECT_EQ(read_value("4").kind, Node::Kind::whole);
  EXPECT_EQ(read_value("0.5").kind, Node::Kind::number);
  EXPECT_EQ(read_value("true").kind, Node::Kind::boolean);
  EXPECT_EQ(read_value("[1, 2]").list.size(), 2u);
  EXPECT_EQ(read_value("50 Mb/s").text, "50 Mb/s");
  EXPECT_EQ(read_value("olia").text, "olia");
}

TEST(ScenarioDocument, ComplaintsNameFileAndLine) {
  EXPECT_EQ(complaint([] { read_document("a = \n", "t.toml"); }).rfind("t.toml:1: ", 0), 0u);
  Node document = read_document("[vars]\nn = 1\n[[link]]\nrate = \"${m}\"\n", "t.toml");
  EXPECT_EQ(complaint([&] { expand(document, "t.toml"); }).rfind("t.toml:4: '${m}'", 0), 0u);
}

}  // namespace
}  // namespace anabranch::apps::experiment
