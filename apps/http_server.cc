#include "apps/http_server.hh"

#include "apps/http_failure.hh"
#include "apps/http_url.hh"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cstring>
#include <fmt/format.h>
#include <unistd.h>

namespace anabranch::apps {
namespace {

constexpr std::size_t kPiece = 256 * 1024;  // of a file at a time: a few super-segments, and it stays in the L2 cache

std::string_view reason_of(unsigned status) {
  switch (status) {
    case 200: return "OK";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 416: return "Range Not Satisfiable";
    case 431: return "Request Header Fields Too Large";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "Internal Server Error";
  }
}

/// RFC 9110 §13.1.2: any of the listed tags, compared weakly.
bool etag_matches(std::string_view list, std::string_view etag) {
  if (list == "*") { return true; }
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view one = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    while (one.starts_with(' ')) { one.remove_prefix(1); }
    while (one.ends_with(' ')) { one.remove_suffix(1); }
    if (one.starts_with("W/")) { one.remove_prefix(2); }
    if (one == etag) { return true; }
  }
  return false;
}

bool is_unchanged(const RequestHead& request, const FoundFile& file) {
  if (!request.if_none_match.empty()) { return etag_matches(request.if_none_match, file.etag); }
  const auto since = parse_http_date(request.if_modified_since);
  return since && file.modified <= *since;
}

}  // namespace

/// What goes back: the head's parts, then either `text` or a range of `file`.
struct FileServer::Answer {
  unsigned status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string fields;  ///< further header lines, each with its CRLF
  std::string text;
  OpenFile file;
  ByteRange range;  ///< of the file; length 0 without one
  bool keep_alive = true;

  static Answer plain(unsigned status) {
    Answer answer;
    answer.status = status;
    answer.text = fmt::format("{} {}\n", status, reason_of(status));
    // Framing can no longer be trusted after these.
    answer.keep_alive =
        status != 400 && status != 408 && status != 413 && status != 431 && status != 503 && status != 505;
    return answer;
  }
  bool has_file() const { return file.descriptor() >= 0; }
  std::uint64_t length() const { return has_file() ? range.length : text.size(); }
};

struct FileServer::Session {
  explicit Session(Transport& t)
      : transport(t),
        watchdog(t.executor(), [this] { transport.abort(); }),
        buffer(kPiece) {}

  Transport& transport;
  Watchdog watchdog;
  RequestReader reader;
  std::vector<char> buffer;  ///< requests come into it, pieces of files go out of it
  std::string pending;       ///< bytes behind the request being answered: pipelined requests
  unsigned requests = 0;
  Watchdog::Clock::time_point began;
};

FileServer::FileServer(const std::string& directory, ServerLimits limits, Log log)
    : tree_(directory),
      limits_(limits),
      log_(std::move(log)) {}

asio::awaitable<void> FileServer::serve(Listener& listener) {
  for (;;) {
    std::unique_ptr<Transport> transport = co_await listener.accept();
    if (!transport) { co_return; }
    const asio::any_io_executor executor = transport->executor();
    const bool full = open_.size() >= limits_.connections;
    asio::co_spawn(executor, full ? refuse(std::move(transport)) : converse(std::move(transport)), asio::detached);
  }
}

void FileServer::abort() {
  for (const auto& [number, transport] : open_) { transport->abort(); }
}

asio::awaitable<void> FileServer::refuse(std::unique_ptr<Transport> transport) {
  Watchdog limit(transport->executor(), [&transport] { transport->abort(); });
  limit.rearm(std::chrono::seconds{1});
  co_await write_all(*transport, "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
                     nullptr);
  co_await transport->finish();
}

asio::awaitable<void> FileServer::converse(std::unique_ptr<Transport> transport) {
  const auto entry = open_.emplace(next_number_++, transport.get()).first;
  struct Forget {
    FileServer& server;
    decltype(entry) at;
    ~Forget() { server.open_.erase(at); }
  } const forget{*this, entry};
  Session session(*transport);
  while (session.requests < limits_.requests_per_connection && co_await read_request(session)) {
    session.requests += 1;
    if (!co_await respond(session)) { break; }
    session.reader.reset();
  }
  session.watchdog.rearm(limits_.request);
  co_await transport->finish();
  // Unread bytes at close would turn into a reset that may overtake our last answer (RFC 9112 §9.6).
  for (std::size_t over = 0; over < RequestReader::kMaxBody * 4;) {
    const Moved moved = co_await transport->read_some(session.buffer);
    if (moved.bytes == 0) { break; }
    over += moved.bytes;
  }
}

/// False: the client is done, gone, or too slow.
asio::awaitable<bool> FileServer::read_request(Session& session) {
  RequestReader& reader = session.reader;
  session.watchdog.rearm(limits_.idle);
  bool begun = false;
  for (;;) {
    const std::size_t taken = reader.take(session.pending);
    session.pending.erase(0, taken);
    if (reader.is_complete() || reader.error_status()) { break; }
    if (taken != 0 && !session.pending.empty()) { continue; }
    if (!begun && (reader.has_begun() || !session.pending.empty())) {
      begun = true;
      session.watchdog.rearm(limits_.request);
      session.began = Watchdog::Clock::now();
    }
    const Moved moved = co_await session.transport.read_some(session.buffer);
    if (moved.bytes == 0) { co_return false; }
    session.pending.append(session.buffer.data(), moved.bytes);
  }
  if (!begun) { session.began = Watchdog::Clock::now(); }
  co_return true;
}

/// False: the connection is to be closed.
asio::awaitable<bool> FileServer::respond(Session& session) {
  const RequestHead& request = session.reader.head();
  const auto wrong = session.reader.error_status();
  const Answer answer = wrong ? Answer::plain(*wrong) : answer_to(request);
  const bool last = session.requests >= limits_.requests_per_connection;
  const bool keep_alive = answer.keep_alive && !last && !wrong && request.keep_alive;
  std::string head = fmt::format("HTTP/1.1 {} {}\r\nServer: anabranch\r\nDate: {}\r\nConnection: {}\r\n{}",
                                 answer.status, reason_of(answer.status), http_date(::time(nullptr)),
                                 keep_alive ? "keep-alive" : "close", answer.fields);
  if (answer.status != 304) {
    head += fmt::format("Content-Type: {}\r\nContent-Length: {}\r\n", answer.type, answer.length());
  }
  head += "\r\n";
  const bool with_body = !wrong && request.method == "HEAD" ? false : answer.status != 304;
  if (with_body) { head += answer.text; }

  session.watchdog.rearm(limits_.stall);
  const Progressed progressed = [&] { session.watchdog.rearm(limits_.stall); };
  const Moved sent = co_await write_all(session.transport, head, progressed);
  Moved body{with_body && !sent.error ? answer.text.size() : 0, sent.error};
  if (with_body && !sent.error && answer.has_file()) { body = co_await send_file(session, answer); }
  write_log(session, answer, body);
  co_return keep_alive && !body.error;
}

asio::awaitable<Moved> FileServer::send_file(Session& session, const Answer& answer) {
  Moved sum;
  const Progressed progressed = [&] { session.watchdog.rearm(limits_.stall); };
  while (sum.bytes < answer.range.length) {
    const std::size_t want = std::min<std::uint64_t>(kPiece, answer.range.length - sum.bytes);
    const auto at = static_cast<off_t>(answer.range.first + sum.bytes);
    const ssize_t n = ::pread(answer.file.descriptor(), session.buffer.data(), want, at);
    if (n <= 0) {
      // It shrank or cannot be read: the length that was announced cannot be kept, so the connection must not look whole.
      session.transport.abort();
      sum.error = asio::error::operation_aborted;
      co_return sum;
    }
    const std::string_view piece{session.buffer.data(), static_cast<std::size_t>(n)};
    const Moved step = co_await write_all(session.transport, piece, progressed);
    sum.bytes += step.bytes;
    sum.error = step.error;
    if (sum.error) { break; }
  }
  co_return sum;
}

FileServer::Answer FileServer::answer_to(const RequestHead& request) const {
  if (request.method != "GET" && request.method != "HEAD") {
    Answer answer = Answer::plain(405);
    answer.fields = "Allow: GET, HEAD\r\n";
    return answer;
  }
  if (request.version == 11 && !request.has_host) { return Answer::plain(400); }
  const auto decoded = decode_target(request.target);
  if (const unsigned* status = std::get_if<unsigned>(&decoded)) { return Answer::plain(*status); }
  const TargetPath& target = std::get<TargetPath>(decoded);
  auto opened = tree_.open(target.path);
  if (const unsigned* status = std::get_if<unsigned>(&opened)) { return Answer::plain(*status); }
  FoundFile found = std::get<FoundFile>(std::move(opened));
  if (!found.directory) {
    return target.directory ? Answer::plain(404) : answer_with_file(request, std::move(found), target.path);
  }
  if (!target.directory) {
    Answer answer = Answer::plain(301);
    // From the decoded path: what the client wrote does not go back into a header.
    answer.fields = fmt::format("Location: /{}/\r\n", percent_encode_path(target.path));
    return answer;
  }
  auto index = tree_.open(target.path.empty() ? "index.html" : target.path + "/index.html");
  if (FoundFile* page = std::get_if<FoundFile>(&index); page != nullptr && !page->directory) {
    return answer_with_file(request, std::move(*page), "index.html");
  }
  Answer answer;
  answer.type = "text/html; charset=utf-8";
  answer.text = FileTree::listing(found.file, target.path + (target.path.empty() ? "" : "/"));
  return answer;
}

FileServer::Answer FileServer::answer_with_file(const RequestHead& request, FoundFile found,
                                                std::string_view name) const {
  Answer answer;
  answer.fields =
      fmt::format("Accept-Ranges: bytes\r\nETag: {}\r\nLast-Modified: {}\r\n", found.etag, http_date(found.modified));
  if (is_unchanged(request, found)) {
    answer.status = 304;
    return answer;
  }
  // RFC 9110 §13.1.5: a range of another version of the file is worth nothing.
  const bool same =
      request.if_range.empty() || request.if_range == found.etag || parse_http_date(request.if_range) == found.modified;
  const bool ranged = !request.range.empty() && same && request.method == "GET";
  const RangeChoice choice = ranged ? choose_range(request.range, found.size) : RangeChoice{};
  if (choice.verdict == RangeVerdict::unsatisfiable) {
    Answer none = Answer::plain(416);
    none.fields = fmt::format("Content-Range: bytes */{}\r\n", found.size);
    return none;
  }
  answer.type = mime_type(name);
  answer.range = {0, found.size};
  if (choice.verdict == RangeVerdict::part) {
    answer.status = 206;
    answer.range = choice.range;
    answer.fields += fmt::format("Content-Range: bytes {}-{}/{}\r\n", choice.range.first,
                                 choice.range.first + choice.range.length - 1, found.size);
  }
  answer.file = std::move(found.file);
  return answer;
}

void FileServer::write_log(const Session& session, const Answer& answer, Moved body) const {
  if (!log_) { return; }
  AccessRecord record;
  record.link = session.transport.report();
  record.remote = record.link.paths.empty() ? "-" : record.link.paths.front().remote;
  record.method = session.reader.head().method;
  record.target = session.reader.head().target;
  record.status = answer.status;
  record.bytes = body.bytes;
  record.complete = !body.error;
  record.seconds = std::chrono::duration<double>(Watchdog::Clock::now() - session.began).count();
  log_(record);
}

namespace {
/// As a JSON string; in the plain log too, so that nothing a client sends can forge a line or reach a terminal.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}
}  // namespace

std::string access_line(const AccessRecord& r, std::string_view date, bool json) {
  if (json) {
    const std::string version = r.link.version ? fmt::format("{}", *r.link.version) : "null";
    return fmt::format(R"({{"time":"{}","remote":{},"method":{},"target":{},"status":{},"bytes":{},"complete":{},)"
                       R"("seconds":{:.6f},"protocol":"{}","version":{},"subflows":{}}})",
                       date, quoted(r.remote), quoted(r.method), quoted(r.target), r.status, r.bytes, r.complete,
                       r.seconds, r.link.protocol, version, r.link.paths.size());
  }
  return fmt::format("{} {} {} {} {}B{} {:.3f}s {} subflows={}", date, r.remote, quoted(r.method + ' ' + r.target),
                     r.status, r.bytes, r.complete ? "" : " (incomplete)", r.seconds, r.link.protocol_text(),
                     r.link.paths.size());
}

}  // namespace anabranch::apps
