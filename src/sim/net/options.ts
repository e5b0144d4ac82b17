/**
 * What one direction of a link can be told: rate, delay, queue, faults. Names and meanings follow tc-netem(8) where it has
 * them. Probabilities are shares of 1, times integer nanoseconds, sizes bytes.
 *
 * Not modelled: correlated draws (netem's second percentage; Gilbert–Elliott gives bursts), delay tables (`distribution
 * normal`), slots, queue disciplines other than CoDel.
 */
import type { DqlOptions } from '../../base/dql.ts';
import { ScenarioError } from '../../base/assert.ts';
import type { CodelOptions } from '../../base/codel.ts';
import { type Duration, type Instant, NEVER, START, ZERO } from '../../base/units.ts';

/** The queue in front of the wire; frames that find no room are dropped (drop-tail). See link.ts for who counts. */
export type QueueLimit =
  | { readonly unit: 'packets'; readonly count: number }
  | { readonly unit: 'bytes'; readonly count: number };

/**
 * Which frames a fault picks. Frames are counted from 1 in the order in which the link takes them (`per: 'link'`), or
 * among those of their connection in this direction (`per: 'flow'`: each connection loses its 3rd frame).
 */
export type Pick =
  /** Each frame by itself, with `probability` (Bernoulli); drawn by connection and place, so always per flow. */
  | { readonly kind: 'random'; readonly probability: number }
  /** Frames n, 2n, 3n, … with n = `every`. */
  | { readonly kind: 'every'; readonly every: number; readonly per: 'link' | 'flow' }
  | { readonly kind: 'list'; readonly frames: readonly number[]; readonly per: 'link' | 'flow' };

/**
 * Gilbert–Elliott: a chain of two states, one step per frame. The state before the step decides the loss, as in netem
 * (`loss gemodel p r 1-h 1-k`; net/sched/sch_netem.c loss_gilb_ell()). Mean loss (lossInBad·p + lossInGood·r)/(p + r),
 * mean stay in the bad state 1/r frames. The chain belongs to the link: what one connection loses depends on the others.
 */
export interface GilbertElliott {
  readonly kind: 'gemodel';
  /** Good → bad. */
  readonly p: number;
  /** Bad → good. */
  readonly r: number;
  /** netem's 1−h. */
  readonly lossInBad: number;
  /** netem's 1−k. */
  readonly lossInGood: number;
}

export interface Reorder {
  readonly pick: Pick;
  /** Picked frames arrive this much later, so that those behind overtake; null: they skip the delay instead (netem). */
  readonly extra: Duration | null;
  /** A frame can be picked only when at least `gap` − 1 frames before it were not (netem's gap); 1: any frame. */
  readonly gap: number;
}

export interface Corrupt {
  readonly pick: Pick;
  /** True: the checksum happens to match, the frame is delivered as if it were good. */
  readonly undetected: boolean;
}

export interface Jitter {
  /** `uniform`: delay ± amount. `exponential`: delay + a tail whose mean is `amount`. */
  readonly distribution: 'uniform' | 'exponential';
  readonly amount: Duration;
  /** True: no frame arrives before one that was sent earlier. False: frames overtake each other, as in netem. */
  readonly keepOrder: boolean;
}

export interface LinkOptions {
  /** Bits per second of IP packet + overhead, an integer; Infinity: no serialisation. */
  readonly rate: number;
  /** One way, from the last bit's departure to its arrival. */
  readonly delay: Duration;
  /** Largest IP packet, bytes. */
  readonly mtu: number;
  /** Bytes that each packet takes on the wire besides itself. */
  readonly overhead: number;
  /** Null: no queue of its own. The sender's device waits for the wire and nothing is dropped. */
  readonly limit: QueueLimit | null;
  /** How the queue is kept short; null: not at all. */
  readonly codel: CodelOptions | null;
  /** The device between that queue and the wire; null: there is none, a frame leaves the queue when the wire takes it. */
  readonly bql: DqlOptions | null;
  readonly loss: Pick | GilbertElliott | null;
  readonly duplicate: Pick | null;
  readonly corrupt: Corrupt | null;
  readonly reorder: Reorder | null;
  readonly jitter: Jitter | null;
  /** Faults (the five above) meet the frames handed over at from ≤ t < until, and no others. */
  readonly from: Instant;
  readonly until: Instant;
}

export const LINK_DEFAULTS: LinkOptions = {
  rate: Infinity,
  delay: ZERO,
  mtu: 1500,
  overhead: 38,
  limit: null,
  codel: null,
  bql: null,
  loss: null,
  duplicate: null,
  corrupt: null,
  reorder: null,
  jitter: null,
  from: START,
  until: NEVER,
};

/** Where each default comes from. */
export const LINK_SOURCES: { readonly [K in keyof LinkOptions]: string } = {
  rate: 'none: a link without a rate takes no time to send',
  delay: 'none: rate and delay may not both be left out',
  mtu: 'Ethernet: RFC 894',
  overhead: 'Ethernet: IEEE 802.3 preamble and SFD 8, header 14, FCS 4, inter-packet gap 12',
  limit: 'the port of a NIC: the device waits for the wire',
  codel: 'none: drop-tail',
  bql: 'none: the queue hands frames to the wire itself',
  loss: 'none',
  duplicate: 'none',
  corrupt: 'none',
  reorder: 'none',
  jitter: 'none',
  from: 'faults hold for the whole run',
  until: 'faults hold for the whole run',
};

/** The queue of a router's port whose link has none. Linux's default txqueuelen (net/ethernet/eth.c ether_setup()). */
export const PORT_LIMIT: QueueLimit = { unit: 'packets', count: 1000 };

/** The shortest IPv4 packet; what the least serialisation time is taken from. */
const LEAST_IP_BYTES = 20;
/** Wire bytes of the longest train that stays exact; GSO_LEGACY_MAX_SIZE is 65,536 bytes of payload. */
const LONGEST_TRAIN = 1 << 19;

/** Nanoseconds per byte as the fraction num/den in lowest terms: 8·10⁹ / rate. An infinite rate has num 0. */
export interface ByteTime {
  readonly num: number;
  readonly den: number;
}

export function byteTime(rate: number): ByteTime {
  if (rate === Infinity) return { num: 0, den: 1 };
  const g = gcd(8_000_000_000, rate);
  return { num: 8_000_000_000 / g, den: rate / g };
}

function gcd(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}

/** The least time, in ns, from handing a frame over to its arrival. A link needs at least 1 (see checkLink). */
export function leastLatency(o: LinkOptions): number {
  const { num, den } = byteTime(o.rate);
  const serialisation = Math.floor(((LEAST_IP_BYTES + o.overhead) * num) / den);
  const early = o.reorder !== null && o.reorder.extra === null;
  const wobble = o.jitter !== null && o.jitter.distribution === 'uniform' ? o.jitter.amount : 0;
  return serialisation + (early ? 0 : o.delay - wobble);
}

/**
 * @param path  where the link stands in the scenario
 * @throws ScenarioError when a value is impossible, or when a frame could arrive at the instant it was sent
 */
export function checkLink(o: LinkOptions, path: readonly (string | number)[]): void {
  const demand = (holds: boolean, key: string, message: string, hint?: string): void => {
    if (!holds) throw new ScenarioError(message, [...path, key], hint);
  };
  demand(
    o.rate === Infinity || (Number.isSafeInteger(o.rate) && o.rate > 0),
    'rate',
    `a rate is a whole number of bits per second above 0, not ${o.rate}`,
  );
  const { num, den } = byteTime(o.rate);
  demand(
    den + num * LONGEST_TRAIN <= Number.MAX_SAFE_INTEGER,
    'rate',
    `a rate of ${o.rate} bit/s cannot be computed exactly`,
    'round it, e.g. to a multiple of 1 Mbit/s',
  );
  demand(isCount(o.delay, 0), 'delay', `a delay is a whole number of ns ≥ 0, not ${o.delay}`);
  demand(isCount(o.mtu, 68), 'mtu', `an MTU is at least 68 bytes (RFC 791), not ${o.mtu}`);
  demand(isCount(o.overhead, 0), 'overhead', `overhead is a number of bytes ≥ 0`);
  if (o.limit !== null) {
    demand(isCount(o.limit.count, 1), 'limit', `a queue holds at least one packet or byte`);
  }
  if (o.codel !== null) {
    const { target, interval } = o.codel;
    demand(target >= 1 && target <= interval, 'codel', 'target is above 0 and at most interval');
  }
  if (o.bql !== null) {
    const { limitMin, limitMax } = o.bql;
    const hint = 'give the link a `codel`: a queue without it is the same with a device behind it';
    demand(o.codel !== null, 'bql', 'byte queue limits need a queue that decides late', hint);
    demand(limitMin <= limitMax, 'bql', 'limit_min is at most limit_max');
  }
  demand(o.from >= 0 && o.from <= o.until, 'until', 'faults end before they begin');
  checkFaults(o, demand);
  demand(
    leastLatency(o) >= 1,
    'delay',
    'a frame would arrive at the instant it was sent',
    'give the link a rate or a delay',
  );
}

type Demand = (holds: boolean, key: string, message: string, hint?: string) => void;

function checkFaults(o: LinkOptions, demand: Demand): void {
  if (o.loss !== null && o.loss.kind === 'gemodel') {
    const { p, r, lossInBad, lossInGood } = o.loss;
    const all = isShare(p) && isShare(r) && isShare(lossInBad) && isShare(lossInGood);
    demand(all, 'loss', 'the four numbers of gemodel are probabilities: 0 to 1');
  } else {
    checkPick(o.loss, 'loss', demand);
  }
  checkPick(o.duplicate, 'duplicate', demand);
  checkPick(o.corrupt?.pick ?? null, 'corrupt', demand);
  if (o.reorder !== null) {
    checkPick(o.reorder.pick, 'reorder', demand);
    demand(isCount(o.reorder.gap, 1), 'reorder', 'a gap is a number of frames ≥ 1');
    const { extra } = o.reorder;
    demand(extra === null || isCount(extra, 1), 'reorder', 'reordering holds back for ≥ 1 ns');
  }
  if (o.jitter !== null) {
    const { amount, distribution } = o.jitter;
    demand(isCount(amount, 0), 'jitter', 'jitter is a whole number of ns ≥ 0');
    demand(
      distribution === 'exponential' || amount <= o.delay,
      'jitter',
      `jitter of ±${amount} ns around a delay of ${o.delay} ns: frames would arrive before they leave`,
      'raise the delay, or use an exponential jitter',
    );
  }
}

function checkPick(pick: Pick | null, key: string, demand: Demand): void {
  if (pick === null) return;
  switch (pick.kind) {
    case 'random':
      return demand(isShare(pick.probability), key, 'a probability is between 0 and 1 (100 %)');
    case 'every':
      return demand(isCount(pick.every, 1), key, 'every n-th frame: n is at least 1');
    case 'list':
      return demand(
        pick.frames.every((n) => isCount(n, 1)),
        key,
        'frames are counted from 1',
      );
  }
}

const isShare = (x: number): boolean => x >= 0 && x <= 1;
const isCount = (x: number, least: number): boolean => Number.isSafeInteger(x) && x >= least;
