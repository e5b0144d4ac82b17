/**
 * The port of a NIC with several transmit rings: whose skb goes on the wire next. The rings take turns, one skb each, which is
 * what schedulers in hardware do when nobody has given weights (mlx5, ice: round robin among the queues of a port). An skb's
 * frames are not cut apart: its descriptor is read once, and its payload by one DMA engine.
 *
 * What a ring that fills later still has to say changes who is next, so nothing is told to the wire before the wire is free: an
 * event for each skb while there is something to choose from, where a NIC with one ring needs none.
 */
import { DOUBLE_0, type Instant } from '../base/units.ts';
import { DEVICE, type Engine, type Timer } from '../engine/engine.ts';
import type { TxQueue } from './tx-queue.ts';

export class TxPort {
  private readonly engine: Engine;
  private readonly queues: readonly TxQueue[];
  private readonly timer: Timer;
  /** Until when the wire is busy with what it was given last, by whom, and how many it was given. */
  private busyUntil: Instant = DOUBLE_0;
  private last = 0;
  private given = 0;

  constructor(engine: Engine, name: string, queues: readonly TxQueue[]) {
    this.engine = engine;
    this.queues = queues;
    const kind = engine.define(`${name}/tx-port`, DEVICE, () => this.serve());
    this.timer = engine.timer(kind, 0, 0);
  }

  /** An skb has come into a ring. */
  kick(): void {
    this.serve();
  }

  /** The link has changed: transmission `n` departs at another time. Only the last one can still be on its way out. */
  retimed(n: number, departure: Instant): void {
    if (n !== this.given - 1) return;
    const queue = this.queues[this.last]!;
    queue.ring.retimeNewest(departure);
    queue.napi.onRetimed();
    this.busyUntil = departure;
    this.engine.arm(this.timer, departure);
  }

  private serve(): void {
    const { now } = this.engine;
    for (let queue = this.next(); queue !== null; queue = this.next()) {
      if (this.busyUntil > now) {
        this.engine.arm(this.timer, this.busyUntil);
        return;
      }
      this.last = queue.index;
      this.given++;
      this.busyUntil = queue.transmitOne(now);
    }
  }

  /** The ring whose turn it is, among those that have something. */
  private next(): TxQueue | null {
    const { queues } = this;
    for (let k = 1; k <= queues.length; k++) {
      const queue = queues[(this.last + k) % queues.length]!;
      if (queue.waiting.length > 0) return queue;
    }
    return null;
  }
}
