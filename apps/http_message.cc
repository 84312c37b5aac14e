#include "apps/http_message.hh"

#include "apps/http_failure.hh"

#include <boost/beast/http/basic_parser.hpp>
#include <fmt/format.h>

namespace anabranch::apps {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using beast::error_code;
using beast::string_view;

std::string text(string_view view) { return {view.data(), view.size()}; }

/// Where a head ended up bigger than allowed, whatever the parser thinks of it.
bool too_big(const error_code& error) { return error == http::error::header_limit; }

/// The callbacks that neither side needs.
template <bool is_request>
class Quiet : public http::basic_parser<is_request> {
 protected:
  void on_request_impl(http::verb, string_view, string_view, int, error_code&) override {}
  void on_response_impl(int, string_view, int, error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  void on_finish_impl(error_code&) override {}
};

class ResponseParser final : public Quiet<false> {
 public:
  ResponseHead head;
  const ResponseReader::Body* body = nullptr;
  std::uint64_t body_bytes = 0;

 private:
  void on_response_impl(int code, string_view reason, int, error_code&) override {
    head.status = static_cast<unsigned>(code);
    head.reason = text(reason);
  }
  void on_field_impl(http::field field, string_view, string_view value, error_code&) override {
    if (complete_) { return; }  // a trailer: nothing in it is for us
    if (field == http::field::location) { head.location = text(value); }
    if (field == http::field::server) { head.server = text(value); }
  }
  void on_header_impl(error_code&) override {
    complete_ = true;
    head.chunked = chunked();
    if (const auto length = content_length(); length && !head.chunked) { head.content_length = *length; }
  }
  std::size_t on_body_impl(string_view piece, error_code&) override {
    body_bytes += piece.size();
    (*body)({piece.data(), piece.size()});
    return piece.size();
  }
  std::size_t on_chunk_body_impl(std::uint64_t, string_view piece, error_code& error) override {
    return on_body_impl(piece, error);
  }

  bool complete_ = false;
};

class RequestParser final : public Quiet<true> {
 public:
  RequestHead head;

 private:
  void on_request_impl(http::verb, string_view method, string_view target, int version, error_code&) override {
    head.method = text(method);
    head.target = text(target);
    head.version = static_cast<unsigned>(version);
  }
  void on_field_impl(http::field field, string_view, string_view value, error_code&) override {
    if (complete_) { return; }
    switch (field) {
      case http::field::host:
        hosts_ += 1;
        head.host = text(value);
        break;
      case http::field::range: head.range = text(value); break;
      case http::field::if_range: head.if_range = text(value); break;
      case http::field::if_none_match: head.if_none_match = text(value); break;
      case http::field::if_modified_since: head.if_modified_since = text(value); break;
      default: break;
    }
  }
  void on_header_impl(error_code&) override {
    complete_ = true;
    head.has_host = hosts_ == 1;
    head.keep_alive = keep_alive();
  }
  std::size_t on_body_impl(string_view piece, error_code&) override { return piece.size(); }
  std::size_t on_chunk_body_impl(std::uint64_t, string_view piece, error_code&) override { return piece.size(); }

  bool complete_ = false;
  unsigned hosts_ = 0;
};

[[noreturn]] void fail_response(const error_code& error, const ResponseParser& parser) {
  if (too_big(error)) {
    throw Failure(Exit::http, fmt::format("the server's response head is larger than {} KiB: not taken",
                                          ResponseReader::kMaxHead / 1024));
  }
  if (!parser.is_header_done()) {
    throw Failure(Exit::http, fmt::format("what answers there does not speak HTTP/1.x properly ({}): check the "
                                          "address, the port and http against https",
                                          error.message()));
  }
  throw Failure(Exit::http, fmt::format("the server's response is malformed after {} body bytes ({}): nothing was kept",
                                        parser.body_bytes, error.message()));
}

}  // namespace

struct ResponseReader::Parts {
  std::unique_ptr<ResponseParser> parser = fresh();
  std::size_t head_bytes = 0;
  unsigned interim = 0;

  static std::unique_ptr<ResponseParser> fresh() {
    auto made = std::make_unique<ResponseParser>();
    made->header_limit(kMaxHead);
    made->body_limit(boost::none);
    return made;
  }
};

ResponseReader::ResponseReader() : parts_(std::make_unique<Parts>()) {}
ResponseReader::~ResponseReader() = default;

std::size_t ResponseReader::take(std::string_view bytes, const Body& body) {
  ResponseParser& parser = *parts_->parser;
  if (bytes.empty() || parser.is_done()) { return 0; }
  const bool in_head = !parser.is_header_done();
  parser.body = &body;
  parser.eager(!in_head);  // stop where the head ends
  error_code error;
  const std::size_t taken = parser.put({bytes.data(), bytes.size()}, error);
  parser.body = nullptr;
  if (in_head) {
    parts_->head_bytes += taken;
    if (parts_->head_bytes > kMaxHead) { error = http::error::header_limit; }
  }
  if (error && error != http::error::need_more) { fail_response(error, parser); }
  // RFC 9110 §15.2: any number of interim responses may come first; ten are plenty.
  if (in_head && parser.is_header_done() && parser.head.status / 100 == 1) {
    parts_->interim += 1;
    if (parser.head.status == 101 || parts_->interim > 10) {
      throw Failure(Exit::http, "the server sends interim responses without end instead of the file");
    }
    parts_->parser = Parts::fresh();
  }
  return taken;
}

void ResponseReader::end_of_input() {
  ResponseParser& parser = *parts_->parser;
  if (parser.is_done()) { return; }
  if (!parser.got_some()) { throw Failure(Exit::http, "the server closed the connection without an answer"); }
  if (!parser.is_header_done()) {
    throw Failure(Exit::http, "the connection ended inside the response head: truncated");
  }
  error_code error;
  parser.put_eof(error);
  if (!error) { return; }
  if (parser.head.content_length) {
    throw Failure(Exit::http, fmt::format("truncated: the connection ended after {} of {} bytes: nothing was kept, try "
                                          "again",
                                          parser.body_bytes, *parser.head.content_length));
  }
  throw Failure(Exit::http,
                fmt::format("truncated: the connection ended after {} bytes, before the last chunk: nothing "
                            "was kept, try again",
                            parser.body_bytes));
}

bool ResponseReader::head_is_complete() const { return parts_->parser->is_header_done(); }
bool ResponseReader::is_complete() const { return parts_->parser->is_done(); }
const ResponseHead& ResponseReader::head() const { return parts_->parser->head; }
std::uint64_t ResponseReader::body_bytes() const { return parts_->parser->body_bytes; }

struct RequestReader::Parts {
  std::unique_ptr<RequestParser> parser;
  std::size_t head_bytes = 0;
  std::optional<unsigned> error_status;

  Parts() : parser(std::make_unique<RequestParser>()) {
    parser->header_limit(kMaxHead);
    parser->body_limit(kMaxBody);
    parser->eager(true);
  }
};

RequestReader::RequestReader() : parts_(std::make_unique<Parts>()) {}
RequestReader::~RequestReader() = default;
void RequestReader::reset() { parts_ = std::make_unique<Parts>(); }

std::size_t RequestReader::take(std::string_view bytes) {
  RequestParser& parser = *parts_->parser;
  if (bytes.empty() || parser.is_done() || parts_->error_status) { return 0; }
  const bool in_head = !parser.is_header_done();
  error_code error;
  const std::size_t taken = parser.put({bytes.data(), bytes.size()}, error);
  if (in_head) { parts_->head_bytes += taken; }
  if (in_head && !parser.is_header_done() && parts_->head_bytes > kMaxHead) { error = http::error::header_limit; }
  if (too_big(error)) {
    parts_->error_status = 431;
  } else if (error == http::error::body_limit) {
    parts_->error_status = 413;
  } else if (error == http::error::bad_version) {
    parts_->error_status = 505;
  } else if (error && error != http::error::need_more) {
    parts_->error_status = 400;
  }
  return taken;
}

bool RequestReader::is_complete() const { return parts_->parser->is_done(); }
bool RequestReader::has_begun() const { return parts_->parser->got_some(); }
std::optional<unsigned> RequestReader::error_status() const { return parts_->error_status; }
const RequestHead& RequestReader::head() const { return parts_->parser->head; }

}  // namespace anabranch::apps
