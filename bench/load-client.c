/*
 * The load client: opens event streams over raw sockets, reads as fast as it can, and counts a marker in what comes. It parses
 * nothing else, so that it is never the bottleneck. load-client.ts is the same in Node, for machines without a C compiler.
 *
 * Usage: load-client <port>. One command a line on standard input, one answer a line on standard output:
 *
 *   marker <hex>                     count these bytes from now on; before the first `open`
 *   open <count> <stalled> <path>    open so many streams, the last <stalled> of which are never read after their head;
 *                                    answers `opened` when the heads of all have come
 *   expect <count>                   answers `reached` when so many more markers have come than were expected before
 *   counts                           answers `counts <markers> <least> <most> <bytes> <closed>`: markers of all, and of the
 *                                    connection with the fewest and the most; bytes of bodies; how many the server closed
 *   visit <count> <at once> <path>   opens <count> streams, at most <at once> at a time, and leaves each when its first
 *                                    marker has come; answers `visited <bytes of bodies>`; no other count includes them
 *
 *   stamps                           from now on a stamp follows each marker; see delays.h; before the first `open`
 *   delays                           answers `delays <count> <p50> <p99> <max>`, in microseconds, and forgets them
 *
 * Stalled connections are in none of the counts. The end of the input ends the process. `failed <why>` is its last word.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "delays.h"

#define MOST_MARKER_BYTES 16
/* Servers have a backlog of a few hundred; more would wait for a second until TCP tries again. */
#define MOST_IN_FLIGHT 200
#define MOST_VISITORS 200
/* Tells the events of visitors from those of connections that stay. */
#define IS_VISITOR 0x40000000u

struct sequence { unsigned char bytes[MOST_MARKER_BYTES]; int fallback[MOST_MARKER_BYTES]; int length; };
struct connection { int descriptor, head_matched, matched, is_open, is_stalled, is_closed; long markers; struct stamp stamp; };

static struct sequence marker, head_end;
static struct connection *connections;
static int connection_count, begun_count, open_count, closed_count, open_target, stalled_from;
static long total, expected, bytes_read;
static int is_expecting, reads_stamps;
static int port, poller;
static char path[256];
static struct connection visitors[MOST_VISITORS];
static int visits_to_begin, visits_to_end;
static long visit_bytes;

static void fail(const char *format, ...) {
  va_list values;
  va_start(values, format);
  fputs("failed ", stdout);
  vprintf(format, values);
  putchar('\n');
  fflush(stdout);
  exit(1);
}

/* Knuth, Morris and Pratt: where to go on in the sequence after a mismatch, so that a match may span reads. */
static void prepare(struct sequence *sequence, const unsigned char *bytes, int length) {
  memcpy(sequence->bytes, bytes, (size_t)length);
  sequence->length = length;
  sequence->fallback[0] = 0;
  for (int at = 1, known = 0; at < length; at++) {
    while (known > 0 && bytes[at] != bytes[known]) known = sequence->fallback[known - 1];
    if (bytes[at] == bytes[known]) known++;
    sequence->fallback[at] = known;
  }
}

/* Counts up to `most` occurrences that do not overlap. `*matched` is how much of the next one has come. Returns where it stopped. */
static const unsigned char *count(const struct sequence *sequence, const unsigned char *at, const unsigned char *end, int *matched, long *found, long most) {
  while (at < end && *found < most) {
    if (*matched == 0) {
      at = memchr(at, sequence->bytes[0], (size_t)(end - at));
      if (at == NULL) return end;
    }
    while (*matched > 0 && *at != sequence->bytes[*matched]) *matched = sequence->fallback[*matched - 1];
    if (*at++ == sequence->bytes[*matched] && ++*matched == sequence->length) {
      *matched = 0;
      ++*found;
    }
  }
  return at;
}

static void announce(void) {
  if (is_expecting && total >= expected) {
    is_expecting = 0;
    puts("reached");
  }
}

/* Connects and asks. `key` is what the poller says of it. */
static void ask(struct connection *connection, unsigned key) {
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((unsigned short)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  char request[512];
  memset(connection, 0, sizeof *connection);
  connection->descriptor = socket(AF_INET, SOCK_STREAM, 0);
  if (connection->descriptor < 0) fail("socket: %s (%d are open; raise the limit of open files)", strerror(errno), begun_count);
  /* over loopback a blocking connect returns as soon as the kernel has put it into the backlog */
  if (connect(connection->descriptor, (struct sockaddr *)&address, sizeof address) < 0) fail("connect: %s", strerror(errno));
  int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nhost: 127.0.0.1:%d\r\naccept: text/event-stream\r\n\r\n", path, port);
  if (write(connection->descriptor, request, (size_t)length) != length) fail("write: %s", strerror(errno));
  fcntl(connection->descriptor, F_SETFL, O_NONBLOCK);
  struct epoll_event event = { .events = EPOLLIN, .data.u32 = key };
  if (epoll_ctl(poller, EPOLL_CTL_ADD, connection->descriptor, &event) < 0) fail("epoll_ctl: %s", strerror(errno));
}

static void begin_one(void) {
  ask(&connections[begun_count], (unsigned)begun_count);
  connections[begun_count].is_stalled = begun_count >= stalled_from;
  begun_count++;
}

static void begin_more(void) {
  while (begun_count < connection_count && begun_count - open_count < MOST_IN_FLIGHT) begin_one();
}

static void open_more(int more, int stalled) {
  connection_count += more;
  connections = realloc(connections, (size_t)connection_count * sizeof *connections);
  if (connections == NULL) fail("no memory for %d connections", connection_count);
  stalled_from = connection_count - stalled;
  open_target = connection_count;
  begin_more();
}

/* Returns 1 at the end of the head. */
static int take_head(struct connection *connection, const unsigned char **at, const unsigned char *end) {
  static const char OK[] = "HTTP/1.1 200";
  long found = 0;
  /* the status line of so small a head is never cut */
  if (connection->head_matched == 0 && (end - *at < 12 || memcmp(*at, OK, 12) != 0)) fail("the server answered %.*s", (int)(end - *at < 40 ? end - *at : 40), (const char *)*at);
  *at = count(&head_end, *at, end, &connection->head_matched, &found, 1);
  connection->is_open = found > 0;
  return connection->is_open;
}

static void note_open(const struct connection *connection) {
  if (connection->is_stalled) epoll_ctl(poller, EPOLL_CTL_DEL, connection->descriptor, NULL);
  if (++open_count == open_target) puts("opened");
  begin_more();
}

static void begin_visit(int index) {
  visits_to_begin--;
  ask(&visitors[index], IS_VISITOR | (unsigned)index);
}

static void visit(int count, int at_once) {
  if (at_once > MOST_VISITORS) fail("at most %d visit at once", MOST_VISITORS);
  visits_to_begin = visits_to_end = count;
  visit_bytes = 0;
  for (int index = 0; index < at_once && visits_to_begin > 0; index++) begin_visit(index);
}

static void receive_visit(int index) {
  static unsigned char buffer[4096];
  struct connection *visitor = &visitors[index];
  ssize_t got = read(visitor->descriptor, buffer, sizeof buffer);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) fail("the server closed a connection before its first event");
  const unsigned char *at = buffer, *end = buffer + got;
  long found = 0;
  if (!visitor->is_open && !take_head(visitor, &at, end)) return;
  visit_bytes += end - at;
  count(&marker, at, end, &visitor->matched, &found, 1);
  if (found == 0) return;
  close(visitor->descriptor);
  if (--visits_to_end == 0) printf("visited %ld\n", visit_bytes);
  if (visits_to_begin > 0) begin_visit(index);
}

static void receive(int index) {
  static unsigned char buffer[256 * 1024];
  struct connection *connection = &connections[index];
  ssize_t got = read(connection->descriptor, buffer, sizeof buffer);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) {
    if (!connection->is_open) fail("the server closed a connection before its head");
    close(connection->descriptor);
    connection->is_closed = 1;
    closed_count++;
    return;
  }
  const unsigned char *at = buffer, *end = buffer + got;
  if (!connection->is_open && take_head(connection, &at, end)) note_open(connection);
  if (!connection->is_open || connection->is_stalled) return;
  long found = 0;
  bytes_read += end - at;
  if (reads_stamps) read_stamps(&connection->stamp, at, end);
  count(&marker, at, end, &connection->matched, &found, end - at);
  connection->markers += found;
  total += found;
  announce();
}

static void answer_counts(void) {
  long least = -1, most = 0;
  for (int index = 0; index < begun_count; index++) {
    if (connections[index].is_stalled) continue;
    if (least < 0 || connections[index].markers < least) least = connections[index].markers;
    if (connections[index].markers > most) most = connections[index].markers;
  }
  printf("counts %ld %ld %ld %ld %d\n", total, least < 0 ? 0 : least, most, bytes_read, closed_count);
}

static void set_marker(const char *hex) {
  unsigned char bytes[MOST_MARKER_BYTES];
  int length = 0;
  for (unsigned value; length < MOST_MARKER_BYTES && sscanf(hex + 2 * length, "%2x", &value) == 1; length++) bytes[length] = (unsigned char)value;
  prepare(&marker, bytes, length);
}

static void obey_line(const char *line) {
  int more, stalled, at_once;
  long events;
  if (strncmp(line, "marker ", 7) == 0) set_marker(line + 7);
  else if (sscanf(line, "open %d %d %255s", &more, &stalled, path) == 3) open_more(more, stalled);
  else if (sscanf(line, "visit %d %d %255s", &more, &at_once, path) == 3) visit(more, at_once);
  else if (sscanf(line, "expect %ld", &events) == 1) { expected += events; is_expecting = 1; announce(); }
  else if (strcmp(line, "counts") == 0) answer_counts();
  else if (strcmp(line, "stamps") == 0) reads_stamps = 1;
  else if (strcmp(line, "delays") == 0) answer_delays();
  else fail("no command: %s", line);
}

static void obey(void) {
  static char input[4096];
  static size_t length;
  ssize_t got = read(STDIN_FILENO, input + length, sizeof input - 1 - length);
  if (got <= 0) exit(0);
  length += (size_t)got;
  input[length] = '\0';
  char *line = input;
  for (char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
    *end = '\0';
    obey_line(line);
  }
  length -= (size_t)(line - input);
  memmove(input, line, length);
}

int main(int argument_count, char **arguments) {
  struct rlimit limit;
  struct epoll_event events[256], commands = { .events = EPOLLIN, .data.u32 = ~0u };
  if (argument_count != 2) fail("usage: load-client <port>");
  port = atoi(arguments[1]);
  setvbuf(stdout, NULL, _IOLBF, 0);
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  prepare(&marker, (const unsigned char *)"$", 1);
  prepare(&head_end, (const unsigned char *)"\r\n\r\n", 4);
  poller = epoll_create1(0);
  epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &commands);
  for (;;) {
    int ready = epoll_wait(poller, events, 256, -1);
    for (int index = 0; index < ready; index++) {
      if (events[index].data.u32 == ~0u) obey();
      else if (events[index].data.u32 & IS_VISITOR) receive_visit((int)(events[index].data.u32 & ~IS_VISITOR));
      else receive((int)events[index].data.u32);
    }
  }
}
