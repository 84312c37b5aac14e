#include "apps/http_failure.hh"
#include "apps/http_url.hh"

#include <gtest/gtest.h>

namespace anabranch::apps {
namespace {

TEST(Url, ReadsSchemeHostPortAndTarget) {
  const struct {
    const char *text, *host;
    unsigned port;
    const char* target;
    bool tls;
  } kCases[] = {
      {"http://example.org", "example.org", 80, "/", false},
      {"https://Example.ORG/a/b?c=d#e", "example.org", 443, "/a/b?c=d", true},
      {"http://[2001:DB8::1]:8080/x", "2001:db8::1", 8080, "/x", false},
      {"http://10.0.0.1:81?q", "10.0.0.1", 81, "/?q", false},
      {"example.org:8080/x", "example.org", 8080, "/x", false},
      {"http://h/a b\r\nX: y", "h", 80, "/a%20b%0D%0AX:%20y", false},
      {"http://h:/x", "h", 80, "/x", false},
  };
  for (const auto& c : kCases) {
    const Url url = parse_url(c.text);
    EXPECT_EQ(url.host, c.host) << c.text;
    EXPECT_EQ(url.port, c.port) << c.text;
    EXPECT_EQ(url.target, c.target) << c.text;
    EXPECT_EQ(url.tls, c.tls) << c.text;
  }
}

TEST(Url, RefusesWhatCannotBeFetchedAsAMatterOfUsage) {
  for (const char* text : {"", "http://", "http:///x", "ftp://h/x", "http://u:p@h/", "http://h:0/", "http://h:65536/",
                           "http://h:8o/", "http://[::1/", "http://[::1]x/", "http://a b/", "http://h\r\n/"}) {
    try {
      parse_url(text);
      ADD_FAILURE() << text << " was taken";
    } catch (const Failure& failure) { EXPECT_EQ(failure.exit(), Exit::usage) << text; }
  }
}

TEST(Url, ResolvesReferencesAsRfc3986Does) {
  const Url base = parse_url("http://a/b/c/d?q");
  const struct {
    const char *reference, *result;
  } kCases[] = {
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},
      {"//g", "http://g/"},
      {"?y", "http://a/b/c/d?y"},
      {"g?y", "http://a/b/c/g?y"},
      {"g#s", "http://a/b/c/g"},
      {"", "http://a/b/c/d"},
      {".", "http://a/b/c/"},
      {"..", "http://a/b/"},
      {"../g", "http://a/b/g"},
      {"../..", "http://a/"},
      {"../../../g", "http://a/g"},
      {"/./g", "http://a/g"},
      {"/../g", "http://a/g"},
      {"g;x=1/../y", "http://a/b/c/y"},
      {"https://z:444/", "https://z:444/"},
      {"g?y/../x", "http://a/b/c/g?y/../x"},
  };
  for (const auto& c : kCases) { EXPECT_EQ(to_text(resolve_reference(base, c.reference)), c.result) << c.reference; }
}

TEST(Url, KeepsTheDecodedNameOnlyWhereItIsAPlainFileName) {
  const struct {
    const char *url, *name;
  } kCases[] = {
      {"http://h/a/big.iso?x=1", "big.iso"}, {"http://h/", "index.html"},      {"http://h/a/", "index.html"},
      {"http://h/%61.txt", "a.txt"},         {"http://h/a%2Fb", "index.html"}, {"http://h/..", "index.html"},
      {"http://h/%2e%2e", "index.html"},     {"http://h/x%00y", "index.html"}, {"http://h/x%0ay", "index.html"},
      {"http://h/%zz", "index.html"},        {"http://h/a%20b", "a b"},
  };
  for (const auto& c : kCases) { EXPECT_EQ(file_name(parse_url(c.url)), c.name) << c.url; }
}

TEST(PercentDecoding, IsStrict) {
  std::string out;
  EXPECT_TRUE(percent_decode("%41%2fz", out));
  EXPECT_EQ(out, "A/z");
  for (const char* text : {"%", "%4", "%4g", "%-1", "a%"}) { EXPECT_FALSE(percent_decode(text, out)) << text; }
}

}  // namespace
}  // namespace anabranch::apps
