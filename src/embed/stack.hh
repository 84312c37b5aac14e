/// The inside of `anb_stack`: a stack, the network that its owner describes, and sockets with POSIX' meaning by number.
///
/// Everything a socket is asked is worked out from the connection it stands for; what POSIX wants remembered beyond
/// that (a pending error, halves that were shut) is all it holds. The C functions in embed/ *.cc are its only users.
/// Not for anyone else: C++ programs use stack::Stack.
#pragma once
#include "base/env.hh"
#include "embed/seed_random.hh"
#include "stack/stack.hh"
#include "trace/sinks.hh"
#include <anabranch/embed.h>

#include <deque>
#include <map>
#include <optional>
#include <variant>
#include <vector>

namespace anabranch::embed {

/// Not connected and not listening yet.
struct Fresh {
  std::optional<SocketAddress> bound;
};
struct Listening {
  stack::ListenerId id;
  SocketAddress local;
  std::size_t waiting = 0;  ///< connections that accept will give
};
struct Connected {
  stack::ConnectionId id;
  bool established = false;
  bool reading_shut = false, writing_shut = false;
};

struct Socket {
  std::variant<Fresh, Listening, Connected> is;
  mptcp::Config config;
  bool announce = true;
  unsigned fast_open_queue = 0;    ///< listening: SYNs with data that may wait for the application; 0: none are taken
  bool fast_open_connect = false;  ///< what is sent before there is a connection may leave with the SYN
  stack::Stateless stateless = stack::Stateless::under_pressure;
  stack::RaceOptions race;
  Duration rates_every{};      ///< 0: none
  bool watches_paths = false;  ///< POLLPRI is wanted
  bool reuse_address = false;
  std::optional<unsigned> linger;  ///< seconds
  int error = 0;                   ///< errno to be told once
  bool queued = false;             ///< in Stack::changed
};

}  // namespace anabranch::embed

struct anb_stack {
  explicit anb_stack(const anb_stack_options& options);

  anabranch::embed::Socket* find(int fd);
  int open(anabranch::embed::Socket socket);
  void forget(int fd);
  /// Works through what the stack has to tell, after anything happened to it.
  void take_events(anb_time now);
  void changed_now(int fd);
  void tell_network(anb_time now);
  int poll(const anabranch::embed::Socket& socket) const;

  struct Port {
    anabranch::Interface interface;
    std::uint32_t metric = 0;
  };
  Port* port(std::uint32_t interface);
  /// The interface that has this address; none.
  Port* owner_of(const anabranch::Address& address);
  const Port* owner_of(const anabranch::Address& address) const;

  anabranch::embed::SeedRandom random;
  anabranch::trace::Tee trace;  // nobody listens
  anabranch::NoFaults faults;
  anabranch::Env env{random, trace, faults};
  anabranch::SlabPool pool;
  anabranch::SlabRef arriving;  ///< packets are copied into it until it is full
  anabranch::stack::Stack stack;
  std::vector<Port> ports;
  std::optional<anabranch::Frame> waiting;  ///< a frame that did not fit its caller's buffer
  std::vector<std::optional<anabranch::embed::Socket>> sockets;
  std::vector<int> free_numbers;
  std::size_t most_sockets;
  std::map<anabranch::stack::ConnectionId, int> connections;  ///< their sockets
  std::map<anabranch::stack::ListenerId, int> listeners;
  std::deque<int> changed;  ///< sockets whose poll state may be news
};

namespace anabranch::embed {
inline Instant at(anb_time now) { return {now}; }
/// The errno for it, positive.
int errno_of(Errc code);
}  // namespace anabranch::embed
