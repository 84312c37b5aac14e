#include "apps/path_transport.hh"

namespace anabranch::apps {

std::string NamedStream::interface_name(InterfaceId id) const {
  if (const Interface* known = find_interface(context_.network(), id)) { names_[id] = known->name; }
  const auto it = names_.find(id);
  return it == names_.end() ? "#" + std::to_string(id.raw) : it->second;
}

LinkReport report_on(const NamedStream& stream) {
  const auto info = stream.info();
  LinkReport report;
  if (!info) { return report; }
  report.protocol = name(info->protocol);
  if (info->version) { report.version = static_cast<int>(*info->version); }
  if (info->protocol == mptcp::Protocol::tcp) { report.fallback_reason = name(info->fallback_reason); }
  for (const mptcp::SubflowInfo& subflow : info->subflows) {
    PathReport path;
    path.local = to_text(subflow.local);
    path.remote = to_text(subflow.remote);
    path.interface = stream.interface_name(subflow.interface);
    path.state = subflow.state;
    if (!subflow.ended_by.empty() && subflow.ended_by != subflow.state) {
      path.state += ": " + std::string{subflow.ended_by};
    }
    path.bytes_received = subflow.bytes_received;
    path.bytes_sent = subflow.bytes_sent;
    path.retransmits = subflow.retransmits;
    path.srtt_ms = milliseconds(subflow.srtt);
    path.backup = subflow.backup;
    report.paths.push_back(std::move(path));
  }
  return report;
}

void finish_sending(NamedStream& stream) {
  boost::system::error_code ignored;
  stream.shutdown_send(ignored);
}

void abort_stream(NamedStream& stream) {
  // Waiting operations end with an error when the connection does.
  stream.abort();
}

}  // namespace anabranch::apps
