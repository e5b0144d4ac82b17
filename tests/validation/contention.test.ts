/**
 * Workers that share a lock: what the N-th one adds. Threads and cores are the kernel's, on an ideal machine; the lock is a futex. Where
 * there are more workers than a host has cores they sleep instead of computing.
 */
import { describe, expect, it } from 'vitest';
import { Mutex } from '../../src/app/mutex.ts';
import { Random } from '../../src/base/random.ts';
import { Futex, type Sys, type ThreadBody, type Trap } from '../../src/kernel/syscall.ts';
import { World } from '../kernel/machine/support.ts';
import { mean, mva, off, SEEDS } from './queueing.ts';

const MS = 1_000_000;
const MOST_CORES = 32;

type Body = (sys: Sys, worker: number, work: (ns: number) => Trap) => ThreadBody;

/** `n` threads that run `body`, each on a core of its own. @returns when the last one is through, ns; `until` at most */
function workers(n: number, body: Body, until?: number): number {
  const w = new World();
  const computes = n <= MOST_CORES;
  const process = w.host({ cpus: computes ? n : 1 }).process('app');
  for (let i = 0; i < n; i++) {
    process.spawn((sys) => body(sys, i, (ns) => (computes ? sys.compute(ns) : sys.nanosleep(ns))));
  }
  w.run(until);
  return w.engine.now;
}

describe('a tenth of the work under one lock, exponential [validation Q10; exact MVA]', () => {
  /** Of a round, which takes a millisecond by itself. */
  const SHARED = 0.1;
  const TOLERANCE = 0.01;

  /** Rounds a millisecond that `n` workers do: one alone does one. */
  function speedUp(n: number, seed: number, shared = SHARED): number {
    const random = new Random(String(seed));
    const mutex = new Mutex();
    const until = (20_000 / Math.min(n, 10)) * MS;
    let rounds = 0;
    workers(
      n,
      function* (sys, i, work) {
        const own = random.stream(`worker-${i}`);
        for (;;) {
          yield work(Math.round(own.exponential((1 - shared) * MS)));
          yield* mutex.lock(sys);
          yield work(Math.round(own.exponential(shared * MS)));
          yield* mutex.unlock(sys);
          rounds++;
        }
      },
      until,
    );
    return (rounds * MS) / until;
  }
  const cases: [n: number, speedUp: number][] = [
    [2, 1.98],
    [5, 4.751],
    [10, 8.32],
    [20, 9.994],
  ];

  it.each(cases)('%i workers do the work of %d', (n, expected) => {
    expect(off(mva(n, SHARED, 1 - SHARED).x, expected)).toBeLessThan(0.001);
    const c = mean(SEEDS.map((seed) => speedUp(n, seed)));
    expect(off(c, expected)).toBeLessThan(TOLERANCE);
    // Amdahl's law is what the worst of schedules would give.
    expect(c).toBeGreaterThan(n / (1 + 0.1 * (n - 1)));
    expect(c).toBeLessThan(Math.min(n, 10) * (1 + TOLERANCE));
  });

  it.each(cases)(
    '[mutant] %i workers with twice as much under the lock do less than that of %d',
    (n, expected) => {
      const c = mean(SEEDS.slice(0, 3).map((seed) => speedUp(n, seed, 2 * SHARED)));
      expect(c / expected).toBeLessThan(1 - TOLERANCE);
    },
  );
});

describe('the universal scalability law [validation Q10; Gunther]', () => {
  const ALPHA = 0.05;
  const BETA = 0.001;
  const law = (n: number, alpha = ALPHA, beta = BETA): number =>
    n / (1 + alpha * (n - 1) + beta * n * (n - 1));

  /**
   * Rounds that all workers begin together: 1 − α each for itself; then one after the other under the lock α, and β for each of
   * the n − 1 others that must be told.
   */
  function speedUp(n: number, beta = BETA): number {
    const rounds = 10;
    const mutex = new Mutex();
    const together = new Barrier(n);
    const end = workers(n, function* (sys, _i, work) {
      for (let k = 0; k < rounds; k++) {
        yield work((1 - ALPHA) * MS);
        yield* mutex.lock(sys);
        yield work((ALPHA + beta * (n - 1)) * MS);
        yield* mutex.unlock(sys);
        yield* together.wait(sys);
      }
    });
    return (n * rounds * MS) / end;
  }

  /** α and β from measured speed-ups: (N/C − 1)/(N − 1) = α + βN, a line. */
  function fit(ns: readonly number[], cs: readonly number[]): { alpha: number; beta: number } {
    const ys = ns.map((n, i) => (n / cs[i]! - 1) / (n - 1));
    const [mx, my] = [mean(ns), mean(ys)];
    const beta =
      mean(ns.map((n, i) => (n - mx) * (ys[i]! - my))) / mean(ns.map((n) => (n - mx) * (n - mx)));
    return { alpha: my - beta * mx, beta };
  }

  const NS = [2, 5, 10, 20, 30, 31, 32, 50, 100];

  it('peaks at √((1 − α)/β) = 30.8 workers with 9.04, and falls to 6.31 at 100', () => {
    const around = [29, 30, 31, 32, 33].map((n) => speedUp(n));
    expect(Math.max(...around)).toBe(around[2]);
    expect(off(around[2]!, 9.04)).toBeLessThan(0.01);
    expect(off(speedUp(100), 6.31)).toBeLessThan(0.01);
    for (const n of NS) expect(off(speedUp(n), law(n))).toBeLessThan(1e-6);
  });

  it('gives α and β back', () => {
    const { alpha, beta } = fit(
      NS,
      NS.map((n) => speedUp(n)),
    );
    expect(off(alpha, ALPHA)).toBeLessThan(0.05);
    expect(off(beta, BETA)).toBeLessThan(0.05);
  });

  it('[mutant] without crosstalk there is no peak, and the fit finds none', () => {
    const cs = NS.map((n) => speedUp(n, 0));
    expect(cs).toEqual(cs.toSorted((a, b) => a - b));
    expect(off(fit(NS, cs).beta, BETA)).toBeGreaterThan(0.05);
    expect(off(cs.at(-1)!, 6.31)).toBeGreaterThan(0.01);
  });
});

/** The last of `n` lets the others go (pthread_barrier_wait). */
class Barrier {
  private readonly n: number;
  private readonly round = new Futex(0);
  private here = 0;

  constructor(n: number) {
    this.n = n;
  }

  *wait(sys: Sys): Generator<Trap, void, number> {
    const { round } = this;
    const mine = round.value;
    if (++this.here === this.n) {
      this.here = 0;
      round.value++;
      yield sys.futexWake(round, this.n);
      return;
    }
    while (round.value === mine) yield sys.futexWait(round, mine);
  }
}
