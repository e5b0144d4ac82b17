// Fair queue: turns by quantum, departure times, limits (net/sched/sch_fq.c).
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  FQ_DEFAULTS,
  type FqOptions,
  type QdiscOptions,
} from '../../../src/kernel/qdisc/options.ts';
import { TimeHeap } from '../../../src/kernel/qdisc/time-heap.ts';
import { prop } from '../../support/prop.ts';
import { line, MS, type Packet, stream } from './support.ts';

const fq = (o: Partial<FqOptions> = {}): QdiscOptions => ({ kind: 'fq', ...FQ_DEFAULTS, ...o });
const FULL = { bytes: 1514 };

describe('fq', () => {
  it('lets each packet leave exactly when it wants to, whatever other flows do', () => {
    const packet = fc.record({ flow: fc.nat(4), ahead: fc.nat(20 * MS), at: fc.nat(5 * MS) });
    prop([fc.array(packet, { minLength: 1, maxLength: 60 })], (drawn) => {
      // Departure times of one connection do not go back.
      const last = [0, 0, 0, 0, 0];
      const list: Packet[] = drawn
        .toSorted((a, b) => a.at - b.at)
        .map((p) => {
          const departAt = Math.max(p.at + p.ahead, last[p.flow]!);
          last[p.flow] = departAt;
          return { ...p, ...FULL, departAt };
        });
      const { left } = line(fq(), list, { txRing: 1000 });
      expect(left.length).toBe(list.length);
      for (const l of left) expect(l.at).toBe(list[l.id]!.departAt);
    });
  });

  it('mutant: without pacing they leave at once', () => {
    const list = stream(5, 0, { ...FULL, departAt: 7 * MS });
    expect(line(fq({ pacing: false }), list).left.map((l) => l.at)).toEqual([0, 0, 0, 0, 0]);
  });

  it('gives flows that always have something to send the same bytes, within a quantum and two packets', () => {
    const sizes = [1514, 300, 900];
    const list = sizes.flatMap((bytes, flow) =>
      stream(Math.ceil(600_000 / bytes), 0, { bytes, flow }),
    );
    const until = 20 * MS; // 250 kB at 100 Mbit/s: nobody runs dry
    const { left } = line(fq({ flowLimit: 10_000 }), list, { rate: 1e8, until });
    const sent = sizes.map((_, flow) =>
      left.filter((l) => l.flow === flow && l.at > 5 * MS).reduce((sum, l) => sum + l.bytes, 0),
    );
    expect(Math.max(...sent) - Math.min(...sent)).toBeLessThan(2 * 1514 + 2 * 1514);
    // A first-in first-out queue would have let only the first flow send (mutant).
    const fifo = line({ kind: 'pfifo', limit: 10_000 }, list, { rate: 1e8, until }).left;
    expect(new Set(fifo.map((l) => l.flow))).toEqual(new Set([0]));
  });

  it('lets a flow that is new pass those that have been there for long', () => {
    const bulk = stream(100, 0, { ...FULL, flow: 1 });
    const list = [...bulk, { at: 3 * MS, bytes: 100, flow: 2 }];
    const { left } = line(fq(), list, { rate: 1e8 });
    const small = left.find((l) => l.flow === 2)!;
    expect(small.at - 3 * MS).toBeLessThanOrEqual(Math.round((1514 * 8e9) / 1e8));
  });

  it('begins a flow with initial_quantum: ten full packets before anybody else', () => {
    const list = [...stream(30, 0, { ...FULL, flow: 1 }), ...stream(30, 0, { ...FULL, flow: 2 })];
    const order = line(fq(), list, { rate: 1e8 }).left.map((l) => l.flow);
    // The very first goes at once, and eight by the short queue; ten of its flow follow.
    expect(order.slice(0, 29)).toEqual([
      1,
      ...new Array<number>(18).fill(1),
      ...new Array<number>(10).fill(2),
    ]);
    expect(order.slice(29, 35)).toEqual([1, 1, 2, 2, 1, 1]);
  });

  it('holds each flow to maxrate: every gap is what the packet takes at it', () => {
    // 1514 B at 1,514,000 B/s: 1 ms.
    const { left } = line(fq({ maxrate: 1_514_000 }), stream(20, 0, FULL), { rate: 1e10 });
    expect(left.map((l) => l.at)).toEqual(Array.from({ length: 20 }, (_, i) => i * MS));
  });

  it('drops what is over limit and flow_limit, and what wants to leave beyond the horizon, or brings it forward', () => {
    const late = stream(30, 0, { ...FULL, departAt: 50 * MS });
    const why = (o: Partial<FqOptions>): string[] =>
      line(fq(o), late, { rate: 1e9 }).drops.map((d) => d.why);
    expect(why({ flowLimit: 10 })).toEqual(new Array<string>(20).fill('flow_limit'));
    expect(why({ limit: 25 })).toEqual(new Array<string>(5).fill('overlimit'));
    expect(why({ horizon: 10 * MS })).toEqual(new Array<string>(30).fill('horizon'));
    const capped = line(fq({ horizon: 10 * MS, horizonCap: true }), late.slice(0, 1));
    expect(capped.left.map((l) => l.at)).toEqual([10 * MS]);
  });

  it('marks what leaves later than ce_threshold after its time, if it can be marked', () => {
    const list = stream(20, 0, { ...FULL, tos: 2 });
    const { left } = line(fq({ ceThreshold: 5 * MS }), list, { rate: 1e7 });
    const marked = left.map((l) => l.ce);
    // The short queue is not looked at.
    expect(marked).toEqual(left.map((l) => l.id > 8 && l.at > 5 * MS));
    expect(marked).toContain(true);
    const unable = line(fq({ ceThreshold: 5 * MS }), stream(20, 0, FULL), { rate: 1e7 });
    expect(unable.left.some((l) => l.ce)).toBe(false);
  });

  it('counts from the time that a packet wanted to leave, though it was over when it came [fq_enqueue]', () => {
    // Behind nine that leave at once, at 0.1 ms each: the others wait for one to ten of them.
    const late = (departAt: number): boolean[] =>
      line(fq({ ceThreshold: 5 * MS }), stream(19, 0, { bytes: 1250, tos: 2, departAt }, 20 * MS), {
        rate: 1e8,
      }).left.map((l) => l.ce);
    const slow = [...new Array<boolean>(9).fill(false), ...new Array<boolean>(10).fill(true)];
    expect(late(14 * MS)).toEqual(slow);
    expect(late(19 * MS)).toEqual(new Array<boolean>(19).fill(false));
    // The same for the order within a flow.
    const list = stream(12, 0, { ...FULL, departAt: 19 * MS }, 20 * MS);
    const early = [...list, { ...list[0]!, departAt: 18 * MS }];
    const order = line(fq(), early, { rate: 1e8 }).left.map((l) => l.id);
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 9, 10, 11]);
  });
});

describe('the heap of flows that wait', () => {
  it('gives them by time, and those of one instant in their order', () => {
    prop([fc.array(fc.nat(20), { maxLength: 80 }), fc.nat(5)], (dues, takes) => {
      const heap = new TimeHeap<{ due: number; id: number }>();
      const plain: { due: number; id: number }[] = [];
      const taken: [unknown, unknown][] = [];
      dues.forEach((due, id) => {
        heap.push({ due, id });
        plain.push({ due, id });
        plain.sort((a, b) => a.due - b.due || a.id - b.id);
        if (id % 6 < takes) taken.push([heap.shift(), plain.shift()!]);
      });
      while (plain.length > 0) taken.push([heap.shift(), plain.shift()!]);
      for (const [x, y] of taken) expect(x).toEqual(y);
      expect(heap.first).toBe(null);
    });
  });
});
