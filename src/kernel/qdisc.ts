/**
 * The queue in front of a device (net/sched/sch_generic.c, net/core/dev.c __dev_xmit_skb): what a queueing discipline does
 * there, and when the device is given its packets.
 *
 * An skb bypasses a queue that is empty and would not hold it, when the device has room. Else it enters, and whoever brought it
 * takes out what may go next. A device that is full stops the queue; when descriptors come back, or a packet's time has come
 * (qdisc_watchdog, an hrtimer), NET_TX goes on with it, one step for each skb.
 */
import { assert } from '../base/assert.ts';
import { QueueMeter } from '../base/queue-meter.ts';
import { NEVER } from '../base/units.ts';
import type { Core } from './cpu.ts';
import type { Host } from './host.ts';
import { NET_XMIT_SUCCESS } from './netdev.ts';
import {
  DROP_REASONS,
  type Discipline,
  type DropReason,
  type QdiscBooks,
} from './qdisc/discipline.ts';
import { makeDiscipline, type QdiscPlace } from './qdisc/make.ts';
import type { QdiscOptions } from './qdisc/options.ts';
import { ETH_HLEN, type Skb, wireBytes } from './skb.ts';
import { KernelTimer, type TimerHandler } from './timer.ts';

/** The driver below a queue. */
export interface TxDriver {
  readonly mtu: number;
  /** A descriptor is free. */
  readonly txRoom: boolean;
  /** ndo_start_xmit: there is room. */
  startXmit(skb: Skb, core: Core): void;
}

const NO_DROPS = Object.fromEntries(DROP_REASONS.map((why) => [why, 0])) as Record<
  DropReason,
  number
>;

export class Qdisc implements QdiscBooks, TimerHandler {
  meter: QueueMeter;
  /** Skbs that came, that went through, that had to wait. */
  offered = 0;
  sent = 0;
  queued = 0;
  /** Copies and frames that were made of them; marks given. */
  copies = 0;
  marks = 0;
  /** Skbs that were refused, of which the sender was told, and those that were dropped without his knowing. */
  refusals = 0;
  losses = 0;
  /** Frames of what was dropped, and of the copies. */
  lostFrames = 0;
  copiedFrames = 0;
  readonly drops: Record<DropReason, number> = { ...NO_DROPS };
  private readonly host: Host;
  private readonly name: string;
  private readonly driver: TxDriver;
  private readonly txqueuelen: number;
  private options: QdiscOptions;
  private discipline: Discipline;
  /** Taken out, and on its way to the device. */
  private held: Skb | null = null;
  private scheduled = false;
  /** Where NET_TX will go on with it, and who is at it now. */
  private core: Core;
  private actor: Core;
  private watchdog: KernelTimer | null = null;

  constructor(
    host: Host,
    name: string,
    txqueuelen: number,
    driver: TxDriver,
    options: QdiscOptions = { kind: 'pfifo_fast' },
  ) {
    this.host = host;
    this.name = name;
    this.driver = driver;
    this.txqueuelen = txqueuelen;
    this.core = host.cores[0]!;
    this.actor = this.core;
    this.options = options;
    this.discipline = makeDiscipline(options, this.place(), this);
    this.meter = new QueueMeter(`${name}/qdisc`, this.discipline.bound);
  }

  get kind(): QdiscOptions['kind'] {
    return this.options.kind;
  }

  /** What `meter` counts. */
  get unit(): 'packets' | 'bytes' {
    return this.discipline.unit;
  }

  /** It heeds departure times: TCP does not wait itself (SK_PACING_FQ). */
  get paces(): boolean {
    return this.options.kind === 'fq' && this.options.pacing;
  }

  /** Skbs in it, and on their way from it to the device. */
  get length(): number {
    return this.discipline.length + (this.held === null ? 0 : 1);
  }

  /** Skbs that nobody can account for. */
  get missing(): number {
    return this.offered + this.copies - this.sent - this.refusals - this.losses - this.length;
  }

  /** Shows every skb in it, and on its way to the device. */
  each(visit: (skb: Skb) => void): void {
    this.discipline.each(visit);
    if (this.held !== null) visit(this.held);
  }

  /** tc qdisc replace, while it is empty. */
  replace(options: QdiscOptions): void {
    assert(this.length === 0, 'qdisc: replaced while packets wait in it');
    this.options = options;
    this.discipline = makeDiscipline(options, this.place(), this);
    this.meter = new QueueMeter(this.meter.name, this.discipline.bound);
  }

  /** @returns NET_XMIT_DROP when it was full: the skb and what its owner was charged are gone; NET_XMIT_CN: another's are */
  enqueue(skb: Skb, core: Core): number {
    const { discipline: d, driver } = this;
    this.offered++;
    if (d.canBypass && this.length === 0 && driver.txRoom) {
      this.sent++;
      driver.startXmit(skb, core);
      return NET_XMIT_SUCCESS;
    }
    this.actor = core;
    const result = d.enqueue(skb, this.host.engine.now);
    if (!this.scheduled && this.held === null && driver.txRoom) {
      const next = this.take();
      if (next !== null) {
        this.sent++;
        driver.startXmit(next, core);
        this.wake(core);
      }
    }
    return result;
  }

  /**
   * Descriptors came back (netif_wake_queue), or there is more than the one that was just sent: go on in NET_TX, one step per
   * skb. If nobody may go before his time there is nothing to go on with.
   */
  wake(core: Core): void {
    if (this.scheduled || this.length === 0) return;
    if (this.held === null && !this.discipline.ready(this.host.engine.now)) {
      this.actor = core;
      this.watch();
      return;
    }
    this.scheduled = true;
    this.core = core;
    core.softirq.netifSchedule(this);
  }

  /** NET_TX has a step for it; asked once too often, it is off the list. */
  get runnable(): boolean {
    this.actor = this.core;
    if (this.held === null && this.driver.txRoom) this.held = this.take();
    const more = this.held !== null && this.driver.txRoom;
    if (!more) this.scheduled = false;
    return more;
  }

  /** One skb from the queue to the device. */
  runOne(): void {
    const skb = this.held;
    assert(skb !== null, 'qdisc: run with nothing queued');
    this.held = null;
    this.sent++;
    this.driver.startXmit(skb, this.core);
  }

  /** The watchdog: somebody's time has come. */
  onTimer(timer: KernelTimer): void {
    this.wake(timer.core);
  }

  // ---- QdiscBooks

  entered(skb: Skb): void {
    this.queued++;
    this.meter.enter(this.host.engine.now, this.sizeOf(skb));
  }

  dropped(skb: Skb, why: DropReason): void {
    this.meter.leave(this.host.engine.now, this.sizeOf(skb));
    this.lost(skb, why);
  }

  lost(skb: Skb, why: DropReason): void {
    this.losses++;
    this.gone(skb, why);
  }

  refused(skb: Skb, why: DropReason): void {
    this.refusals++;
    this.gone(skb, why);
  }

  marked(): void {
    this.marks++;
  }

  cut(n: number): void {
    this.copies += n - 1;
  }

  copied(skb: Skb): void {
    this.copies++;
    this.copiedFrames += skb.segs;
  }

  orphaned(skb: Skb): void {
    const { owner } = skb;
    skb.owner = null;
    if (owner !== null) this.host.handler.txFreed(owner, skb.txTruesize, this.actor);
  }

  private gone(skb: Skb, why: DropReason): void {
    this.drops[why]++;
    this.lostFrames += skb.segs;
    freeUnsent(skb, this.actor);
  }

  /** The next skb that may go; null: none now, and the watchdog will say when. */
  private take(): Skb | null {
    const { engine } = this.host;
    const skb = this.discipline.dequeue(engine.now);
    if (skb !== null) {
      this.meter.leave(engine.now, this.sizeOf(skb));
      return skb;
    }
    this.watch();
    return null;
  }

  /** Nobody may go: the watchdog sees to who may go next. */
  private watch(): void {
    const at = this.discipline.nextAt;
    if (at === NEVER) return;
    this.watchdog ??= new KernelTimer(this.host, this.actor, this, true);
    this.watchdog.core = this.actor;
    if (this.watchdog.expires !== at) this.watchdog.arm(at);
  }

  private sizeOf(skb: Skb): number {
    return this.discipline.unit === 'bytes' ? wireBytes(skb) : 1;
  }

  private place(): QdiscPlace {
    const { name, txqueuelen, driver } = this;
    const { random } = this.host.engine;
    return { name, txqueuelen, mtu: driver.mtu + ETH_HLEN, random };
  }
}

/** kfree_skb of one that never left: its owner gets its credit back, its frames are gone. */
export function freeUnsent(skb: Skb, core: Core): void {
  const owner = skb.owner;
  skb.owner = null;
  if (owner !== null) core.host.handler.txFreed(owner, skb.txTruesize, core);
  skb.drop(skb.outstanding);
}
