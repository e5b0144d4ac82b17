// CoDel and fq_codel in front of a device: the law of RFC 8289, and RFC 8290's flows.
import { describe, expect, it } from 'vitest';
import { NET_XMIT_CN, NET_XMIT_DROP } from '../../../src/kernel/netdev.ts';
import {
  CODEL_QDISC_DEFAULTS,
  FQ_CODEL_DEFAULTS,
  type CodelQdiscOptions,
  type FqCodelOptions,
  type QdiscOptions,
} from '../../../src/kernel/qdisc/options.ts';
import { line, MS, type Outcome, stream } from './support.ts';

const codel = (o: Partial<CodelQdiscOptions> = {}): QdiscOptions => ({
  kind: 'codel',
  ...CODEL_QDISC_DEFAULTS,
  ...o,
});
const fqCodel = (o: Partial<FqCodelOptions> = {}): QdiscOptions => ({
  kind: 'fq_codel',
  ...FQ_CODEL_DEFAULTS,
  ...o,
});
const RATE = 1e7;
const PACKET = Math.round((1000 * 8e9) / RATE);

/** Packets come a fifth faster than they leave, for two seconds. */
const overload = (o: QdiscOptions, tos = 0): Outcome =>
  line(o, stream(3000, Math.round(PACKET / 1.2), { bytes: 1000, tos }), {
    rate: RATE,
    until: 1900 * MS,
  });

/** When a packet first left that had waited for 5 ms. */
function firstLate({ left }: Outcome, gap: number): number {
  return left.find((l) => l.at - l.id * gap >= 5 * MS)!.at;
}

describe('codel', () => {
  const drops = overload(codel({ limit: 10_000 })).drops.map((d) => d.at);

  it('drops first when the wait has been above 5 ms for 100 ms, and then every 100/√n ms, to a packet time [RFC 8289 §5]', () => {
    const above = firstLate(overload(codel({ limit: 10_000 })), Math.round(PACKET / 1.2));
    expect(drops[0]! - above).toBeGreaterThanOrEqual(100 * MS);
    expect(drops[0]! - above).toBeLessThanOrEqual(100 * MS + PACKET);
    expect(drops.length).toBeGreaterThan(20);
    let due = drops[0]!;
    for (let n = 1; n < drops.length; n++) {
      due += (100 * MS) / Math.sqrt(n);
      expect(drops[n]! - due).toBeGreaterThanOrEqual(-1 * n);
      expect(drops[n]! - due).toBeLessThan(PACKET);
    }
  });

  it('and that can be seen to fail: another interval has other gaps (mutant)', () => {
    const other = overload(codel({ limit: 10_000, interval: 80 * MS })).drops.map((d) => d.at);
    expect(Math.abs(other[1]! - other[0]! - 100 * MS)).toBeGreaterThan(PACKET);
  });

  it('marks instead, where it can', () => {
    const o = overload(codel({ limit: 10_000, ecn: true }), 2);
    expect(o.drops).toEqual([]);
    expect(o.left.filter((l) => l.ce).length).toBe(o.nic.qdisc.marks);
    expect(o.nic.qdisc.marks).toBeGreaterThan(20);
  });

  it('drops at the tail when it is full, and says so', () => {
    const o = line(codel({ limit: 5 }), stream(10, 0, { bytes: 1000 }), { rate: RATE });
    expect(o.results.filter((r) => r === NET_XMIT_DROP).length).toBe(4);
  });
});

describe('fq_codel', () => {
  it('keeps the wait of a sparse flow short, while a greedy one waits; in one queue it waits as long (mutant)', () => {
    const list = [
      ...stream(1500, Math.round(PACKET / 1.5), { bytes: 1000, flow: 1 }),
      ...stream(80, 10 * MS, { bytes: 100, flow: 2 }, 100 * MS + 1),
    ].toSorted((a, b) => a.at - b.at);
    const wait = (o: QdiscOptions, flow: number): number => {
      const { left } = line(o, list, { rate: RATE });
      const waits = left
        .filter((l) => l.flow === flow && l.at < 800 * MS)
        .map((l) => l.at - list[l.id]!.at);
      expect(waits.length).toBeGreaterThan(40);
      return Math.max(...waits);
    };
    expect(wait(fqCodel(), 2)).toBeLessThanOrEqual(2 * PACKET);
    expect(wait(fqCodel(), 1)).toBeGreaterThan(20 * MS);
    expect(wait(codel({ limit: 10_000 }), 2)).toBeGreaterThan(20 * MS);
  });

  it('gives greedy flows the same bytes', () => {
    const list = [1, 2].flatMap((flow) =>
      stream(1000, 0, { bytes: flow === 1 ? 1514 : 500, flow }),
    );
    const { left } = line(fqCodel({ target: 1e9 }), list, { rate: 1e8, until: 30 * MS });
    const sent = [1, 2].map((flow) =>
      left.filter((l) => l.flow === flow).reduce((sum, l) => sum + l.bytes, 0),
    );
    expect(Math.abs(sent[0]! - sent[1]!)).toBeLessThan(2 * 1514 + 500);
  });

  it('drops half of the fattest flow when it is full, at most a batch; tells the sender only if it is his (NET_XMIT_CN)', () => {
    const list = [
      ...stream(60, 0, { bytes: 1000, flow: 1 }),
      ...stream(60, 0, { bytes: 1000, flow: 2 }),
    ];
    const o = line(fqCodel({ limit: 100, dropBatch: 16 }), list, { rate: RATE });
    // With the 102nd (one is at the device) flow 1 has 59 packets and flow 2 has 42: 16 of flow 1 go. With the 118th it
    // has 43 and flow 2 has 58: 16 of flow 2 go, and its sender is told.
    const ids = (from: number): number[] => Array.from({ length: 16 }, (_, i) => from + i);
    expect(o.drops.map((d) => d.id)).toEqual([...ids(1), ...ids(60)]);
    expect(o.drops.every((d) => d.why === 'flow_limit')).toBe(true);
    expect(o.results.flatMap((r, i) => (r === NET_XMIT_CN ? [i] : []))).toEqual([117]);
  });

  it('drops for memory too', () => {
    // Each is charged 1000 bytes here.
    const o = line(fqCodel({ memoryLimit: 9999 }), stream(11, 0, { bytes: 500 }), { rate: RATE });
    expect(o.drops.map((d) => d.why)).toEqual([
      'memory_limit',
      'memory_limit',
      'memory_limit',
      'memory_limit',
      'memory_limit',
    ]);
  });
});
