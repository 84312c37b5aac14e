// Every (phase, segment) pair as a table: what it leads to and what leaves. A change shows up in review.
#include "solo.hh"
#include "support/paths.hh"

#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

namespace anabranch::tcp {
namespace {

struct Start {
  const char* name;
  void (*prepare)(Solo&);
};
const Start kStarts[] = {
    {"CLOSED", [](Solo&) {}},
    {"SYN-SENT", [](Solo& s) { s.endpoint->connect({Solo::kOurs}, s.now); }},
    {"SYN-RECEIVED", [](Solo& s) { s.endpoint->accept(s.syn(), {Solo::kOurs}, s.now); }},
    {"ESTABLISHED",
     [](Solo& s) {
       s.endpoint->accept(s.syn(), {Solo::kOurs}, s.now);
       s.take();
       s.give(s.segment(1, 1));
     }},
    {"FIN-WAIT-1",
     [](Solo& s) {
       kStarts[3].prepare(s);
       s.endpoint->finish();
     }},
    {"FIN-WAIT-2",
     [](Solo& s) {
       kStarts[4].prepare(s);
       s.take();
       s.give(s.segment(1, 2));
     }},
    {"CLOSE-WAIT",
     [](Solo& s) {
       kStarts[3].prepare(s);
       Segment fin = s.segment(1, 1);
       fin.flags.fin = true;
       s.give(fin);
     }},
    {"CLOSING",
     [](Solo& s) {
       kStarts[4].prepare(s);
       s.take();
       Segment fin = s.segment(1, 1);
       fin.flags.fin = true;
       s.give(fin);
     }},
    {"LAST-ACK",
     [](Solo& s) {
       kStarts[6].prepare(s);
       s.take();
       s.endpoint->finish();
     }},
    {"TIME-WAIT",
     [](Solo& s) {
       kStarts[7].prepare(s);
       s.take();
       s.give(s.segment(2, 2));
     }},
};

struct Sent {
  const char* name;
  Segment (*make)(Solo&);
};
/// `exact`: at RCV.NXT, acknowledging everything that left.
Segment exact(Solo& s, std::size_t payload = 0) {
  return s.segment(s.endpoint->phase() == Phase::syn_sent ? 0 : s.endpoint->received().n,
                   s.endpoint->phase() == Phase::idle ? 1 : s.endpoint->sent_up_to().n, payload);
}
const Sent kSegments[] = {
    {"syn", [](Solo& s) { return s.syn(); }},
    {"syn+ack",
     [](Solo& s) {
       Segment g = exact(s);
       g.seq = {Solo::kTheirs};
       g.flags.syn = true;
       return g;
     }},
    {"ack", [](Solo& s) { return exact(s); }},
    {"ack of unsent",
     [](Solo& s) {
       Segment g = exact(s);
       g.ack.raw += 9;
       return g;
     }},
    {"data", [](Solo& s) { return exact(s, 100); }},
    {"data ahead",
     [](Solo& s) {
       Segment g = exact(s, 100);
       g.seq.raw += 100;
       return g;
     }},
    {"old data",
     [](Solo& s) {
       Segment g = exact(s, 100);
       g.seq.raw -= 100;
       return g;
     }},
    {"fin",
     [](Solo& s) {
       Segment g = exact(s);
       g.flags.fin = true;
       return g;
     }},
    {"rst",
     [](Solo& s) {
       Segment g = exact(s);
       g.flags.rst = true;
       return g;
     }},
    {"rst off",
     [](Solo& s) {
       Segment g = exact(s);
       g.flags = {.rst = true};
       g.seq.raw += 7;
       return g;
     }},
    {"no flags",
     [](Solo& s) {
       Segment g = exact(s);
       g.flags = {};
       return g;
     }},
};

std::string flags(const Segment& s) {
  std::string out;
  if (s.flags.syn) { out += 'S'; }
  if (s.flags.fin) { out += 'F'; }
  if (s.flags.rst) { out += 'R'; }
  if (s.flags.ack) { out += '.'; }
  return fmt::format("{} {}", out, Solo::at(s));
}

std::string row(const Start& start, const Sent& sent) {
  Solo solo;
  start.prepare(solo);
  solo.take();
  solo.poll_events();
  solo.events.clear();
  EXPECT_STREQ(start.name, std::string(solo.endpoint->state_name()).c_str());
  const Verdict verdict = solo.give(sent.make(solo));
  const Drop* drop = std::get_if<Drop>(&verdict);
  std::string left, events;
  for (const Segment& s : solo.take()) { left += (left.empty() ? "" : ", ") + flags(s); }
  solo.poll_events();
  for (const auto e : solo.events) { events += fmt::format(" {}", name(e)); }
  return fmt::format("{:<13}{:<15}{:<13}{:<20}{:<10}{}", start.name, sent.name, solo.endpoint->state_name(),
                     drop ? name(*drop) : "taken", left.empty() ? "-" : left, events);
}

TEST(Steps, AreThoseOfTheReviewedTable) {
  std::string table;
  for (const Start& start : kStarts) {
    for (const Sent& sent : kSegments) {
      std::string line = row(start, sent);
      line.erase(line.find_last_not_of(' ') + 1);
      table += line + "\n";
    }
    table += "\n";
  }
  const std::string path = support::tests_folder() + "/tcp/steps.golden";
  if (std::getenv("ANABRANCH_UPDATE_GOLDEN") != nullptr) { std::ofstream{path} << table; }
  std::ostringstream golden;
  golden << std::ifstream{path}.rdbuf();
  EXPECT_EQ(golden.str(), table) << "if the change is wanted: ANABRANCH_UPDATE_GOLDEN=1, and review the difference";
}
}  // namespace
}  // namespace anabranch::tcp
