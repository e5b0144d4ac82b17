/** A NIC that always has packets waiting in front of it, for a tenth of a second: where its byte queue limit settles. */
import type { Dql, DqlOptions } from '../../../src/base/dql.ts';
import { DQL_DEFAULTS } from '../../../src/base/dql.ts';
import { type Instant, ms } from '../../../src/base/units.ts';
import type { HostOptions } from '../../../src/kernel/host.ts';
import { Nic } from '../../../src/kernel/nic.ts';
import { wireBytes } from '../../../src/kernel/skb.ts';
import { at, Sink, World } from './support.ts';

export interface Setting {
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

export interface Outcome {
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
export const LIMITS: DqlOptions = { ...DQL_DEFAULTS, holdTime: ms(5) };

/** Sends for a tenth of a second, always with packets waiting in front of the device. */
export function saturate(s: Setting): Outcome {
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
    for (let n = nic.qdisc.length; n < 900; n++) {
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
