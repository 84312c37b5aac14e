// Dissecting, assembling and cutting belong together: each is tested against the others.
#include "packet/dissect.hh"
#include "packet/assemble.hh"
#include "packet/offload.hh"

#include "base/random.hh"
#include "wire/arbitrary.hh"
#include "wire/checksum.hh"
#include "wire/ipv4.hh"
#include "wire/ipv6.hh"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace anabranch {
namespace {

constexpr wire::Timestamps kTime{7, 8};
const Addresses kV4{{Address::v4(10, 0, 0, 1), 1000}, {Address::v4(10, 0, 0, 2), 80}};
const Addresses kV6{{*address_from_text("2001:db8::1"), 1000}, {*address_from_text("2001:db8::2"), 80}};
Addresses swapped(const Addresses& a) { return {a.remote, a.local}; }

/// Pool and arenas for one test; frames must be gone before it is.
struct Bench {
  SlabPool pool;
  HeaderArena arena{pool};
  Packer packer{pool};
  Generator random{1};

  Chain bytes(std::size_t n) {
    std::vector<std::uint8_t> data(n);
    for (std::uint8_t& b : data) { b = static_cast<std::uint8_t>(random.next()); }
    return packer.copy(data);
  }
  /// The frame's bytes again, in one slice of its own: as a device would hand it in.
  Frame received(const std::vector<std::uint8_t>& packet, ChecksumState state = ChecksumState::complete) {
    SlabRef slab = pool.get();
    std::ranges::copy(packet, slab->data());
    return {.bytes = Chain{Slice{slab, {slab->data(), packet.size()}}}, .interface = {3}, .checksum = state};
  }
  Segment segment(std::size_t payload) {
    Segment s;
    s.seq = {0xfffffff0};
    s.ack = {22};
    s.flags = {.psh = true, .ack = true};
    s.window = 4321;
    s.tcp.timestamps = kTime;
    s.mptcp.push_back(wire::Dss{.ack = wire::DataSeqForm{1, true}, .map = {}});
    s.payload = bytes(payload);
    return s;
  }
};

void expect_same(const Segment& a, const Segment& b) {
  EXPECT_EQ(a.seq, b.seq);
  EXPECT_EQ(a.ack, b.ack);
  EXPECT_EQ(a.flags, b.flags);
  EXPECT_EQ(a.window, b.window);
  EXPECT_EQ(a.tcp, b.tcp);
  EXPECT_EQ(a.mptcp, b.mptcp);
  EXPECT_EQ(a.payload.to_vector(), b.payload.to_vector());
}

std::optional<DropReason> dropped(const Frame& frame) {
  const auto out = dissect(frame);
  return out ? std::nullopt : std::optional{out.error()};
}

TEST(Packet, WhatIsAssembledIsDissectedAgain) {  // [9293-MUST-2]
  Bench b;
  for (const Addresses& addresses : {kV4, kV6}) {
    for (const std::size_t payload : {0, 1, 2, 1399, 60'000}) {
      const Segment s = b.segment(payload);
      const Frame frame = assemble(addresses, s, {.ttl = 9, .tos = 0x48, .ipv4_id = 5, .interface = {2}}, b.arena);
      EXPECT_EQ(frame.interface, InterfaceId{2});
      EXPECT_EQ(frame.bytes.size().n, header_size(addresses, s) + payload);
      const auto out = dissect(frame);
      ASSERT_TRUE(out.has_value()) << name(out.error());
      const Dissected& d = std::get<Dissected>(*out);
      EXPECT_EQ(d.addresses, swapped(addresses));
      EXPECT_EQ(d.tos, 0x48);
      EXPECT_EQ(d.interface, InterfaceId{2});
      expect_same(d.segment, s);
    }
  }
}

TEST(Packet, CarriesItsCongestionBitsBesideTheServiceClass) {  // RFC 3168 §5
  Bench b;
  for (const Addresses& addresses : {kV4, kV6}) {
    for (const wire::Ecn ecn : {wire::Ecn::not_ect, wire::Ecn::ect1, wire::Ecn::ect0, wire::Ecn::ce}) {
      Segment s = b.segment(100);
      s.ecn = ecn;
      const auto out = dissect(assemble(addresses, s, {.tos = 0x48}, b.arena));
      ASSERT_TRUE(out.has_value());
      EXPECT_EQ(std::get<Dissected>(*out).segment.ecn, ecn);
      EXPECT_EQ(std::get<Dissected>(*out).tos, 0x48 | static_cast<int>(ecn));
    }
  }
}

TEST(Packet, IsMarkedByACongestedRouterOnlyIfItMayBe) {  // RFC 3168 §5
  Bench b;
  for (const Addresses& addresses : {kV4, kV6}) {
    for (const std::uint32_t cut : {0u, 400u}) {
      for (const wire::Ecn ecn : {wire::Ecn::not_ect, wire::Ecn::ect1, wire::Ecn::ect0, wire::Ecn::ce}) {
        Segment s = b.segment(1000);
        s.ecn = ecn;
        s.cut = cut;
        const auto marked = with_congestion_mark(assemble(addresses, s, {.tos = 0x48}, b.arena), b.arena);
        ASSERT_EQ(marked.has_value(), ecn != wire::Ecn::not_ect);
        if (!marked) { continue; }
        const auto out = dissect(*marked);  // all checksums are right
        ASSERT_TRUE(out.has_value()) << name(out.error());
        EXPECT_EQ(std::get<Dissected>(*out).segment.ecn, wire::Ecn::ce);
        EXPECT_EQ(std::get<Dissected>(*out).tos, 0x4b);
        EXPECT_EQ(marked->cut, cut);
        expect_same(std::get<Dissected>(*out).segment, s);
      }
    }
  }
}

RC_GTEST_PROP(Packet, AnyHeaderIsAssembledAndDissected, ()) {
  Bench b;
  const wire::TcpHeader h = wire::arbitrary::header();
  Segment s;
  s.seq = h.seq;
  s.ack = h.ack;
  s.flags = h.flags;
  s.window = h.window;
  s.tcp = h.tcp;
  s.mptcp = h.mptcp;
  s.payload = b.bytes(*rc::gen::inRange<std::size_t>(0, 300));
  const Addresses& addresses = wire::arbitrary::coin() ? kV4 : kV6;
  const auto out = dissect(assemble(addresses, s, {}, b.arena));
  RC_ASSERT(out.has_value());
  const Segment& read = std::get<Dissected>(*out).segment;
  RC_ASSERT(read.seq == s.seq && read.ack == s.ack && read.flags == s.flags && read.window == s.window);
  RC_ASSERT(read.tcp == s.tcp);
  RC_ASSERT(read.mptcp == s.mptcp);
  RC_ASSERT(read.payload.to_vector() == s.payload.to_vector());
}

TEST(Packet, PayloadIsSharedNotCopied) {
  Bench b;
  const Segment s = b.segment(5000);
  const Frame frame = assemble(kV4, s, {}, b.arena);
  ASSERT_EQ(frame.bytes.slices().size(), 2u);
  EXPECT_EQ(frame.bytes.slices()[1].bytes().data(), s.payload.slices()[0].bytes().data());
  const auto out = dissect(frame);
  EXPECT_EQ(std::get<Dissected>(*out).segment.payload.slices()[0].bytes().data(), s.payload.slices()[0].bytes().data());
}

TEST(Packet, AThousandHeadersShareAFewSlabsAndHaveTheirHeadroom) {
  SlabPool pool;
  HeaderArena arena{pool, 32};
  std::vector<Frame> frames;
  Segment s;
  for (int i = 0; i < 1000; ++i) { frames.push_back(assemble(kV4, s, {}, arena)); }
  EXPECT_EQ(pool.in_use(), 2u);  // 1000 x (32 + 40) bytes
  for (std::size_t i = 1; i < frames.size(); ++i) {
    const Slice &a = frames[i - 1].bytes.slices()[0], &b = frames[i].bytes.slices()[0];
    if (a.slab().get() == b.slab().get()) { EXPECT_GE(b.bytes().data() - (a.bytes().data() + a.size()), 32); }
  }
  frames.clear();
  arena.clear();
  EXPECT_EQ(pool.in_use(), 0u);
}

TEST(Packet, AnyBitFlippedIsNoticed) {  // [9293-MUST-2 9293-MUST-3]
  Bench b;
  for (const Addresses& addresses : {kV4, kV6}) {
    std::vector<std::uint8_t> packet = assemble(addresses, b.segment(9), {}, b.arena).bytes.to_vector();
    for (std::size_t bit = 0; bit < packet.size() * 8; ++bit) {
      const std::size_t at = bit / 8;
      const bool covered_v6 = (at > 7 || at == 4 || at == 5 || at == 6) && at != 7;  // not traffic class, label, hops
      packet[at] ^= static_cast<std::uint8_t>(1u << bit % 8);
      if (addresses == kV4 || covered_v6) { EXPECT_TRUE(dropped(b.received(packet)).has_value()) << bit; }
      packet[at] ^= static_cast<std::uint8_t>(1u << bit % 8);
    }
    EXPECT_FALSE(dropped(b.received(packet)).has_value());
  }
}

TEST(Packet, ChecksumsAreVerifiedOnlyWhereNobodyElseDid) {
  Bench b;
  std::vector<std::uint8_t> packet = assemble(kV4, b.segment(9), {}, b.arena).bytes.to_vector();
  packet.back() ^= 1;
  EXPECT_EQ(dropped(b.received(packet)), DropReason::tcp_bad_checksum);
  EXPECT_FALSE(dropped(b.received(packet, ChecksumState::verified)).has_value());
  EXPECT_FALSE(dropped(b.received(packet, ChecksumState::pending)).has_value());
}

TEST(Packet, CutShortAnywhereIsDropped) {
  Bench b;
  for (const Addresses& addresses : {kV4, kV6}) {
    const std::vector<std::uint8_t> packet = assemble(addresses, b.segment(9), {}, b.arena).bytes.to_vector();
    for (std::size_t n = 0; n < packet.size(); ++n) {
      EXPECT_TRUE(dropped(b.received({packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(n)}))) << n;
    }
  }
}

TEST(Packet, PaddingOfTheLinkIsNotPayload) {
  Bench b;
  for (const Addresses& addresses : {kV4, kV6}) {
    std::vector<std::uint8_t> packet = assemble(addresses, b.segment(3), {}, b.arena).bytes.to_vector();
    packet.resize(packet.size() + 11, 0x55);
    const auto out = dissect(b.received(packet));
    ASSERT_TRUE(out.has_value());
    EXPECT_EQ(std::get<Dissected>(*out).segment.payload.size(), Bytes{3});
  }
}

TEST(Packet, WhatIsNotForUsIsDroppedWithItsReason) {
  Bench b;
  const std::vector<std::uint8_t> v4 = assemble(kV4, b.segment(3), {}, b.arena).bytes.to_vector();
  const std::vector<std::uint8_t> v6 = assemble(kV6, b.segment(3), {}, b.arena).bytes.to_vector();
  const auto patched = [&](std::vector<std::uint8_t> packet, std::size_t at, unsigned value) {
    packet[at] = static_cast<std::uint8_t>(value);
    if (packet[0] >> 4 == 4) {
      packet[10] = packet[11] = 0;
      const std::uint16_t sum = wire::Sum{std::span{packet}.first(20)}.checksum();
      packet[10] = static_cast<std::uint8_t>(sum >> 8);
      packet[11] = static_cast<std::uint8_t>(sum);
    }
    return dropped(b.received(packet, ChecksumState::verified));
  };
  EXPECT_EQ(dropped(Frame{}), DropReason::empty_frame);
  EXPECT_EQ(patched(v4, 0, 0x55), DropReason::unknown_ip_version);
  EXPECT_EQ(patched(v4, 0, 0x44), DropReason::ip_bad_header_length);
  EXPECT_EQ(patched(v4, 3, 0xff), DropReason::ip_bad_total_length);
  EXPECT_EQ(patched(v4, 3, 19), DropReason::ip_bad_total_length);
  EXPECT_EQ(patched(v4, 6, 0x20), DropReason::ip_fragment);
  EXPECT_EQ(patched(v4, 7, 0x01), DropReason::ip_fragment);
  EXPECT_EQ(patched(v4, 9, 17), DropReason::unknown_protocol);
  EXPECT_EQ(patched(v4, 9, 58), DropReason::unknown_protocol);
  EXPECT_EQ(patched(v4, 12, 224), DropReason::ip_bad_source);
  EXPECT_EQ(patched(v4, 32, 0x40), DropReason::tcp_bad_data_offset);
  EXPECT_EQ(patched(v4, 41, 1), std::nullopt);
  EXPECT_EQ(patched(v4, 43, 99), DropReason::tcp_bad_option_length);
  EXPECT_EQ(patched(v6, 6, 44), DropReason::ip_fragment);
  EXPECT_EQ(patched(v6, 4, 0xff), DropReason::ip_bad_total_length);
  EXPECT_EQ(patched(v6, 6, 1), DropReason::unknown_protocol);
  EXPECT_EQ(patched(v6, 8, 0xff), DropReason::ip_bad_source);
}

TEST(Packet, ExtensionHeadersOfIpv6AreSkipped) {
  Bench b;
  std::vector<std::uint8_t> packet = assemble(kV6, b.segment(3), {}, b.arena).bytes.to_vector();
  for (unsigned headers = 1; headers <= 8; ++headers) {
    // Destination options of 8 bytes: next header, length 0, PadN(4).
    const std::uint8_t extension[] = {packet[6], 0, 1, 4, 0, 0, 0, 0};
    packet.insert(packet.begin() + 40, std::begin(extension), std::end(extension));
    packet[6] = 60;
    packet[5] = static_cast<std::uint8_t>(packet[5] + 8);
    const auto out = dissect(b.received(packet));
    ASSERT_EQ(out.has_value(), headers <= wire::Ipv6Header::kMaxExtensionHeaders) << headers;
    if (out) {
      EXPECT_EQ(std::get<Dissected>(*out).segment.payload.size(), Bytes{3});
    } else {
      EXPECT_EQ(out.error(), DropReason::ip_too_many_extension_headers);
    }
  }
}

// RFC 1191, RFC 4443: the quoted segment is ours, so local is its source.
TEST(Packet, AnIcmpErrorTellsWhichSegmentItIsAbout) {  // [9293-MUST-54]
  Bench b;
  for (const Addresses& addresses : {kV4, kV6}) {
    const bool v4 = addresses == kV4;
    const Address router = v4 ? Address::v4(10, 9, 9, 9) : *address_from_text("2001:db8:9::9");
    const std::vector<std::uint8_t> original = assemble(addresses, b.segment(3000), {}, b.arena).bytes.to_vector();
    for (const std::size_t quoted : {original.size(), original.size() - 2960}) {
      const std::vector<std::uint8_t> packet = wire::icmp_error_packet(router, wire::IcmpKind::fragmentation_needed,
                                                                       1400, std::span{original}.first(quoted));
      EXPECT_LE(packet.size(), v4 ? 576u : 1280u);
      const auto out = dissect(b.received(packet));
      ASSERT_TRUE(out.has_value()) << name(out.error());
      const auto& error = std::get<DissectedError>(*out);
      EXPECT_EQ(error.addresses, addresses);
      EXPECT_EQ(error.seq.raw, 0xfffffff0u);
      EXPECT_EQ(error.kind, wire::IcmpKind::fragmentation_needed);
      EXPECT_EQ(error.mtu, 1400u);
      EXPECT_EQ(error.quoted_length, original.size());
      EXPECT_EQ(error.reporter, router);
    }
  }
}

/// Cuts, dissects every packet and puts the payload together again.
std::vector<Segment> pieces_of(const Frame& frame, HeaderArena& arena) {
  std::vector<Frame> packets;
  const auto count = cut_frame(frame, arena, packets);
  EXPECT_TRUE(count.has_value());
  EXPECT_EQ(*count, packets.size());
  std::vector<Segment> segments;
  for (const Frame& packet : packets) {
    EXPECT_EQ(packet.cut, 0u);
    EXPECT_EQ(packet.checksum, ChecksumState::complete);
    EXPECT_EQ(packet.interface, frame.interface);
    const auto out = dissect(packet);
    EXPECT_TRUE(out.has_value()) << (out ? "" : name(out.error()));
    if (out) { segments.push_back(std::get<Dissected>(*out).segment); }
  }
  return segments;
}

TEST(Offload, ThePiecesOfASuperSegmentAreTheWhole) {
  Bench b;
  for (const Addresses& addresses : {kV4, kV6}) {
    for (const std::size_t payload : {0, 1, 1000, 1001, 2000, 60'001}) {
      for (const ChecksumState state : {ChecksumState::complete, ChecksumState::pending}) {
        Segment s = b.segment(payload);
        s.cut = 1000;
        s.flags = {.fin = true, .psh = true, .ack = true, .ece = true, .cwr = true};
        const Frame frame = assemble(addresses, s, {.ipv4_id = 0xffff, .checksum = state, .interface = {4}}, b.arena);
        const auto pieces = pieces_of(frame, b.arena);
        ASSERT_EQ(pieces.size(), std::max<std::size_t>(1, (payload + 999) / 1000));
        Chain whole;
        for (std::size_t i = 0; i < pieces.size(); ++i) {
          const Segment& piece = pieces[i];
          const bool last = i + 1 == pieces.size();
          EXPECT_EQ(piece.seq.raw, s.seq.raw + static_cast<std::uint32_t>(whole.size().n));
          EXPECT_EQ(piece.flags, (wire::TcpFlags{.fin = last, .psh = last, .ack = true, .ece = true, .cwr = i == 0}));
          EXPECT_LE(piece.payload.size(), Bytes{1000});
          EXPECT_EQ(piece.tcp, s.tcp);
          EXPECT_EQ(piece.mptcp, s.mptcp);
          EXPECT_EQ(piece.ack, s.ack);
          EXPECT_EQ(piece.window, s.window);
          whole.append(piece.payload);
        }
        EXPECT_EQ(whole.to_vector(), s.payload.to_vector());
      }
    }
  }
}

TEST(Offload, HeadersDifferOnlyWhereTheyMust) {
  Bench b;
  Segment s = b.segment(3000);
  s.cut = 1000;
  std::vector<Frame> packets;
  ASSERT_EQ(cut_frame(assemble(kV4, s, {.ipv4_id = 0xffff}, b.arena), b.arena, packets), 3u);
  for (std::size_t i = 0; i < packets.size(); ++i) {
    const auto head = packets[i].bytes.slices()[0].bytes(), first = packets[0].bytes.slices()[0].bytes();
    EXPECT_EQ(head[4] * 256 + head[5], static_cast<std::uint16_t>(0xffff + i));  // IPv4 id
    EXPECT_EQ(wire::Sum{head.first(20)}.folded(), 0xffff);
    EXPECT_TRUE(std::equal(head.begin() + 40, head.end(), first.begin() + 40, first.end()));  // option bytes
  }
}

TEST(Offload, AKernelsFrameWithHeadersAndPayloadInOneSliceIsCutAsWell) {
  Bench b;
  Segment s = b.segment(2500);
  s.cut = 1000;
  Frame frame = b.received(assemble(kV4, s, {.checksum = ChecksumState::pending}, b.arena).bytes.to_vector());
  frame.checksum = ChecksumState::pending;
  frame.cut = 1000;
  const auto pieces = pieces_of(frame, b.arena);
  ASSERT_EQ(pieces.size(), 3u);
  EXPECT_EQ(pieces[2].payload.to_vector(), s.payload.after({2000}).to_vector());
}

// virtio, NEEDS_CSUM: the field holds the pseudo header's sum; summing from the TCP header on completes it.
TEST(Offload, APendingChecksumIsThePseudoHeadersSum) {
  Bench b;
  for (const Addresses& addresses : {kV4, kV6}) {
    const Segment s = b.segment(777);
    const Frame pending = assemble(addresses, s, {.checksum = ChecksumState::pending}, b.arena);
    const Frame complete = assemble(addresses, s, {}, b.arena);
    std::vector<std::uint8_t> bytes = pending.bytes.to_vector();
    const std::size_t tcp = addresses == kV4 ? 20 : 40;
    const std::uint16_t sum = wire::Sum{std::span{bytes}.subspan(tcp)}.checksum();
    bytes[tcp + 16] = static_cast<std::uint8_t>(sum >> 8);
    bytes[tcp + 17] = static_cast<std::uint8_t>(sum);
    EXPECT_EQ(bytes, complete.bytes.to_vector());
    const auto completed = complete_checksum(pending, b.arena);
    ASSERT_TRUE(completed.has_value());
    EXPECT_EQ(completed->checksum, ChecksumState::complete);
    EXPECT_EQ(completed->bytes.to_vector(), complete.bytes.to_vector());
  }
}

TEST(Offload, RefusesWhatIsNotTcp) {
  Bench b;
  std::vector<std::uint8_t> packet = assemble(kV4, b.segment(1), {}, b.arena).bytes.to_vector();
  std::vector<Frame> out;
  EXPECT_EQ(cut_frame(Frame{}, b.arena, out).error(), DropReason::empty_frame);
  packet[12] ^= 1;
  EXPECT_EQ(cut_frame(b.received(packet), b.arena, out).error(), DropReason::ip_bad_checksum);
  EXPECT_TRUE(out.empty());
}
}  // namespace
}  // namespace anabranch
