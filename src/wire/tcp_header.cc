#include "wire/tcp_header.hh"

#include "wire/mptcp_codec.hh"
#include "wire/option_space.hh"
#include "wire/reader.hh"

namespace anabranch::wire {
namespace {

constexpr std::uint8_t kEnd = 0, kNop = 1, kMss = 2, kWindowScale = 3, kSackPermitted = 4, kSack = 5, kTimestamps = 8,
                       kUserTimeout = 28, kFastOpen = 34;  // IANA TCP option kinds

// [9293-MUST-4 9293-MUST-5 9293-MUST-6 9293-MUST-7 9293-MUST-64]
/// One option of the plain kinds. A length that the RFC does not give the kind means: as if it were not there.
void read_plain(std::uint8_t kind, std::size_t size, Reader body, TcpOptions& tcp) {
  if (kind == kMss && size == 4) {
    tcp.mss = body.u16();
  } else if (kind == kWindowScale && size == 3) {
    tcp.window_scale = body.u8();
  } else if (kind == kSackPermitted && size == 2) {
    tcp.sack_permitted = true;
  } else if (kind == kTimestamps && size == 10) {
    const std::uint32_t value = body.u32();
    tcp.timestamps = Timestamps{value, body.u32()};
  } else if (kind == kSack && size > 2 && (size - 2) % 8 == 0) {
    while (body.left() != 0 && tcp.sack.size() < tcp.sack.capacity()) {
      const SeqNum left{body.u32()};
      tcp.sack.push_back({left, SeqNum{body.u32()}});
    }
  } else if (kind == kFastOpen && FastOpen::is_size(size - 2)) {
    const auto cookie = body.take(size - 2);
    tcp.fast_open = FastOpen{{cookie.begin(), cookie.end()}};
  } else if (kind == kUserTimeout && size == 4) {
    const std::uint16_t word = body.u16();
    const UserTimeout told{.minutes = word >> 15 != 0,
                           .value = static_cast<std::uint16_t>(word & UserTimeout::kLargest)};
    if (told.value != 0) { tcp.user_timeout = told; }
  }
}
}  // namespace

std::uint8_t flag_bits(const TcpFlags& f) {
  using H = TcpHeader;
  return static_cast<std::uint8_t>((f.fin ? H::kFinBit : 0) | (f.syn ? H::kSynBit : 0) | (f.rst ? H::kRstBit : 0) |
                                   (f.psh ? H::kPshBit : 0) | (f.ack ? H::kAckBit : 0) | (f.urg ? H::kUrgBit : 0) |
                                   (f.ece ? H::kEceBit : 0) | (f.cwr ? H::kCwrBit : 0));
}

TcpFlags flags_from_bits(std::uint8_t bits) {
  using H = TcpHeader;
  const auto has = [bits](std::uint8_t bit) { return (bits & bit) != 0; };
  return {.fin = has(H::kFinBit),
          .syn = has(H::kSynBit),
          .rst = has(H::kRstBit),
          .psh = has(H::kPshBit),
          .ack = has(H::kAckBit),
          .urg = has(H::kUrgBit),
          .ece = has(H::kEceBit),
          .cwr = has(H::kCwrBit)};
}

std::expected<void, TcpFailure> parse_options(std::span<const std::uint8_t> options, TcpOptions& tcp,
                                              MptcpOptions& mptcp) {
  // Almost every segment carries `nop, nop, TS` first (RFC 7323 appendix A): one comparison instead of four steps.
  constexpr std::size_t kAlignedTimestamps = 12;
  if (options.size() >= kAlignedTimestamps && options[0] == kNop && options[1] == kNop && options[2] == kTimestamps &&
      options[3] == 10) {
    read_plain(kTimestamps, 10, Reader{options.subspan(4, 8)}, tcp);
    options = options.subspan(kAlignedTimestamps);
  }
  while (!options.empty()) {
    const std::uint8_t kind = options[0];
    if (kind == kEnd) { break; }
    if (kind == kNop) {
      options = options.subspan(1);
      continue;
    }
    if (options.size() < 2 || options[1] < 2 || options[1] > options.size()) {
      return std::unexpected{TcpFailure::bad_option_length};
    }
    const std::size_t size = options[1];
    if (kind == kMptcpKind) {
      mptcp.push_back(parse_mptcp(options.first(size)));
    } else {
      read_plain(kind, size, Reader{options.subspan(2, size - 2)}, tcp);
    }
    options = options.subspan(size);
  }
  return {};
}

std::expected<std::size_t, TcpFailure> parse_tcp_header(std::span<const std::uint8_t> bytes, TcpHeader& out) {
  if (bytes.size() < TcpHeader::kSize) { return std::unexpected{TcpFailure::too_short}; }
  const std::size_t size = std::size_t{bytes[TcpHeader::kOffsetAt]} / 16 * 4;
  if (size < TcpHeader::kSize || size > bytes.size()) { return std::unexpected{TcpFailure::bad_data_offset}; }
  Reader in{bytes.first(size)};
  out.source_port = in.u16();
  out.destination_port = in.u16();
  out.seq = SeqNum{in.u32()};
  out.ack = SeqNum{in.u32()};
  in.skip(1);
  out.flags = flags_from_bits(in.u8());
  out.window = in.u16();
  out.checksum = in.u16();
  out.urgent = in.u16();
  if (const auto read = parse_options(in.rest(), out.tcp, out.mptcp); !read) { return std::unexpected{read.error()}; }
  return size;
}

std::size_t written_size(const TcpHeader& header) { return TcpHeader::kSize + options_size(header.tcp, header.mptcp); }

void write_tcp_header(Writer& out, const TcpHeader& header) {
  out.u16(header.source_port);
  out.u16(header.destination_port);
  out.u32(header.seq.raw);
  out.u32(header.ack.raw);
  out.u8(static_cast<std::uint8_t>(written_size(header) / 4 << 4));
  out.u8(flag_bits(header.flags));
  out.u16(header.window);
  out.u16(header.checksum);
  out.u16(header.urgent);
  write_options(out, header.tcp, header.mptcp);
}
}  // namespace anabranch::wire
