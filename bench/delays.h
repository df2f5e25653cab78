/*
 * How late events come: each has, behind its marker, the time of its publishing, in microseconds of the monotonic clock, as
 * sixteen digits. Delays are counted in a histogram, so that millions of them take no memory. It knows no connections.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#define STAMP_MARKER '$'
#define STAMP_DIGITS 16
#define BUCKET_MICROSECONDS 20
/* Ten seconds; what is later is in the last. */
#define BUCKETS 500000

/* What one connection has read of a stamp. */
struct stamp { int left; long long value; };

static unsigned delay_buckets[BUCKETS];
static long delay_count, delay_most;

static long long now_microseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static void note_delay(long delay) {
  long bucket = delay / BUCKET_MICROSECONDS;
  delay_buckets[bucket < 0 ? 0 : bucket >= BUCKETS ? BUCKETS - 1 : bucket]++;
  delay_count++;
  if (delay > delay_most) delay_most = delay;
}

/* All that one read gives has come at one time. */
static void read_stamps(struct stamp *stamp, const unsigned char *at, const unsigned char *end) {
  long long now = now_microseconds();
  while (at < end) {
    if (stamp->left == 0) {
      at = memchr(at, STAMP_MARKER, (size_t)(end - at));
      if (at == NULL) return;
      at++;
      *stamp = (struct stamp){ .left = STAMP_DIGITS };
    } else {
      stamp->value = stamp->value * 10 + (*at++ - '0');
      if (--stamp->left == 0) note_delay((long)(now - stamp->value));
    }
  }
}

/* The upper end of the bucket in which the delay of this rank is, from 0 to 1. */
static long delay_at(double rank) {
  long seen = 0, wanted = (long)(rank * (double)delay_count);
  for (long bucket = 0; bucket < BUCKETS; bucket++) {
    seen += delay_buckets[bucket];
    if (seen > wanted) return (bucket + 1) * BUCKET_MICROSECONDS;
  }
  return delay_most;
}

static void answer_delays(void) {
  printf("delays %ld %ld %ld %ld\n", delay_count, delay_at(0.5), delay_at(0.99), delay_most);
  memset(delay_buckets, 0, sizeof delay_buckets);
  delay_count = delay_most = 0;
}
