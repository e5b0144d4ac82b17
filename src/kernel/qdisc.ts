/**
 * pfifo_fast, the queue in front of a device (net/sched/sch_generic.c). All packets of TCP have one priority, so of its
 * three bands one is modelled: first in, first out, `txqueuelen` packets, drop at the tail.
 *
 * An skb bypasses the queue when it is empty and the device has room. A device that is full stops the queue; when
 * descriptors come back, NET_TX restarts it on the core that freed them.
 */
import { assert } from '../base/assert.ts';
import { QueueMeter } from '../base/queue-meter.ts';
import { Ring } from '../base/ring.ts';
import type { Core } from './cpu.ts';
import type { Host } from './host.ts';
import { NET_XMIT_DROP, NET_XMIT_SUCCESS } from './netdev.ts';
import type { Skb } from './skb.ts';

/** The driver below a queue. */
export interface TxDriver {
  /** A descriptor is free. */
  readonly txRoom: boolean;
  /** ndo_start_xmit: there is room. */
  startXmit(skb: Skb, core: Core): void;
}

export class Qdisc {
  readonly meter: QueueMeter;
  /** Skbs that went through, that were dropped at the tail, that had to wait. */
  sent = 0;
  dropped = 0;
  queued = 0;
  private readonly host: Host;
  private readonly driver: TxDriver;
  private limit: number;
  private readonly skbs = new Ring<Skb>();
  private scheduled = false;
  private core: Core;

  constructor(host: Host, name: string, limit: number, driver: TxDriver) {
    this.host = host;
    this.driver = driver;
    this.limit = limit;
    this.core = host.cores[0]!;
    this.meter = new QueueMeter(`${name}/qdisc`, limit);
  }

  /** tc qdisc replace … limit: 0 drops everything, as of a pfifo (net/sched/sch_fifo.c). What waits stays. */
  resize(limit: number): void {
    this.limit = limit;
  }

  /** @returns NET_XMIT_DROP when it was full: the skb and what its owner was charged are gone */
  enqueue(skb: Skb, core: Core): number {
    if (this.skbs.length === 0 && this.limit > 0 && this.driver.txRoom) {
      this.sent++;
      this.driver.startXmit(skb, core);
      return NET_XMIT_SUCCESS;
    }
    if (this.skbs.length >= this.limit) {
      this.dropped++;
      freeUnsent(skb, core);
      return NET_XMIT_DROP;
    }
    this.queued++;
    this.skbs.push(skb);
    this.meter.enter(this.host.engine.now);
    return NET_XMIT_SUCCESS;
  }

  /** Descriptors came back (netif_wake_queue): go on in NET_TX, one step per skb. */
  wake(core: Core): void {
    if (this.scheduled || this.skbs.length === 0) return;
    this.scheduled = true;
    this.core = core;
    core.softirq.netifSchedule(this);
  }

  /** NET_TX has a step for it; asked once too often, it is off the list. */
  get runnable(): boolean {
    const more = this.skbs.length > 0 && this.driver.txRoom;
    if (!more) this.scheduled = false;
    return more;
  }

  /** One skb from the queue to the device. */
  runOne(): void {
    const skb = this.skbs.shift();
    assert(skb !== undefined, 'qdisc: run with nothing queued');
    this.meter.leave(this.host.engine.now);
    this.sent++;
    this.driver.startXmit(skb, this.core);
  }

  get length(): number {
    return this.skbs.length;
  }
}

/** kfree_skb of one that never left: its owner gets its credit back, its frames are gone. */
export function freeUnsent(skb: Skb, core: Core): void {
  const owner = skb.owner;
  skb.owner = null;
  if (owner !== null) core.host.handler.txFreed(owner, skb.txTruesize, core);
  skb.drop(skb.outstanding);
}
