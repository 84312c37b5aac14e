/// Sequence numbers at the wire, positions inside.
///
/// `SeqNum` (32 bits) and `DataSeq` (64 bits) wrap and exist only at the codec edge: they have no `<`, because
/// order on a circle is not an order. The engine works in `Position<Tag>`, an absolute 64-bit count from the
/// start of the stream, where `<` means what it says. Tags keep subflow positions and data positions apart.
///
/// Position 0 is the SYN (subflow) or the IDSN (connection): the first byte of data is position 1 in both.
/// The DSS option numbers the subflow relative to its ISN, so that field *is* a `SubPos` (RFC 8684 §3.3.1).
#pragma once
#include <compare>
#include <cstdint>

namespace anabranch {

template <class Word, class Tag>
struct Wrapping {
  Word raw = 0;
  constexpr bool operator==(const Wrapping&) const = default;  // deliberately no <=>
};
using SeqNum = Wrapping<std::uint32_t, struct SubflowTag>;
using DataSeq = Wrapping<std::uint64_t, struct DataTag>;

template <class Tag>
struct Position {
  std::uint64_t n = 0;
  constexpr auto operator<=>(const Position&) const = default;
};
template <class Tag>
constexpr Position<Tag> operator+(Position<Tag> p, std::uint64_t n) {
  return {p.n + n};
}
/// Back by `n`, not before the start of the stream.
template <class Tag>
constexpr Position<Tag> operator-(Position<Tag> p, std::uint64_t n) {
  return {p.n < n ? 0 : p.n - n};
}
/// How far `a` is past `b`; zero when it is not.
template <class Tag>
constexpr std::uint64_t operator-(Position<Tag> a, Position<Tag> b) {
  return a.n < b.n ? 0 : a.n - b.n;
}
using SubPos = Position<SubflowTag>;
using DataPos = Position<DataTag>;

/// The wire form of `p` in a stream whose position 0 is numbered `origin`.
template <class Word, class Tag>
constexpr Wrapping<Word, Tag> wrap(Position<Tag> p, Wrapping<Word, Tag> origin) {
  return {static_cast<Word>(origin.raw + p.n)};
}
/// The position nearest to `near` whose wire form is `s`. Inverse of `wrap` within half the circle.
/// Numbers from before the start of the stream come out far ahead, where no window reaches.
template <class Word, class Tag>
constexpr Position<Tag> unwrap(Wrapping<Word, Tag> s, Wrapping<Word, Tag> origin, Position<Tag> near) {
  const auto ahead = static_cast<Word>(s.raw - origin.raw - static_cast<Word>(near.n));
  constexpr Word half = static_cast<Word>(Word{1} << (sizeof(Word) * 8 - 1));
  const std::uint64_t behind = static_cast<Word>(Word{0} - ahead);
  if (ahead < half || behind > near.n) { return {near.n + ahead}; }
  return {near.n - behind};
}
/// The same for a 4-byte form of a 64-bit number: only the low half travelled (RFC 8684 §3.3.1).
// [8684-3.3.1-12 8684-3.3.1-16 8684-3.3.1-17]
constexpr DataPos unwrap_narrow(std::uint32_t low, DataSeq origin, DataPos near) {
  using Narrow = Wrapping<std::uint32_t, DataTag>;
  return unwrap(Narrow{low}, Narrow{static_cast<std::uint32_t>(origin.raw)}, near);
}
}  // namespace anabranch
