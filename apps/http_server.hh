/// An HTTP/1.1 server of files, over any transport: GET, HEAD, one byte range, conditional requests, keep-alive.
///
/// One coroutine a connection; requests of a connection are answered in order. Knows no sockets: a `Listener` hands
/// connections over. Every limit has a number in `ServerLimits`. A client that is too slow, too big or wrong gets a
/// status where that is possible and is then cut off.
#pragma once
#include "apps/http_files.hh"
#include "apps/http_message.hh"
#include "apps/http_transport.hh"

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <set>

namespace anabranch::apps {

class Listener {
 public:
  virtual ~Listener() = default;
  /// Null: closed, no more will come. Throws Failure when listening ended by itself.
  virtual asio::awaitable<std::unique_ptr<Transport>> accept() = 0;
  virtual void close() = 0;
};

struct ServerLimits {
  std::size_t connections = 1024;                           ///< further ones get a 503
  std::chrono::seconds request = std::chrono::seconds{15};  ///< from the first byte of a request to its end
  std::chrono::seconds idle = std::chrono::seconds{60};     ///< between requests; nginx's is 75
  std::chrono::seconds stall = std::chrono::seconds{60};    ///< without room for one more byte of a response
  unsigned requests_per_connection = 10'000;
};

/// A request that was answered.
struct AccessRecord {
  std::string remote, method, target;
  unsigned status = 0;
  std::uint64_t bytes = 0;  ///< of the body, written
  bool complete = true;     ///< false: the client went away or stalled
  double seconds = 0;
  LinkReport link;
};

class FileServer {
 public:
  using Log = std::function<void(const AccessRecord&)>;
  FileServer(const std::string& directory, ServerLimits limits, Log log);

  /// Until the listener is closed; throws Failure when it fails. Connections go on by themselves.
  asio::awaitable<void> serve(Listener& listener);
  /// One connection, to its end.
  asio::awaitable<void> converse(std::unique_ptr<Transport> transport);
  /// Cuts off every connection.
  void abort();
  std::size_t connections() const { return open_.size(); }

 private:
  struct Answer;
  struct Session;
  asio::awaitable<bool> read_request(Session& session);
  asio::awaitable<bool> respond(Session& session);
  asio::awaitable<Moved> send_file(Session& session, const Answer& answer);
  asio::awaitable<void> refuse(std::unique_ptr<Transport> transport);
  Answer answer_to(const RequestHead& request) const;
  Answer answer_with_file(const RequestHead& request, FoundFile found, std::string_view name) const;
  void write_log(const Session& session, const Answer& answer, Moved body) const;

  const FileTree tree_;
  const ServerLimits limits_;
  const Log log_;
  std::set<std::pair<std::uint64_t, Transport*>> open_;  ///< numbered: a fixed order
  std::uint64_t next_number_ = 0;
};

/// The access log's line, without the line feed: for people, or one JSON object.
std::string access_line(const AccessRecord& record, std::string_view date, bool json);
}  // namespace anabranch::apps
