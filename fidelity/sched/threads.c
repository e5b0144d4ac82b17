/* Threads on one core, for record.js: what each does is an argument, and that it does it shows in the scheduler's trace.
 *
 *   threads CORE MS WHAT…      s: computes; pE,W: every E µs, computes for W µs; wG: computes, and posts an eventfd every
 *                              G µs; rW: reads that eventfd, and computes for W µs
 *
 * They are named x and their number. The group of this session gets the highest weight (needs root), so that others disturb
 * little; the first line of output is when they begin, ns of CLOCK_MONOTONIC.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define MAX 64

struct does {
  char kind;
  int64_t first, second;
  int number;
};

static int core, posts;
static int64_t begin, end;
static double turns_per_ns;

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000L + t.tv_nsec;
}

static void until(int64_t at) {
  struct timespec t = {at / 1000000000L, at % 1000000000L};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void turn(int64_t n) {
  for (volatile int64_t i = 0; i < n; i++) {
  }
}

/* Counted, not timed: asking for a thread's CPU time charges it (task_sched_runtime), which moves the ends of slices. */
static void compute(int64_t us) { turn((int64_t)(us * 1000 * turns_per_ns)); }

static void measure(void) {
  for (int i = 0; i < 40; i++) {
    int64_t from = now();
    turn(200000);
    double rate = 200000.0 / (double)(now() - from);
    if (rate > turns_per_ns) turns_per_ns = rate;
  }
}

static void here(void) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  sched_setaffinity(0, sizeof set, &set);
}

static void *run(void *arg) {
  struct does *d = arg;
  char name[16];
  int64_t one = 1, last = INT64_C(1) << 40, got, at;
  snprintf(name, sizeof name, "x%d", d->number);
  prctl(PR_SET_NAME, name);
  prctl(PR_SET_TIMERSLACK, 1);
  here();
  until(begin);
  switch (d->kind) {
    case 's':
      while (now() < end) {
      }
      break;
    case 'p':
      for (at = begin + d->first * 1000; at < end; at += d->first * 1000) {
        until(at);
        compute(d->second);
      }
      break;
    case 'w':
      for (at = begin + d->first * 1000; at < end; at += d->first * 1000) {
        while (now() < at) {
        }
        if (write(posts, &one, 8) != 8) break;
      }
      if (write(posts, &last, 8) != 8) return NULL;
      break;
    case 'r':
      while (read(posts, &got, 8) == 8 && got < last) compute(d->first);
      break;
  }
  return NULL;
}

int main(int argc, char **argv) {
  static struct does does[MAX];
  pthread_t threads[MAX];
  int n = argc - 3, group = open("/proc/self/autogroup", O_WRONLY);
  if (n < 1 || n > MAX) return fprintf(stderr, "usage: threads CORE MS WHAT…\n"), 2;
  if (group < 0 || write(group, "-20", 3) != 3) fprintf(stderr, "threads: in no group of its own\n");
  core = atoi(argv[1]);
  posts = eventfd(0, 0);
  here();
  measure();
  begin = now() + 50000000;
  end = begin + atol(argv[2]) * 1000000;
  printf("%ld\n", (long)begin);
  for (int i = 0; i < n; i++) {
    char *rest;
    does[i] = (struct does){argv[i + 3][0], strtol(argv[i + 3] + 1, &rest, 10), 0, i};
    if (*rest == ',') does[i].second = strtol(rest + 1, NULL, 10);
    pthread_create(&threads[i], NULL, run, &does[i]);
  }
  for (int i = 0; i < n; i++) pthread_join(threads[i], NULL);
  return 0;
}
