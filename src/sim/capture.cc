#include "sim/capture.hh"

#include "wire/tcp_header.hh"

#include <algorithm>
#include <fmt/format.h>

namespace anabranch::sim {

void Capture::add(Instant at, std::string_view from, std::string_view to, unsigned link, bool arrived,
                  const Frame& frame) {
  if (limit_ == 0 || frame.bytes.empty()) { return; }
  if (entries_.size() < limit_) { entries_.emplace_back(); }
  Entry& entry = entries_[next_];
  next_ = next_ + 1 == limit_ ? 0 : next_ + 1;
  const auto first = frame.bytes.slices().front().bytes();
  entry.at = at;
  entry.from = from;
  entry.to = to;
  entry.link = link;
  entry.arrived = arrived;
  entry.size = static_cast<std::uint32_t>(frame.bytes.size().n);
  entry.cut = frame.cut;
  entry.kept = static_cast<std::uint8_t>(std::min(first.size(), kHead));
  std::copy_n(first.begin(), entry.kept, entry.head.begin());
}

std::string Capture::line(const Entry& entry, const Oracle& oracle) {
  std::string text = fmt::format("{:11.6f} link{} {:>8} {} {:<8} ", seconds(entry.at - Instant{}), entry.link,
                                 entry.from, entry.arrived ? '|' : '>', entry.to);
  const std::span head{entry.head.data(), entry.kept};
  const bool v6 = !head.empty() && head[0] >> 4 == 6;
  const std::size_t ip = v6 ? 40 : 20;  // our stacks write neither IPv4 options nor IPv6 extension headers
  wire::TcpHeader header;
  if (head.size() < ip) { return text + "?"; }
  const auto length = wire::parse_tcp_header(head.subspan(ip), header);
  if (!length) { return text + "?"; }
  Addresses addresses;
  const auto family = v6 ? Family::v6 : Family::v4;
  const std::size_t at = v6 ? 8 : 12, size = v6 ? 16 : 4;
  addresses.local = {Address::of(family, head.subspan(at, size)), header.source_port};
  addresses.remote = {Address::of(family, head.subspan(at + size, size)), header.destination_port};
  const auto payload = static_cast<std::uint32_t>(entry.size - ip - *length);
  text += fmt::format("{} > {}: {}", addresses.local.port, addresses.remote.port,
                      wire::format_notation(wire::line_of(header, payload), oracle.origins(addresses)));
  return entry.cut == 0 ? text : text + fmt::format(" cut {}", entry.cut);
}

std::string Capture::to_text(const Oracle& oracle) const {
  std::string text;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const std::size_t oldest = entries_.size() < limit_ ? 0 : next_;
    text += line(entries_[(oldest + i) % entries_.size()], oracle) + "\n";
  }
  return text;
}
}  // namespace anabranch::sim
