/**
 * Which transmit queue an skb takes (net/core/dev.c netdev_pick_tx). A socket keeps the queue that it has sent by while something
 * of it may still be in that queue, so that a connection never overtakes itself; else the queue is that of the core that
 * sends (XPS), and where a core has none, or several, a hash of the connection chooses (skb_tx_hash).
 */
import { filled } from '../base/ring.ts';
import type { Connection } from '../tcp/connection.ts';
import type { Core } from './cpu.ts';
import { flowHash, reciprocalScale } from './rss.ts';
import type { Skb } from './skb.ts';

/** What a sending socket remembers, and is asked. */
export interface TxOwner {
  /** sk_tx_queue_mapping; −1: none yet. */
  txQueue: number;
  /** Nothing of it is below TCP but `skb`, or nothing that is not acknowledged: it may take another queue (skb->ooo_okay). */
  mayChangeQueue(skb: Skb): boolean;
}

export class Xps {
  private readonly count: number;
  /** By core: the queues that it may use. */
  private readonly queuesOf: readonly (readonly number[])[];

  /** @param masks the cores of each queue, one bit each (xps_cpus); null: no queue has any */
  constructor(count: number, cores: number, masks: readonly number[] | null) {
    this.count = count;
    const queuesOf = filled<number[]>(cores, () => []);
    masks?.forEach((mask, queue) => {
      queuesOf.forEach((queues, core) => {
        if (((mask >>> core) & 1) === 1) queues.push(queue);
      });
    });
    this.queuesOf = queuesOf;
  }

  /** The queue for `skb`, sent by `core`. */
  pick(skb: Skb, core: Core): number {
    const socket = socketOf(skb);
    if (socket === null) return this.fresh(skb, core);
    if (socket.txQueue >= 0 && !socket.mayChangeQueue(skb)) return socket.txQueue;
    socket.txQueue = this.fresh(skb, core);
    return socket.txQueue;
  }

  private fresh(skb: Skb, core: Core): number {
    const own = this.queuesOf[core.index]!;
    if (own.length === 0) return scale(skb.flow, this.count);
    return own.length === 1 ? own[0]! : own[scale(skb.flow, own.length)]!;
  }
}

/** The socket of the connection that is charged for it; null: it has none, or no more. */
function socketOf(skb: Skb): TxOwner | null {
  const owner = (skb.owner as Connection | null)?.owner as Partial<TxOwner> | null | undefined;
  return owner?.txQueue === undefined ? null : (owner as TxOwner);
}

const scale = (flow: number, n: number): number => reciprocalScale(flowHash(flow), n);

/** As drivers set it (mlx5e_set_default_xps_cpumasks): the cores are dealt out to the queues in turn. */
export function defaultXps(queues: number, cores: number): number[] {
  const masks = new Array<number>(queues).fill(0);
  for (let core = 0; core < cores; core++) masks[core % queues]! |= 1 << core;
  return masks;
}
