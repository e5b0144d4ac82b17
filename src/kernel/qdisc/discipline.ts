/**
 * What a queueing discipline is to the queue in front of a device (qdisc.ts): who goes next, who waits, who is dropped. It
 * knows neither device nor core; time comes with each call.
 */
import type { Instant } from '../../base/units.ts';
import type { Skb } from '../skb.ts';

/** Why an skb was dropped. */
export const DROP_REASONS = [
  /** No room. */
  'overlimit',
  /** No room for its flow, or taken out of the fattest flow to make some. */
  'flow_limit',
  'memory_limit',
  /** CoDel: it has waited too long, for too long. */
  'codel',
  /** fq: it wants to leave later than anybody may. */
  'horizon',
  /** tbf: larger than the bucket. */
  'too_long',
  /** netem. */
  'loss',
] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/** What a discipline tells of what it does. */
export interface QdiscBooks {
  /** It is in the queue now. */
  entered(skb: Skb): void;
  /** It was in the queue, and is gone: its owner has been told that it left. */
  dropped(skb: Skb, why: DropReason): void;
  /** It never got into the queue, and is gone: its sender is told so by NET_XMIT_DROP, or (`lost`) is not. */
  refused(skb: Skb, why: DropReason): void;
  lost(skb: Skb, why: DropReason): void;
  /** It got the mark of congestion. */
  marked(): void;
  /** One large skb comes in as `n`, its frames. */
  cut(n: number): void;
  /** One more comes in than was sent. */
  copied(skb: Skb): void;
  /** Nobody is charged for it any more, though it waits (skb_orphan). */
  orphaned(skb: Skb): void;
}

export interface Discipline {
  /** What its length is measured in, and the most that may be in it. */
  readonly unit: 'packets' | 'bytes';
  readonly bound: number;
  /** Skbs in it. */
  readonly length: number;
  /** An skb that finds it empty, and the device free, need not enter it (TCQ_F_CAN_BYPASS). */
  readonly canBypass: boolean;
  /** @returns NET_XMIT_SUCCESS, NET_XMIT_DROP (and it was refused), or NET_XMIT_CN: something of the same flow was dropped */
  enqueue(skb: Skb, now: Instant): number;
  /** The next that may go; null: none now. */
  dequeue(now: Instant): Skb | null;
  /** Will `dequeue` give one now? Nothing is taken. */
  ready(now: Instant): boolean;
  /** After `dequeue` gave null or `ready` false: when there will be one if nothing comes in; NEVER when it is empty. */
  readonly nextAt: Instant;
  /** Shows every skb in it. */
  each(visit: (skb: Skb) => void): void;
}

/** Gives it the mark of congestion if its sender can be told (INET_ECN_set_ce). @returns false: it cannot be marked */
export function setCe(skb: Skb): boolean {
  if ((skb.tos & 3) === 0) return false;
  skb.ce = true;
  return true;
}
