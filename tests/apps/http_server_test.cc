#include "tests/apps/loopback.hh"
#include "tests/apps/temporary.hh"

namespace anabranch::apps::loopback {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

/// site/ is served; secret.txt lies beside it.
class Server : public testing::Test {
 protected:
  Server() {
    fs::create_directories(site + "/sub/empty");
    write_file(site + "/a.txt", "0123456789");
    write_file(site + "/empty.bin", "");
    write_file(site + "/sub/index.html", "<p>index</p>");
    write_file(site + "/sub/odd <name>&.txt", "odd");
    write_file(directory.path + "/secret.txt", "secret");
    fs::create_directories(directory.path + "/site-2");
    write_file(directory.path + "/site-2/x", "secret");
    fs::create_symlink("a.txt", site + "/inside");
    fs::create_symlink("../secret.txt", site + "/outside");
    fs::create_symlink(directory.path + "/secret.txt", site + "/absolute");
    fs::create_directory_symlink("..", site + "/up");
  }
  std::string answer(const std::string& request) { return ask(site, request + ending); }

  TemporaryDirectory directory;
  std::string site = directory.path + "/site";
  std::string ending;
};

TEST_F(Server, SendsFilesWithTypeLengthAndDate) {
  const std::string reply = answer(get("/a.txt"));
  EXPECT_EQ(status_of(reply), 200u) << reply;
  EXPECT_EQ(body_of(reply), "0123456789");
  EXPECT_NE(reply.find("Content-Length: 10\r\n"), std::string::npos);
  EXPECT_NE(reply.find("Content-Type: text/plain; charset=utf-8\r\n"), std::string::npos);
  EXPECT_NE(reply.find("Last-Modified: "), std::string::npos);
}

TEST_F(Server, AnswersHeadWithoutABody) {
  const std::string reply = answer(get("/a.txt", "", "HEAD"));
  EXPECT_EQ(status_of(reply), 200u);
  EXPECT_NE(reply.find("Content-Length: 10\r\n"), std::string::npos);
  EXPECT_EQ(body_of(reply), "");
}

TEST_F(Server, SendsLargeFilesWhole) {
  std::string large;
  for (int i = 0; i < 400'000; ++i) { large += std::to_string(i * 7); }
  write_file(site + "/large", large);
  EXPECT_EQ(body_of(answer(get("/large"))), large);
}

TEST_F(Server, NeverLeavesItsDirectory) {
  const struct {
    const char* target;
    unsigned status;
  } kCases[] = {
      {"/../secret.txt", 403},
      {"/sub/../../secret.txt", 403},
      {"/%2e%2e/secret.txt", 403},
      {"/..%2fsecret.txt", 400},
      {"/sub/%2e./a.txt", 403},
      {"/outside", 403},
      {"/absolute", 403},
      {"/up/secret.txt", 403},
      {"/up/site-2/x", 403},
      {"//etc/passwd", 404},
      {"/%00", 400},
      {"/a.txt%00.html", 400},
      {"/%2fetc/passwd", 400},
      {"/%zz", 400},
      {"/%", 400},
      {"/a%0d%0aX:y", 400},
      {"*", 400},
      {"a.txt", 400},
      {"/a.txt#x", 400},
      {"/..", 403},
      {"/a.txt/..", 403},
      {"/a.txt/b", 404},
      {"/a.txt/", 404},
      {"/none", 404},
      {"/inside", 200},
      {"/./a.txt", 200},
      {"//a.txt", 200},
      {"/%61.txt?x=../..", 200},
      {"http://a/a.txt", 200},
      {"/...", 404},
  };
  for (const auto& c : kCases) {
    const std::string reply = answer(get(c.target));
    EXPECT_EQ(status_of(reply), c.status) << c.target << '\n' << reply;
    EXPECT_EQ(body_of(reply).find("secret"), std::string::npos) << c.target;
  }
}

TEST_F(Server, DoesNotWaitOnPipes) {
  ASSERT_EQ(::mkfifo((site + "/pipe").c_str(), 0600), 0);
  EXPECT_EQ(status_of(answer(get("/pipe"))), 403u);
}

TEST_F(Server, ShowsDirectoriesOrTheirIndex) {
  EXPECT_EQ(body_of(answer(get("/sub/"))), "<p>index</p>");
  EXPECT_NE(answer(get("/sub?x")).find("301 Moved Permanently\r\n"), std::string::npos);
  EXPECT_NE(answer(get("//sub")).find("Location: /sub/\r\n"), std::string::npos);  // never //host
  fs::remove(site + "/sub/index.html");
  const std::string listing = body_of(answer(get("/sub/")));
  EXPECT_NE(listing.find("<a href=\"./odd%20%3Cname%3E%26.txt\">odd &lt;name&gt;&amp;.txt</a>"), std::string::npos)
      << listing;
  EXPECT_NE(listing.find("empty/"), std::string::npos);
}

TEST_F(Server, SendsOneRange) {
  const struct {
    const char* range;
    unsigned status;
    const char* body;
  } kCases[] = {
      {"bytes=0-4", 206, "01234"},
      {"bytes=5-", 206, "56789"},
      {"bytes=-3", 206, "789"},
      {"bytes=9-9", 206, "9"},
      {"bytes=0-99999", 206, "0123456789"},
      {"bytes=-99", 206, "0123456789"},
      {"bytes=10-", 416, nullptr},
      {"bytes=-0", 416, nullptr},
      {"bytes=4-3", 200, "0123456789"},
      {"bytes=0-1,4-5", 200, "0123456789"},
      {"lines=0-1", 200, "0123456789"},
      {"bytes=a-b", 200, "0123456789"},
      {"bytes=-", 200, "0123456789"},
      {"bytes=99999999999999999999-", 200, "0123456789"},
  };
  for (const auto& c : kCases) {
    const std::string reply = answer(get("/a.txt", std::string{"Range: "} + c.range + "\r\n"));
    EXPECT_EQ(status_of(reply), c.status) << c.range;
    if (c.body != nullptr) { EXPECT_EQ(body_of(reply), c.body) << c.range; }
  }
  EXPECT_NE(answer(get("/a.txt", "Range: bytes=2-3\r\n")).find("Content-Range: bytes 2-3/10\r\n"), std::string::npos);
  EXPECT_NE(answer(get("/a.txt", "Range: bytes=10-\r\n")).find("Content-Range: bytes */10\r\n"), std::string::npos);
  EXPECT_EQ(status_of(answer(get("/empty.bin", "Range: bytes=0-\r\n"))), 416u);
}

std::string field_of(const std::string& reply, const std::string& name) {
  const std::size_t at = reply.find(name + ": ");
  return reply.substr(at + name.size() + 2, reply.find("\r\n", at) - at - name.size() - 2);
}

TEST_F(Server, SaysThatAFileHasNotChanged) {
  const std::string first = answer(get("/a.txt"));
  const std::string tag = field_of(first, "ETag"), date = field_of(first, "Last-Modified");
  EXPECT_EQ(status_of(answer(get("/a.txt", "If-None-Match: " + tag + "\r\n"))), 304u);
  EXPECT_EQ(status_of(answer(get("/a.txt", "If-None-Match: \"x\", W/" + tag + "\r\n"))), 304u);
  EXPECT_EQ(status_of(answer(get("/a.txt", "If-None-Match: \"x\"\r\nIf-Modified-Since: " + date + "\r\n"))), 200u);
  EXPECT_EQ(status_of(answer(get("/a.txt", "If-Modified-Since: " + date + "\r\n"))), 304u);
  EXPECT_EQ(status_of(answer(get("/a.txt", "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n"))), 200u);
  EXPECT_EQ(status_of(answer(get("/a.txt", "If-Modified-Since: yesterday\r\n"))), 200u);
  EXPECT_EQ(status_of(answer(get("/a.txt", "Range: bytes=0-1\r\nIf-Range: " + tag + "\r\n"))), 206u);
  EXPECT_EQ(status_of(answer(get("/a.txt", "Range: bytes=0-1\r\nIf-Range: \"old\"\r\n"))), 200u);
}

TEST_F(Server, RefusesWhatIsNoRequestForAFile) {
  const struct {
    std::string request;
    unsigned status;
  } kCases[] = {
      {get("/a.txt", "", "POST"), 405},
      {get("/a.txt", "", "DELETE"), 405},
      {"GET /a.txt HTTP/1.1\r\n\r\n", 400},
      {"GET /a.txt HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET /a.txt HTTP/3.0\r\n\r\n", 505},
      {"GET  /a.txt HTTP/1.1\r\n\r\n", 400},
      {"nonsense\r\n\r\n", 400},
      {get("/a.txt", "X: " + std::string(9000, 'x') + "\r\n"), 431},
      {"GET /" + std::string(9000, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", 431},
      {get("/a.txt", "Content-Length: 100000\r\n"), 413},
      {get("/a.txt", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"GET /a.txt HTTP/1.0\r\n\r\n", 200},
  };
  for (const auto& c : kCases) { EXPECT_EQ(status_of(answer(c.request)), c.status) << c.request.substr(0, 60); }
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) { ++n; }
  return n;
}

TEST_F(Server, AnswersPipelinedRequestsInOrderHoweverTheyAreCut) {
  const std::string three = get("/a.txt") + get("/sub/") + get("/none");
  for (const std::size_t piece : {1u, 7u, 1000u}) {
    const std::string reply = ask(site, three, {}, nullptr, piece);
    EXPECT_EQ(count(reply, "HTTP/1.1 "), 3u) << reply;
    EXPECT_LT(reply.find("0123456789"), reply.find("<p>index</p>"));
    EXPECT_LT(reply.find("<p>index</p>"), reply.find("404 Not Found"));
  }
}

TEST_F(Server, EndsTheConnectionWhenAskedTo) {
  EXPECT_EQ(count(answer(get("/a.txt", "Connection: close\r\n") + get("/a.txt")), "HTTP/1.1 "), 1u);
  EXPECT_EQ(count(answer("GET /a.txt HTTP/1.0\r\n\r\n" + get("/a.txt")), "HTTP/1.1 "), 1u);
  EXPECT_EQ(
      count(ask(site, get("/a.txt") + get("/a.txt") + get("/a.txt"), {.requests_per_connection = 2}), "HTTP/1.1 "), 2u);
}

TEST_F(Server, TurnsFurtherConnectionsAwayAtItsLimit) {
  EXPECT_EQ(status_of(ask(site, get("/a.txt"), {.connections = 0})), 503u);
}

TEST_F(Server, CutsOffClientsThatDoNotFinishARequest) {
  FileServer server(site, {.request = 1s, .idle = 1s}, {});
  asio::io_context io;
  KernelListener listener(io);
  asio::co_spawn(io, server.serve(listener), asio::detached);
  tcp::socket socket(io);
  socket.connect({asio::ip::address_v4::loopback(), listener.port()});
  asio::write(socket, asio::buffer(std::string{"GET /a.txt HT"}));
  char buffer[10];
  bool ended = false;
  socket.async_read_some(asio::buffer(buffer), [&](error_code error, std::size_t) {
    ended = error == asio::error::eof || error == asio::error::connection_reset;
    listener.close();
  });
  io.run_for(20s);
  EXPECT_TRUE(ended);
  EXPECT_EQ(server.connections(), 0u);
}

TEST_F(Server, LogsEachRequest) {
  std::vector<AccessRecord> log;
  ask(site, get("/a.txt") + get("/no\"ne"), {}, &log);
  ASSERT_EQ(log.size(), 2u);
  EXPECT_EQ(log[0].status, 200u);
  EXPECT_EQ(log[0].bytes, 10u);
  EXPECT_EQ(log[0].link.paths.size(), 1u);
  EXPECT_EQ(log[1].status, 404u);
}

TEST(AccessLine, CannotBeForgedByAClient) {
  AccessRecord record;
  record.remote = "10.0.0.1:5";
  record.method = "GET";
  record.target = "/\"\x1b\xff\\";
  record.status = 200;
  record.link.protocol = "mptcp";
  record.link.version = 0;
  record.link.paths.resize(2);
  EXPECT_EQ(access_line(record, "T", false),
            "T 10.0.0.1:5 \"GET /\\\"\\u001b\\u00ff\\\\\" 200 0B 0.000s mptcp v0 subflows=2");
  EXPECT_EQ(access_line(record, "T", true),
            R"({"time":"T","remote":"10.0.0.1:5","method":"GET","target":"/\"\u001b\u00ff\\","status":200,"bytes":0,)"
            R"("complete":true,"seconds":0.000000,"protocol":"mptcp","version":0,"subflows":2})");
}

TEST(FileServer, RefusesToServeWhatIsNoDirectory) {
  try {
    FileServer server("/nowhere/at/all", {}, {});
    FAIL();
  } catch (const Failure& failure) { EXPECT_EQ(failure.exit(), Exit::file); }
}

TEST(HttpDate, ReadsWhatItWrites) {
  EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
  EXPECT_FALSE(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT and more"));
}

}  // namespace
}  // namespace anabranch::apps::loopback
