/**
 * Byte queue limits beside Linux's own lib/dynamic_queue_limits.c, compiled as a program of its own (fidelity/dql/record.js): its
 * answers to random calls, and where its limit settles on a wire that always has something to send.
 *
 * That place is twice what a completion gives back, to the byte: the queue counts as starved when all that was there at the last
 * completion is through at this one (prev_ovlimit && all_prev_completed), so a limit covers two intervals. A limit of one
 * interval's bytes, which keeps an ideal device busy just as well, is not where Linux stays.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Dql, DQL_DEFAULTS, type DqlOptions } from '../../../src/base/dql.ts';
import type { Instant } from '../../../src/base/units.ts';
import { saturate } from './saturate.ts';

const TICK = 4_000_000;
const COMPLETED = 1;
/** Ethernet, IP and TCP headers of the packets that `saturate` sends. */
const HEADERS = 54;

/** What was called, with how many bytes, when (jiffies); then limit and dql_avail(). */
type Call = readonly [what: number, bytes: number, jiffies: number, limit: number, avail: number];
interface Calls {
  readonly seed: number;
  readonly calls: readonly Call[];
}
interface Wire {
  readonly rate: number;
  readonly packet: number;
  readonly txUsecs: number;
  readonly limit: number;
  readonly perCompletion: number;
}

const lines = readFileSync(new URL('recorded/dql-linux.jsonl', import.meta.url), 'utf8');
const recorded = lines.trimEnd().split('\n');
const calls = recorded.filter((l) => l.includes('"calls"')).map((l) => JSON.parse(l) as Calls);
const wires = recorded.filter((l) => l.includes('"rate"')).map((l) => JSON.parse(l) as Wire);

/** The number of calls up to which ours answers as Linux does. */
function agrees(all: readonly Call[], options: DqlOptions, meddle?: (dql: Dql) => void): number {
  const dql = new Dql(options);
  for (const [i, [what, bytes, jiffies, limit, avail]] of all.entries()) {
    if (what === COMPLETED) dql.completed(bytes, (jiffies * TICK) as Instant);
    else dql.queued(bytes);
    meddle?.(dql);
    if (dql.limit !== limit || dql.avail !== avail) return i;
  }
  return all.length;
}

describe('byte queue limits beside lib/dynamic_queue_limits.c', () => {
  it.each(calls)('answer every call of seed $seed to the byte', ({ calls: all }) => {
    expect(agrees(all, DQL_DEFAULTS)).toBe(all.length);
  });

  it('the calls grow limits, and shrink them', () => {
    for (const { calls: all } of calls) {
      const limits = all.map((c) => c[3]);
      const steps = limits.slice(1).map((limit, i) => limit - limits[i]!);
      expect([steps.some((d) => d > 0), steps.some((d) => d < 0)]).toEqual([true, true]);
    }
  });

  it('mutants: limits that never fall, and that forget what crossed them', () => {
    for (const { calls: all } of calls) {
      expect(agrees(all, { ...DQL_DEFAULTS, holdTime: Infinity })).toBeLessThan(all.length);
      const forgets = (dql: Dql): void => void Object.assign(dql, { prevOverLimit: 0 });
      expect(agrees(all, DQL_DEFAULTS, forgets)).toBeLessThan(all.length);
    }
  });

  it.each(wires)(
    'on a wire of $rate bit/s, packets of $packet B, tx-usecs $txUsecs, settle where Linux does',
    ({ rate, packet, txUsecs, limit, perCompletion }) => {
      expect(limit).toBe(2 * perCompletion);
      const o = saturate({ rate, payload: packet - HEADERS, txUsecs });
      expect(o.packet).toBe(packet);
      expect(Math.abs(o.limit - limit)).toBeLessThanOrEqual(2 * packet);
      expect(o.idle).toBe(0);
    },
  );
});
