/** `faults:` of machines and processes: what a pause costs those who wait, and what it does to rings. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ms, us } from '../../src/base/units.ts';
import { Core } from '../../src/kernel/cpu.ts';
import { Process } from '../../src/kernel/process.ts';
import { describe as describeWorlds } from '../../src/sim/scenario/load.ts';
import type { RunResult } from '../../src/sim/run/result.ts';
import { runScenario } from '../../src/sim/run/runner.ts';

afterEach(() => void vi.restoreAllMocks());

const WORK = 10;
/** Ten requests of one closed-loop client, each worked on for 10 ms; the wire takes 1 ms each way. */
function requests(faults: object[], more: object = {}): RunResult {
  const host = { machine: 'ideal', HZ: 'exact' };
  const [scenario] = describeWorlds('pauses', {
    shows: 'a client and a server that is paused',
    hosts: { client: host, server: { ...host, ...more } },
    links: [{ between: ['client', 'server'], delay: '1 ms' }],
    apps: {
      server: {
        model: 'blocking',
        host: 'server',
        listen: 80,
        request: '100 B',
        response: '100 B',
        work: `${WORK} ms`,
      },
      load: {
        model: 'client',
        host: 'client',
        connect: 'server:80',
        connections: 1,
        requests: 10,
        request: '100 B',
        response: '100 B',
      },
    },
    faults,
    stop: { when: 'load.closed', limit: '10 s' },
  });
  return runScenario(scenario!);
}

const m = (r: RunResult, name: string): number => {
  expect(r.invariants.filter((i) => !i.ok)).toEqual([]);
  return r.metrics[name]!;
};
const BASE = ms(2 + WORK);
/** The first request waits for the handshake as well. */
const FIRST = BASE + ms(2);

describe.each(['gc', 'stop', 'steal'])('%s of a server', (kind) => {
  const fault = (when: object) => ({ [kind]: 'server', for: '50 ms', ...when });

  it('makes the one request that it is working on late by the pause, on an ideal machine [closed form]', () => {
    const without = requests([]);
    expect(m(without, 'load.latency.mean')).toBe((FIRST + 9 * BASE) / 10);
    expect(m(without, 'load.latency.max')).toBe(FIRST);
    // The third request is worked on from 27 to 37 ms: after the handshake (2 ms) and two answers (24 ms), one way (1 ms).
    const r = requests([fault({ at: ['30 ms'] })]);
    expect(m(r, 'load.latency.max')).toBe(BASE + ms(50));
    expect(m(r, 'load.latency.mean')).toBe((FIRST + 9 * BASE + ms(50)) / 10);
    expect(m(r, kind === 'steal' ? 'server.stolen' : 'server.stopped')).toBe(ms(50));
  });

  it('costs a request that comes meanwhile only what is left of it', () => {
    // Between two requests: the answer is on its way from 37 to 38 ms, the next request arrives at 39.
    const r = requests([fault({ at: ['37500 us'] })]);
    expect(m(r, 'load.latency.max')).toBe(BASE + ms(50) - us(1500));
  });

  it('comes at given times, periodically, or as drawn, as often as it has time to', () => {
    const name = kind === 'steal' ? 'server.stolen' : 'server.stopped';
    // Worked on for 100 ms in all: half of every 20 ms from 20 ms on.
    const every = requests([{ ...fault({ every: '20 ms' }), for: '10 ms' }]);
    const duration = m(every, 'duration');
    expect(m(every, name)).toBe(ms(10) * Math.floor(duration / ms(20)));
    const window = requests([
      { ...fault({ every: '20 ms', from: '30 ms', until: '90 ms' }), for: '5 ms' },
    ]);
    expect(m(window, name)).toBe(ms(10)); // at 50 and 70 ms
    const drawn = () => requests([{ ...fault({ mean: '20 ms' }), for: '1 ms' }]);
    const [a, b] = [drawn(), drawn()];
    expect(m(a, name)).toBeGreaterThan(0);
    expect(m(a, name) % ms(1)).toBe(0);
    expect(b.fingerprint).toBe(a.fingerprint);
  });

  it('[mutant] that nobody heeds makes nobody late', () => {
    vi.spyOn(Core.prototype, 'steal').mockImplementation(() => {});
    vi.spyOn(Process.prototype, 'stop').mockImplementation(() => {});
    vi.spyOn(Process.prototype, 'cont').mockImplementation(() => {});
    expect(m(requests([fault({ at: ['30 ms'] })]), 'load.latency.max')).toBe(FIRST);
  });
});

describe('a stopped process and a stolen core differ', () => {
  it('in who answers: the kernel acknowledges for the one, nobody for the other', () => {
    // A client that waits 300 ms for its answer: without an acknowledgement it sends again.
    const retransmitted = (kind: string): number =>
      m(requests([{ [kind]: 'server', at: ['26 ms'], for: '400 ms' }]), 'client.tcp.retransmitted');
    expect(retransmitted('gc')).toBe(0);
    expect(retransmitted('steal')).toBeGreaterThan(0);
  });

  it('in what is billed', () => {
    const gc = requests([{ gc: 'server', at: ['30 ms'], for: '50 ms' }]);
    const steal = requests([{ steal: 'server', at: ['30 ms'], for: '50 ms' }]);
    for (const [r, stolen] of [
      [gc, 0],
      [steal, ms(50)],
    ] as const) {
      const wall = m(r, 'duration');
      expect(m(r, 'server.cpu.steal')).toBe(stolen / wall);
      expect(m(r, 'server.cpu.user')).toBe(ms(10 * WORK) / wall);
    }
  });

  it('in whom they hit: a core that is left goes on', () => {
    const one = requests([{ steal: 'server', cores: [3], at: ['30 ms'], for: '50 ms' }], {
      cpus: 4,
    });
    expect(m(one, 'load.latency.max')).toBe(FIRST);
    expect(m(one, 'server.stolen')).toBe(ms(50));
  });
});

it('the gaps of a Poisson process have the mean that was asked for, within 4 standard errors', () => {
  const from = 1;
  const r = requests([{ gc: 'server', mean: '200 us', for: `${from} us` }]);
  const duration = m(r, 'duration');
  const n = m(r, 'server.stopped') / us(from);
  const expected = duration / us(201);
  expect(Math.abs(n - expected)).toBeLessThan(4 * Math.sqrt(expected));
});

describe('frames that come while the core is away', () => {
  /** One every 10 µs for 30 ms, into a ring of 64; `rx_missed_errors` is what the ring did not hold. */
  const missed = (faults: object[]): number => {
    const [scenario] = describeWorlds('overflow', {
      shows: 'a ring that nobody empties',
      hosts: { source: {}, sink: { machine: 'ideal', nic: { ring: { rx: 64 } } } },
      links: [{ between: ['source', 'sink'], rate: '1 Gbit/s' }],
      apps: {
        frames: {
          model: 'raw',
          host: 'source',
          to: 'sink',
          bytes: '500 B',
          rate: '100000 /s',
          arrivals: 'fixed',
          count: 3000,
        },
      },
      faults,
    });
    return m(runScenario(scenario!), 'sink.drops.rx_missed_errors');
  };

  it('stay in the ring, and what it does not hold is lost: rate × pause − ring [closed form]', () => {
    expect(missed([])).toBe(0);
    // Frames come at 10 µs, 20 µs …: 1,000 of them in [5 ms, 15 ms).
    expect(missed([{ steal: 'sink', at: ['5005 us'], for: '10 ms' }])).toBe(1000 - 64);
  });

  it('[mutant] a core that takes interrupts while it is away loses none', () => {
    vi.spyOn(Core.prototype, 'steal').mockImplementation(() => {});
    expect(missed([{ steal: 'sink', at: ['5005 us'], for: '10 ms' }])).toBe(0);
  });
});

it('a run that has nothing left to do ends, whatever pauses were to come', () => {
  const [scenario] = describeWorlds('idle', {
    shows: 'a sender that never closes',
    hosts: { a: { machine: 'ideal' }, b: { machine: 'ideal' } },
    links: [{ between: ['a', 'b'], delay: '1 ms' }],
    apps: {
      sink: { model: 'blocking', host: 'b', listen: 80, read: '64 KiB' },
      load: { model: 'bulk', host: 'a', connect: 'b:80', bytes: '1 MB', close: false },
    },
    faults: [
      { gc: 'sink', every: '10 ms', for: '1 ms' },
      { steal: 'a', mean: '10 ms', for: '1 ms' },
    ],
    stop: { when: 'load.closed', limit: '100 s' },
  });
  expect(runScenario(scenario!).metrics['duration']).toBeLessThan(ms(1000));
});
