/** The queueing disciplines by tc's names, and what each can be told. Times are ns, rates bit/s unless said. */
import { CODEL_DEFAULTS, type CodelOptions } from '../../base/codel.ts';

export interface CodelQdiscOptions extends CodelOptions {
  /** Packets. */
  readonly limit: number;
}

export interface FqCodelOptions extends CodelOptions {
  /** Packets in all flows. */
  readonly limit: number;
  readonly flows: number;
  /** Bytes that a flow may send in its turn; 0: the MTU with its header. */
  readonly quantum: number;
  /** Bytes of memory (truesize) in all flows. */
  readonly memoryLimit: number;
  /** Packets that are dropped at once. */
  readonly dropBatch: number;
}

export interface FqOptions {
  /** Packets in all flows, and in one. */
  readonly limit: number;
  readonly flowLimit: number;
  /** Bytes that a flow may send in its turn, and when it begins; 0: two and ten times the MTU with its header. */
  readonly quantum: number;
  readonly initialQuantum: number;
  /** Bytes/s that no flow exceeds; Infinity: no bound. */
  readonly maxrate: number;
  /** Departure times are heeded (rate_enable), and TCP leaves the waiting to this queue. */
  readonly pacing: boolean;
  /** A flow that was empty for so long begins its next turn with a whole quantum, ns. */
  readonly refillDelay: number;
  /** Packets that leave so much later than they wanted are marked, ns; Infinity: none. */
  readonly ceThreshold: number;
  /** Nobody may want to leave later than this from now, ns: dropped, or (`horizonCap`) brought forward. */
  readonly horizon: number;
  readonly horizonCap: boolean;
}

/** fq_init. */
export const FQ_DEFAULTS: FqOptions = {
  limit: 10_000,
  flowLimit: 100,
  quantum: 0,
  initialQuantum: 0,
  maxrate: Infinity,
  pacing: true,
  refillDelay: 40_000_000,
  ceThreshold: Infinity,
  horizon: 10_000_000_000,
  horizonCap: false,
};

export interface TbfOptions {
  /** bit/s of frames with their Ethernet headers. */
  readonly rate: number;
  /** Bytes that may leave at once. */
  readonly burst: number;
  /** Bytes that wait; 0: as many as take `latency`. */
  readonly limit: number;
  /** The longest wait, ns; it counts when `limit` is 0. */
  readonly latency: number;
  /** bit/s; Infinity: none. And the bytes that may leave at once at it. */
  readonly peakrate: number;
  readonly mtu: number;
}

export interface NetemOptions {
  /** Packets that are delayed. */
  readonly limit: number;
  /** ns; uniform in delay ± jitter. */
  readonly delay: number;
  readonly jitter: number;
  // Probabilities.
  readonly loss: number;
  readonly duplicate: number;
  readonly corrupt: number;
  /** Of a packet that goes at once, when `gap` − 1 before it were delayed; 0: none does. */
  readonly reorder: number;
  readonly gap: number;
  /** bit/s of frames with their Ethernet headers; Infinity: no time to send. */
  readonly rate: number;
  /** What would be lost is marked, if it can be. */
  readonly ecn: boolean;
}

/** tc-netem(8), netem_init. */
export const NETEM_DEFAULTS: NetemOptions = {
  limit: 1000,
  delay: 0,
  jitter: 0,
  loss: 0,
  duplicate: 0,
  corrupt: 0,
  reorder: 0,
  gap: 1,
  rate: Infinity,
  ecn: false,
};

export type QdiscOptions =
  /** The device's own: its limit is the device's txqueuelen. */
  | { readonly kind: 'pfifo_fast' }
  /** −1: txqueuelen packets, or as many full frames. */
  | { readonly kind: 'pfifo' | 'bfifo'; readonly limit: number }
  | ({ readonly kind: 'fq' } & FqOptions)
  | ({ readonly kind: 'codel' } & CodelQdiscOptions)
  | ({ readonly kind: 'fq_codel' } & FqCodelOptions)
  | ({ readonly kind: 'tbf' } & TbfOptions)
  | ({ readonly kind: 'netem' } & NetemOptions);

/** sch_codel.c DEFAULT_CODEL_LIMIT; ECN is off. */
export const CODEL_QDISC_DEFAULTS: CodelQdiscOptions = { ...CODEL_DEFAULTS, limit: 1000 };

/** fq_codel_init. */
export const FQ_CODEL_DEFAULTS: FqCodelOptions = {
  ...CODEL_DEFAULTS,
  ecn: true,
  limit: 10_240,
  flows: 1024,
  quantum: 0,
  memoryLimit: 33_554_432,
  dropBatch: 64,
};

/** What net.core.default_qdisc may name, and what it then is; tbf and netem are nothing without being told more. */
export const DEFAULT_QDISCS: Readonly<Record<string, QdiscOptions>> = Object.freeze({
  pfifo_fast: { kind: 'pfifo_fast' },
  pfifo: { kind: 'pfifo', limit: -1 },
  bfifo: { kind: 'bfifo', limit: -1 },
  fq: { kind: 'fq', ...FQ_DEFAULTS },
  codel: { kind: 'codel', ...CODEL_QDISC_DEFAULTS },
  fq_codel: { kind: 'fq_codel', ...FQ_CODEL_DEFAULTS },
});
