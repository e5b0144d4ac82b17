/* Drives lib/dynamic_queue_limits.c, for record.js.
 *
 *   drive calls SEED N                random calls: prints [what, bytes, jiffies, limit, avail], what 0: queued, 1: completed
 *   drive wire BIT_PER_S BYTES NS     a device that always finds packets of BYTES: it tells of completions NS after the first of
 *                                     those it has not told of; prints the limit it comes to and the bytes of a completion
 */
#include <linux/dynamic_queue_limits.h>
#include <stdint.h>
#include <stdio.h>

#define HZ 250
#define TICK_NS 4000000

unsigned long jiffies;
static struct dql dql;

static uint64_t state;
static unsigned int random_below(unsigned int n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned int)((state >> 16) % n);
}

static void tell(int what, unsigned int bytes, int first)
{
	printf("%s[%d,%u,%lu,%u,%d]", first ? "" : ",", what, bytes, jiffies, dql.limit, dql_avail(&dql));
}

/* Mostly as a device behaves: fills what it may, then completes a part, and time passes now and then. */
static void calls(unsigned int n)
{
	unsigned int left = 0, completing = 1 + random_below(40);

	for (unsigned int i = 0; i < n; i++) {
		if (random_below(60) == 0)
			completing = 1 + random_below(40);
		if (dql_avail(&dql) >= 0 && random_below(16) != 0) {
			unsigned int bytes = random_below(4) == 0 ? 60 + random_below(65000) : 1514;

			dql_queued(&dql, bytes);
			left += bytes;
			tell(0, bytes, i == 0);
		} else {
			unsigned int bytes = completing * 1514;

			if (bytes > left || random_below(10) == 0)
				bytes = left;
			dql_completed(&dql, bytes);
			left -= bytes;
			tell(1, bytes, i == 0);
			if (random_below(3) == 0)
				jiffies += random_below(200);
		}
	}
}

#define DEPTH 8192

static void wire(double rate, unsigned int bytes, int64_t wait)
{
	static int64_t departures[DEPTH];
	int64_t now = 0, busy = 0, end = 4000000000;
	unsigned int head = 0, used = 0, total = 0, completions = 0;

	for (;;) {
		while (dql_avail(&dql) >= 0 && used < DEPTH) {
			dql_queued(&dql, bytes);
			busy = (now > busy ? now : busy) + (int64_t)(bytes * 8e9 / rate + 0.5);
			departures[(head + used++) % DEPTH] = busy;
		}
		now = departures[head] + wait;
		if (now > end)
			break;
		jiffies = (unsigned long)(now / TICK_NS);
		unsigned int done = 0;
		while (used > 0 && departures[head] <= now) {
			head = (head + 1) % DEPTH;
			used--;
			done += bytes;
		}
		dql_completed(&dql, done);
		if (now > end / 2) {
			total += done / bytes;
			completions++;
		}
	}
	printf("%u %.1f", dql.limit, (double)total * bytes / completions);
}

int main(int argc, char **argv)
{
	dql_init(&dql, HZ);
	if (argc == 4 && argv[1][0] == 'c') {
		state = strtoull(argv[2], NULL, 10) * 0x9E3779B97F4A7C15u + 1;
		calls((unsigned int)atoi(argv[3]));
	} else if (argc == 5 && argv[1][0] == 'w') {
		wire(atof(argv[2]), (unsigned int)atoi(argv[3]), atoll(argv[4]));
	} else {
		return 2;
	}
	return 0;
}
