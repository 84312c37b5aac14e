/* Two stacks in one process, back to back over two links: a Multipath TCP transfer without a socket of the system.
 *
 * The links are arrays of packets with a delay; time is a number that this program moves on. One link is cut in the
 * middle of the transfer: the bytes arrive all the same. Prints what each side saw; exits 0 when all is well.
 */
#define _POSIX_C_SOURCE 200809L /* the POSIX names of <sys/socket.h> and <poll.h> */
#include <anabranch/embed.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kMtu = 1500, kQueue = 4096, kBytes = 4 * 1000 * 1000, kCutAt = kBytes / 2 };
static const anb_time kDelay = 10 * 1000 * 1000; /* 10 ms each way */

/* A one-way link: packets in flight, oldest first, each with the time it arrives. */
struct link {
  struct {
    anb_time at;
    size_t length;
    unsigned char bytes[kMtu];
  } queue[kQueue];
  size_t first, count;
  int cut;
};

struct host {
  const char *name;
  anb_stack *stack;
  struct link *out[3]; /* by interface: 1 and 2 */
};

static void fail(const char *what, long code) {
  fprintf(stderr, "%s: %s\n", what, code < 0 ? strerror((int)-code) : "unexpected");
  exit(1);
}
#define MUST(call)                         \
  do {                                     \
    const long result_ = (long)(call);     \
    if (result_ < 0) fail(#call, result_); \
  } while (0)

static struct sockaddr_in address(const char *text, int port) {
  struct sockaddr_in a;
  memset(&a, 0, sizeof a);
  a.sin_family = AF_INET;
  a.sin_port = htons((uint16_t)port);
  inet_pton(AF_INET, text, &a.sin_addr);
  return a;
}

static struct host make_host(const char *name, const char *first, const char *second, struct link *out1,
                             struct link *out2) {
  struct anb_stack_options options;
  anb_stack_options_init(&options);
  memset(options.seed, name[0], sizeof options.seed); /* a real program asks getrandom(2) */
  struct host h = {name, anb_stack_create(&options), {NULL, out1, out2}};
  if (h.stack == NULL) fail("anb_stack_create", -EINVAL);
  const char *texts[] = {NULL, first, second};
  for (uint32_t i = 1; i <= 2; ++i) {
    const struct sockaddr_in a = address(texts[i], 0);
    MUST(anb_interface_add(h.stack, i, kMtu, i, 0));
    MUST(anb_address_add(h.stack, i, (const struct sockaddr *)&a, sizeof a, 24, 0, 0));
  }
  return h;
}

/* Everything a host wants to send goes onto its links. */
static void transmit(struct host *h, anb_time now) {
  unsigned char buffer[kMtu];
  struct anb_packet p = {.data = buffer, .capacity = sizeof buffer};
  while (anb_output(h->stack, &p, now) > 0) {
    struct link *l = h->out[p.interface];
    if (l->cut || l->count == kQueue) continue; /* as a real one would lose it */
    const size_t slot = (l->first + l->count++) % kQueue;
    l->queue[slot].at = now + kDelay;
    l->queue[slot].length = p.length;
    memcpy(l->queue[slot].bytes, buffer, p.length);
  }
}

static void arrive(struct link *l, struct host *to, uint32_t interface, anb_time now) {
  while (l->count > 0 && l->queue[l->first].at <= now) {
    MUST(anb_input(to->stack, interface, l->queue[l->first].bytes, l->queue[l->first].length, now));
    l->first = (l->first + 1) % kQueue;
    --l->count;
  }
}

static anb_time earlier(anb_time a, anb_time b) { return a < b ? a : b; }
static anb_time next_arrival(const struct link *l) { return l->count > 0 ? l->queue[l->first].at : ANB_NEVER; }

static unsigned char byte_at(size_t i) { return (unsigned char)(i * 31 + i / 251); }

/* The client writes and, at the end, shuts its side down. */
static void client_serves(struct host *h, int fd, size_t *sent, anb_time now) {
  unsigned char chunk[8192];
  while (*sent < kBytes && (anb_poll(h->stack, fd) & POLLOUT)) {
    size_t n = 0;
    for (; n < sizeof chunk && *sent + n < kBytes; ++n) chunk[n] = byte_at(*sent + n);
    const ssize_t taken = anb_send(h->stack, fd, chunk, n, now);
    if (taken == -EAGAIN) break;
    MUST(taken);
    *sent += (size_t)taken;
    if (*sent == kBytes) MUST(anb_shutdown(h->stack, fd, SHUT_WR, now));
  }
}

/* The server reads and checks. Returns 1 at the end of the stream. */
static int server_serves(struct host *h, int fd, size_t *received, anb_time now) {
  unsigned char chunk[8192];
  for (;;) {
    const ssize_t n = anb_recv(h->stack, fd, chunk, sizeof chunk, 0, now);
    if (n == -EAGAIN) return 0;
    MUST(n);
    if (n == 0) return 1;
    for (ssize_t i = 0; i < n; ++i) {
      if (chunk[i] != byte_at(*received + (size_t)i)) fail("a byte is wrong", 0);
    }
    *received += (size_t)n;
  }
}

static void report(struct host *h, int fd) {
  struct anb_info info = {.size = sizeof info};
  struct anb_subflow_info flows[8];
  MUST(anb_get_info(h->stack, fd, &info));
  const int count = anb_subflows(h->stack, fd, flows, 8, sizeof flows[0]);
  MUST(count);
  printf("%s: %s, %llu bytes sent again on another path\n", h->name, info.multipath ? "mptcp" : "tcp",
         (unsigned long long)info.bytes_reinjected);
  for (int i = 0; i < count && i < 8; ++i) {
    printf("  subflow %u on interface %u: %llu bytes sent, %llu received, %s %s\n", flows[i].id, flows[i].interface,
           (unsigned long long)flows[i].bytes_sent, (unsigned long long)flows[i].bytes_received, flows[i].state,
           flows[i].ended_by);
  }
}

int main(void) {
  struct link *links = calloc(4, sizeof *links); /* client to server on 1, on 2; server to client on 1, on 2 */
  if (links == NULL) return 1;
  struct host client = make_host("client", "10.0.1.1", "10.0.2.1", &links[0], &links[1]);
  struct host server = make_host("server", "10.0.1.2", "10.0.2.2", &links[2], &links[3]);

  const int listener = anb_socket(server.stack), out = anb_socket(client.stack);
  const struct sockaddr_in any = address("0.0.0.0", 8080), there = address("10.0.1.2", 8080);
  MUST(anb_bind(server.stack, listener, (const struct sockaddr *)&any, sizeof any));
  MUST(anb_listen(server.stack, listener, 16));
  const int connecting = anb_connect(client.stack, out, (const struct sockaddr *)&there, sizeof there, 0);
  if (connecting != -EINPROGRESS) fail("anb_connect", connecting);

  anb_time now = 0;
  size_t sent = 0, received = 0;
  int in = 0, done = 0;
  while (!done) {
    arrive(&links[0], &server, 1, now);
    arrive(&links[1], &server, 2, now);
    arrive(&links[2], &client, 1, now);
    arrive(&links[3], &client, 2, now);
    anb_advance(client.stack, now);
    anb_advance(server.stack, now);
    if (in == 0) {
      const int fd = anb_accept(server.stack, listener, NULL, NULL);
      if (fd > 0) in = fd;
    }
    client_serves(&client, out, &sent, now);
    if (in > 0) done = server_serves(&server, in, &received, now);
    if (received > kCutAt) links[0].cut = links[2].cut = 1; /* path 1 goes silent */
    transmit(&client, now);
    transmit(&server, now);

    anb_time next = earlier(anb_deadline(client.stack), anb_deadline(server.stack));
    for (int i = 0; i < 4; ++i) next = earlier(next, next_arrival(&links[i]));
    if (next == ANB_NEVER) fail("nothing more will happen", 0);
    if (next > now) now = next;
  }
  printf("%zu bytes in %.3f s of virtual time\n", received, (double)now / 1e9);
  report(&client, out);
  report(&server, in);
  const int good = received == kBytes;
  anb_stack_destroy(client.stack);
  anb_stack_destroy(server.stack);
  free(links);
  return good ? 0 : 1;
}
