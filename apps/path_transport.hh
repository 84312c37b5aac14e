/// Streams of this library as the transports of apps/http_*: what a stream is made of, in words. Heavy: .cc files only.
#pragma once
#include "api/acceptor.hh"
#include "api/stream.hh"
#include "apps/http_asio_transport.hh"

#include <map>

namespace anabranch::apps {

/// A stream that knows the names of interfaces, also of those that are gone since.
class NamedStream : public Stream {
 public:
  NamedStream(Stream stream, Context context) : Stream(std::move(stream)), context_(std::move(context)) {}
  std::string interface_name(InterfaceId id) const;

 private:
  Context context_;
  mutable std::map<InterfaceId, std::string> names_;
};

LinkReport report_on(const NamedStream& stream);
void finish_sending(NamedStream& stream);
void abort_stream(NamedStream& stream);

}  // namespace anabranch::apps
