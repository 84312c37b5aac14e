#include "tests/apps/loopback.hh"

namespace anabranch::apps::loopback {
namespace {

using namespace std::chrono_literals;

std::string ok(const std::string& fields, const std::string& body) {
  return "HTTP/1.1 200 OK\r\n" + fields + "\r\n" + body;
}

TEST(Fetch, GetsABodyWithItsLengthInWhateverPiecesItComes) {
  std::string body;
  for (int i = 0; i < 50'000; ++i) { body += std::to_string(i); }
  for (const std::size_t piece : {std::size_t{997}, std::size_t{65536}, std::size_t{1} << 20}) {
    const Outcome out = fetch_from({ok("Content-Length: " + std::to_string(body.size()) + "\r\n", body)}, {}, piece);
    EXPECT_FALSE(out.exit) << out.line;
    EXPECT_EQ(out.sink.body, body);
    EXPECT_EQ(out.state.bytes, body.size());
    EXPECT_EQ(out.state.status, 200u);
  }
}

TEST(Fetch, AsksForTheTargetOfTheHostAndForNoCoding) {
  asio::io_context io;
  ScriptedServer server(io, {ok("Content-Length: 1\r\n", "x")});
  KernelDialer dialer(io);
  fetch(io, dialer, server.url("/a?b"), {}, [&] { server.stop(); });
  ASSERT_EQ(server.requests.size(), 1u);
  EXPECT_TRUE(server.requests[0].starts_with("GET /a?b HTTP/1.1\r\nHost: 127.0.0.1:")) << server.requests[0];
  EXPECT_NE(server.requests[0].find("Accept-Encoding: identity\r\n"), std::string::npos);
}

TEST(Fetch, TakesChunksBodiesUntilTheEndAndInterimResponses) {
  const struct {
    const char *reply, *body;
  } kCases[] = {
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n1;x=y\r\ne\r\n0\r\nT: t\r\n\r\n", "abcde"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ""},
      {"HTTP/1.0 200 OK\r\n\r\nall that comes", "all that comes"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""},
      {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
       "1\r\n\r\nz",
       "z"},
      {"HTTP/1.1 204 No Content\r\n\r\n", ""},
  };
  for (const auto& c : kCases) {
    for (const std::size_t piece : {1u, 1000u}) {
      const Outcome out = fetch_from({c.reply}, {}, piece);
      EXPECT_FALSE(out.exit) << c.reply << out.line;
      EXPECT_EQ(out.sink.body, c.body) << c.reply;
    }
  }
}

TEST(Fetch, RefusesResponsesThatAreNotWholeOrContradictThemselves) {
  const struct {
    std::string reply;
    const char* says;
  } kCases[] = {
      {"", "without an answer"},
      {"HTTP/1.1 200 OK\r\nContent-Le", "truncated"},
      {ok("Content-Length: 10\r\n", "12345"), "truncated: the connection ended after 5 of 10 bytes"},
      {ok("Content-Length: 5\r\n", "1234567"), "more than the 5 bytes"},
      {ok("Content-Length: 5\r\nContent-Length: 6\r\n", "12345"), "does not speak HTTP"},
      {ok("Content-Length: -1\r\n", ""), "does not speak HTTP"},
      {ok("Content-Length: 99999999999999999999999\r\n", ""), "does not speak HTTP"},
      {ok("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), "does not speak HTTP"},
      {ok("Transfer-Encoding: chunked\r\n", "4\r\nabcd\r\n"), "truncated: the connection ended after 4 bytes"},
      {ok("Transfer-Encoding: chunked\r\n", "zz\r\nabcd\r\n0\r\n\r\n"), "malformed after 0 body bytes"},
      {ok("Transfer-Encoding: chunked\r\n", "2\r\nabcd\r\n0\r\n\r\n"), "malformed after 2 body bytes"},
      {ok("Transfer-Encoding: chunked\r\n", "fffffffffffffffffff\r\na"), "malformed"},
      {ok("Transfer-Encoding: chunked\r\n", "0\r\n\r\nmore"), "more than the 0 bytes"},
      {ok("Transfer-Encoding: chunked\r\n", "1;" + std::string(300'000, 'x')), "line without end"},
      {"SSH-2.0-OpenSSH_9.2\r\n", "does not speak HTTP"},
      {"HTTP/2 200\r\n\r\n", "does not speak HTTP"},
      {"HTTP/1.1 200 OK\r\n" + std::string(70'000, 'a') + ": b\r\n\r\n", "larger than 64 KiB"},
      {"HTTP/1.1 206 Partial Content\r\nContent-Length: 1\r\n\r\nx", "206"},
  };
  for (const auto& c : kCases) {
    const Outcome out = fetch_from({c.reply});
    EXPECT_EQ(out.exit, Exit::http) << c.says << "; " << out.line;
    EXPECT_NE(out.line.find(c.says), std::string::npos) << out.line << " instead of " << c.says;
  }
}

TEST(Fetch, CountsTheHeadOverAllItsFields) {
  std::string many = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 5000; ++i) { many += "Field-" + std::to_string(i) + ": " + std::string(50, 'x') + "\r\n"; }
  const Outcome out = fetch_from({many + "\r\n"}, {}, 1000);
  EXPECT_EQ(out.exit, Exit::http);
  EXPECT_NE(out.line.find("larger than 64 KiB"), std::string::npos) << out.line;
}

TEST(Fetch, SaysWhichStatusTheServerAnswers) {
  const struct {
    const char *line, *says;
  } kCases[] = {{"404 Not Found", "404 Not Found"},
                {"503 Busy", "try again later"},
                {"403 No", "refuses you"},
                {"302 Found", "302 Found"},
                {"418 \xff[31m", "418 ?[31m"}};
  for (const auto& c : kCases) {
    const Outcome out = fetch_from({std::string{"HTTP/1.1 "} + c.line + "\r\nContent-Length: 2\r\n\r\nno"});
    EXPECT_EQ(out.exit, Exit::http);
    EXPECT_NE(out.line.find(c.says), std::string::npos) << out.line;
    EXPECT_FALSE(out.sink.begun);
  }
}

std::string redirect(const std::string& where) {
  return "HTTP/1.1 302 Found\r\nLocation: " + where + "\r\nContent-Length: 3\r\n\r\nsee";
}

TEST(Fetch, FollowsRedirectsAndRemembersWhereItEndedUp) {
  const Outcome out = fetch_from({redirect("/other?x"), redirect("deeper/file"), ok("Content-Length: 2\r\n", "hi")});
  EXPECT_FALSE(out.exit) << out.line;
  EXPECT_EQ(out.sink.body, "hi");
  EXPECT_EQ(out.state.url.target, "/deeper/file");
}

TEST(Fetch, StopsAfterTenRedirects) {
  const Outcome out = fetch_from({redirect("/again")});
  EXPECT_EQ(out.exit, Exit::http);
  EXPECT_NE(out.line.find("more than 10 redirects"), std::string::npos) << out.line;
  std::vector<std::string> ten(10, redirect("/again"));
  ten.push_back(ok("Content-Length: 1\r\n", "x"));
  EXPECT_FALSE(fetch_from(ten).exit);
}

TEST(Fetch, DoesNotFollowARedirectToSomethingElse) {
  const Outcome out = fetch_from({redirect("ftp://h/x")});
  EXPECT_EQ(out.exit, Exit::http);
  EXPECT_NE(out.line.find("'ftp' is not supported"), std::string::npos) << out.line;
}

TEST(Fetch, TellsAResetFromAnEnd) {
  const Outcome out = fetch_from({ok("Content-Length: 10\r\n", "12345")}, {}, 1 << 20,
                                 [](ScriptedServer& server) { server.reset_at_end = true; });
  EXPECT_TRUE(out.exit == Exit::network || out.exit == Exit::http) << out.line;  // a reset may overtake the bytes
}

TEST(Fetch, GivesUpOnAServerThatFallsSilent) {
  const FetchOptions options{.stall_timeout = 50ms};
  const Outcome out = fetch_from({ok("Content-Length: 10\r\n", "12345")}, options, 1 << 20,
                                 [](ScriptedServer& server) { server.never_ends = true; });
  EXPECT_EQ(out.exit, Exit::network);
  EXPECT_NE(out.line.find("nothing arrived for 0.05 s after 5 B"), std::string::npos) << out.line;
}

TEST(Fetch, EndsAtItsTimeLimit) {
  const FetchOptions options{.max_time = 50ms};
  const Outcome out = fetch_from({ok("Content-Length: 10\r\n", "12345")}, options, 1 << 20,
                                 [](ScriptedServer& server) { server.never_ends = true; });
  EXPECT_EQ(out.exit, Exit::network);
  EXPECT_NE(out.line.find("--max-time"), std::string::npos) << out.line;
}

TEST(Fetch, IsCompleteThoughTheServerKeepsTheConnectionOpen) {
  const Outcome out = fetch_from({ok("Content-Length: 5\r\n", "12345")}, {}, 1 << 20,
                                 [](ScriptedServer& server) { server.never_ends = true; });
  EXPECT_FALSE(out.exit) << out.line;
  EXPECT_EQ(out.sink.body, "12345");
}

TEST(Fetch, SaysThatNobodyListens) {
  asio::io_context io;
  std::uint16_t port = 0;
  { port = tcp::acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)).local_endpoint().port(); }
  KernelDialer dialer(io);
  const Outcome out = fetch(io, dialer, "http://127.0.0.1:" + std::to_string(port), {}, [] {});
  EXPECT_EQ(out.exit, Exit::network);
  EXPECT_NE(out.line.find("connection refused: is a server listening"), std::string::npos) << out.line;
}

TEST(Fetch, SaysThatAHostIsUnknown) {
  asio::io_context io;
  KernelDialer dialer(io);
  // RFC 6761: never resolves. Without any DNS the words differ, the exit does not.
  const Outcome out = fetch(io, dialer, "http://nowhere.invalid/", {.connect_timeout = 10s}, [] {});
  EXPECT_EQ(out.exit, Exit::network);
  EXPECT_NE(out.line.find("nowhere.invalid"), std::string::npos) << out.line;
  EXPECT_TRUE(dialer.dialed.empty());
}

TEST(Fetch, TriesTheNextAddressOfAName) {
  asio::io_context io;
  ScriptedServer server(io, {ok("Content-Length: 2\r\n", "hi")});  // on 127.0.0.1 only
  KernelDialer dialer(io);
  const std::string port = parse_url(server.url()).port == 0 ? "" : std::to_string(parse_url(server.url()).port);
  const Outcome out = fetch(io, dialer, "http://localhost:" + port + "/", {}, [&] { server.stop(); });
  EXPECT_FALSE(out.exit) << out.line;
  EXPECT_EQ(dialer.dialed.back(), "127.0.0.1:" + port);
}

TEST(Fetch, KeepsToTheFamilyAskedFor) {
  asio::io_context io;
  KernelDialer dialer(io);
  const Outcome out = fetch(io, dialer, "http://127.0.0.1:1/", {.family = Family::v6}, [] {});
  EXPECT_EQ(out.exit, Exit::usage);
  EXPECT_TRUE(dialer.dialed.empty());
}

TEST(HumanBytes, AreShort) {
  EXPECT_EQ(human_bytes(999), "999 B");
  EXPECT_EQ(human_bytes(1000), "1.0 kB");
  EXPECT_EQ(human_bytes(999'960), "1.0 MB");
  EXPECT_EQ(human_bytes(12'345'678'901), "12.3 GB");
}

}  // namespace
}  // namespace anabranch::apps::loopback
