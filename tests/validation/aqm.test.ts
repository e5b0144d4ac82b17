/**
 * One flow through a bottleneck of 50 Mbit/s with CoDel: the bands that ns-3 holds its own TCP to (examples/tcp/tcp-validation.cc).
 * Hosts are ideal; buffers are larger than anything the path can hold; behind CoDel stands a device whose byte queue limit may go
 * down after a millisecond, as there.
 *
 * What is compared is Linux with ns-3, whose TCP has habits of its own. Where a band rests on one, the band is said to be missed, with
 * the habit. ns-3's own numbers are those of a run of its version 3.37.
 */
import { describe, expect, it } from 'vitest';
import { World } from '../../src/sim/run/world.ts';
import { load } from '../../src/sim/scenario/load.ts';
import type { Connection, TcpObserver, TcpOptions } from '../../src/tcp/index.ts';
import type { Instant } from '../../src/base/units.ts';
import { once } from '../support/once.ts';

interface Sample {
  /** Seconds; the flow starts at 5, as there. */
  readonly t: number;
  readonly cwnd: number;
  readonly alpha: number;
}
interface Trace {
  readonly samples: Sample[];
  /** Mbit/s read in each 200 ms that ended at `t`. */
  readonly rates: { readonly t: number; readonly mbit: number }[];
}

const START = 5;

interface Options {
  readonly control: string;
  readonly rttMs: number;
  readonly seconds: number;
  readonly codel?: string;
  /** The device behind the queue; null: the wire takes from the queue itself. */
  readonly device?: string | null;
  readonly ecn?: number;
  /** Of the sender: an option of its socket, and what has no sysctl. */
  readonly sockopt?: string;
  readonly options?: Partial<TcpOptions>;
}

const flow = once((o: Options): Trace => {
  const device = o.device === undefined ? '{ hold_time: 1 ms }' : o.device;
  const bql = device === null ? '' : `, bql: ${device}`;
  const tcp = `net.ipv4.tcp_congestion_control: ${o.control}, net.ipv4.tcp_ecn: ${o.ecn ?? 0}, net.ipv4.tcp_rmem: 4096 32768000 32768000, net.ipv4.tcp_wmem: 4096 32768000 32768000`;
  const host = `{ machine: ideal, sysctl: { ${tcp} } }`;
  const [scenario] = load(
    `version: 1
scenarios:
  bottleneck:
    shows: One flow, one queue.
    hosts: { sender: ${host}, receiver: ${host} }
    routers: { wan: {}, lan: {} }
    links:
      - { between: [sender, wan], rate: 1 Gbit/s, delay: 1 us, overhead: 2 B }
      - { between: [wan, lan], rate: 1 Gbit/s, delay: ${o.rttMs * 500} us, overhead: 2 B,
          wan->lan: { rate: 50 Mbit/s, codel: ${o.codel ?? '{}'}${bql} } }
      - { between: [lan, receiver], rate: 1 Gbit/s, delay: 1 us, overhead: 2 B }
    apps:
      sink: { host: receiver, model: blocking, listen: 80 }
      bulk: { host: sender, model: bulk, connect: receiver:80, bytes: 10 GB, sockopt: { ${o.sockopt ?? ''} } }
    stop: { when: bulk.closed, limit: ${o.seconds} s }
`,
    { file: 'bottleneck.yaml', seed: '1' },
  );
  const world = new World(scenario!, { invariants: false });
  const sender = world.host('sender').stack.tcp;
  (sender as { options: TcpOptions }).options = { ...sender.options, ...o.options };
  let c: Connection | null = null;
  let read = 0;
  const watch = (from: TcpObserver, on: Partial<TcpObserver>): TcpObserver =>
    Object.assign(Object.create(from) as TcpObserver, on);
  sender.observer = watch(sender.observer!, { onSent: (of) => void (c = of) });
  const receiver = world.host('receiver').stack.tcp;
  receiver.observer = watch(receiver.observer!, {
    onRead: (_c, _s, _o, len) => void (read += len),
  });
  const samples: Sample[] = [];
  const rates: Trace['rates'] = [];
  for (let ms = 1; ms <= o.seconds * 1000; ms++) {
    world.engine.run((ms * 1_000_000) as Instant);
    if (c === null) continue;
    const { cwnd, congestion } = c as Connection;
    const t = START + ms / 1000;
    samples.push({
      t,
      cwnd,
      alpha: 'alpha' in congestion ? (congestion.alpha as number) / 1024 : NaN,
    });
    if (ms % 200 === 0) {
      rates.push({ t, mbit: (read * 8) / 200_000 });
      read = 0;
    }
  }
  return { samples, rates };
});

/** Of nothing, every band holds. */
const some = <T>(samples: T[]): T[] => {
  if (samples.length === 0) throw new Error('there is no such sample');
  return samples;
};
const between = <T extends { readonly t: number }>(
  list: readonly T[],
  from: number,
  to: number,
): T[] => some(list.filter((s) => s.t > from && s.t < to));
const cwnds = (trace: Trace, from: number, to: number): number[] =>
  between(trace.samples, from, to).map((s) => s.cwnd);
// There is no α before the connection has begun.
const alphas = (trace: Trace, from: number, to: number): number[] =>
  some(
    between(trace.samples, from, to)
      .map((s) => s.alpha)
      .filter((alpha) => !Number.isNaN(alpha)),
  );
const mbits = (trace: Trace, from: number, to: number): number[] =>
  between(trace.rates, from, to).map((r) => r.mbit);

/** Whether each of the bands of one case holds, by name. */
type Bands = Record<string, boolean>;
const held = (bands: Bands): string[] => Object.keys(bands).filter((name) => bands[name]);
const missed = (bands: Bands): string[] => Object.keys(bands).filter((name) => !bands[name]);

describe('CUBIC, 50 ms, without ECN [validation T10]', () => {
  // ns-3 ends slow start when a round's ACKs take a whole RTT, where Linux without pacing takes half of one; with pacing it takes the
  // whole. And it compares CUBIC without the Reno-friendly region.
  const NS3 = {
    control: 'cubic',
    rttMs: 50,
    seconds: 15,
    sockopt: 'SO_MAX_PACING_RATE: 125000000',
    options: { cubicFriendliness: false },
  };
  /** Since June 2026, when its proportional rate reduction no longer wrapped at 2³² (ns-3 issue 1282). */
  const bands = (trace: Trace): Bands => ({
    'at least 500 segments at 5.43 to 5.465 s': cwnds(trace, 5.43, 5.465).every((w) => w >= 500),
    'at most 390 at 5.795 to 6 s': cwnds(trace, 5.795, 6).every((w) => w <= 390),
    'at least 165 at 14 to 14.197 s': cwnds(trace, 14, 14.197).every((w) => w >= 165),
    'at least 120 at 17 to 18.026 s': cwnds(trace, 17, 18.026).every((w) => w >= 120),
  });
  /** As they were in 2020. */
  const before = (trace: Trace): Bands => ({
    'at least 500 segments at 5.43 to 5.465 s': cwnds(trace, 5.43, 5.465).every((w) => w >= 500),
    'at most 190 at 5.795 to 6 s': cwnds(trace, 5.795, 6).every((w) => w <= 190),
    'at least 225 at 14 to 14.328 s': cwnds(trace, 14, 14.328).every((w) => w >= 225),
    'at least 225 at 17 to 18.2 s': cwnds(trace, 17, 18.2).every((w) => w >= 225),
  });
  const trace = flow(NS3);

  it('has the windows that ns-3 asks for since its rate reduction was mended', () => {
    expect(missed(bands(trace))).toEqual([]);
  });
  it('and then swings between 0.7 of the same height and that height: 234, there 236 and 234', () => {
    const peak = Math.max(...cwnds(trace, 9, 20));
    const trough = Math.min(...cwnds(trace, 9, 20));
    expect(Math.abs(peak / 235 - 1)).toBeLessThan(0.03);
    expect(Math.abs(trough / peak - 0.7)).toBeLessThan(0.02);
  });
  // Before, a product of 32 bits let ns-3 send nothing for the rest of each recovery: 178 segments at 5.797 s; with the product mended
  // its own 3.37 still has 251 then, here it is 268. And its receiver leaves the last of the first ten segments to the delayed ACK, so
  // that slow start ends at 499 segments, here at 534. With both imitated here the third recovery ends at 175 segments (there 175) at
  // 5.84 s (5.85), and the windows are at their height at 14.20 and 18.04 s (14.27 and 18.09).
  it('but of the windows that it asked for before only the first: missed', () => {
    expect(held(before(trace))).toEqual(['at least 500 segments at 5.43 to 5.465 s']);
  });

  it('[mutant] without pacing HyStart ends slow start at half the height', () => {
    const unpaced = flow({ ...NS3, sockopt: '', seconds: 1.5 });
    expect(Math.max(...cwnds(unpaced, 5.43, 5.465))).toBeLessThan(300);
  });
  it('[mutant] without HyStart there is more to give up than that takes', () => {
    const late = flow({ ...NS3, options: { ...NS3.options, hystart: false }, seconds: 1.5 });
    expect(Math.max(...cwnds(late, 5.795, 6))).toBeGreaterThan(390);
  });
  it('[mutant] Reno swings down to half of it', () => {
    const reno = flow({ ...NS3, control: 'reno' });
    expect(missed(bands(reno))).not.toEqual([]);
    const height = Math.max(...cwnds(reno, 9, 20));
    expect(Math.min(...cwnds(reno, 9, 20)) / height).toBeLessThan(0.6);
  });
});

const DCTCP = { control: 'dctcp', ecn: 1, codel: '{ ecn: on, ce_threshold: 1 ms }' };

/** α of one flow over a step at K segments, cwnd w: √(2/w) (RFC 8257's model; Alizadeh et al. 2010, eq. 6). */
const fluid = (w: number): number => Math.sqrt(2 / w);
const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length;

describe('DCTCP, 10 ms, marks above 1 ms [validation T11]', () => {
  const trace = flow({ ...DCTCP, rttMs: 10, seconds: 10 });

  it('carries 48 to 49 Mbit/s in every 200 ms', () => {
    expect(Math.min(...mbits(trace, 5.6, 15))).toBeGreaterThan(48);
    expect(Math.max(...mbits(trace, 5.6, 15))).toBeLessThan(49);
  });
  it('has an α between 0.055 and 0.09 in the mean, and never less', () => {
    expect(mean(alphas(trace, 7, 15))).toBeLessThan(0.09);
    expect(Math.min(...alphas(trace, 7, 15))).toBeGreaterThan(0.055);
  });
  // It comes to 0.101 (and 0.106 before 7 s). ns-3 has 0.056 to 0.088, mean 0.071, and asks for 0.045 to 0.095 since 2026.
  it('but not always as little as ns-3, at most 0.09, or 0.1 from 5.6 s on: missed', () => {
    expect(Math.max(...alphas(trace, 7, 15))).toBeCloseTo(0.101, 2);
    expect(Math.max(...alphas(trace, 5.6, 15))).toBeCloseTo(0.106, 2);
  });

  const bare = flow({ ...DCTCP, rttMs: 10, seconds: 10, device: null });

  it('[mutant] where the wire takes from the queue itself every second segment is marked, and the link idles', () => {
    expect(Math.min(...mbits(bare, 5.6, 15))).toBeLessThan(47.7);
    expect(mean(mbits(bare, 5.6, 15))).toBeGreaterThan(47.7);
    expect(mean(alphas(bare, 7, 15))).toBeGreaterThan(0.12);
  });
  it('there α stays below what the fluid model of smooth flows gives, and above half of it', () => {
    const alpha = mean(alphas(bare, 7, 15));
    const model = fluid(mean(cwnds(bare, 7, 15)));
    expect(alpha / model).toBeGreaterThan(0.5);
    expect(alpha / model).toBeLessThan(1);
  });
  it('[mutant] a queue that does not mark is as long as CoDel lets it be', () => {
    const deaf = flow({ ...DCTCP, codel: '{}', rttMs: 10, seconds: 6 });
    expect(Math.max(...cwnds(deaf, 7, 11))).toBeGreaterThan(1.3 * Math.max(...cwnds(trace, 7, 15)));
  });
});

describe('DCTCP, 80 ms, marks above 1 ms [validation T12]', () => {
  const trace = flow({ ...DCTCP, rttMs: 80, seconds: 37 });

  it('leaves slow start at once, since α begins at 1, and takes half a minute to fill the link', () => {
    expect(Math.max(...mbits(trace, 5, 14))).toBeLessThan(20);
    expect(Math.max(...mbits(trace, 5, 30))).toBeLessThan(48);
  });
  it('which then carries 47.5 to 48.5 Mbit/s in every 200 ms from 34 s on', () => {
    expect(Math.min(...mbits(trace, 34, 40))).toBeGreaterThan(47.5);
    expect(Math.max(...mbits(trace, 34, 40))).toBeLessThan(48.5);
  });
  it('α falls while nothing is marked, and is not below 0.015 afterwards', () => {
    expect(Math.min(...alphas(trace, 5, 7.5))).toBeGreaterThanOrEqual(0.1);
    expect(Math.max(...alphas(trace, 11, 30))).toBeLessThanOrEqual(0.01);
    expect(Math.min(...alphas(trace, 34, 40))).toBeGreaterThan(0.015);
  });

  // The first marks meet an α of 0: a window of whole segments loses none at the first cut, one at the second, and too many at the
  // third and fourth (46.3 Mbit/s at 33 s). ns-3 cuts a fraction of a segment, which keeps a whole one back at once.
  it('but not yet from 32 s on: missed', () => {
    expect(Math.min(...mbits(trace, 32, 40))).toBeCloseTo(46.3, 0);
  });
  // 0.022 to 0.047, mean 0.029. ns-3 states the band but never checks it: its own α is 0.016 to 0.030, mean 0.022. With its windows
  // in bytes, its α that is not in steps of 1/1024, and its device that frees a frame when the transmission begins all imitated here, α
  // is 0.017 to 0.034, mean 0.022.
  it('but its α is not at most 0.025: missed', () => {
    expect(Math.max(...alphas(trace, 34, 40))).toBeCloseTo(0.047, 2);
  });

  it('[mutant] where the wire takes from the queue itself the link is not kept full', () => {
    const bare = flow({ ...DCTCP, rttMs: 80, seconds: 35, device: null });
    expect(Math.min(...mbits(bare, 34, 40))).toBeLessThan(47);
  });
  it('[mutant] without marks the link carries three times as much by then', () => {
    const deaf = flow({ ...DCTCP, codel: '{}', rttMs: 80, seconds: 6 });
    expect(mean(mbits(deaf, 7, 11))).toBeGreaterThan(2 * mean(mbits(trace, 7, 11)));
  });
});

describe('DCTCP in front of a device of four frames that has no byte queue limits', () => {
  // Not a band: what ns-3 3.37 has when its example leaves the limits out. Its device holds a frame in service and three more.
  const FOUR = { device: '{ limit_min: 4506 B, limit_max: 4506 B }' };
  const alphaOf = (rttMs: number, from: number, how: object): number =>
    mean(alphas(flow({ ...DCTCP, rttMs, seconds: from + 3, ...how }), from, from + 8));

  it('has the α of ns-3, 0.124 at 10 ms and 0.0575 at 80 ms, within a tenth', () => {
    expect(Math.abs(alphaOf(10, 7, FOUR) / 0.124 - 1)).toBeLessThan(0.1);
    expect(Math.abs(alphaOf(80, 34, FOUR) / 0.0575 - 1)).toBeLessThan(0.1);
  });
  it('[mutant] and with the limits it has not', () => {
    expect(alphaOf(10, 7, {}) / 0.124).toBeLessThan(0.75);
    expect(alphaOf(80, 34, {}) / 0.0575).toBeLessThan(0.75);
  });
});
