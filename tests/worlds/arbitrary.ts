/**
 * Random worlds for properties: two hosts or three round a router, machines, devices, links with faults that end, small and
 * large buffers, readers and senders of every kind. A world is the object that its YAML would hold, so that a
 * counterexample can be printed and replayed.
 */
import fc from 'fast-check';
import { stringify } from 'yaml';
import { describe } from '../../src/sim/scenario/load.ts';
import type { Scenario } from '../../src/sim/scenario/types.ts';

/** What a scenario file holds under a scenario's name. */
export type WorldObject = Record<string, unknown>;

/** Faults of all worlds are over by then. */
export const FAULTS_END = '20 s';

const optional = <T>(arb: fc.Arbitrary<T>, weight = 1): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight, arbitrary: arb }, { weight: 2, arbitrary: fc.constant(undefined) });

/** Drops keys whose value is undefined: they are not written. */
function written<T extends object>(o: T): WorldObject {
  return Object.fromEntries(Object.entries(o).filter(([, v]) => v !== undefined));
}

const host: fc.Arbitrary<WorldObject> = fc
  .record({
    cpus: fc.integer({ min: 1, max: 2 }),
    machine: fc.constantFrom('ideal', 'linux'),
    device: fc.constantFrom('nic', 'nic', 'tun'),
    ring: optional(fc.constantFrom(4, 8, 64)),
    rxUsecs: optional(fc.constantFrom(0, 5, 50, 200)),
    rxFrames: optional(fc.constantFrom(1, 3, 4)),
    slow: optional(fc.constantFrom(5_000, 40_000)),
    rmem: optional(fc.constantFrom('4096 8192 16384', '4096 65536 262144')),
    wmem: optional(fc.constantFrom('4096 8192 16384')),
    cc: fc.constantFrom('cubic', 'reno'),
    sack: fc.constantFrom(1, 1, 1, 0),
    timestamps: fc.constantFrom(1, 1, 0),
    scaling: fc.constantFrom(1, 1, 0),
  })
  .map((h) => {
    const nic = written({
      ring: h.ring === undefined ? undefined : { rx: h.ring, tx: h.ring },
      // With rx-usecs 0 a NIC waits for frame number rx-frames however long that takes: a lone ACK would wait for ever.
      coalesce:
        h.rxUsecs === undefined
          ? undefined
          : { 'rx-usecs': h.rxUsecs, 'rx-frames': h.rxUsecs === 0 ? 1 : (h.rxFrames ?? 4) },
    });
    return written({
      cpus: h.cpus,
      machine: h.machine,
      device: h.device,
      nic: h.device === 'nic' && Object.keys(nic).length > 0 ? nic : undefined,
      costs:
        h.slow === undefined || h.machine === 'ideal' ? undefined : { rxFrame: `${h.slow} ns` },
      sysctl: written({
        'net.ipv4.tcp_rmem': h.rmem,
        'net.ipv4.tcp_wmem': h.wmem,
        'net.ipv4.tcp_congestion_control': h.cc,
        'net.ipv4.tcp_sack': h.sack,
        'net.ipv4.tcp_timestamps': h.timestamps,
        'net.ipv4.tcp_window_scaling': h.scaling,
      }),
    });
  });

const percent = (most: number): fc.Arbitrary<string> =>
  fc.integer({ min: 1, max: most }).map((p) => `${p} %`);

const loss: fc.Arbitrary<unknown> = fc.oneof(
  percent(20),
  fc.integer({ min: 2, max: 30 }).map((every) => ({ every })),
  fc
    .uniqueArray(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 })
    .map((frames) => ({ frames, per: 'flow' })),
);
const bursts = fc.record({ p: percent(5), r: percent(60) });

const direction: fc.Arbitrary<WorldObject> = fc
  .record({
    loss: optional(loss),
    gemodel: optional(bursts),
    duplicate: optional(percent(20)),
    corrupt: optional(percent(10)),
    reorder: optional(fc.record({ chance: percent(20), by: fc.constantFrom('1 ms', '7 ms') })),
    jitter: optional(fc.constantFrom('100 us', '500 us')),
  })
  .map((d) => written({ ...d, gemodel: d.loss === undefined ? d.gemodel : undefined }));

/** A link from `from` to `to`; one that leaves a router needs a queue. */
const link = (from: string, to: string): fc.Arbitrary<WorldObject> =>
  fc
    .record({
      rate: fc.constantFrom('1 Mbit/s', '10 Mbit/s', '100 Mbit/s', '999999 kbit/s', '10 Gbit/s'),
      delay: fc.constantFrom('1 us', '500 us', '10 ms', '80 ms'),
      limit: optional(fc.constantFrom('3 packets', '20 packets', '64 KiB')),
      there: direction,
      back: direction,
    })
    .map((l) => {
      // A uniform jitter may not be larger than the delay.
      if (l.delay === '1 us') {
        delete l.there['jitter'];
        delete l.back['jitter'];
      }
      return written({
        between: [from, to],
        rate: l.rate,
        delay: l.delay,
        limit: l.limit,
        faults: { until: FAULTS_END },
        [`${from}->${to}`]: Object.keys(l.there).length > 0 ? l.there : undefined,
        [`${to}->${from}`]: Object.keys(l.back).length > 0 ? l.back : undefined,
      });
    });

const size = fc.oneof(
  fc.constantFrom('1 B', '1448 B', '4 KiB'),
  fc.integer({ min: 1, max: 60_000 }).map((n) => `${n} B`),
);

const server: fc.Arbitrary<WorldObject> = fc
  .record({
    model: fc.constantFrom('blocking', 'epoll', 'stalled'),
    backlog: fc.constantFrom(1, 2, 128),
    read: fc.constantFrom('1 B', '700 B', '64 KiB'),
    pause: optional(fc.constantFrom('1 ms', '300 ms')),
    trigger: fc.constantFrom('level', 'edge'),
    pool: optional(
      fc.record({ pool: fc.integer({ min: 1, max: 3 }), queue: fc.integer({ min: 1, max: 4 }) }),
    ),
    rcvbuf: optional(fc.constantFrom(1, 4096, 30_000)),
  })
  .map((s) => {
    // One byte at a time with a pause would take for ever and show nothing.
    const read = s.pause !== undefined && s.read === '1 B' ? '700 B' : s.read;
    return written({
      host: 'b',
      model: s.model,
      listen: 80,
      backlog: s.backlog,
      read,
      pause: s.model === 'blocking' || s.model === 'epoll' ? s.pause : undefined,
      trigger: s.model === 'epoll' ? s.trigger : undefined,
      threads: s.model === 'blocking' ? s.pool : undefined,
      after: s.model === 'stalled' ? '3 kB' : undefined,
      stall: s.model === 'stalled' ? '2 s' : undefined,
      sockopt: s.rcvbuf === undefined ? undefined : { SO_RCVBUF: s.rcvbuf },
    });
  });

const sender = (host: string): fc.Arbitrary<WorldObject> =>
  fc
    .record({
      bytes: size,
      write: fc.constantFrom('1 kB', '64 KiB'),
      connections: fc.integer({ min: 1, max: 4 }),
      start: optional(fc.constantFrom('1 ms', '250 ms')),
      sndbuf: optional(fc.constantFrom(1, 20_000)),
      noDelay: optional(fc.constant(1)),
    })
    .map((s) => {
      const sockopt = written({ SO_SNDBUF: s.sndbuf, TCP_NODELAY: s.noDelay });
      return written({
        host,
        model: 'bulk',
        connect: 'b:80',
        bytes: s.bytes,
        write: s.write,
        connections: s.connections,
        start: s.start,
        sockopt: Object.keys(sockopt).length > 0 ? sockopt : undefined,
      });
    });

const seed = fc.integer({ min: 1, max: 1_000_000 });
const rest = { shows: 'A generated world.' };

/** Two hosts on one link. */
export const pair: fc.Arbitrary<WorldObject> = fc
  .record({ a: host, b: host, link: link('a', 'b'), server, upload: sender('a'), seed })
  .map((w) => ({
    ...rest,
    seed: w.seed,
    hosts: { a: w.a, b: w.b },
    links: [w.link],
    apps: { server: w.server, upload: w.upload },
    stop: { when: 'upload.closed', limit: '3000 s' },
  }));

/** Two senders and a reader round a router. */
const star: fc.Arbitrary<WorldObject> = fc
  .record({
    a: host,
    b: host,
    c: host,
    limit: fc.constantFrom('2 packets', '30 packets', '20 kB'),
    links: fc.tuple(link('a', 'r'), link('r', 'b'), link('c', 'r')),
    server,
    upload: sender('a'),
    other: sender('c'),
    seed,
  })
  .map((w) => ({
    ...rest,
    seed: w.seed,
    hosts: { a: w.a, b: w.b, c: w.c },
    routers: { r: { limit: w.limit } },
    links: [...w.links],
    apps: { server: w.server, upload: w.upload, other: w.other },
    stop: { when: ['upload.closed', 'other.closed'], limit: '3000 s' },
  }));

/** A world that must finish: its faults end, and its limit leaves time for every retry. */
export const world: fc.Arbitrary<WorldObject> = fc.oneof(
  { weight: 3, arbitrary: pair },
  { weight: 1, arbitrary: star },
);

export function scenarioOf(w: WorldObject): Scenario {
  return describe('generated', w)[0]!;
}

/** The world as a file that `hostwire run` takes. */
export function yamlOf(w: WorldObject): string {
  return stringify({ version: 1, scenarios: { generated: w } });
}
