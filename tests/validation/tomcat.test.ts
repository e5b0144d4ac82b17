/**
 * Thread starvation: 200 threads, a handler that waits 5 s, 100 requests a second for a minute, a queue without a bound
 * (spring-boot#36087). 40 a second come through, the queue grows by 60 a second to 3,600, and is empty 90 s after the load has
 * stopped. The handlers start in step, 200 within two seconds of five, so the straight lines of the fluid hold at the end of each
 * cycle; in between they are steps, which are known as well: request k is answered (floor(k / 200) + 1) · 5 s after request k mod 200
 * has come.
 */
import { describe, expect, it } from 'vitest';
import { instant } from '../../src/base/units.ts';
import type { QueueMeter } from '../../src/base/queue-meter.ts';
import { World } from '../../src/sim/run/world.ts';
import { ask, broken, S, scenarioOf, world } from '../app/tomcat/worlds.ts';

const THREADS = 200;
const LOAD = ask({
  io: 'epoll',
  connections: 6000,
  requests: 6000,
  mode: 'open',
  rate: '100 /s',
  arrivals: 'fixed',
  stagger: '10 ms',
});
/** Every request on a connection of its own, which the server closes: nothing but requests goes through the executor. */
const SERVER = { maxThreads: THREADS, delay: '5 s', maxKeepAliveRequests: 1 };

interface Seen {
  /** Sockets that wait for a thread, and requests answered, at the end of each cycle of 5 s. */
  readonly queue: number[];
  readonly done: number[];
}

function run(server: object, until = 160): Seen {
  const w = new World(scenarioOf({ ...SERVER, ...server }, { load: LOAD }));
  const seen: Seen = { queue: [], done: [] };
  const app = w.apps.get('server')!;
  for (let t = 5; t <= until; t += 5) {
    // A nanosecond before the first of the next cycle comes.
    w.engine.run(instant(t * S - 1));
    const queue = app.queues.find((q: QueueMeter) => q.name === 'server.executor')!;
    seen.queue.push(queue.depth);
    seen.done.push(app.counts.get('requests') ?? 0);
  }
  return seen;
}

/** The fluid at the same times: arrivals 100/s for 60 s, 40/s let through as long as there is something. */
const fluid = (c: number): number[] =>
  Array.from({ length: 32 }, (_, i) => {
    const t = 5 * (i + 1);
    return Math.max(0, 100 * Math.min(t, 60) - (c / 5) * t);
  });
/** Answers at the same times: those that began a cycle earlier, c each. */
const answers = (c: number): number[] =>
  Array.from({ length: 32 }, (_, i) => Math.min(6000, c * i));

/** How far two curves are apart where they are farthest. */
const apart = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((x, i) => Math.abs(x - b[i]!)));

describe('maxThreads 200, 5 s, 100/s for 60 s [validation K6]', () => {
  it('40/s come through; the queue grows by 60/s to 3,600 and is empty after 90 s more', () => {
    const seen = run({});
    expect(apart(seen.queue, fluid(THREADS))).toBeLessThanOrEqual(1);
    expect(Math.abs(Math.max(...seen.queue) - 3600)).toBeLessThanOrEqual(1);
    expect(seen.queue[29]).toBe(0); // 150 s = 60 + 90
    expect(seen.queue[28]).toBeGreaterThan(0);
    expect(apart(seen.done, answers(THREADS))).toBeLessThanOrEqual(1);
  });

  it('each request waits for the end of the one that has its thread, to a millisecond', () => {
    const r = world(SERVER, { load: LOAD }, { when: 'load.closed', limit: '200 s' });
    expect(broken(r)).toEqual([]);
    expect(r.metrics).toMatchObject({
      'load.requests': 6000,
      'load.failed': 0,
      'server.threads.peak': 200,
      'server.busy_threads.peak': 200,
      'server.connections.peak': 3800,
    });
    // The last one comes at 59.99 s and is the 30th on its thread, whose first came at 1.99 s; connecting and asking: two RTTs.
    const last = 30 * 5 + 1.99 - 59.99 + 0.004;
    expect(Math.abs(r.metrics['load.latency.max']! / S - last)).toBeLessThan(0.001);
  });

  it.each([
    ['a thread less', { maxThreads: 199 }],
    ['a thread more', { maxThreads: 201 }],
    ['a handler of 4.9 s', { delay: '4900 ms' }],
    ['a queue of 3,000', { maxQueueSize: 3000 }],
  ])('[mutant] %s is seen', (_, server) => {
    expect(apart(run(server, 60).queue, fluid(THREADS))).toBeGreaterThan(1);
  });
});
