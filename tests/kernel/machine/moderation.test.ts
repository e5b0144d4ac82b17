// When interrupts come: CQE mode, and adaptive moderation under little and much traffic.
import { describe, expect, it } from 'vitest';
import type { Dim } from '../../../src/base/dim.ts';
import type { Instant } from '../../../src/base/units.ts';
import { BILL_IRQ } from '../../../src/kernel/cpu.ts';
import { Moderation } from '../../../src/kernel/moderation.ts';
import { Nic } from '../../../src/kernel/nic.ts';
import type { CoalesceOptions } from '../../../src/kernel/profile.ts';
import { at, Sink, World } from './support.ts';

const NONE: CoalesceOptions = { rxUsecs: 0, rxFrames: 1, txUsecs: 0, txFrames: 1 };

const completions = (times: readonly number[]) => ({
  first: (times[0] ?? Infinity) as Instant,
  nth: (n: number) => (times[n - 1] ?? Infinity) as Instant,
});

describe('CQE mode [DIM_CQ_PERIOD_MODE_START_FROM_CQE]', () => {
  const due = (times: readonly number[], frames: number, cqe: boolean): number =>
    new Moderation(5, frames, 64, cqe, null).deadline(completions(times));

  it('waits for a pause, where the other mode waits from the first frame', () => {
    const times = [1000, 4000, 8999, 14_000];
    expect(due(times, 0, true)).toBe(13_999); // 8999 + 5000, and the next comes 1 ns later
    expect(due(times, 0, false)).toBe(6000);
  });

  it('and is ended by so many frames', () => {
    expect(due([1000, 4000, 8999, 13_998], 3, true)).toBe(8999);
    expect(due([1000, 4000, 8999, 13_998], 8, true)).toBe(18_998);
    expect(due([], 3, true)).toBe(Infinity);
  });

  it('ends as the next frame comes, whether that was known before or not', () => {
    expect(due([1000, 6000, 7000], 0, true)).toBe(6000);
    const w = new World();
    const host = w.host();
    host.handler = new Sink();
    const coalesce = { rxUsecs: 5, rxFrames: 0, txUsecs: 0, txFrames: 1, cqeModeRx: true };
    const nic = new Nic(host, 'eth0', { coalesce });
    for (const t of [1000, 6000, 7000]) {
      nic.ingress.flight.insert(w.frame(100), 0, 0, at(t));
      nic.ingress.onAppend(at(t));
      expect(nic.queues[0]!.deadline).toBe(6000);
    }
  });

  it('lets a NIC put its interrupt off while frames come in', () => {
    const w = new World();
    const host = w.host();
    host.handler = new Sink();
    const coalesce = { rxUsecs: 10, rxFrames: 0, txUsecs: 0, txFrames: 1, cqeModeRx: true };
    const nic = new Nic(host, 'eth0', { coalesce });
    const [q] = nic.queues;
    // Each is known only when the one before it has arrived.
    const arrive = (t: number): void => {
      nic.ingress.flight.insert(w.frame(100), 0, 0, at(t));
      nic.ingress.onAppend(at(t));
    };
    arrive(1000);
    expect(q!.deadline).toBe(11_000);
    w.when(5000, () => arrive(9000));
    w.when(9500, () => arrive(25_000));
    w.run();
    expect((host.handler as Sink).frames.map((f) => f.at)).toEqual([19_000, 19_000, 35_000]);
  });
});

interface Outcome {
  /** Mean time from the arrival of a frame to the stack over the last half, ns. */
  readonly wait: number;
  readonly usecs: number;
  readonly interrupts: number;
  /** Share of the time that goes into interrupts. */
  readonly irq: number;
}

/** A frame of 1,000 B every `gap` ns, for `n` frames. */
function receive(
  gap: number,
  n: number,
  coalesce: CoalesceOptions,
  mutant: (dim: Dim) => void = () => {},
): Outcome {
  const w = new World();
  const host = w.host({ costs: { irq: 1500, rxFrame: 200, rxSkb: 200, rxComplete: 150 } });
  const sink = new Sink();
  host.handler = sink;
  const nic = new Nic(host, 'eth0', { coalesce, rxRing: 1024 });
  const [q] = nic.queues;
  if (q!.rxModeration.dim !== null) mutant(q!.rxModeration.dim);
  for (let i = 0; i < n; i++)
    nic.ingress.flight.insert(
      Object.assign(w.frame(1000), { ordinal: i }),
      0,
      0,
      at(1000 + i * gap),
    );
  nic.ingress.onAppend(at(1000));
  w.run(1000 + n * gap + 1_000_000);
  expect(nic.counters.rx_packets).toBe(n);
  const late = sink.frames.slice(n >> 1);
  return {
    wait: late.reduce((sum, f) => sum + f.at - (1000 + f.seq * gap), 0) / late.length,
    usecs: q!.rxModeration.delay / 1000,
    interrupts: nic.counters.interrupts,
    irq: host.cores[0]!.spent(BILL_IRQ) / (n * gap),
  };
}

const ADAPTIVE = { ...NONE, adaptiveRx: true };

describe('adaptive-rx [lib/dim/net_dim.c]', () => {
  it('keeps to the left where frames are rare: a frame waits for 8 us at most', () => {
    const o = receive(200_000, 3000, ADAPTIVE);
    expect(o.usecs).toBeLessThanOrEqual(8);
    // Interrupt, frame and skb, and between 1 and 8 us.
    expect(o.wait).toBeGreaterThanOrEqual(1900 + 1000);
    expect(o.wait).toBeLessThanOrEqual(1900 + 8000);
  });

  it('goes to the right where they are many: fewer interrupts, for latency', () => {
    const o = receive(1000, 100_000, ADAPTIVE);
    expect(o.usecs).toBe(256);
    const short = receive(1000, 100_000, { ...NONE, rxUsecs: 1, rxFrames: 0 });
    expect(o.interrupts).toBeLessThan(short.interrupts / 20);
    expect(o.irq).toBeLessThan(short.irq / 20);
    expect(o.wait).toBeGreaterThan(10 * short.wait);
  });

  it('begins on the second profile, and rests on it without 64 interrupts', () => {
    expect(receive(200_000, 60, ADAPTIVE).usecs).toBe(8);
  });

  it('mutant: who takes more interrupts for better does not leave the left', () => {
    const upsideDown = (dim: Dim): void => {
      const decide = dim.decide.bind(dim);
      dim.decide = (s) => decide({ ...s, epms: 1_000_000 - s.epms * 1000 });
    };
    expect(receive(1000, 100_000, ADAPTIVE, upsideDown).usecs).toBeLessThan(64);
  });
});
