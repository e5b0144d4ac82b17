/** BBR v1: its phases and gains, what it fills, and the queue it leaves. */
import { describe, expect, it } from 'vitest';
import { Bbr, type BbrMode } from '../../../src/tcp/congestion/bbr.ts';
import { WindowedMax } from '../../../src/tcp/congestion/bbr-model.ts';
import type { TcpOptions } from '../../../src/tcp/index.ts';
import { Dumbbell, MS, randoms, SEC, type QueueOptions } from '../../validation/dumbbell.ts';

// 20 Mbit/s, 40 ms: 67 packets.
const RTT = 40 * MS;
const NS_PER_BYTE = 400;
const BDP = 67;

interface Run {
  readonly used: number;
  readonly peak: number;
  readonly modes: readonly (readonly [mode: BbrMode, at: number])[];
  /** Gains of PROBE_BW, of 256, and when they began. */
  readonly gains: readonly (readonly [gain: number, at: number])[];
  readonly cwnds: readonly (readonly [mode: BbrMode, cwnd: number])[];
  readonly d: Dumbbell;
}

function run(queue: QueueOptions, options: Partial<TcpOptions> = {}, seconds = 25): Run {
  const d = new Dumbbell({ nsPerByte: NS_PER_BYTE, limit: 10 * BDP, ...queue }, [
    { rttNs: RTT, options: { congestionControl: 'bbr', ...options } },
  ]);
  const f = d.flows[0]!;
  const modes: [BbrMode, number][] = [];
  const gains: [number, number][] = [];
  const cwnds: [BbrMode, number][] = [];
  const look = (): void => {
    const b = f.c?.congestion;
    if (!(b instanceof Bbr)) return;
    if (b.mode !== modes.at(-1)?.[0]) modes.push([b.mode, d.now]);
    if (b.mode === 'PROBE_BW' && b.pacingGain !== gains.at(-1)?.[0])
      gains.push([b.pacingGain, d.now]);
    if (f.c!.cwnd !== cwnds.at(-1)?.[1]) cwnds.push([b.mode, f.c!.cwnd]);
  };
  d.run(5 * SEC, look);
  const before = f.received;
  d.peak = 0;
  d.run(seconds * SEC, look);
  const bytes = ((f.received - before) / 1448) * 1500;
  const used = (bytes * NS_PER_BYTE) / ((seconds - 5) * SEC);
  return { used, peak: d.peak, modes, gains, cwnds, d };
}

const clean = run({});
const lossy = (() => {
  const random = randoms(7);
  return run({ lose: () => random() < 0.01 });
})();

describe('without loss', () => {
  it('goes through STARTUP, DRAIN and PROBE_BW, and to PROBE_RTT when ten seconds have passed', () => {
    expect(clean.modes.map(([m]) => m)).toEqual([
      'STARTUP',
      'DRAIN',
      'PROBE_BW',
      'PROBE_RTT',
      'PROBE_BW',
      'PROBE_RTT',
      'PROBE_BW',
    ]);
    // STARTUP doubles each round: about log2(67/10) of them and three more to see that it is full.
    expect(clean.modes[1]![1]).toBeLessThan(1 * SEC);
    const [first, second] = clean.modes.filter(([m]) => m === 'PROBE_RTT').map(([, at]) => at);
    expect(first! / SEC).toBeCloseTo(10, 0);
    expect((second! - first!) / SEC).toBeGreaterThan(10);
    expect((second! - first!) / SEC).toBeLessThan(10.5);
  });

  it('stays in PROBE_RTT for 200 ms and a round trip or two, with four segments', () => {
    const i = clean.modes.findIndex(([m]) => m === 'PROBE_RTT');
    const lasted = clean.modes[i + 1]![1] - clean.modes[i]![1];
    expect(lasted).toBeGreaterThanOrEqual(200 * MS);
    expect(lasted).toBeLessThan(200 * MS + 3 * RTT);
    const windows = clean.cwnds.filter(([m]) => m === 'PROBE_RTT').map(([, w]) => w);
    expect(new Set(windows)).toEqual(new Set([4]));
  });

  it('cycles its gain through 1.25, 0.75 and six times 1, a round trip each', () => {
    const whole = clean.gains.slice(3, 30);
    const phases = whole.slice(1).map(([next, end], i) => {
      const [gain, at] = whole[i]!;
      return { gain, next, rounds: (end - at) / RTT };
    });
    const after: Record<number, number> = { 320: 192, 192: 256, 256: 320 };
    expect(phases.map((p) => p.next)).toEqual(phases.map((p) => after[p.gain]));
    const flat = phases.filter((p) => p.gain === 256).map((p) => p.rounds);
    expect(Math.min(...flat)).toBeGreaterThan(5.9);
    expect(Math.max(...flat)).toBeLessThan(8);
    expect(Math.max(...phases.filter((p) => p.gain !== 256).map((p) => p.rounds))).toBeLessThan(2);
    expect(whole.length).toBeGreaterThan(20);
  });

  it('fills the link with a queue of less than a BDP', () => {
    expect(clean.used).toBeGreaterThan(0.95);
    expect(clean.peak).toBeLessThan(BDP);
    expect(clean.d.dropped).toBe(0);
  });

  it('[mutant] CUBIC fills the whole queue', () => {
    const cubic = run({}, { congestionControl: 'cubic' });
    expect(cubic.peak).toBeGreaterThan(9 * BDP);
  });

  it('enters the cycle where it is told to: the phase is an option', () => {
    // PROBE_BW begins n phases before the end of the cycle; 0: with 1.25.
    expect(run({}, { bbrPhase: 0 }, 6).gains[0]![0]).toBe(320);
    expect(run({}, { bbrPhase: 3 }, 6).gains[0]![0]).toBe(256);
  });
});

describe('at 1 % random loss', () => {
  it('uses 90 % of the link and more, with a queue of less than a BDP', () => {
    expect(lossy.used).toBeGreaterThan(0.9);
    expect(lossy.peak).toBeLessThan(BDP);
    expect(lossy.d.dropped).toBeGreaterThan(100);
  });
  it('[mutant] CUBIC takes loss for congestion', () => {
    const random = randoms(7);
    const cubic = run({ lose: () => random() < 0.01 }, { congestionControl: 'cubic' });
    expect(cubic.used).toBeLessThan(0.4);
  });
});

describe('a policer [bbr_lt_bw_sampling]', () => {
  it('is recognised: its rate is kept for 48 round trips instead of being probed', () => {
    // A token bucket of half the link's rate, 100 packets deep, in front of the queue.
    let tokens = 100;
    let last = 0;
    const rate = 1 / (2 * 1500 * NS_PER_BYTE);
    const policed = { used: 0, of: 0 };
    const lose = (): boolean => {
      tokens = Math.min(100, tokens + (d.now - last) * rate);
      last = d.now;
      if (tokens < 1) return true;
      tokens--;
      return false;
    };
    const d: Dumbbell = new Dumbbell({ nsPerByte: NS_PER_BYTE, limit: 10 * BDP, lose }, [
      { rttNs: RTT, options: { congestionControl: 'bbr' } },
    ]);
    d.run(20 * SEC, () => {
      const b = d.flows[0]!.c?.congestion;
      if (!(b instanceof Bbr) || b.mode !== 'PROBE_BW') return;
      policed.of++;
      if (b.isPoliced) policed.used++;
    });
    expect(policed.used / policed.of).toBeGreaterThan(0.3);
    // Mutant: without the policer nothing is taken for one.
    expect((clean.d.flows[0]!.c!.congestion as Bbr).isPoliced).toBe(false);
  });
});

describe('the windowed maximum [lib/win_minmax.c]', () => {
  it('is the largest of the window when values come regularly, and never below the newest', () => {
    const random = randoms(11);
    const max = new WindowedMax(10);
    const seen: number[] = [];
    for (let t = 0; t < 2000; t++) {
      const v = Math.floor(random() * 1000);
      seen.push(v);
      max.add(t, v);
      expect(max.max).toBeGreaterThanOrEqual(v);
      expect(max.max).toBeLessThanOrEqual(Math.max(...seen.slice(-12)));
    }
  });
  it('forgets a maximum that has left the window', () => {
    const max = new WindowedMax(10);
    max.add(0, 100);
    for (let t = 1; t <= 10; t++) max.add(t, 50);
    expect(max.max).toBe(100);
    max.add(11, 50);
    expect(max.max).toBe(50);
  });
});
