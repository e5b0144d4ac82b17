/**
 * The queue of packets that enter a core without a NAPI of their own: from lo, from tun, from a NIC in legacy mode
 * (net/core/dev.c netif_rx, enqueue_to_backlog, process_backlog). It holds `netdev_max_backlog` + 1 packets, since the
 * test is "more than"; what finds it full is counted as `dropped` (softnet_stat).
 */
import { QueueMeter } from '../base/queue-meter.ts';
import type { Core } from './cpu.ts';
import { WHOLE } from './netdev.ts';
import type { Skb } from './skb.ts';
import { Napi } from './napi.ts';

export class Backlog extends Napi {
  readonly meter: QueueMeter;
  private readonly limit: number;
  // A ring in columns.
  private skbs: (Skb | null)[] = new Array<Skb | null>(8).fill(null);
  private indexes = new Int32Array(8);
  private marks = new Uint8Array(8);
  private sizes = new Int32Array(8);
  private head = 0;
  private length = 0;

  constructor(core: Core) {
    super(core);
    this.limit = core.host.softnet.maxBacklog + 1;
    this.meter = new QueueMeter(`${core.host.name}/cpu${core.index}/backlog`, this.limit);
  }

  /** netif_rx. @returns false when the packet was dropped */
  enqueue(skb: Skb, index: number, mark: number, truesize: number): boolean {
    const host = this.core.host;
    if (this.length >= this.limit) {
      host.counters.softnet_dropped++;
      skb.drop(index === WHOLE ? skb.segs : 1);
      return false;
    }
    if (this.length === this.skbs.length) this.grow();
    const i = (this.head + this.length) & (this.skbs.length - 1);
    this.skbs[i] = skb;
    this.indexes[i] = index;
    this.marks[i] = mark;
    this.sizes[i] = truesize;
    this.length++;
    this.meter.enter(host.engine.now);
    this.core.softirq.napiSchedule(this);
    return true;
  }

  next(): number {
    if (this.length > 0) return this.core.host.costs.rxFrame;
    this.scheduled = false;
    return -1;
  }

  effect(): void {
    const host = this.core.host;
    const i = this.head;
    const skb = this.skbs[i]!;
    this.skbs[i] = null;
    this.head = (i + 1) & (this.skbs.length - 1);
    this.length--;
    this.work++;
    host.counters.softnet_processed++;
    this.meter.leave(host.engine.now);
    host.handler.receive(skb, this.indexes[i]!, this.marks[i]!, this.sizes[i]!, this.core);
  }

  private grow(): void {
    const n = this.skbs.length;
    const [skbs, indexes, marks, sizes] = [this.skbs, this.indexes, this.marks, this.sizes];
    this.skbs = new Array<Skb | null>(2 * n).fill(null);
    this.indexes = new Int32Array(2 * n);
    this.marks = new Uint8Array(2 * n);
    this.sizes = new Int32Array(2 * n);
    for (let k = 0; k < n; k++) {
      const from = (this.head + k) & (n - 1);
      this.skbs[k] = skbs[from]!;
      this.indexes[k] = indexes[from]!;
      this.marks[k] = marks[from]!;
      this.sizes[k] = sizes[from]!;
    }
    this.head = 0;
  }
}
