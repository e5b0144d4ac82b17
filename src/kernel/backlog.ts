/**
 * The queue of packets that enter a core without a NAPI of their own: from lo, from tun, from a NIC in legacy mode, from
 * another core (net/core/dev.c netif_rx, enqueue_to_backlog, process_backlog). It holds `netdev_max_backlog` + 1 packets, since the
 * test is "more than"; what finds it full is counted as `dropped` (softnet_stat).
 */
import { QueueMeter } from '../base/queue-meter.ts';
import { Ring } from '../base/ring.ts';
import type { Core } from './cpu.ts';
import { Napi, POLL_AGAIN, POLL_DONE } from './napi.ts';
import type { Skb } from './skb.ts';

export class Backlog extends Napi {
  readonly meter: QueueMeter;
  /** Packets that it has given to the stack so far, and been given (input_queue_head, input_queue_tail). */
  head = 0;
  tail = 0;
  /** Segments of what was dropped. */
  droppedFrames = 0;
  private readonly skbs: Ring<Skb> = new Ring<Skb>(8);
  /** What each of them costs here. */
  private readonly costs: Ring<number> = new Ring<number>(8);

  constructor(core: Core) {
    super(core);
    this.meter = new QueueMeter(`${core.host.name}/cpu${core.index}/backlog`, this.limit);
  }

  /** As net.core.netdev_max_backlog has it at present. */
  private get limit(): number {
    return this.core.host.softnet.maxBacklog + 1;
  }

  /**
   * netif_rx of an skb as the stack takes it (`Skb.received`).
   *
   * @param driver  its share of the price is still to be paid: nobody's interrupt has
   * @returns false when it was dropped
   */
  enqueue(skb: Skb, driver = true): boolean {
    if (!this.accepts(this.core, skb)) return this.refuse(skb);
    skb.napi = null;
    this.put(skb, driver);
    this.core.softirq.napiSchedule(this);
    return true;
  }

  /** The same by `from`, which may be another core: it is told by an interrupt, once until it has polled. */
  enqueueBy(from: Core, skb: Skb): boolean {
    if (!this.accepts(from, skb)) return this.refuse(skb);
    this.put(skb, false);
    if (from === this.core) this.core.softirq.napiSchedule(this);
    else if (!this.scheduled) {
      this.scheduled = true;
      from.softirq.oweIpi(this);
    }
    return true;
  }

  /** There is room, also by the flow limit of the core that brings it (skb_flow_limit, which asks from half of the room on). */
  private accepts(from: Core, skb: Skb): boolean {
    const { length } = this.skbs;
    if (length >= this.limit) return false;
    if (from.flowLimit === null || length < (this.limit - 1) >> 1) return true;
    if (!from.flowLimit.exceeded(skb.flow)) return true;
    this.core.host.counters.flow_limit_count++;
    return false;
  }

  private put(skb: Skb, driver: boolean): void {
    const { costs, engine } = this.core.host;
    this.tail++;
    this.skbs.push(skb);
    this.costs.push((driver ? costs.rxFrame : 0) + costs.rxSkb);
    this.meter.widen(this.limit);
    this.meter.enter(engine.now);
  }

  private refuse(skb: Skb): false {
    this.core.host.counters.softnet_dropped++;
    this.droppedFrames += skb.segs;
    skb.drop(skb.segs);
    return false;
  }

  /** Shows what waits. */
  each(visit: (skb: Skb) => void): void {
    this.skbs.each(visit);
  }

  next(): number {
    if (this.skbs.length === 0) {
      this.scheduled = false;
      return POLL_DONE;
    }
    if (this.work >= this.weight) return POLL_AGAIN;
    return this.costs.peek()!;
  }

  effect(): void {
    const host = this.core.host;
    this.work++;
    this.head++;
    host.counters.softnet_processed++;
    this.meter.leave(host.engine.now);
    this.costs.shift();
    host.handler.receive(this.skbs.shift()!, this.core);
  }
}
