// From text to values. Strict: an unknown or superfluous word is an error, never ignored.
#include "wire/mptcp_codec.hh"
#include "wire/notation.hh"
#include "wire/notation_words.hh"

#include <algorithm>
#include <cctype>

namespace anabranch::wire {
namespace {

using detail::number;
using detail::Words;

/// The words of one option. Words are taken out as they are understood; what is left at the end is an error.
class Item {
 public:
  Item(Words words, const Symbols& symbols) : words_{std::move(words)}, symbols_{&symbols} {}

  std::string_view name() const { return words_.front(); }
  bool failed() const { return failed_; }
  bool used_up() const { return next_ == words_.size(); }
  std::string_view trouble() const { return trouble_; }

  /// The next word as it is; empty (and failed) when there is none.
  std::string_view word() {
    if (next_ == words_.size()) {
      fail("a further word");
      return {};
    }
    return words_[next_++];
  }
  /// Takes the word `text` if it is the next one.
  bool flag(std::string_view text) {
    if (next_ == words_.size() || words_[next_] != text) { return false; }
    ++next_;
    return true;
  }
  /// Takes `name=value` if it is the next word; answers the value.
  std::optional<std::string_view> maybe(std::string_view key) {
    if (next_ == words_.size()) { return std::nullopt; }
    std::string_view w = words_[next_];
    if (!w.starts_with(key) || !w.substr(key.size()).starts_with('=')) { return std::nullopt; }
    ++next_;
    return w.substr(key.size() + 1);
  }
  template <class Word>
  Word value(std::string_view text) {
    if (const auto n = number(text, static_cast<Word>(~Word{0}))) { return static_cast<Word>(*n); }
    const bool named = !text.empty() && (std::isalpha(static_cast<unsigned char>(text.front())) != 0);
    if (const auto n = named && *symbols_ ? (*symbols_)(text) : std::nullopt; n && *n <= static_cast<Word>(~Word{0})) {
      return static_cast<Word>(*n);
    }
    fail("a number (or a known name) of the right size");
    return 0;
  }
  template <class Word>
  Word required(std::string_view key) {
    const auto text = maybe(key);
    if (!text) {
      fail(key);
      return 0;
    }
    return value<Word>(*text);
  }
  template <class Word>
  std::optional<Word> optional(std::string_view key) {
    const auto text = maybe(key);
    return text ? std::optional{value<Word>(*text)} : std::nullopt;
  }
  void fail(std::string_view expected) {
    if (!failed_) { trouble_ = expected; }
    failed_ = true;
  }

 private:
  Words words_;
  const Symbols* symbols_;
  std::size_t next_ = 1;
  bool failed_ = false;
  std::string_view trouble_;
};

MptcpOption read_capable(Item& in, const Origins&) {
  CapableFlags flags;
  const std::string_view version = in.word();
  if (!version.starts_with('v')) { in.fail("v0 or v1"); }
  const auto n = number(version.substr(version.empty() ? 0 : 1), 15);
  if (!n) { in.fail("v0 or v1"); }
  flags.version = static_cast<std::uint8_t>(n.value_or(0));
  flags.checksum = in.flag("checksum");
  flags.extensibility = in.flag("extensibility");
  flags.no_more_to_this = in.flag("no_more_to_this");
  flags.unknown_flags = in.optional<std::uint8_t>("unknown_flags").value_or(0) & unknown_capable_flags(flags.version);
  flags.hmac = !in.flag(flags.version == 0 ? "no_sha1" : "no_sha256");
  if (const auto key = in.optional<std::uint64_t>("key")) { return CapableKey{flags, Key{*key}}; }
  const auto keys = in.maybe("keys");
  if (!keys) { return CapableSyn{flags}; }
  const std::size_t comma = std::min(keys->find(','), keys->size());
  const Key sender{in.value<std::uint64_t>(keys->substr(0, comma))};
  const Key receiver{in.value<std::uint64_t>(keys->substr(std::min(comma + 1, keys->size())))};
  const auto length = in.optional<std::uint16_t>("length");
  if (!length) { return CapableAck{flags, sender, receiver}; }
  return CapableData{flags, sender, receiver, *length, in.optional<std::uint16_t>("csum")};
}

/// 40 hexadecimal digits.
bool read_long_mac(std::string_view text, JoinAck& out) {
  if (text.size() != 2 + 2 * out.mac.size() || !text.starts_with("0x")) { return false; }
  for (std::size_t i = 0; i < out.mac.size(); ++i) {
    const char* at = text.data() + 2 + 2 * i;
    const auto [end, error] = std::from_chars(at, at + 2, out.mac[i], 16);
    if (error != std::errc{} || end != at + 2) { return false; }
  }
  return true;
}

MptcpOption read_join(Item& in, const Origins&) {
  if (const auto token = in.optional<std::uint32_t>("token")) {
    const AddressId id{in.required<std::uint8_t>("id")};
    const auto nonce = in.required<std::uint32_t>("nonce");
    return JoinSyn{in.flag("backup"), id, Token{*token}, nonce};
  }
  const auto mac = in.maybe("mac");
  if (!mac) {
    in.fail("token= or mac=");
    return JoinAck{};
  }
  if (JoinAck ack; read_long_mac(*mac, ack)) { return ack; }
  const auto short_mac = in.value<std::uint64_t>(*mac);
  const AddressId id{in.required<std::uint8_t>("id")};
  const auto nonce = in.required<std::uint32_t>("nonce");
  return JoinSynAck{in.flag("backup"), id, short_mac, nonce};
}

DataSeqForm absolute(Item& in, std::string_view text, bool wide, DataSeq origin) {
  if (wide) { return {in.value<std::uint64_t>(text) + origin.raw, true}; }
  return {static_cast<std::uint32_t>(in.value<std::uint32_t>(text) + static_cast<std::uint32_t>(origin.raw)), false};
}

/// data:subflow+length
Mapping read_mapping(Item& in, std::string_view text, bool wide, DataSeq origin) {
  const std::size_t colon = text.find(':'), plus = text.find('+');
  if (colon == std::string_view::npos || plus == std::string_view::npos || plus < colon) {
    in.fail("map=data:subflow+length");
    return {};
  }
  Mapping map;
  map.data = absolute(in, text.substr(0, colon), wide, origin);
  map.subflow = in.value<std::uint32_t>(text.substr(colon + 1, plus - colon - 1));
  map.length = in.value<std::uint16_t>(text.substr(plus + 1));
  map.checksum = in.optional<std::uint16_t>("csum");
  return map;
}

MptcpOption read_dss(Item& in, const Origins& origins) {
  Dss dss;
  if (const auto text = in.maybe("ack")) {
    dss.ack = absolute(in, *text, true, origins.data_ack);
  } else if (const auto narrow = in.maybe("ack4")) {
    dss.ack = absolute(in, *narrow, false, origins.data_ack);
  }
  if (const auto text = in.maybe("map")) {
    dss.map = read_mapping(in, *text, true, origins.data);
  } else if (const auto narrow = in.maybe("map4")) {
    dss.map = read_mapping(in, *narrow, false, origins.data);
  }
  dss.data_fin = in.flag("fin");
  return dss;
}

MptcpOption read_add_addr(Item& in, const Origins&) {
  AddAddr add;
  const bool v0 = in.flag("v0");
  add.echo = !v0 && in.flag("echo");
  add.id = AddressId{in.required<std::uint8_t>("id")};
  const std::string_view text = in.word();
  if (const auto address = address_from_text(text)) {
    add.address = *address;
  } else if (const auto with_port = socket_address_from_text(text)) {
    add.address = with_port->address;
    add.port = with_port->port;
  } else {
    in.fail("an address, or address:port");
  }
  if (v0) { return AddAddrV0{add.id, add.address, add.port}; }
  add.mac = in.optional<std::uint64_t>("mac");
  return add;
}

MptcpOption read_remove_addr(Item& in, const Origins&) {
  RemoveAddr remove;
  do {
    if (remove.ids.size() == remove.ids.capacity()) {
      in.fail("no more ids than an option holds");
      break;
    }
    remove.ids.push_back(AddressId{in.value<std::uint8_t>(in.word())});
  } while (!in.used_up() && !in.failed());
  return remove;
}

MptcpOption read_prio(Item& in, const Origins&) {
  if (const auto id = in.optional<std::uint8_t>("id")) { return PrioOfAddress{in.flag("backup"), AddressId{*id}}; }
  return Prio{in.flag("backup")};
}
MptcpOption read_fail(Item& in, const Origins& origins) {
  return Fail{in.required<std::uint64_t>("dsn") + origins.data_ack.raw};
}
MptcpOption read_fast_close(Item& in, const Origins&) { return FastClose{Key{in.required<std::uint64_t>("key")}}; }

MptcpOption read_reset(Item& in, const Origins&) {
  Reset reset;
  const std::string_view reason = in.maybe("reason").value_or("");
  const auto named = from_name<ResetReason>(reason);
  reset.reason = named ? *named : ResetReason{in.value<std::uint8_t>(reason)};
  reset.unknown_flags = in.optional<std::uint8_t>("unknown_flags").value_or(0) & 0x0e;
  reset.transient = in.flag("transient");
  return reset;
}

MptcpOption read_unknown(Item& in, const Origins&) {
  Unknown unknown;
  unknown.subtype = in.required<std::uint8_t>("subtype") & 0x0f;
  unknown.length = in.required<std::uint8_t>("length");
  return unknown;
}

struct MptcpName {
  std::string_view name;
  MptcpOption (*read)(Item&, const Origins&);
};
constexpr MptcpName kMptcpNames[] = {
    {"capable", read_capable},
    {"join", read_join},
    {"dss", read_dss},
    {"add_addr", read_add_addr},
    {"remove_addr", read_remove_addr},
    {"prio", read_prio},
    {"fail", read_fail},
    {"fast_close", read_fast_close},
    {"reset", read_reset},
    {"unknown", read_unknown},
};

void read_timestamps(Item& in, TcpOptions& tcp) {
  if (!in.flag("val")) { in.fail("val"); }
  const auto value = in.value<std::uint32_t>(in.word());
  if (!in.flag("ecr")) { in.fail("ecr"); }
  tcp.timestamps = Timestamps{value, in.value<std::uint32_t>(in.word())};
}

/// fast_open, or fast_open 0x<digits of a cookie>
void read_fast_open(Item& in, TcpOptions& tcp) {
  tcp.fast_open.emplace();
  if (in.used_up()) { return; }
  const std::string_view text = in.word();
  const std::size_t digits = text.starts_with("0x") ? text.size() - 2 : 1;
  if (digits % 2 != 0 || digits == 0 || !FastOpen::is_size(digits / 2)) { return in.fail("a cookie of 4 to 16 bytes"); }
  for (std::size_t at = 2; at < text.size(); at += 2) {
    std::uint8_t byte = 0;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + at + 2, byte, 16);
    if (error != std::errc{} || end != text.data() + at + 2) { return in.fail("hexadecimal digits"); }
    tcp.fast_open->cookie.push_back(byte);
  }
}

/// user_timeout 30s, or user_timeout 5min
void read_user_timeout(Item& in, TcpOptions& tcp) {
  std::string_view text = in.word();
  const bool minutes = text.ends_with("min");
  if (!minutes && !text.ends_with('s')) { return in.fail("a number and s or min"); }
  text.remove_suffix(minutes ? 3 : 1);
  const auto n = number(text, UserTimeout::kLargest);
  if (!n || *n == 0) { return in.fail("1 to 32767"); }
  tcp.user_timeout = UserTimeout{minutes, static_cast<std::uint16_t>(*n)};
}

void read_sack(Item& in, TcpOptions& tcp, SeqNum origin) {
  do {
    const std::string_view text = in.word();
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos || tcp.sack.size() == tcp.sack.capacity()) {
      in.fail("left:right, at most four times");
      return;
    }
    tcp.sack.push_back({SeqNum{in.value<std::uint32_t>(text.substr(0, colon)) + origin.raw},
                        SeqNum{in.value<std::uint32_t>(text.substr(colon + 1)) + origin.raw}});
  } while (!in.used_up());
}

void read_item(Item& in, const Origins& origins, SegmentLine& line) {
  const std::string_view name = in.name();
  if (name == "mss") {
    line.tcp.mss = in.value<std::uint16_t>(in.word());
  } else if (name == "sackOK") {
    line.tcp.sack_permitted = true;
  } else if (name == "TS") {
    read_timestamps(in, line.tcp);
  } else if (name == "wscale") {
    line.tcp.window_scale = in.value<std::uint8_t>(in.word());
  } else if (name == "fast_open") {
    read_fast_open(in, line.tcp);
  } else if (name == "user_timeout") {
    read_user_timeout(in, line.tcp);
  } else if (name == "sack") {
    read_sack(in, line.tcp, origins.ack);
  } else {
    const auto known = std::ranges::find(kMptcpNames, name, &MptcpName::name);
    if (known == std::end(kMptcpNames)) {
      in.fail("the name of an option");
      return;
    }
    line.mptcp.push_back(known->read(in, origins));
  }
}

bool read_flags(std::string_view text, TcpFlags& flags) {
  if (text == "-") { return true; }
  for (const char c : text) {
    bool* const flag = c == 'S'   ? &flags.syn
                       : c == 'F' ? &flags.fin
                       : c == 'R' ? &flags.rst
                       : c == 'P' ? &flags.psh
                       : c == 'U' ? &flags.urg
                       : c == 'E' ? &flags.ece
                       : c == 'W' ? &flags.cwr
                       : c == '.' ? &flags.ack
                                  : nullptr;
    if (flag == nullptr || *flag) { return false; }
    *flag = true;
  }
  return !text.empty();
}

/// begin:end(length), where end - begin = length
bool read_range(std::string_view text, SeqNum origin, SegmentLine& line) {
  const std::size_t colon = text.find(':'), open = text.find('(');
  if (colon == std::string_view::npos || open == std::string_view::npos || open < colon || !text.ends_with(')')) {
    return false;
  }
  constexpr std::uint64_t kWord = 0xffffffff;
  const auto begin = number(text.substr(0, colon), kWord);
  const auto end = number(text.substr(colon + 1, open - colon - 1), kWord);
  const auto length = number(text.substr(open + 1, text.size() - open - 2), kWord);
  if (!begin || !end || !length || static_cast<std::uint32_t>(*end - *begin) != *length) { return false; }
  line.seq = SeqNum{static_cast<std::uint32_t>(*begin + origin.raw)};
  line.payload = static_cast<std::uint32_t>(*length);
  return true;
}

/// Position of a view into `text`, for error messages.
std::size_t offset(std::string_view text, std::string_view part) {
  return part.data() == nullptr ? text.size() : static_cast<std::size_t>(part.data() - text.data());
}

std::unexpected<NotationError> error(std::size_t at, std::string_view what) {
  return std::unexpected{NotationError{at, std::string{what}}};
}

/// Words before the options. Answers what was expected where the trouble is, or nothing.
std::optional<std::pair<std::size_t, std::string_view>> read_head(const Words& words, const Origins& origins,
                                                                  SegmentLine& line) {
  if (words.empty() || !read_flags(words[0], line.flags)) { return std::pair{0, "flags: letters of SFRPUEW. or -"}; }
  if (words.size() < 2 || !read_range(words[1], origins.seq, line)) { return std::pair{1, "begin:end(length)"}; }
  std::size_t at = 2;
  const auto named = [&](std::string_view name, std::uint64_t limit) -> std::optional<std::uint64_t> {
    if (words.size() < at + 2 || words[at] != name) { return std::nullopt; }
    const auto n = number(words[at + 1], limit);
    if (n) { at += 2; }
    return n;
  };
  if (line.flags.ack) {
    const auto ack = named("ack", 0xffffffff);
    if (!ack) { return std::pair{at, "ack and a number, because the flags have the dot"}; }
    line.ack = SeqNum{static_cast<std::uint32_t>(*ack + origins.ack.raw)};
  }
  if (const auto window = named("win", 0xffff)) { line.window = static_cast<std::uint16_t>(*window); }
  if (at != words.size()) { return std::pair{at, "win and a number, options in <>, or the end (ack needs the dot)"}; }
  return std::nullopt;
}
}  // namespace

std::expected<SegmentLine, NotationError> parse_notation(std::string_view text, const Origins& origins,
                                                         const Symbols& symbols) {
  const detail::Parts parts = detail::split_parts(text);
  if (!parts.well_formed) { return error(text.size(), "one list of options in <>, at the end"); }
  SegmentLine line;
  const Words head = detail::split_words(parts.head);
  if (const auto trouble = read_head(head, origins, line)) {
    const auto [index, what] = *trouble;
    return error(index < head.size() ? offset(text, head[index]) : parts.head.size(), what);
  }
  if (!parts.options || detail::split_words(*parts.options).empty()) { return line; }
  for (Words& words : detail::split_items(*parts.options, true)) {
    if (words.empty()) { return error(offset(text, *parts.options), "an option on each side of a comma"); }
    const std::size_t at = offset(text, words.front());
    Item item{std::move(words), symbols};
    read_item(item, origins, line);
    if (item.failed()) { return error(at, item.trouble()); }
    if (!item.used_up()) { return error(offset(text, item.word()), "nothing more in this option"); }
  }
  return line;
}
}  // namespace anabranch::wire
