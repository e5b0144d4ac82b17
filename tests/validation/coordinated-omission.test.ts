/**
 * Gil Tene's example ("How NOT to Measure Latency", 2013): a hundred requests a second that take a millisecond each, for a
 * hundred seconds, then a stall of a hundred. Who waits for the answer before it asks again sees one slow request in ten
 * thousand; half of all that was meant to be asked was in the stall. Through the whole machine: the millisecond is the wire.
 */
import { afterEach, describe as group, expect, it, vi } from 'vitest';
import * as own from '../../src/app/index.ts';
import { AppRun } from '../../src/sim/run/apps.ts';
import { runScenario } from '../../src/sim/run/runner.ts';
import { describe } from '../../src/sim/scenario/load.ts';
import { off } from './queueing.ts';

const SEC = 1e9;
const MS = 1e6;
/** The first request: by then there is a connection. */
const FIRST_MS = 10;
const STALL = 100 * SEC + FIRST_MS * MS;
const REQUESTS = 20_000;

/** Sends back what it reads at once, but not before the stall is over. */
const server = own.app(function* (sys, { listen, probe }) {
  const listener = yield* own.listenOn(sys, listen);
  yield* own.threadPerConnection(sys, listener, probe, (fd) => (mine) => serve(mine, fd));
});
function* serve(sys: own.Sys, fd: own.Fd): own.ThreadBody {
  for (;;) {
    const n = yield sys.read(fd, 65_536);
    if (n <= 0) break;
    const now = yield sys.clockGettime();
    if (now >= STALL && now < STALL + 100 * SEC) yield sys.nanosleep(STALL + 100 * SEC - now);
    if ((yield sys.write(fd, n)) < 0) break;
  }
  yield sys.close(fd);
}

/** @param limit when it is cut off, s @returns the two histograms' numbers, by their last words */
function play(load: object, limit: number): (name: string) => number {
  const [scenario] = describe('stall', {
    seed: 1,
    shows: 'a stall',
    hosts: { a: { machine: 'ideal' }, b: { machine: 'ideal' } },
    links: [{ between: ['a', 'b'], rate: '100 Gbit/s', delay: '500 us' }],
    apps: {
      server: { host: 'b', listen: 80, app: './stall.ts', model: 'user' },
      load: {
        host: 'a',
        connect: 'b:80',
        model: 'client',
        request: '10 B',
        response: '10 B',
        mode: 'open',
        at: Array.from({ length: REQUESTS }, (_, k) => `${FIRST_MS + 10 * k} ms`),
        sockopt: { TCP_NODELAY: 1 },
        ...load,
      },
    },
    stop: { limit: `${limit} s` },
  });
  const r = runScenario(scenario!, { apps: { './stall.ts': server } });
  expect(r.invariants.filter((i) => !i.ok && i.name !== 'liveness')).toEqual([]);
  return (name) =>
    name.endsWith('.count')
      ? r.histograms.find((h) => `load.${name}` === `${h.name}.count`)!.count
      : r.metrics[`load.${name}`]!;
}

group('a stall of 100 s after 100 s of 100 requests a second [validation W1]', () => {
  afterEach(() => void vi.restoreAllMocks());
  const CUT = 200.011;

  it('naive, up to its end: 10,001 samples, mean 10.999 ms, p99.99 1 ms', () => {
    const m = play({}, CUT);
    expect(m('service_latency.count')).toBe(10_001);
    expect(off(m('service_latency.mean'), 10.999 * MS)).toBeLessThan(0.001);
    expect(off(m('service_latency.p9999'), MS)).toBeLessThan(0.001);
    expect(off(m('service_latency.max'), 100 * SEC)).toBeLessThan(0.001);
  });

  it('intended, of all that was to be asked: 20,000 samples, mean 25.0 s, p75 50 s, p99.99 100 s', () => {
    const m = play({ io: 'epoll', pipeline: REQUESTS }, 300);
    expect(m('latency.count')).toBe(REQUESTS);
    expect(off(m('latency.mean'), 25 * SEC)).toBeLessThan(0.001);
    expect(off(m('latency.p50'), MS)).toBeLessThan(0.001);
    expect(off(m('latency.p75'), 50 * SEC)).toBeLessThan(0.001);
    expect(off(m('latency.p9999'), 100 * SEC)).toBeLessThan(0.001);
  });

  /** One connection until all is answered: after the stall it makes up for it, a request each millisecond. */
  const BEHIND = (100 - 0.009 * 4999.5) / 2;
  const toTheEnd = (): boolean => {
    const m = play({}, 300);
    expect([m('latency.count'), m('service_latency.count')]).toEqual([REQUESTS, REQUESTS]);
    return (
      off(m('service_latency.mean'), 6 * MS) < 0.001 &&
      off(m('service_latency.p9999'), MS) < 0.001 &&
      off(m('latency.mean'), BEHIND * SEC) < 0.001 &&
      off(m('latency.p75'), (100 - 0.009 * 5000) * SEC) < 0.001
    );
  };

  it('both, of one connection to the end: a mean of 6 ms, and one of 27.5 s', () => {
    expect(toTheEnd()).toBe(true);
  });

  it.each([
    ['from when the client turned to it', 'begun', 'begun'],
    ['the service from when it was meant', 'intended', 'intended'],
  ] as const)('[mutant] %s', (_, intended, begun) => {
    // oxlint-disable-next-line typescript/unbound-method -- called with `this` below
    const { latency } = AppRun.prototype;
    vi.spyOn(AppRun.prototype, 'latency').mockImplementation(function (this: AppRun, i, done, b) {
      const at = { intended: i, begun: b! };
      latency.call(this, at[intended], done, at[begun]);
    });
    expect(toTheEnd()).toBe(false);
  });
});
