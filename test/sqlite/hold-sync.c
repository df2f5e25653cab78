/*
 * Loaded into a process by LD_PRELOAD: plays a disk that is slow, holds a sync back, or fails. Only files whose name holds
 * "feeds.db" count, and only while the file EVENTFEED_SYNC_IF is there.
 *
 *   EVENTFEED_SYNC_GATED=1      each sync writes a byte to the descriptor 3, then waits for one from the descriptor 4:
 *                               "0" makes it fail
 *   EVENTFEED_SYNC_DELAY=<ms>   each sync takes so much longer
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int counts (int file) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  const char *condition = getenv("EVENTFEED_SYNC_IF");
  if (length < 0 || condition == NULL || access(condition, F_OK) != 0) return 0;
  path[length] = 0;
  return strstr(path, "feeds.db") != NULL;
}

static int held (int file, const char *name) {
  int (*real) (int) = (int (*) (int)) dlsym(RTLD_NEXT, name);
  if (!counts(file)) return real(file);
  const char *delay = getenv("EVENTFEED_SYNC_DELAY");
  if (delay != NULL) usleep((useconds_t) atoi(delay) * 1000);
  char byte = '1';
  if (getenv("EVENTFEED_SYNC_GATED") != NULL && (write(3, "s", 1) != 1 || read(4, &byte, 1) != 1)) byte = '1';
  if (byte != '0') return real(file);
  errno = EIO;
  return -1;
}

int fsync (int file) { return held(file, "fsync"); }
int fdatasync (int file) { return held(file, "fdatasync"); }
