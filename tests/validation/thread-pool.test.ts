/**
 * A pool of threads over a futex is a queue with c servers: M/M/c, and with no place to wait Erlang's loss system. The pool is the
 * netty model's executor, its threads are scheduled by the kernel on an ideal machine with a core for each; a thread of its own
 * hands the tasks over. Under c = 200 the threads sleep instead of computing, as threads that wait for a database do: a host has 32
 * cores at most.
 */
import { describe, expect, it } from 'vitest';
import { DueHeap } from '../../src/app/load/due.ts';
import { RejectedExecutionException } from '../../src/app/netty/exceptions.ts';
import { ThreadPool } from '../../src/app/netty/thread-pool.ts';
import { ThreadWorker } from '../../src/app/netty/thread-worker.ts';
import type { Instant } from '../../src/base/units.ts';
import type { ThreadBody } from '../../src/kernel/syscall.ts';
import { FakeProbe } from '../app/driver.ts';
import { World } from '../kernel/machine/support.ts';
import {
  average,
  CERTAIN,
  controlled,
  type Estimate,
  erlangB,
  erlangC,
  exponential,
  fixed,
  off,
  outside,
  poissonTail,
  regression,
  S,
  SEEDS,
  type Service,
  waitC,
  Workload,
} from './queueing.ts';

interface Pool {
  readonly c: number;
  readonly load: number;
  readonly customers: number;
  readonly service?: Service;
  /** Tasks that may wait; 0: Erlang's loss system. Default: any number. */
  readonly queue?: number;
}

/** Shares of the customers that waited and that were refused, and the mean wait in service times. */
interface Means {
  readonly waited: number;
  readonly refused: number;
  readonly wait: number;
}

interface Seen extends Means {
  /** Of each task after the warm-up, ns; −1: refused. */
  readonly waits: Float64Array;
  /** What the same customers find with a server for each: share of those with `c` before them, and how many more than c − 1. */
  readonly busy: number;
  readonly excess: number;
}

/** Of the longest memory here, c = 200: twenty service times, the least that empty servers need to fill. */
const WARM_UP = 4000;
/** Cores that a host can have. */
const MOST_CORES = 32;

function means(waits: Float64Array): Means {
  let waited = 0;
  let refused = 0;
  let sum = 0;
  for (const x of waits) {
    if (x > 0) waited++;
    if (x < 0) refused++;
    else sum += x;
  }
  const n = waits.length;
  return { waited: waited / n, refused: refused / n, wait: sum / (n - refused) / S };
}

/** One seed; `threads` in the pool, of a queue with c servers. */
function run(p: Pool, seed: number, threads = p.c): Seen {
  const { c, load, customers, service = exponential, queue = Infinity } = p;
  const w = new World();
  const computes = threads < MOST_CORES;
  const host = w.host({ cpus: computes ? threads + 1 : 1 });
  const offered = new Workload(seed, load, service);
  const waits = new Float64Array(customers);
  const others = new DueHeap();
  let present = 0;
  let busy = 0;
  let excess = 0;
  host.process('app').spawn(function* (sys): ThreadBody {
    const pool = new ThreadPool(threads, queue, 'abort', new FakeProbe());
    const me = new ThreadWorker('source', sys);
    for (let i = -WARM_UP; i < customers; i++) {
      const s = offered.next();
      const { at } = offered;
      const now = w.engine.now;
      if (at > now) yield sys.nanosleep(at - now);
      for (; others.pop(at as Instant) >= 0; present--);
      if (i >= 0 && present >= c) {
        busy++;
        excess += present - c + 1;
      }
      present++;
      others.push((at + s) as Instant, 0);
      try {
        yield* pool.execute(me, function* (on) {
          if (i >= 0) waits[i] = w.engine.now - at;
          yield computes ? on.sys.compute(s) : on.sys.nanosleep(s);
        });
      } catch (e) {
        if (!(e instanceof RejectedExecutionException)) throw e;
        if (i >= 0) waits[i] = -1;
      }
    }
  });
  w.run();
  return { ...means(waits), waits, busy: busy / customers, excess: excess / customers };
}

/** Means over the seeds, controlled by what the same customers find with a server for each: Poisson(a). */
function controlledMeans(p: Pool): Means {
  const all = SEEDS.map((seed) => run(p, seed));
  const known = poissonTail(p.c, p.load);
  const busy = all.map((s) => s.busy);
  const excess = all.map((s) => s.excess);
  return {
    waited: controlled(
      all.map((s) => s.waited),
      busy,
      known.p,
    ),
    wait: controlled(
      all.map((s) => s.wait),
      excess,
      known.excess,
    ),
    refused: controlled(
      all.map((s) => s.refused),
      busy,
      known.p,
    ),
  };
}

/** Kiefer & Wolfowitz 1955: a customer waits for the server that is free first; without a place to wait none does. */
function recursion(p: Pool, seed: number): Float64Array {
  const offered = new Workload(seed, p.load, p.service ?? exponential);
  const free = new DueHeap();
  for (let i = 0; i < p.c; i++) free.push(0 as Instant, i);
  const waits = new Float64Array(p.customers);
  for (let i = -WARM_UP; i < p.customers; i++) {
    const s = offered.next();
    const start = Math.max(free.next(), offered.at);
    const taken = p.queue !== 0 || start === offered.at;
    if (taken) free.push((start + s) as Instant, free.pop(Infinity as Instant));
    if (i >= 0) waits[i] = taken ? start - offered.at : -1;
  }
  return waits;
}

/**
 * What a mutant has for a mean, controlled by what the recursion of the pool it should be has for the same customers, whose mean
 * is the closed form. Both have the same luck, so that few customers tell them apart.
 */
function ofMutant(
  mutant: (seed: number) => Means,
  p: Pool,
): (of: keyof Means, known: number) => Estimate {
  const seen = SEEDS.map(mutant);
  const due = SEEDS.map((seed) => means(recursion(p, seed)));
  return (of, known) =>
    regression(
      seen.map((s) => s[of]),
      due.map((s) => s[of]),
      known,
    );
}

const MINUTES = 300_000;

/** Customers of a seed that show a mutant. */
const few = (c: number): number => (c === 200 ? 20_000 : 5000);

describe('a pool of c threads is M/M/c [validation Q4; Erlang C]', () => {
  const TOLERANCE = 0.03;
  const cases: [c: number, load: number, waited: number, wait: number, customers: number][] = [
    [8, 6.4, 0.4576, 0.286, 80_000],
    [10, 8, 0.4092, 0.2046, 80_000],
    [200, 180, 0.0945, 0.004724, 200_000],
  ];

  it.each(cases)(
    'c = %i, a = %d: a share of %d waits, on average %d service times',
    (c, load, waited, wait, customers) => {
      expect(off(erlangC(c, load), waited)).toBeLessThan(0.001);
      expect(off(waitC(c, load), wait)).toBeLessThan(0.001);
      const measured = controlledMeans({ c, load, customers });
      expect(off(measured.waited, waited)).toBeLessThan(TOLERANCE);
      expect(off(measured.wait, wait)).toBeLessThan(TOLERANCE);
    },
    MINUTES,
  );

  it.each([[1, 0.9] as const, ...cases.map(([c, load]) => [c, load] as const)])(
    'c = %i, a = %d: each task waits as the recursion of Kiefer and Wolfowitz has it, to the nanosecond [validation Q1 for c = 1]',
    (c, load) => {
      for (const seed of [1, 2, 3]) {
        const p = { c, load, customers: 3000 };
        expect(run(p, seed).waits).toEqual(recursion(p, seed));
      }
    },
  );

  it.each(cases)('[mutant] c = %i, a = %d (%d, %d) with a thread more', (c, load, waited, wait) => {
    const p = { c, load, customers: few(c) };
    const more = ofMutant((seed) => run(p, seed, c + 1), p);
    expect(outside(more('waited', waited), waited, TOLERANCE)).toBeGreaterThan(CERTAIN);
    expect(outside(more('wait', wait), wait, TOLERANCE)).toBeGreaterThan(CERTAIN);
  });

  it('[mutant] c = 8: tasks of one length wait little more than half as long', () => {
    const p = { c: 8, load: 6.4, customers: few(8), service: fixed };
    const got = average(SEEDS.map((seed) => run(p, seed).wait));
    expect(outside(got, 0.286, TOLERANCE)).toBeGreaterThan(CERTAIN);
    expect(got.value / 0.286).toBeLessThan(0.7);
  });
});

describe('a pool without a queue refuses what finds no idle thread [validation Q6; Erlang B]', () => {
  const TOLERANCE = 0.03;
  const cases: [c: number, load: number, refused: number, customers: number][] = [
    [8, 6.4, 0.1444, 40_000],
    [200, 180, 0.01032, 80_000],
  ];

  it.each(cases)(
    'c = %i, a = %d: a share of %d',
    (c, load, refused, customers) => {
      expect(off(erlangB(c, load), refused)).toBeLessThan(0.001);
      const measured = controlledMeans({ c, load, customers, queue: 0 });
      expect(off(measured.refused, refused)).toBeLessThan(TOLERANCE);
    },
    MINUTES,
  );

  it.each(cases)(
    'c = %i, a = %d: it refuses whom the recursion finds no server for, and nobody waits',
    (c, load) => {
      for (const seed of [1, 2, 3]) {
        const p = { c, load, customers: 3000, queue: 0 };
        expect(run(p, seed).waits).toEqual(recursion(p, seed));
      }
    },
  );

  it.each(cases)('[mutant] c = %i, a = %d (%d) with a thread more', (c, load, refused) => {
    const p = { c, load, customers: few(c), queue: 0 };
    const more = ofMutant((seed) => run(p, seed, c + 1), p);
    expect(outside(more('refused', refused), refused, TOLERANCE)).toBeGreaterThan(CERTAIN);
  });

  it('[mutant] c = 8 with one place to wait refuses fewer', () => {
    const p = { c: 8, load: 6.4, customers: few(8), queue: 0 };
    const roomier = ofMutant((seed) => run({ ...p, queue: 1 }, seed), p);
    expect(outside(roomier('refused', 0.1444), 0.1444, TOLERANCE)).toBeGreaterThan(CERTAIN);
  });
});
