/// HTTP/1.1 messages read from bytes as they come (RFC 9112): responses for the client, requests for the server.
///
/// Sans-I/O: bytes in, head and body out; the caller reads from the network and keeps what was not taken yet. A body
/// is handed on from the caller's own buffer, not copied. Everything that a peer may get wrong ends in a Failure
/// (responses) or in the status to answer with (requests). Does not decode content codings.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace anabranch::apps {

struct ResponseHead {
  unsigned status = 0;
  std::string reason;
  std::optional<std::uint64_t> content_length;  ///< none: chunked, or until the connection ends
  bool chunked = false;
  std::string location;
  std::string server;
};

class ResponseReader {
 public:
  /// Of a head, interim responses (1xx) not included; larger ones are refused. curl's limit is 300 KiB, browsers' 256.
  static constexpr std::uint32_t kMaxHead = 64 * 1024;
  using Body = std::function<void(std::string_view)>;

  ResponseReader();
  ~ResponseReader();
  /// Takes what it can from the front and returns how many bytes that was; the rest is to be offered again, followed
  /// by more. Returns early when the head is complete, so that the caller can look at it before the body. Body bytes
  /// go to `body`. Throws Failure (http).
  std::size_t take(std::string_view bytes, const Body& body);
  /// The connection ended. Throws Failure (http) when the message was not complete.
  void end_of_input();
  bool head_is_complete() const;
  bool is_complete() const;
  const ResponseHead& head() const;
  std::uint64_t body_bytes() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

struct RequestHead {
  std::string method, target;
  unsigned version = 11;
  bool keep_alive = false;
  std::string host, range, if_range, if_none_match, if_modified_since;
  bool has_host = false;  ///< exactly one; RFC 9112 §3.2 wants 400 otherwise
};

class RequestReader {
 public:
  static constexpr std::uint32_t kMaxHead = 8 * 1024;   ///< nginx's and Apache's order of magnitude
  static constexpr std::uint64_t kMaxBody = 64 * 1024;  ///< bodies are read over, not used

  RequestReader();
  ~RequestReader();
  /// As ResponseReader::take, but goes on to the end of the message. `error_status` is set when it is not one.
  std::size_t take(std::string_view bytes);
  bool is_complete() const;
  bool has_begun() const;
  std::optional<unsigned> error_status() const;
  const RequestHead& head() const;
  void reset();  ///< for the next request of the connection

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};
}  // namespace anabranch::apps
