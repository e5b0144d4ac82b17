/**
 * One flow through a bottleneck of 50 Mbit/s with CoDel: the bands that ns-3 holds its own TCP to (tcp-validation). Hosts are
 * ideal; buffers are larger than anything the path can hold; HyStart is off, as the recorded peak of 511 segments needs it.
 */
import { describe, expect, it } from 'vitest';
import { World } from '../../src/sim/run/world.ts';
import { load } from '../../src/sim/scenario/load.ts';
import type { Connection, TcpObserver, TcpOptions } from '../../src/tcp/index.ts';
import type { Instant } from '../../src/base/units.ts';

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

function flow(o: {
  readonly control: string;
  readonly rttMs: number;
  readonly seconds: number;
  readonly codel?: string;
  readonly ecn?: number;
}): Trace {
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
          wan->lan: { rate: 50 Mbit/s, codel: ${o.codel ?? '{}'} } }
      - { between: [lan, receiver], rate: 1 Gbit/s, delay: 1 us, overhead: 2 B }
    apps:
      sink: { host: receiver, model: blocking, listen: 80 }
      bulk: { host: sender, model: bulk, connect: receiver:80, bytes: 10 GB }
    stop: { when: bulk.closed, limit: ${o.seconds} s }
`,
    { file: 'bottleneck.yaml', seed: '1' },
  );
  const world = new World(scenario!, { invariants: false });
  const sender = world.host('sender').stack.tcp;
  (sender as { options: TcpOptions }).options = { ...sender.options, hystart: false };
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
}

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

describe('CUBIC, 50 ms, without ECN [validation T10]', () => {
  const bands = (trace: Trace): Bands => ({
    'at least 500 segments at 5.43 to 5.465 s': cwnds(trace, 5.43, 5.465).every((w) => w >= 500),
    'at most 190 at 5.795 to 6 s': cwnds(trace, 5.795, 6).every((w) => w <= 190),
    'at least 225 at 14 to 14.328 s': cwnds(trace, 14, 14.328).every((w) => w >= 225),
    'at least 225 at 17 to 18.2 s': cwnds(trace, 17, 18.2).every((w) => w >= 225),
  });
  const trace = flow({ control: 'cubic', rttMs: 50, seconds: 16 });

  it('and then swings between 0.7 of the same height and that height: 230, there 236 and 234', () => {
    const peak = Math.max(...cwnds(trace, 9, 21));
    const trough = Math.min(...cwnds(trace, 16, 17));
    expect(Math.abs(peak / 235 - 1)).toBeLessThan(0.03);
    expect(Math.abs(trough / peak - 0.7)).toBeLessThan(0.02);
  });

  // Slow start ends at 771 segments here and at 511 there, so that it takes three cuts of half a second to drain the queue.
  it('but nothing later at the same times: missed', () => {
    expect(held(bands(trace))).toEqual(['at least 500 segments at 5.43 to 5.465 s']);
  });

  it('[mutant] Reno swings down to half of it', () => {
    const reno = flow({ control: 'reno', rttMs: 50, seconds: 30 });
    const height = Math.max(...cwnds(reno, 12, 35));
    expect(Math.min(...cwnds(reno, 12, 35)) / height).toBeLessThan(0.6);
  });
});

const DCTCP = { control: 'dctcp', ecn: 1, codel: '{ ecn: on, ce_threshold: 1 ms }' };

/** α of one flow over a step at K segments, cwnd w: √(2/w) (RFC 8257's model; Alizadeh et al. 2010, eq. 6). */
const fluid = (w: number): number => Math.sqrt(2 / w);
const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length;

describe('DCTCP, 10 ms, marks above 1 ms [validation T11]', () => {
  const trace = flow({ ...DCTCP, rttMs: 10, seconds: 10 });

  it('fills the link but for a hundredth', () => {
    expect(Math.min(...mbits(trace, 5.6, 15))).toBeGreaterThan(47.4);
    expect(mean(mbits(trace, 5.6, 15))).toBeGreaterThan(47.7);
  });

  it('α stays below what the fluid model of smooth flows gives, and above half of it', () => {
    const alpha = mean(alphas(trace, 7, 15));
    const model = fluid(mean(cwnds(trace, 7, 15)));
    expect(alpha / model).toBeGreaterThan(0.5);
    expect(alpha / model).toBeLessThan(1);
  });

  // There α is 0.055 to 0.09 and the link is full; here it is 0.12 to 0.17, between that and the model's 0.21.
  it.fails('at the rate of ns-3: missed', () => {
    expect(Math.min(...mbits(trace, 5.6, 15))).toBeGreaterThan(48);
  });
  it.fails('with the α of ns-3: missed', () => {
    expect(Math.max(...alphas(trace, 7, 15))).toBeLessThan(0.09);
  });

  it('[mutant] a queue that does not mark is as long as CoDel lets it be', () => {
    const deaf = flow({ ...DCTCP, codel: '{}', rttMs: 10, seconds: 6 });
    expect(Math.max(...cwnds(deaf, 7, 11))).toBeGreaterThan(1.3 * Math.max(...cwnds(trace, 7, 15)));
  });
});

describe('DCTCP, 80 ms, marks above 1 ms [validation T12]', () => {
  const trace = flow({ ...DCTCP, rttMs: 80, seconds: 35 });

  it('leaves slow start at once, since α begins at 1, and takes half a minute to fill the link', () => {
    expect(Math.max(...mbits(trace, 5, 14))).toBeLessThan(20);
    expect(Math.max(...mbits(trace, 5, 30))).toBeLessThan(48);
    expect(mean(mbits(trace, 36, 40))).toBeGreaterThan(47.2);
  });

  it('α falls while nothing is marked', () => {
    expect(Math.min(...alphas(trace, 5, 7.5))).toBeGreaterThanOrEqual(0.1);
    expect(Math.max(...alphas(trace, 11, 30))).toBeLessThanOrEqual(0.01);
  });

  // There 0.015 to 0.025 with the link full; here 0.02 to 0.07 around the model's 0.077, and 46.6 to 48.2 Mbit/s.
  it.fails('and settles at the rate of ns-3: missed', () => {
    expect(Math.min(...mbits(trace, 32, 40))).toBeGreaterThan(47.5);
  });
  it.fails('with the α of ns-3: missed', () => {
    expect(Math.max(...alphas(trace, 34, 40))).toBeLessThan(0.025);
  });

  it('[mutant] without marks the link carries three times as much by then', () => {
    const deaf = flow({ ...DCTCP, codel: '{}', rttMs: 80, seconds: 6 });
    expect(mean(mbits(deaf, 7, 11))).toBeGreaterThan(2 * mean(mbits(trace, 7, 11)));
  });
});
