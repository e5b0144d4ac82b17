// A queue in front of a NIC whose wire takes one packet after the other: who left when, and who was dropped.
import type { Instant } from '../../../src/base/units.ts';
import { APP } from '../../../src/engine/engine.ts';
import { Nic } from '../../../src/kernel/nic.ts';
import type { DropReason } from '../../../src/kernel/qdisc/discipline.ts';
import type { QdiscOptions } from '../../../src/kernel/qdisc/options.ts';
import { type Skb, wireBytes } from '../../../src/kernel/skb.ts';
import { Sink, World } from '../machine/support.ts';

export const MS = 1_000_000;
/** Bytes of headers: Ethernet and IP with TCP. */
const HEADERS = 14 + 40;

export interface Packet {
  readonly at: number;
  /** Bytes of each frame with its Ethernet header. */
  readonly bytes: number;
  readonly flow?: number;
  readonly segs?: number;
  readonly tos?: number;
  /** When it wants to leave. */
  readonly departAt?: number;
}

export interface Left {
  readonly id: number;
  readonly at: number;
  readonly bytes: number;
  readonly flow: number;
  readonly segs: number;
  readonly ce: boolean;
  readonly damaged: boolean;
}

export interface Outcome {
  readonly nic: Nic;
  readonly left: Left[];
  readonly drops: { id: number; at: number; why: DropReason }[];
  /** What each xmit returned. */
  readonly results: number[];
  /** Time that packets (bytes, where its limit is in bytes) spent in the queue, by what entered it and what came out. */
  readonly sojourn: number;
  readonly freed: number;
  readonly skbsLeft: number;
  readonly end: number;
}

export interface Line {
  /** bit/s of the wire; Infinity: it takes no time. */
  readonly rate?: number;
  readonly txqueuelen?: number;
  readonly txRing?: number;
  readonly until?: number;
  readonly seed?: string;
  /** Breaks the NIC before anything is sent. */
  readonly mutant?: (nic: Nic) => void;
}

/** Sends the packets on a machine where nothing costs time. Packet i has i as its place in its connection. */
export function line(qdisc: QdiscOptions, packets: readonly Packet[], o: Line = {}): Outcome {
  const w = new World();
  const { engine } = w;
  const host = w.host();
  const sink = new Sink();
  host.handler = sink;
  const nic = new Nic(host, 'eth0', {
    qdisc,
    txRing: o.txRing ?? 1,
    txqueuelen: o.txqueuelen ?? 1000,
    coalesce: { rxUsecs: 0, rxFrames: 1, txUsecs: 0, txFrames: 1 },
  });
  const left: Left[] = [];
  const drops: Outcome['drops'] = [];
  const results: number[] = [];
  const owners = new Map<number, object>();
  const since = new Map<Skb, number>();
  let sojourn = 0;
  const gone = (skb: Skb): void => {
    const size = nic.qdisc.unit === 'bytes' ? wireBytes(skb) : 1;
    sojourn += size * (engine.now - (since.get(skb) ?? engine.now));
    since.delete(skb);
  };
  nic.wire = {
    mtu: 1500,
    transmit(train, t) {
      const skb = train as Skb;
      const { ordinal: id, flow, segs, ce, damaged } = skb;
      const bytes = wireBytes(skb);
      gone(skb);
      left.push({ id, at: t, bytes, flow, segs, ce, damaged });
      skb.drop(segs);
      return (t + (o.rate === undefined ? 0 : Math.round((bytes * 8e9) / o.rate))) as Instant;
    },
  };
  const { qdisc: q } = nic;
  const entered = q.entered.bind(q);
  q.entered = (skb): void => {
    since.set(skb, engine.now);
    entered(skb);
  };
  for (const way of ['refused', 'lost'] as const) {
    const old = q[way].bind(q);
    q[way] = (skb, why): void => {
      gone(skb);
      drops.push({ id: skb.ordinal, at: engine.now, why });
      old(skb, why);
    };
  }
  o.mutant?.(nic);
  const core = host.cores[0]!;
  const send = engine.define('send', APP, (i) => {
    const p = packets[i]!;
    const { flow = 0, segs = 1 } = p;
    const skb = w.pool.take();
    skb.segs = segs;
    skb.segSize = p.bytes - HEADERS;
    skb.len = segs * skb.segSize;
    skb.headerLen = 40;
    skb.flow = flow;
    skb.ordinal = i;
    skb.tos = p.tos ?? 0;
    skb.outstanding = segs;
    skb.departAt = p.departAt ?? 0;
    skb.txTruesize = 1000;
    if (!owners.has(flow)) owners.set(flow, { flow });
    skb.owner = owners.get(flow)!;
    core.hold();
    results[i] = nic.xmit(skb, core);
    core.enter();
  });
  packets.forEach((p, i) => engine.at(p.at as Instant, send, i, 0));
  w.run(o.until ?? 1e13);
  const freed = sink.freed.reduce((sum, f) => sum + f.truesize, 0);
  return { nic, left, drops, results, sojourn, freed, skbsLeft: w.pool.live, end: engine.now };
}

/** `n` packets from `from`, one each `gap` ns. */
export const stream = (
  n: number,
  gap: number,
  more: Partial<Packet> & { readonly bytes: number },
  from = 0,
): Packet[] => Array.from({ length: n }, (_, i) => ({ ...more, at: from + i * gap }));
