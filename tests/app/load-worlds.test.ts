/** Loads in whole worlds: what each kind of client promises holds against every server, and the load is the same for all. */
import { afterEach, describe as group, expect, it, vi } from 'vitest';
import { UserTimes, Workload } from '../../src/app/load/workload.ts';
import type { UserApps } from '../../src/app/user.ts';
import { Random } from '../../src/base/random.ts';
import { AppRun } from '../../src/sim/run/apps.ts';
import { runScenario } from '../../src/sim/run/runner.ts';
import type { RunResult } from '../../src/sim/run/result.ts';
import { describe, load } from '../../src/sim/scenario/load.ts';

const MS = 1_000_000;
afterEach(() => void vi.restoreAllMocks());

interface Asked {
  readonly intended: number;
  readonly begun: number;
  readonly done: number;
}
interface Play {
  readonly result: RunResult;
  readonly answers: readonly Asked[];
}

/** A server and one or more clients on two hosts, 100 Mbit/s, 1 ms one way. */
function play(
  server: object,
  clients: Readonly<Record<string, object>>,
  options: { machine?: string; seed?: number; stop?: object; delay?: string; apps?: UserApps } = {},
): Play {
  const { machine = 'ideal', seed = 7, delay = '1 ms', apps } = options;
  const names = Object.keys(clients);
  const [scenario] = describe('loads', {
    seed,
    shows: 'a load at work',
    hosts: { a: { machine, cpus: 2 }, b: { machine, cpus: 2 } },
    links: [{ between: ['a', 'b'], rate: '100 Mbit/s', delay }],
    apps: {
      server: { host: 'b', listen: 80, ...server },
      ...Object.fromEntries(
        names.map((n) => [n, { host: 'a', connect: 'b:80', model: 'client', ...clients[n] }]),
      ),
    },
    stop: options.stop ?? { when: `${names[0]!}.closed`, limit: '100 s' },
  });
  const answers: Asked[] = [];
  // oxlint-disable-next-line typescript/unbound-method -- called with `this` below
  const { latency } = AppRun.prototype;
  AppRun.prototype.latency = function (intended, done, begun) {
    if (this.name === names[0]) answers.push({ intended, begun: begun!, done });
    latency.call(this, intended, done, begun);
  };
  try {
    const result = runScenario(scenario!, apps === undefined ? {} : { apps });
    expect(result.invariants.filter((i) => !i.ok)).toEqual([]);
    return { result, answers };
  } finally {
    AppRun.prototype.latency = latency;
  }
}

/** What a client like this asks for, drawn again by name. */
function workload(client: object, seed = '7'): Workload {
  const [scenario] = describe('loads', {
    seed: 1,
    shows: 'a load',
    hosts: { a: {} },
    apps: {
      server: { host: 'a', listen: 80, model: 'epoll', codec: 'sized' },
      load: { host: 'a', connect: 'a:80', model: 'client', ...client },
    },
    stop: { limit: '1 s' },
  });
  const spec = scenario!.apps.find((a) => a.model === 'client')!;
  const env = { name: 'load', random: new Random(seed), cpus: 1, mutant: null, resolve: () => 0 };
  return new Workload(spec, env);
}

const SERVERS: readonly (readonly [string, object])[] = [
  ['blocking', { model: 'blocking' }],
  ['a pool', { model: 'blocking', threads: { pool: 4, queue: 100 } }],
  ['epoll', { model: 'epoll' }],
  ['epoll, edge-triggered', { model: 'epoll', trigger: 'edge' }],
  ['netty', { model: 'netty', loops: 2 }],
  ['netty with workers', { model: 'netty', loops: 1, offload: { threads: 2, queue: 1000 } }],
  ['reactive', { model: 'reactive', loops: 2 }],
  ['reactive, send', { model: 'reactive', loops: 2, form: 'send' }],
];
const sized = (server: object): object => ({ ...server, codec: 'sized' });
const PARETO = { pareto: { min: '100 B', max: '200 kB', shape: 1.1 } };
const LOGNORMAL = { lognormal: { median: '3 kB', sigma: 1.5, max: '1 MB' } };
const ask = { requests: 60, connections: 3, request: PARETO, response: LOGNORMAL };

group('sizes that are drawn', () => {
  for (const io of ['threads', 'epoll']) {
    it.each(SERVERS)(`are read and answered by %s, asked by ${io}, to the byte`, (_, server) => {
      const { result } = play(sized(server), { load: { ...ask, io } });
      const m = result.metrics;
      expect([m['load.requests'], m['load.failed']]).toEqual([60, 0]);
      // The draws, made again by name.
      const { requests, answers } = total(result.seed);
      expect(m['server.bytes_read']).toBe(requests);
      expect(m['load.bytes_read']).toBe(answers);
    });
  }

  /** Bytes of all requests of `ask`, and of their answers. */
  function total(seed: string): { requests: number; answers: number } {
    const work = workload(ask, seed);
    let requests = 0;
    let answers = 0;
    for (let i = 0; i < 3; i++) {
      for (let n = 0; n < 20; n++) {
        requests += work.requestSize(i, n);
        answers += work.answerSize(i, n);
      }
    }
    return { requests, answers };
  }
});

const MEAN_OPEN = { mode: 'open', rate: '400 /s' };
const LOADS: readonly (readonly [string, object])[] = [
  ['open', { ...ask, ...MEAN_OPEN, io: 'epoll', connections: 60 }],
  [
    'open, at given times',
    { ...ask, io: 'epoll', requests: 3, mode: 'open', at: ['0 ms', '2 ms', '2 ms'] },
  ],
  [
    'partly open',
    {
      request: PARETO,
      response: LOGNORMAL,
      io: 'epoll',
      mode: 'partly-open',
      rate: '100 /s',
      users: 20,
      leave: '25 %',
      think: { exponential: '5 ms' },
    },
  ],
];

group('the same is asked of every server', () => {
  it.each(LOADS)('%s: at the same instants, in the same sizes', (_, load) => {
    const all = SERVERS.map(([, server]) => asked(server, load));
    for (const one of all) expect(one).toEqual(all[0]);
    expect(all[0]!.length).toBeGreaterThan(2);
  });

  it('[mutant] unless the seed is another', () => {
    const [, load] = LOADS[0]!;
    expect(asked(SERVERS[0]![1], load, 8)).not.toEqual(asked(SERVERS[0]![1], load));
  });

  /** When each request was meant for (a user's later ones: how long after the answer before), with its sizes. */
  function asked(server: object, load: object, seed = 7): string[] {
    const log: string[] = [];
    // oxlint-disable-next-line typescript/unbound-method -- called with `this` below
    const { next } = UserTimes.prototype;
    vi.spyOn(UserTimes.prototype, 'next').mockImplementation(function (this: UserTimes, done) {
      const t = next.call(this, done);
      const closed = 'leave' in load && t !== this.start;
      log.push(`${closed ? `+${t - done}` : t} ${this.request} ${this.answer}`);
      return t;
    });
    play({ ...sized(server), work: '1 ms' }, { load }, { seed });
    vi.restoreAllMocks();
    return log.toSorted();
  }
});

const small = { request: '100 B', response: '1 kB' };

group('connections that are not kept', () => {
  const connections = (io: string, load: object): number =>
    play({ model: 'epoll', ...small }, { load: { ...small, io, ...load } }).result.metrics[
      'load.connections'
    ]!;

  for (const io of ['threads', 'epoll']) {
    it(`in ${io}: after so many answers the next request makes a new one`, () => {
      const load = { connections: 2, requests: 20 };
      expect(connections(io, load)).toBe(2);
      // Ten requests a user: 4 + 4 + 2.
      expect(connections(io, { ...load, 'requests-per-connection': 4 })).toBe(6);
      expect(connections(io, { ...load, 'requests-per-connection': 1 })).toBe(20);
      expect(connections(io, { ...load, 'requests-per-connection': 10 })).toBe(2);
    });

    it(`in ${io}: a connection for each request costs each a round trip more`, () => {
      const latencies = (load: object): number[] =>
        play(
          { model: 'epoll', ...small },
          { load: { ...small, io, requests: 10, ...load } },
        ).answers.map((a) => a.done - a.intended);
      const kept = latencies({}).slice(1);
      const made = latencies({ 'requests-per-connection': 1 }).slice(1);
      for (const ns of kept) expect(ns / MS).toBeCloseTo(2.1, 1);
      // SYN and SYN-ACK, 2 ms and their bits.
      for (const ns of made) expect(ns / MS).toBeCloseTo(4.11, 1);
    });
  }

  it('are shared by pipelined users, and end with the last answer that they may carry', () => {
    const load = { pipeline: 4, requests: 40, 'requests-per-connection': 6 };
    expect(connections('epoll', load)).toBe(7);
  });
});

group('pipelining', () => {
  /** Or else a second small request waits for the acknowledgement of the first. */
  const NODELAY = { sockopt: { TCP_NODELAY: 1 } };
  const piped = (pipeline: number, server: object = {}, load: object = {}): Play =>
    play(
      { model: 'epoll', ...small, ...NODELAY, ...server },
      { load: { ...small, io: 'epoll', requests: 800, pipeline, ...NODELAY, ...load } },
    );
  const seconds = (p: Play): number => p.result.metrics['duration']! / 1e9;

  it.each([1, 2, 8])('%d on one connection are answered in one round trip', (n) => {
    const p = piped(n);
    expect(p.result.metrics['load.requests']).toBe(800);
    expect(p.result.metrics['load.connections']).toBe(1);
    // The handshake and 800/n rounds of 2 ms, with the answers' time on the wire: .09 ms each.
    const rounds = (800 / n) * (0.002 + n * 0.00009);
    expect(seconds(p)).toBeGreaterThan(0.002 + (800 / n) * 0.002);
    expect(seconds(p)).toBeLessThan(1.05 * (0.002 + rounds));
  });

  it.each(SERVERS.filter(([name]) => !name.includes('workers')))(
    'loses nothing with %s, whatever the sizes',
    (_, server) => {
      const { result, answers } = play(
        { ...sized(server), work: '100 us' },
        { load: { ...ask, io: 'epoll', requests: 120, pipeline: 5 } },
      );
      expect(result.metrics['load.requests']).toBe(120);
      expect(result.metrics['load.failed']).toBe(0);
      expect(answers.every((a) => a.done > a.begun && a.begun >= a.intended)).toBe(true);
    },
  );

  it('[mutant] an answer that is counted a byte short is found by the next', () => {
    // The last answer of all then never ends: the run goes on to its limit.
    // oxlint-disable-next-line typescript/unbound-method -- called with `this` below
    const { answerSize } = Workload.prototype;
    vi.spyOn(Workload.prototype, 'answerSize').mockImplementation(function (this: Workload, i, n) {
      return answerSize.call(this, i, n) + (i === 3 && n === 2 ? 1 : 0);
    });
    expect(() => piped(4, {}, { requests: 40 })).toThrow('liveness');
  });

  it('fails all that is asked on a connection with the one that has had its time, and goes on', () => {
    const m = piped(4, { work: '100 ms' }, { requests: 40, timeout: '250 ms' }).result.metrics;
    // Two of four are answered in 250 ms; then the connection goes, and its other two with it.
    expect(m['load.requests']! + m['load.failed']!).toBe(40);
    expect(m['load.requests']).toBeGreaterThan(2);
    expect(m['load.failed']).toBeGreaterThan(10);
    expect(m['load.connections']).toBeGreaterThan(5);
  });

  it('does not deadlock when requests and answers are larger than all buffers', () => {
    const big = { request: '1 MB', response: '1 MB' };
    const host = { SO_RCVBUF: 16_384, SO_SNDBUF: 16_384 };
    const p = play(
      { model: 'epoll', ...big, sockopt: host },
      { load: { ...big, io: 'epoll', requests: 8, pipeline: 4, sockopt: host } },
    );
    expect(p.result.stop.reason).toBe('when');
    expect(p.result.metrics['load.requests']).toBe(8);
  });
});

group('a client that reads slowly', () => {
  for (const io of ['threads', 'epoll']) {
    it.each(SERVERS.slice(0, 3))(`in ${io} takes its time, answered by %s`, (_, server) => {
      const sizes = { request: '100 B', response: '50 kB' };
      const { result, answers } = play(
        { ...server, ...sizes },
        { load: { ...sizes, io, requests: 3, read: '1 kB', pause: '10 ms' } },
      );
      expect(result.metrics['load.requests']).toBe(3);
      // Fifty reads of 1,000 B, so 49 pauses, once the first byte has come.
      for (const a of answers.slice(1)) {
        expect((a.done - a.begun) / MS).toBeGreaterThan(490);
        expect((a.done - a.begun) / MS).toBeLessThan(500);
      }
    });
  }
});

group('users who come, ask some times and leave', () => {
  const users = 4000;
  const leave = 0.2;

  it('make a geometric number of requests, mean 1/p, at any seed [chi-square at 0.001]', () => {
    for (const seed of ['1', '2', '3']) expect(chi(seed, leave)).toBeLessThan(29.59); // ten degrees of freedom
  });
  it('[mutant] not with p a tenth off', () => {
    for (const seed of ['1', '2', '3']) expect(chi(seed, 1.1 * leave)).toBeGreaterThan(29.59);
  });

  /** Of how many requests each user makes: 1, 2, … 10, more. */
  function chi(seed: string, p: number): number {
    const load = {
      ...small,
      codec: 'sized',
      mode: 'partly-open',
      rate: '10 /s',
      users,
      leave: `${100 * p} %`,
    };
    const work = workload(load, seed);
    const seen = new Array<number>(11).fill(0);
    for (let i = 0; i < users; i++) seen[Math.min(work.requestsOf(i), 11) - 1]!++;
    return seen.reduce((sum, n, i) => {
      const wanted = users * (i < 10 ? leave * (1 - leave) ** i : (1 - leave) ** 10);
      return sum + (n - wanted) ** 2 / wanted;
    }, 0);
  }

  for (const io of ['threads', 'epoll']) {
    it(`in ${io}: each with a connection of its own, at times that no answer moves`, () => {
      const load = {
        ...small,
        io,
        mode: 'partly-open',
        rate: '100 /s',
        users: 50,
        leave: '25 %',
        think: '10 ms',
      };
      const fast = play({ model: 'epoll', ...small }, { load });
      const slow = play({ model: 'epoll', ...small, work: '20 ms' }, { load });
      for (const { result } of [fast, slow]) {
        expect(result.metrics['load.connections']).toBe(50);
        expect(result.metrics['load.failed']).toBe(0);
      }
      const asked = [...new Array(50).keys()].reduce(
        (n, i) => n + workload({ ...load, codec: 'sized' }).requestsOf(i),
        0,
      );
      expect(fast.result.metrics['load.requests']).toBe(asked);
      expect(slow.result.metrics['load.requests']).toBe(asked);
      // They come as they would have come; what each asks after an answer comes later.
      const firsts = (p: Play): number[] => {
        const times = [...new Array(50).keys()].map((i) =>
          workload({ ...load, codec: 'sized' }).startOf(i),
        );
        return times.filter((t) => p.answers.some((a) => a.intended === t));
      };
      expect(firsts(fast)).toHaveLength(50);
      expect(firsts(slow)).toHaveLength(50);
      expect(slow.result.metrics['load.latency.mean']).toBeGreaterThan(20 * MS);
    });
  }
});

group('a trace', () => {
  const CSV = `time ms, size B, answer B, user
10, 100, 2000, 1
10, 8, 1, 0
12.5, 70000, 10, 1
40, 300, 100000, 0
`;
  const text = (io: string, server: string): string => `version: 1
scenarios:
  replay:
    shows: a trace
    seed: 1
    hosts: { a: { machine: ideal }, b: { machine: ideal } }
    links: [{ between: [a, b], rate: 100 Mbit/s, delay: 1 ms }]
    apps:
      server: { host: b, listen: 80, codec: sized, ${server} }
      load: { host: a, connect: 'b:80', model: client, mode: open, codec: sized, connections: 2, trace: ./a.csv, io: ${io} }
`;
  const played = (io: string, server: string, csv = CSV): unknown[] => {
    const [scenario] = load(text(io, server), {
      file: 'a.yaml',
      readFile: (file) => ({ file, text: csv }),
    });
    const seen: unknown[] = [];
    // oxlint-disable-next-line typescript/unbound-method -- called with `this` below
    const { next } = UserTimes.prototype;
    vi.spyOn(UserTimes.prototype, 'next').mockImplementation(function (this: UserTimes, done) {
      const t = next.call(this, done);
      seen.push([t / MS, this.request, this.answer]);
      return t;
    });
    const { metrics } = runScenario(scenario!);
    vi.restoreAllMocks();
    seen.sort((x, y) => (String(x) < String(y) ? -1 : 1));
    return [
      ...seen,
      metrics['load.requests'],
      metrics['server.bytes_read'],
      metrics['load.bytes_read'],
    ];
  };
  const expected = [
    [10, 100, 2000],
    [10, 8, 1],
    [12.5, 70_000, 10],
    [40, 300, 100_000],
    4,
    70_408,
    102_011,
  ];

  for (const io of ['threads', 'epoll'])
    it.each(['model: blocking', 'model: epoll', 'model: netty', 'model: reactive'])(
      `is played to ${io} as it stands: at its times, with its sizes, against %s`,
      (server) => expect(played(io, server)).toEqual(expected),
    );

  it('[mutant] and not otherwise', () => {
    expect(played('epoll', 'model: epoll', CSV.replace('12.5', '12.6'))).not.toEqual(expected);
  });
});
