/// Two TCP endpoints with simple applications over a pipe in virtual time: the bench for stories about one subflow.
///
/// A run is a function of its options: loss, reordering and duplication come from a seed, from a list of packet
/// numbers, or from a test's own hook. Super-segments are cut into packets on the way, as a device would, unless the
/// pipe is told to keep them. Only for plain TCP; roles may be replaced.
#pragma once
#include "base/random.hh"
#include "cc/controller.hh"
#include "packet/slab.hh"
#include "tcp/endpoint.hh"
#include "trace/event.hh"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace anabranch::support {

/// Bytes to send, kept for ever; pieces never cross a multiple of `piece` (as mappings do), 0: no such borders.
class BufferSource final : public tcp::Source {
 public:
  explicit BufferSource(SlabPool& pool) : pool_{&pool} {}
  void write(std::span<const std::uint8_t> bytes);
  void write_pattern(std::size_t bytes, std::uint64_t seed);  ///< the same bytes for the same seed
  const std::vector<std::uint8_t>& written() const { return written_; }
  SubPos acknowledged_up_to() const { return acknowledged_; }
  std::uint64_t piece = 0;

  SubPos end() const override { return {1 + written_.size()}; }
  Chain bytes(SubPos at, Bytes at_most) override;
  void acknowledged(SubPos up_to) override;

 private:
  SlabPool* pool_;
  std::vector<std::uint8_t> written_;
  std::vector<Slice> slices_;  ///< full but for the last; each kSlice bytes
  SubPos acknowledged_{1};
};

/// An application that keeps everything it gets and, unless `reads` is off, makes room at once.
class BufferSink final : public tcp::Sink {
 public:
  explicit BufferSink(Bytes capacity) : capacity_{capacity} {}
  const std::vector<std::uint8_t>& got() const { return got_; }
  bool finished() const { return finished_; }
  Bytes unread() const { return {got_.size() - read_}; }
  void read(std::size_t bytes) { read_ = std::min(got_.size(), read_ + bytes); }
  bool reads = true;

  void deliver(SubPos at, Chain in_order, Instant now) override;
  void peer_finished(SubPos at, Instant now) override;
  Bytes window() override;
  Bytes reorder_room() const override { return capacity_; }

 private:
  static constexpr Bytes kLeastWindow{1460};  ///< RFC 9293 §3.8.6.2.2: no silly windows
  Bytes capacity_;
  std::vector<std::uint8_t> got_;
  std::size_t read_ = 0;
  bool finished_ = false;
};

/// One direction of the path.
struct PipeSpec {
  Duration delay{10'000'000};
  Rate rate{};            ///< zero: no limit
  Bytes queue{1u << 20};  ///< behind the rate: what does not fit is dropped
  unsigned loss_permille = 0, duplicate_permille = 0, reorder_permille = 0;
  Duration reorder_delay{3'000'000};
  std::set<std::size_t> lose{};  ///< packets by number, from 0, in order of departure
  std::uint32_t mtu = 65535;     ///< larger packets are dropped and, if `tells`, answered by "packet too big"
  bool tells = true;
  bool keeps_super_segments = false;
};

/// A segment as it left, for assertions; payload is only counted.
struct Left {
  Instant at;
  Segment segment;  ///< without payload
  std::uint64_t payload = 0;
};

class Pair {
 public:
  struct Options {
    tcp::Config client{}, server{};
    PipeSpec forth{}, back{};  ///< client to server, server to client
    SeqNum client_isn{1000}, server_isn{5000};
    Bytes client_buffer{1u << 20}, server_buffer{1u << 20};
    std::uint64_t seed = 1;
    bool answers_fin = true;  ///< each side finishes when the other has
  };
  struct Side {
    Side(std::uint64_t seed, Bytes buffer, SlabPool& pool)
        : random{seed},
          source{pool},
          sink{buffer},
          env{random, trace, faults} {}
    Generator random;
    trace::NoTrace trace;
    NoFaults faults;
    cc::NoGroup group;
    BufferSource source;
    BufferSink sink;
    tcp::PlainRole plain;
    tcp::Role* role = &plain;
    Env env;
    std::unique_ptr<tcp::Endpoint> endpoint;
    std::vector<tcp::Endpoint::Event> events;
    std::vector<Left> left;
    bool had(tcp::Endpoint::Event event) const { return std::count(events.begin(), events.end(), event) > 0; }
    tcp::Endpoint* operator->() { return endpoint.get(); }
  };
  /// May change a packet, or drop it by answering false. `forth`: from the client. `number`: as in PipeSpec::lose.
  using Hook = std::function<bool(Segment&, bool forth, std::size_t number)>;

  Pair();  ///< two equal ends
  explicit Pair(const Options& options);
  Side& client() { return client_; }
  Side& server() { return server_; }
  Hook hook;
  PipeSpec& forth() { return options_.forth; }
  PipeSpec& back() { return options_.back; }

  Instant now() const { return now_; }
  /// The client's SYN leaves; the server accepts the first SYN that arrives.
  void connect();
  /// Both ends open at the same time, without a listener.
  void connect_both();
  /// Runs until the predicate holds; false when `limit` passed first or nothing more will happen.
  bool run_until(const std::function<bool()>& done, Duration limit = Duration{600'000'000'000});
  void run_for(Duration time);
  /// Lets both ends say what they have to say now (after a test has called an endpoint).
  void pump();
  /// Puts a segment on the wire towards the server (`forth`) or the client, as a stranger could.
  void inject(Segment segment, bool forth);
  /// Both sides have died with `closed`, and got exactly what the other wrote.
  bool closed_and_equal() const;
  std::string report() const;

 private:
  struct Arrival {
    bool forth = true;
    Segment segment;
  };
  void pump(Side& side, bool forth);
  void send(Segment segment, bool forth);
  void send_packet(Segment packet, bool forth);
  void deliver(Arrival arrival);
  Instant next_time() const;
  void step(Instant at);

  Options options_;
  SlabPool pool_;
  Generator random_;
  Side client_, server_;
  Instant now_{1'000'000'000};
  std::map<std::pair<std::int64_t, std::uint64_t>, Arrival> wire_;  ///< by time, then order
  std::uint64_t order_ = 0;
  std::size_t numbers_[2] = {0, 0};
  Instant free_at_[2] = {};
};

/// Size of the IPv4 packet that carries `segment` whole.
std::uint32_t packet_size(const Segment& segment);
}  // namespace anabranch::support
