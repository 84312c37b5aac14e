#include "trace/counters.hh"
#include "trace/json_lines.hh"
#include "trace/text.hh"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <vector>

namespace anabranch::trace {
namespace {

Addresses addresses() {
  return {.local = *socket_address_from_text("10.0.0.1:4000"), .remote = *socket_address_from_text("[2001:db8::2]:80")};
}
Event about(What what) { return {.where = {.connection = 1, .subflow = 2}, .what = std::move(what)}; }

/// One of each kind, in the order of the variant.
std::vector<What> one_of_each(const Segment& segment, const Addresses& ends) {
  return {SegmentSent{&segment, &ends, {3}, true},
          SegmentReceived{&segment, nullptr, {}},
          Dropped{"out_of_window", nullptr},
          Retransmission{SubPos{1}, 1000_B, "rack"},
          RecoveryEntered{"duplicate", SubPos{9000}, 20_KiB, 10_KiB},
          RecoveryLeft{"complete", 10_KiB},
          RtoFired{240_ms, 2, 2920_B},
          Congestion{10_KiB, Bytes{~std::uint64_t{0}}, 5_KiB, 30_ms, 230_ms, "cubic"},
          SubflowOpened{ends, {3}, true, false},
          SubflowClosed{"reset", 5},
          ConnectionOpened{ends, true, true, 1},
          ConnectionClosed{"finished", 0},
          PhaseChanged{"subflow", "syn_sent", "open"},
          Fallback{"become_tcp", "no_option_on_syn_ack"},
          Scheduled{DataPos{1}, 64_KiB, "lowest_rtt", false},
          SchedulerWaited{Instant::never(), "all_full", "ecf"},
          Reinjected{DataPos{1}, 1000_B, 2, "stalled"},
          PathManagerRequest{"open", 4},
          PathManagerRefused{"open", "limit", 4},
          AddressAnnounced{7, ends.remote, true, false},
          AddressWithdrawn{7, true},
          PriorityChanged{true, false},
          LimitReached{"subflows", 8},
          FaultStruck{"tcp.drop_ack"},
          Note{"something", 42}};
}

TEST(Events, EachKindHasItsOwnNameAndBothFormatsSayIt) {
  const Segment segment;
  const Addresses ends = addresses();
  const auto all = one_of_each(segment, ends);
  ASSERT_EQ(all.size(), std::variant_size_v<What>);
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_EQ(all[i].index(), i);
    const Event event = about(all[i]);
    names.insert(name(event));
    EXPECT_NE(to_text(Instant{}, event).find(name(event)), std::string::npos);
    const std::string json = to_json(Instant{}, event);
    EXPECT_NE(json.find("\"event\":\"" + std::string{name(event)} + "\""), std::string::npos) << json;
    EXPECT_TRUE(json.starts_with("{\"t\":0.000000000,") && json.ends_with("}")) << json;
  }
  EXPECT_EQ(names.size(), all.size());
}

TEST(Text, ALineSaysWhenWhomAndWhat) {
  EXPECT_EQ(to_text(Instant{1'204'311'000}, about(RtoFired{240_ms, 2, 2920_B})),
            "   1.204311  c1.2  rto_fired rto=240ms in_a_row=2 in_flight=2920");
  EXPECT_EQ(to_text(Instant{}, {{.connection = 3}, Fallback{"become_tcp", "no_option"}}),
            "   0.000000  c3  fallback verdict=become_tcp why=no_option");
  EXPECT_EQ(to_text(Instant{}, {{}, Note{"hello", 1}}), "   0.000000  -  note text=hello number=1");
}

TEST(Text, UnitsFitTheirValues) {
  const auto line = [](Duration d) { return to_text(Instant{}, {{}, RtoFired{d, 0, {}}}); };
  EXPECT_NE(line(950_ns).find("rto=950ns"), std::string::npos);
  EXPECT_NE(line(20_us).find("rto=20us"), std::string::npos);
  EXPECT_NE(line(1500_ms).find("rto=1.5s"), std::string::npos);
  EXPECT_NE(line(Duration{-20'000'000}).find("rto=-20ms"), std::string::npos);
}

TEST(Text, WhatIsUnlimitedOrNeverSaysSo) {
  EXPECT_NE(to_text({}, about(Congestion{1_B, Bytes{~std::uint64_t{0}}, {}, {}, {}, ""})).find("threshold=none"),
            std::string::npos);
  EXPECT_NE(to_text({}, about(SchedulerWaited{Instant::never(), "x"})).find("until=never"), std::string::npos);
}

TEST(Text, ASegmentIsWrittenInTheNotation) {
  Segment segment;
  segment.seq = {1};
  segment.ack = {5};
  segment.flags.ack = segment.flags.psh = true;
  segment.window = 100;
  EXPECT_EQ(to_text(segment), "P. 1:1(0) ack 5 win 100");
  const Addresses ends = addresses();
  EXPECT_EQ(to_text(Instant{}, about(SegmentSent{&segment, &ends, {}, false})),
            "   0.000000  c1.2  segment_sent 10.0.0.1:4000-[2001:db8::2]:80  P. 1:1(0) ack 5 win 100");
}

TEST(Json, ValuesHaveTypesAndTimesHaveNanoseconds) {
  EXPECT_EQ(to_json(Instant{1'204'311'007}, about(RtoFired{240_ms, 2, 2920_B})),
            R"({"t":1.204311007,"event":"rto_fired","connection":1,"subflow":2,"rto":0.240000000,"in_a_row":2,)"
            R"("in_flight":2920})");
  EXPECT_EQ(to_json(Instant{5}, {{}, Note{"x", 1}}, 1_s), R"({"t":1.000000005,"event":"note","text":"x","number":1})");
  EXPECT_EQ(to_json(Instant{-5}, {{}, Note{"x", 1}}), R"({"t":-0.000000005,"event":"note","text":"x","number":1})");
}

TEST(Json, TextIsEscapedAndNothingIsNull) {
  EXPECT_EQ(to_json({}, {{}, Note{"a\"b\\c\nd", 0}}),
            R"({"t":0.000000000,"event":"note","text":"a\"b\\c\u000ad","number":0})");
  EXPECT_NE(to_json({}, {{}, SchedulerWaited{Instant::never(), "x"}}).find(R"("until":null)"), std::string::npos);
}

TEST(Json, AddressesAreTwoMembers) {
  const Addresses ends = addresses();
  const std::string json = to_json({}, about(SubflowOpened{ends, {3}, true, true}));
  EXPECT_NE(json.find(R"("local":"10.0.0.1:4000","remote":"[2001:db8::2]:80","interface":3,"we_opened":true)"),
            std::string::npos)
      << json;
}

TEST(Traces, WriteOneLineAnEvent) {
  MemorySink text_sink, json_sink;
  TextTrace text{text_sink};
  JsonLinesTrace json{json_sink};
  Tee tee;
  EXPECT_FALSE(tee.wants());
  tee.add(text);
  tee.add(json);
  EXPECT_TRUE(tee.wants());
  tee.on(Instant{}, about(Note{"one", 1}));
  tee.on(Instant{}, about(Note{"two", 2}));
  for (const MemorySink* sink : {&text_sink, &json_sink}) {
    const std::string all{sink->text()};
    EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 2);
    EXPECT_LT(all.find("one"), all.find("two"));
  }
}

TEST(Traces, AnEventIsNotEvenMadeWhenNobodyListens) {
  NoTrace none;
  int made = 0;
  const auto make = [&] {
    ++made;
    return Note{"x", 0};
  };
  emit(none, {}, {}, make);
  EXPECT_EQ(made, 0);
  MemorySink sink;
  TextTrace text{sink};
  emit(text, {}, {}, make);
  EXPECT_EQ(made, 1);
  EXPECT_FALSE(sink.text().empty());
}

TEST(Counters, EachHasANameOfItsOwnAndCounts) {
  Counters a, b;
  a.add(Count::timeouts);
  a.add(Count::bytes_in, 1000);
  b.add(Count::timeouts, 2);
  a += b;
  EXPECT_EQ(a[Count::timeouts], 3u);
  std::set<std::string_view> names;
  std::uint64_t sum = 0;
  a.for_each([&](std::string_view name, std::uint64_t value) {
    names.insert(name);
    sum += value;
  });
  EXPECT_EQ(names.size(), static_cast<std::size_t>(Count::count_));
  EXPECT_EQ(sum, 1003u);
  EXPECT_EQ(anabranch::name(Count::limits_reached), "limits_reached");
}
}  // namespace
}  // namespace anabranch::trace
