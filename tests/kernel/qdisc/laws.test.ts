// What holds for every queueing discipline: nothing is lost without a word, and Little's law to the nanosecond.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Instant } from '../../../src/base/units.ts';
import type { Nic } from '../../../src/kernel/nic.ts';
import { Qdisc } from '../../../src/kernel/qdisc.ts';
import type { QdiscOptions } from '../../../src/kernel/qdisc/options.ts';
import { KINDS } from './kinds.ts';
import { line, type Outcome, type Packet } from './support.ts';
import { prop } from '../../support/prop.ts';

const packets = fc.array(
  fc.record({
    gap: fc.constantFrom(0, 0, 0, 1000, 12_112, 500_000),
    bytes: fc.integer({ min: 60, max: 1514 }),
    flow: fc.nat(3),
    segs: fc.constantFrom(1, 1, 1, 4),
    tos: fc.constantFrom(0, 2),
    ahead: fc.constantFrom(0, 0, 50_000, 3_000_000),
  }),
  { minLength: 1, maxLength: 120 },
);

function arrivals(drawn: readonly { gap: number; ahead: number }[]): Packet[] {
  let at = 0;
  return drawn.map(({ gap, ahead, ...p }) => {
    at += gap;
    return { ...(p as unknown as Packet), at, departAt: at + ahead };
  });
}

function broken({ nic, sojourn, end, left, drops, skbsLeft, freed }: Outcome, n: number): string[] {
  const q = nic.qdisc;
  const wrong: string[] = [];
  if (q.missing !== 0) wrong.push(`${q.missing} are missing`);
  if (q.offered !== n) wrong.push(`${q.offered} of ${n} came`);
  if (q.sent !== left.length) wrong.push(`${left.length} left, ${q.sent} are counted`);
  const dropped = Object.values(q.drops).reduce((a, b) => a + b, 0);
  if (dropped !== drops.length || dropped !== q.refusals + q.losses)
    wrong.push(`${drops.length} were dropped, ${dropped} are counted by reason`);
  if (q.length !== 0 || skbsLeft !== 0) wrong.push(`${skbsLeft} skbs are left`);
  if (freed !== 1000 * n) wrong.push(`owners got ${freed} back`);
  const area = q.meter.area(end as Instant);
  if (area !== sojourn) wrong.push(`the area is ${area}, ${sojourn} was waited`);
  if (q.meter.peak > q.meter.bound) wrong.push(`${q.meter.peak} of ${q.meter.bound} in it`);
  return wrong;
}

/** How often NET_TX came to the queue and found something, or nothing, to send. */
function netTx(
  list: readonly Packet[],
  options: QdiscOptions,
  mutant: (nic: Nic) => void,
): { served: number; needless: number } {
  let served = 0;
  let needless = 0;
  line(options, list, {
    txRing: 1000,
    mutant: (nic) => {
      mutant(nic);
      const { qdisc } = nic;
      const runnable = Object.getOwnPropertyDescriptor(Qdisc.prototype, 'runnable')!.get!;
      let going = false;
      Object.defineProperty(qdisc, 'runnable', {
        get() {
          const more = runnable.call(qdisc) as boolean;
          if (more) served++;
          else if (!going) needless++;
          going = more;
          return more;
        },
      });
    },
  });
  return { served, needless };
}

describe('every queueing discipline', () => {
  for (const [name, options] of Object.entries(KINDS)) {
    it(`${name}: what comes leaves, is dropped under a name, or waits; owners get back what they were charged; Little`, () => {
      prop([packets, fc.constantFrom(1e8, 1e9)], (drawn, rate) => {
        const list = arrivals(drawn);
        expect(broken(line(options, list, { rate }), list.length)).toEqual([]);
      });
    });
  }

  it('and all that can happen does', () => {
    const list = arrivals(
      Array.from({ length: 400 }, (_, i) => ({
        gap: i % 40 === 0 ? 8_000_000 : i % 3 === 0 ? 5000 : 0,
        ahead: i % 3 === 0 ? 3_000_000 : i % 7 === 0 ? 50_000 : 0,
        bytes: 200 + ((i * 37) % 1314),
        flow: i % 4,
        segs: i % 5 === 0 ? 4 : 1,
        tos: i % 6 === 0 ? 2 : 0,
      })),
    );
    const seen = Object.entries(KINDS).map(([name, options]) => {
      const { drops, marks, copies } = line(options, list, { rate: 1e8, txqueuelen: 25 }).nic.qdisc;
      const reasons = Object.entries(drops).flatMap(([why, n]) => (n > 0 ? [why] : []));
      if (marks > 0) reasons.push('marks');
      if (copies > 0) reasons.push('copies');
      return `${name}: ${reasons.join(' ')}`;
    });
    expect(seen).toEqual([
      'pfifo_fast: overlimit',
      'pfifo: overlimit',
      'bfifo: overlimit',
      'fq: overlimit flow_limit horizon',
      'fq with maxrate: ',
      'codel: overlimit codel',
      'fq_codel: flow_limit codel marks',
      'fq_codel with little memory: memory_limit',
      'tbf: overlimit copies',
      'tbf with a peak rate: overlimit too_long copies',
      'netem: overlimit loss copies',
    ]);
  });

  it('is never put on the list of NET_TX for nothing while the device has room', () => {
    const list = arrivals(
      Array.from({ length: 300 }, (_, i) => ({
        gap: i % 5 === 0 ? 700_000 : i % 3 === 0 ? 5000 : 0,
        ahead: i % 3 === 0 ? 3_000_000 : i % 7 === 0 ? 50_000 : 0,
        bytes: 200 + ((i * 37) % 1314),
        flow: i % 4,
      })),
    );
    const asked = Object.entries(KINDS).map(([name, options]) => ({
      name,
      ...netTx(list, options, () => {}),
    }));
    expect(asked.filter((a) => a.needless > 0)).toEqual([]);
    // Where nobody has to wait for his time, whoever comes leaves at once.
    expect(asked.filter((a) => a.served > 0).map((a) => a.name)).toEqual([
      'fq',
      'fq with maxrate',
      'tbf',
      'tbf with a peak rate',
      'netem',
    ]);
    // Mutant: whoever asks is believed to have something.
    const believing = netTx(list, KINDS['fq']!, (nic) => {
      (nic.qdisc as unknown as { discipline: { ready(): boolean } }).discipline.ready = () => true;
    });
    expect(believing.needless).toBeGreaterThan(50);
  });

  it('mutants: a packet that vanishes, and one whose leaving is not noticed', () => {
    const list = arrivals(Array.from({ length: 50 }, () => ({ gap: 0, ahead: 0, bytes: 1000 })));
    for (const mutant of ['vanished', 'forgotten'] as const) {
      const outcome = line(KINDS['fq_codel']!, list, {
        rate: 1e9,
        mutant: (nic) => {
          const q = nic.qdisc;
          if (mutant === 'forgotten') q.meter.leave = () => {};
          else {
            const [tx] = nic.txQueues;
            const start = tx!.startXmit.bind(tx);
            let n = 0;
            tx!.startXmit = (skb) => (++n === 5 ? skb.drop(skb.segs) : start(skb));
          }
        },
      });
      expect(broken(outcome, list.length)).not.toEqual([]);
    }
  });
});
