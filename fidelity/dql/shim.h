/* What lib/dynamic_queue_limits.c wants of a kernel, for a program of its own: record.js gives it to the compiler first. */
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define __KERNEL__ 1
#define ____cacheline_aligned_in_smp
#define BITS_PER_LONG 64
#define BIT_MASK(n) (1UL << ((n) % BITS_PER_LONG))
#define BUG_ON(wrong) do { if (wrong) abort(); } while (0)
#define EXPORT_SYMBOL(name)
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, value) (*(volatile __typeof__(x) *)&(x) = (value))
#define barrier() __asm__ volatile("" ::: "memory")
#define clamp(x, least, most) ((x) < (least) ? (least) : (x) > (most) ? (most) : (x))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define smp_rmb() barrier()
#define smp_wmb() barrier()
#define time_after(a, b) ((long)((b) - (a)) < 0)
#define unlikely(x) (x)

extern unsigned long jiffies;
