/* Anabranch without I/O, from C: TCP and Multipath TCP for those who bring their own packets and their own clock.
 *
 * A stack takes IP packets and hands out IP packets; it opens no socket, starts no thread, reads no clock and has no
 * state outside the object that `anb_stack_create` returns. Several stacks live in one process; one stack belongs to
 * one thread at a time.
 *
 * The loop of a driver, with `now` in nanoseconds of a clock of its own that never goes back:
 *
 *     packet arrived      anb_input(stack, interface, packet, length, now)
 *     deadline reached    anb_advance(stack, now)              when now >= anb_deadline(stack)
 *     then always         while (anb_output(stack, &packet, now) > 0) send(packet)
 *                         while ((fd = anb_next_ready(stack, &events)) > 0) serve(fd, events)
 *
 * Sockets mean what POSIX says of non-blocking stream sockets (MPTCP where the peer has it, TCP where not: RFC 6897).
 * Errors come back as negative errno values (-EAGAIN), never in `errno`. Times are nanoseconds, sizes bytes, and
 * socket addresses `struct sockaddr_in` and `sockaddr_in6` in network byte order, as POSIX has them.
 *
 * Every call that can make the stack speak takes `now`; afterwards ask `anb_output` and `anb_deadline`.
 */
#ifndef ANABRANCH_EMBED_H
#define ANABRANCH_EMBED_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ANB_API_VERSION 1
/** "0.1.0": of the library that is linked. */
const char *anb_version(void);

typedef struct anb_stack anb_stack;
/** Nanoseconds since an origin of the caller's; not negative. */
typedef int64_t anb_time;
#define ANB_NEVER INT64_MAX

/* ------------------------------------------------------------------------------------------------------- the stack */

/** What a stack is told once. Begin with `anb_stack_options_init`, which sets every field to its default. */
struct anb_stack_options {
  uint32_t size; /**< sizeof(struct anb_stack_options): set by init, tells old callers from new ones */
  /** 32 bytes that nobody else can guess, from the system's random source: keys and sequence numbers come from them.
   *  The same seed and the same calls give the same packets: for tests; never use a seed twice on a real network. */
  uint8_t seed[32];
  uint32_t max_connections; /**< half-open and open; default 65536 */
  uint32_t max_half_open;   /**< over all listeners; default 1024 */
  uint16_t first_port;      /**< local ports for connecting: first_port .. last_port; default 32768 .. 60999 */
  uint16_t last_port;
  uint8_t reset_strays; /**< 1 (default): answer segments that belong to nothing with RST; 0: silence */
};
void anb_stack_options_init(struct anb_stack_options *options);

/** NULL when an option is out of range or memory is short. The options are copied. */
anb_stack *anb_stack_create(const struct anb_stack_options *options);
/** Ends all connections silently: nothing more is sent. Close sockets and drain `anb_output` first to end them well. */
void anb_stack_destroy(anb_stack *stack);

/* ------------------------------------------------------------------------------- interfaces, addresses and packets */

/** Adds an interface under a number of your choice (not 0). `mtu`: the largest IP packet it takes, at least 576.
 *  It is up, and has a default route of `metric` for each family it gets an address of: lower is preferred for the
 *  first subflow. -EEXIST, -EINVAL. */
int anb_interface_add(anb_stack *stack, uint32_t interface, uint32_t mtu, uint32_t metric, anb_time now);
/** Carrier lost or found. Its subflows end, or new ones may be opened. -ENODEV. */
int anb_interface_set_up(anb_stack *stack, uint32_t interface, int up, anb_time now);
/** -ENODEV. */
int anb_interface_remove(anb_stack *stack, uint32_t interface, anb_time now);
/** What path managers may do with an address; as Linux's endpoint flags, but what is not forbidden is allowed. */
#define ANB_ADDRESS_BACKUP 1      /**< subflows from it only when no other can carry data */
#define ANB_ADDRESS_NO_SUBFLOWS 2 /**< open none from it (but connect, when it is the best or bound) */
#define ANB_ADDRESS_NO_ANNOUNCE 4 /**< do not tell peers of it */
#define ANB_ADDRESS_METERED 8     /**< every byte costs: used as the connection's policy has it */
/** `address`: sockaddr_in or sockaddr_in6, its port ignored. `prefix`: bits of the on-link network.
 *  -ENODEV, -EEXIST (also when another interface has it), -EAFNOSUPPORT, -EINVAL. */
int anb_address_add(anb_stack *stack, uint32_t interface, const struct sockaddr *address, socklen_t length,
                    unsigned prefix, unsigned flags, anb_time now);
/** What else path managers and schedulers should know of an address. */
struct anb_address_use {
  uint32_t size;       /**< sizeof(struct anb_address_use) */
  unsigned flags;      /**< as in `anb_address_add` */
  unsigned weight;     /**< share of the data where shares are given by weight; 1 usually, at most 65535 */
  unsigned preference; /**< lower is used first, as with the metrics of routes; 0 usually, at most 255 */
  uint64_t cap;        /**< at most so many bytes a second in either direction, all connections together; 0: no limit */
};
/** In the place of what was said when it was added. -EADDRNOTAVAIL, -EAFNOSUPPORT, -EINVAL. */
int anb_address_set_use(anb_stack *stack, const struct sockaddr *address, socklen_t length,
                        const struct anb_address_use *use, anb_time now);
/** Ends its subflows and withdraws it with REMOVE_ADDR. -EADDRNOTAVAIL. */
int anb_address_remove(anb_stack *stack, const struct sockaddr *address, socklen_t length, anb_time now);

/** One IP packet that arrived on `interface`; copied. Checksums are verified. What is no TCP packet for this stack is
 *  counted and dropped: that is no error. -ENODEV, -EMSGSIZE (longer than 65535 bytes), -EINVAL (no bytes). */
int anb_input(anb_stack *stack, uint32_t interface, const void *packet, size_t length, anb_time now);

struct anb_packet {
  void *data;         /**< in: where to write the packet */
  size_t capacity;    /**< in: bytes there; the largest mtu of the interfaces is always enough */
  size_t length;      /**< out: of the packet */
  uint32_t interface; /**< out: where it shall leave */
  anb_time at;        /**< out: when it shall leave: `now`; what is paced is held back until its time (anb_deadline) */
};
/** The next IP packet to send, checksums complete: 1; 0: none now; -EMSGSIZE: `capacity` is too small, `length` says
 *  what it takes, and the packet waits. */
int anb_output(anb_stack *stack, struct anb_packet *packet, anb_time now);

/** When `anb_advance` wants to be called next; ANB_NEVER: not before something else happens. */
anb_time anb_deadline(const anb_stack *stack);
/** Time has passed: retransmissions, probes, ends. Harmless when nothing is due. */
void anb_advance(anb_stack *stack, anb_time now);

/* --------------------------------------------------------------------------------------------------------- sockets */

/** A socket's number, > 0. -EMFILE. Numbers are the stack's own, no file descriptors, and are used again. */
int anb_socket(anb_stack *stack);
/** Port 0: any (connecting only). -EINVAL (bound or connected already), -EADDRNOTAVAIL, -EAFNOSUPPORT. */
int anb_bind(anb_stack *stack, int fd, const struct sockaddr *address, socklen_t length);
/** -EADDRINUSE, -EINVAL, -EDESTADDRREQ (no port bound). */
int anb_listen(anb_stack *stack, int fd, int backlog);
/** The number of a connected socket; -EAGAIN. The peer's address goes to `address` when it is not NULL. */
int anb_accept(anb_stack *stack, int fd, struct sockaddr *address, socklen_t *length);
/** -EINPROGRESS; then -EALREADY, -EISCONN, or what went wrong (-ECONNREFUSED, -ETIMEDOUT). -ENETUNREACH at once. */
int anb_connect(anb_stack *stack, int fd, const struct sockaddr *address, socklen_t length, anb_time now);
/** The same to whichever of up to 16 addresses of one service answers well, tried in this order (RFC 8305). -EINVAL. */
int anb_connect_any(anb_stack *stack, int fd, const struct sockaddr_storage *addresses, size_t count, anb_time now);
/** Bytes taken; -EAGAIN: none now; -EPIPE, -ECONNRESET, -ETIMEDOUT, -ENOTCONN. */
ssize_t anb_send(anb_stack *stack, int fd, const void *data, size_t length, anb_time now);
#define ANB_PEEK 1
/** Bytes read; 0: end of stream, or `length` was 0; -EAGAIN, -ECONNRESET, -ETIMEDOUT, -ENOTCONN. Errors come after
 *  everything that arrived was read. ANB_PEEK leaves the bytes where they are. */
ssize_t anb_recv(anb_stack *stack, int fd, void *data, size_t length, int flags, anb_time now);
/** SHUT_RD: what arrives from now on is thrown away; SHUT_WR: DATA_FIN (or FIN) after what was sent; SHUT_RDWR.
 *  -ENOTCONN, -EINVAL. */
int anb_shutdown(anb_stack *stack, int fd, int how, anb_time now);
/** The number is free afterwards; the stack carries the connection to its end. With bytes unread, or SO_LINGER of 0
 *  seconds, the peer is told by MP_FASTCLOSE or RST. -EBADF. */
int anb_close(anb_stack *stack, int fd, anb_time now);
int anb_getsockname(anb_stack *stack, int fd, struct sockaddr *address, socklen_t *length);
/** -ENOTCONN. */
int anb_getpeername(anb_stack *stack, int fd, struct sockaddr *address, socklen_t *length);

/** POLLIN, POLLOUT, POLLRDHUP, POLLERR, POLLHUP as poll(2) has them, right now. -EBADF. */
int anb_poll(anb_stack *stack, int fd);
/** A socket whose poll state may have changed since it was last returned here, its state in `*events`; 0: none.
 *  Each is returned once a change: as epoll(7) with EPOLLET. */
int anb_next_ready(anb_stack *stack, int *events);

/** Options by their POSIX and Linux names; `value` is an int unless said:
 *    SOL_SOCKET  SO_ERROR (get), SO_SNDBUF, SO_RCVBUF, SO_KEEPALIVE, SO_LINGER (struct linger), SO_REUSEADDR,
 *                SO_TYPE, SO_PROTOCOL, SO_ACCEPTCONN (get)
 *    IPPROTO_TCP TCP_NODELAY, TCP_CORK, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT (seconds; probes),
 *                TCP_USER_TIMEOUT (milliseconds), TCP_CONGESTION (string), TCP_MAXSEG (get),
 *                TCP_FASTOPEN (listeners: SYNs with data that may wait), TCP_FASTOPEN_CONNECT (what is sent before there
 *                is a connection may leave with the SYN, and arrive twice: RFC 7413)
 *    ANB_SOL     the names below
 *  A listener's options are inherited by what it accepts. TCP_NODELAY, TCP_CORK, SO_LINGER, SO_REUSEADDR, ANB_SCHEDULER,
 *  ANB_WATCH_PATHS and ANB_RATES can be changed at any time; the others before connect and listen: -EISCONN afterwards. -ENOPROTOOPT, -EINVAL, -EBADF. */
int anb_setsockopt(anb_stack *stack, int fd, int level, int name, const void *value, socklen_t length, anb_time now);
int anb_getsockopt(anb_stack *stack, int fd, int level, int name, void *value, socklen_t *length);

#define ANB_SOL 0x416e62
#define ANB_MULTIPATH 1      /**< 1 (default): MPTCP where the peer has it; 0: plain TCP */
#define ANB_CHECKSUM 2       /**< 1: ask for DSS checksums (RFC 8684 section 3.3); default 0 */
#define ANB_SCHEDULER 3      /**< string: "lowest_rtt", ...; see docs/architecture.md */
#define ANB_PATH_MANAGER 4   /**< string: "full_mesh", "passive", ... */
#define ANB_MAX_SUBFLOWS 5   /**< alive at a time, 1 .. 255; default 8 */
#define ANB_MAX_REMOTE 6     /**< addresses remembered from ADD_ADDR; default 16 */
#define ANB_CLOSE_TIMEOUT 7  /**< milliseconds of life without any subflow; default 60000 */
#define ANB_NO_ANNOUNCE 8    /**< 1: our other addresses are not told to the peer; default 0; listeners only */
#define ANB_STATELESS 10     /**< listeners: SYN cookies 0: never, 1 (default): under pressure, 2: always */
#define ANB_RACE 11          /**< 1 (default): connect tries several paths and addresses (RFC 8305); 0: the first only */
#define ANB_RACE_DELAY 12    /**< milliseconds between two attempts, at least 10; default 250 */
#define ANB_RACE_PATIENCE 13 /**< milliseconds for MPTCP when a path has answered without it; default 300 */
#define ANB_POLICY 14        /**< string, set only: "handover", "interactive", "aggregate", "redundant": several options at once */
#define ANB_WATCH_PATHS 16   /**< 1: `anb_poll` says POLLPRI while `anb_next_path_event` has something; default 0 */
#define ANB_RATES 15         /**< milliseconds between two ANB_PATH_RATES of a subflow, at least 10; default 0: none */
#define ANB_VERSIONS 9       /**< of MPTCP: 1 (default), 0, or 2: both, 1 before 0 (docs/versions.md) */

/* ------------------------------------------------------------------------------------------------- multipath by hand */

/** Asks for a subflow of an MPTCP connection from a local address (NULL: any that leads there) to `remote`.
 *  The outcome shows in `anb_subflows`. -EOPNOTSUPP (plain TCP), -ENOTCONN, -EADDRNOTAVAIL, -ENOBUFS (limit). */
int anb_subflow_open(anb_stack *stack, int fd, const struct sockaddr *local, const struct sockaddr *remote, int backup,
                     anb_time now);
/** Ends one with RST; its data goes on over the others. -ENOENT. */
int anb_subflow_close(anb_stack *stack, int fd, uint32_t subflow, anb_time now);
/** MP_PRIO: the peer uses it only when no other is there, or as any other again. -ENOENT. */
int anb_subflow_set_backup(anb_stack *stack, int fd, uint32_t subflow, int backup, anb_time now);
/** ADD_ADDR for an address of ours, with its port when that is not 0: joins to it are taken. -EADDRNOTAVAIL,
 *  -EOPNOTSUPP, -ENOTCONN. */
int anb_announce(anb_stack *stack, int fd, const struct sockaddr *address, socklen_t length, anb_time now);
/** REMOVE_ADDR for what was announced. -EADDRNOTAVAIL (was not), -EOPNOTSUPP, -ENOTCONN. */
int anb_withdraw(anb_stack *stack, int fd, const struct sockaddr *address, socklen_t length, anb_time now);

/* ------------------------------------------------------------------------------------------------ watching the paths */

#define ANB_PATH_OPENED 0    /**< a subflow may carry data */
#define ANB_PATH_CLOSED 1    /**< one is over, or could not be opened (`was_open` 0); `why` */
#define ANB_PATH_STALLED 2   /**< nothing came back for a retransmission time-out; others carry its data */
#define ANB_PATH_RECOVERED 3 /**< something did */
#define ANB_PATH_PRIORITY 4  /**< `backup` is what it is now */
#define ANB_PATH_ANNOUNCED 5 /**< the peer can be reached at `remote` too, by the id `address` */
#define ANB_PATH_WITHDRAWN 6 /**< not any more at the address with the id `address` */
#define ANB_PATH_FELL_BACK 7 /**< plain TCP from here on; `why` */
#define ANB_PATH_RATES 8     /**< `sent` and `received` since the last one: see ANB_RATES */
struct anb_path_event {
  uint32_t size;                         /**< in: sizeof(struct anb_path_event) */
  uint32_t what;                         /**< ANB_PATH_... */
  anb_time at;
  uint32_t subflow, interface;           /**< of events about a subflow */
  struct sockaddr_storage local, remote; /**< likewise; `remote` of ANB_PATH_ANNOUNCED */
  uint8_t address;                       /**< the peer's id of it */
  uint8_t backup, by_peer, was_open;
  const char *why;         /**< static; "" where there is nothing to say */
  uint64_t sent, received; /**< payload bytes a second */
  anb_time srtt;           /**< of ANB_PATH_RATES; 0: not measured */
  uint64_t missed;         /**< so many events before it were not fetched in time: 64 are kept; ask `anb_subflows` */
};
/** The oldest thing that happened to the paths of a connection: 1; 0: nothing new. See ANB_WATCH_PATHS. -EBADF, -ENOTCONN, -EINVAL. */
int anb_next_path_event(anb_stack *stack, int fd, struct anb_path_event *event);

/* --------------------------------------------------------------------------------------------------------- looking */

/** As Linux's MPTCP_INFO: of a connection. Strings are static. */
struct anb_info {
  uint32_t size;               /**< in: sizeof(struct anb_info) */
  uint8_t multipath;           /**< 1: MPTCP; 0: plain TCP */
  uint8_t checksum;            /**< DSS checksums are in use */
  uint8_t version;             /**< of MPTCP, while that is spoken: 0 or 1 */
  uint16_t subflows;           /**< alive and ended that `anb_subflows` knows */
  const char *state;           /**< handshake, open, closing, closed */
  const char *fallback_reason; /**< none while it is MPTCP; else why it is TCP */
  uint32_t local_token, remote_token;
  uint64_t bytes_written, bytes_acknowledged, bytes_received; /**< at the data level */
  uint64_t bytes_reinjected; /**< sent again on another subflow */
  uint64_t duplicate_bytes;  /**< received again */
  uint64_t receive_buffer, reordering;
};
int anb_get_info(anb_stack *stack, int fd, struct anb_info *info);

/** As Linux's TCP_INFO: of a subflow. */
struct anb_subflow_info {
  uint32_t id; /**< 0: the initial one */
  uint32_t interface;
  struct sockaddr_storage local, remote;
  uint8_t backup;       /**< either side asked for it */
  const char *state;    /**< joining, active, stalled, closing, closed */
  const char *ended_by; /**< "" while it is alive */
  uint64_t bytes_sent, bytes_received, retransmits;
  anb_time srtt, min_rtt;                     /**< 0: not measured */
  uint64_t congestion_window, in_flight, queued; /**< bytes */
};
/** Fills up to `count` of them in the order of their ids; returns how many there are. `stride`: sizeof of one. */
int anb_subflows(anb_stack *stack, int fd, struct anb_subflow_info *out, size_t count, size_t stride);

/** A counter by its name (docs/architecture.md); -ENOENT. */
int anb_counter(const anb_stack *stack, const char *name, uint64_t *value);
/** The names, one after the other: NULL behind the last. */
const char *anb_counter_name(size_t index);

#ifdef __cplusplus
}
#endif
#endif
