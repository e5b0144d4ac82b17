// Byte queue limits: what a transmit ring holds, and that the limit finds its place (lib/dynamic_queue_limits.c).
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Instant, ms } from '../../../src/base/units.ts';
import type { Dql } from '../../../src/base/dql.ts';
import { DQL_DEFAULTS, type DqlOptions } from '../../../src/base/dql.ts';
import type { HostOptions } from '../../../src/kernel/host.ts';
import { Nic } from '../../../src/kernel/nic.ts';
import { wireBytes } from '../../../src/kernel/skb.ts';
import { prop } from '../../support/prop.ts';
import { at, Sink, World } from './support.ts';

interface Setting {
  /** bit/s of the wire; payload of each packet; µs that a completion interrupt waits. */
  readonly rate: number;
  readonly payload: number;
  readonly txUsecs: number;
  readonly bql?: DqlOptions | null;
  readonly host?: Partial<HostOptions>;
  /** After half of the time the wire is so many times slower. */
  readonly slowsBy?: number;
  /** Meddles with the limits, before anything is sent. */
  readonly mutant?: (dql: Dql) => void;
}

interface Outcome {
  readonly limit: number;
  /** Bytes of one packet; bytes that a completion gives back, in the mean over the last tenth. */
  readonly packet: number;
  readonly perCompletion: number;
  /** Of the time of the last tenth, the share in which the wire was idle. */
  readonly idle: number;
  readonly peak: number;
  readonly bound: number;
  readonly waiting: number;
  /** The most descriptors in use. */
  readonly used: number;
}

/** Tried every few milliseconds instead of every second, so that runs may be short. */
const LIMITS: DqlOptions = { ...DQL_DEFAULTS, holdTime: ms(5) };

/** Sends for a tenth of a second, always with packets waiting in front of the device. */
function saturate(s: Setting): Outcome {
  const w = new World();
  const host = w.host(s.host);
  const sink = new Sink();
  host.handler = sink;
  // Something always waits, and ring and queue are larger than what is ever needed.
  const coalesce = {
    rxUsecs: 0,
    rxFrames: 1,
    txUsecs: s.txUsecs,
    txFrames: s.txUsecs === 0 ? 1 : 0,
  };
  const bql = s.bql === undefined ? LIMITS : s.bql;
  const nic = new Nic(host, 'eth0', { coalesce, bql, txRing: bql === null ? 64 : 4096 });
  if (s.mutant !== undefined) s.mutant(nic.txQueues[0]!.ring.dql!);
  const owner = {};
  const packet = wireBytes(w.frame(s.payload));
  w.pool.live--;
  const END = ms(100);
  const slowRate = s.rate / (s.slowsBy ?? 1);
  let idle = 0;
  let busyUntil = 0;
  let completions = 0;
  let bytes = 0;
  const from = 0.9 * END;
  nic.wire = {
    mtu: 1500,
    transmit(train, t) {
      if (t > from && t > busyUntil) idle += t - busyUntil;
      busyUntil =
        Math.max(busyUntil, t) + Math.round((packet * 8e9) / (t < END / 2 ? s.rate : slowRate));
      train.drop(train.segs);
      return busyUntil as Instant;
    },
  };
  const offer = (core: (typeof host.cores)[number]): void => {
    for (let n = nic.qdisc.length; n < 200; n++) {
      const skb = w.frame(s.payload);
      skb.owner = owner;
      skb.txTruesize = 1;
      nic.xmit(skb, core);
      if (nic.txQueues[0]!.ring.used === 0) break;
    }
  };
  sink.txFreed = (_owner, n, core) => {
    if (w.engine.now > from) {
      completions++;
      bytes += n * packet;
    }
    if (w.engine.now < END) w.engine.at(w.engine.now, more, core.index, 0);
  };
  const more = w.engine.define('more', 4, (i) => {
    const core = host.cores[i]!;
    core.hold();
    offer(core);
    core.enter();
  });
  w.engine.at(at(0), more, 0, 0);
  w.run(END);
  return {
    limit: nic.txQueues[0]!.ring.dql?.limit ?? Infinity,
    packet,
    perCompletion: bytes / completions,
    idle: idle / (END - from),
    peak: nic.txQueues[0]!.ring.dql?.peak ?? 0,
    bound: nic.txQueues[0]!.ring.dql?.bound ?? 0,
    waiting: nic.qdisc.length,
    used: nic.txQueues[0]!.ring.peak,
  };
}

const settled = (o: Outcome): boolean =>
  Math.abs(o.limit - 2 * o.perCompletion) <= 2 * o.packet && o.idle === 0;

describe('byte queue limits', () => {
  it('settle within two packets of twice what the wire sends from completion to completion, and the wire is never idle', () => {
    const settings = [
      fc.constantFrom(1e8, 3e8, 1e9),
      fc.integer({ min: 100, max: 1460 }),
      fc.integer({ min: 0, max: 200 }),
    ] as const;
    prop(
      [...settings],
      (rate, payload, txUsecs) => {
        const o = saturate({ rate, payload, txUsecs });
        expect([o, settled(o)]).toEqual([o, true]);
        expect(o.peak).toBeLessThanOrEqual(o.bound);
        expect(o.waiting).toBeGreaterThan(0); // the rest is in the qdisc
      },
      { numRuns: 20 },
    );
  });

  it('and where completions cost time: the interval is what it then is', () => {
    const o = saturate({ rate: 1e9, payload: 1460, txUsecs: 16, host: { machine: 'linux' } });
    expect([o, settled(o)]).toEqual([o, true]);
  });

  it('fall again when the wire has become slower, after the hold time, and not without one (mutant)', () => {
    const slower = { rate: 1e9, payload: 1000, txUsecs: 100, slowsBy: 8 };
    expect(settled(saturate(slower))).toBe(true);
    const never = { ...LIMITS, holdTime: Infinity };
    expect(settled(saturate({ ...slower, bql: never }))).toBe(false);
  });

  it('keep to limit_min and limit_max', () => {
    const o = { rate: 1e9, payload: 1460, txUsecs: 100 };
    expect(saturate({ ...o, bql: { ...LIMITS, limitMax: 6000 } }).limit).toBe(6000);
    expect(saturate({ ...o, bql: { ...LIMITS, limitMin: 50_000 } }).limit).toBe(50_000);
  });

  it('mutant: a limit of one packet leaves the wire idle between completions', () => {
    const bql = { ...LIMITS, limitMax: 1514 };
    const o = saturate({ rate: 1e9, payload: 1460, txUsecs: 100, bql });
    expect(o.idle).toBeGreaterThan(0.5);
  });

  it('mutant: a queue that is never stopped holds more than its bound', () => {
    const mutant = (dql: Dql): void => void Object.defineProperty(dql, 'avail', { value: 0 });
    const o = saturate({ rate: 1e9, payload: 1460, txUsecs: 16, mutant });
    expect(o.peak).toBeGreaterThan(o.bound);
  });

  it('without them only descriptors count', () => {
    const o = saturate({ rate: 1e9, payload: 1460, txUsecs: 16, bql: null });
    expect([o.limit, o.used]).toEqual([Infinity, 64]);
  });
});
