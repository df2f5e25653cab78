/*
 * The floor: what the kernel alone costs. It frames what is published in one tick once, as one HTTP chunk, and hands it to
 * each connection in one write(). It keeps no state for a connection but its descriptor, and waits for a full socket, so it is
 * no server for readers that stall. Commands as in control.ts.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST_DESCRIPTORS 65536
#define REQUEST_BYTES 4096

static const char HEAD[] = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";
static const char NOT_FOUND[] = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";

/* What has been seen of the request of a connection that has not got its head yet. */
static struct { char *text; int length; } requests[MOST_DESCRIPTORS];
static int open_connections[MOST_DESCRIPTORS];
static int place_of[MOST_DESCRIPTORS];
static int open_count;
static long number = 1000000;
static int poller;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void watch(int descriptor) {
  struct epoll_event event = { .events = EPOLLIN, .data.fd = descriptor };
  if (epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event) < 0) fail("epoll_ctl");
}

/* Closes a connection; the last of the open ones takes its place. */
static void hang_up(int descriptor) {
  if (place_of[descriptor] >= 0) {
    int last = open_connections[--open_count];
    open_connections[place_of[descriptor]] = last;
    place_of[last] = place_of[descriptor];
    place_of[descriptor] = -1;
  }
  free(requests[descriptor].text);
  requests[descriptor].text = NULL;
  close(descriptor);
}

/* Writes all; waits while the socket is full. Returns 0 when the client has left. */
static int write_all(int descriptor, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t written = write(descriptor, bytes, length);
    if (written >= 0) {
      bytes += written;
      length -= (size_t)written;
    } else if (errno == EAGAIN) {
      struct pollfd writable = { .fd = descriptor, .events = POLLOUT };
      poll(&writable, 1, -1);
    } else {
      return 0;
    }
  }
  return 1;
}

/* The same bytes as event.ts makes: data of `bytes` bytes. Returns how many were written to `to`. */
static int make_event(char *to, int bytes) {
  char data[512];
  int beside_text = sprintf(data, "{\"number\":%ld,\"at\":1700000000000,\"symbol\":\"EXAMPLE\",\"text\":\"", ++number);
  int length = sprintf(to, "event: price\ndata: %s", data);
  for (int padding = bytes - beside_text - 3; padding > 0; padding--) to[length++] = 'x';
  return length + sprintf(to + length, "$\"}\nid: %ld\n\n", number);
}

static void publish(int count, int bytes) {
  char *chunk = malloc((size_t)count * (size_t)(bytes + 600) + 64);
  char *body = chunk + 16;
  int length = 0;
  if (chunk == NULL) fail("malloc");
  for (int made = 0; made < count; made++) length += make_event(body + length, bytes);
  char size[16];
  int size_length = sprintf(size, "%x\r\n", length);
  memcpy(body - size_length, size, (size_t)size_length);
  memcpy(body + length, "\r\n", 2);
  for (int place = open_count - 1; place >= 0; place--) {
    int descriptor = open_connections[place];
    if (!write_all(descriptor, body - size_length, (size_t)(size_length + length + 2))) hang_up(descriptor);
  }
  free(chunk);
}

static void accept_all(int listener) {
  int descriptor;
  while ((descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    if (descriptor >= MOST_DESCRIPTORS) fail("too many connections");
    int yes = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    requests[descriptor].text = malloc(REQUEST_BYTES);
    requests[descriptor].length = 0;
    place_of[descriptor] = -1;
    watch(descriptor);
  }
}

/* Reads a request to its end, and answers it. What an open stream's client sends later is ignored. */
static void receive(int descriptor) {
  char ignored[1024];
  char *text = requests[descriptor].text;
  char *to = text == NULL ? ignored : text + requests[descriptor].length;
  size_t room = text == NULL ? sizeof ignored : (size_t)(REQUEST_BYTES - 1 - requests[descriptor].length);
  ssize_t got = room == 0 ? 0 : read(descriptor, to, room);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) { hang_up(descriptor); return; }
  if (text == NULL) return;
  requests[descriptor].length += (int)got;
  text[requests[descriptor].length] = '\0';
  if (strstr(text, "\r\n\r\n") == NULL) return;
  int is_feed = strncmp(text, "GET /feed ", 10) == 0;
  if (!write_all(descriptor, is_feed ? HEAD : NOT_FOUND, strlen(is_feed ? HEAD : NOT_FOUND)) || !is_feed) { hang_up(descriptor); return; }
  free(text);
  requests[descriptor].text = NULL;
  place_of[descriptor] = open_count;
  open_connections[open_count++] = descriptor;
}

/* Obeys the commands that have come whole. Ends the process when the input ends. */
static void obey(void) {
  static char input[4096];
  static size_t length;
  ssize_t got = read(STDIN_FILENO, input + length, sizeof input - 1 - length);
  if (got <= 0) exit(0);
  length += (size_t)got;
  input[length] = '\0';
  char *line = input;
  for (char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
    int count, bytes;
    if (sscanf(line, "publish %d %d", &count, &bytes) == 2) publish(count, bytes);
    else if (strncmp(line, "collect", 7) == 0) puts("collected");
  }
  length -= (size_t)(line - input);
  memmove(input, line, length);
}

static int listen_somewhere(void) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  socklen_t size = sizeof address;
  if (bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 1024) < 0) fail("listen");
  getsockname(listener, (struct sockaddr *)&address, &size);
  printf("listening %d\n", ntohs(address.sin_port));
  return listener;
}

int main(void) {
  struct rlimit limit;
  struct epoll_event events[256];
  signal(SIGPIPE, SIG_IGN);
  setvbuf(stdout, NULL, _IOLBF, 0);
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  poller = epoll_create1(0);
  int listener = listen_somewhere();
  watch(listener);
  watch(STDIN_FILENO);
  for (;;) {
    int count = epoll_wait(poller, events, 256, -1);
    for (int index = 0; index < count; index++) {
      if (events[index].data.fd == listener) accept_all(listener);
      else if (events[index].data.fd == STDIN_FILENO) obey();
      else receive(events[index].data.fd);
    }
  }
}
