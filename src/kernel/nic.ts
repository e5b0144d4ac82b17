/**
 * A network interface card: receive rings with interrupt moderation, one NAPI and one vector per queue, a transmit ring
 * whose completions share the first queue's vector, and receive-side scaling. What it does for TCP (TSO, GSO) are numbers
 * that the stack asks for.
 *
 * An interrupt is a deadline, computed when a frame is appended: rx-usecs after the first frame, or the arrival of frame
 * number rx-frames, whichever is first; the same for completions. While a queue is masked (from its interrupt to the end
 * of its poll) nothing is armed; unmasking looks at the ring and plans once. One engine event per interrupt, none per
 * frame.
 *
 * A frame whose checksum is wrong costs its step, is counted and dropped. `napi: false` is the driver of before NAPI: an
 * interrupt for each frame, which puts it into the core's backlog; under load nothing else runs any more.
 *
 * With GRO a step of the poll takes up to eight frames, gives their descriptors back together and joins what belongs
 * together (gro.ts); the stack gets what is complete, a step for each skb. Without it a frame is one step, from descriptor to
 * socket.
 *
 * Left out: DMA latency, adaptive moderation, several transmit queues, pause frames, header split.
 */
import { assert, violated } from '../base/assert.ts';
import type { Lane } from '../base/hash.ts';
import { Flight, type Ingress, ipBytes, MARK_CORRUPT } from '../base/train.ts';
import { add, type Duration, earlier, type Instant, later, NEVER, us } from '../base/units.ts';
import { DEVICE, type Engine, type Timer } from '../engine/engine.ts';
import { SK_BUFF } from '../tcp/truesize.ts';
import { DeviceCounters } from './counters.ts';
import type { Core } from './cpu.ts';
import { Gro, NORMAL_BATCH } from './gro.ts';
import type { Host } from './host.ts';
import { IrqLine, type IrqHandler } from './irq.ts';
import { Napi, POLL_AGAIN, POLL_DONE } from './napi.ts';
import type { NetDevice, Wire } from './netdev.ts';
import { NapiThread } from './napi-thread.ts';
import { IDEAL_NIC, NIC_DEFAULTS, type NicOptions } from './profile.ts';
import { Qdisc, type TxDriver } from './qdisc.ts';
import { Spread, SpreadFlight } from './rss.ts';
import { RxRing, type MissedFrames } from './rx-ring.ts';
import { type Skb, wireBytes } from './skb.ts';
import { nicTruesize } from './truesize.ts';
import { KernelTimer, type TimerHandler } from './timer.ts';
import { TxRing } from './tx-ring.ts';

/** GSO_LEGACY_MAX_SIZE and GSO_MAX_SEGS, include/linux/netdevice.h. */
const GSO_MAX_SIZE = 65_536;
const GSO_MAX_SEGS = 65_535;

export class Nic implements NetDevice, TxDriver {
  readonly host: Host;
  readonly name: string;
  readonly options: NicOptions;
  readonly counters: DeviceCounters = new DeviceCounters();
  readonly qdisc: Qdisc;
  readonly queues: readonly NicQueue[];
  /** What the link delivers to. */
  readonly ingress: Ingress;
  readonly tx: TxRing;
  readonly truesize: number;
  private link: Wire | null = null;

  constructor(host: Host, name: string, options: Partial<NicOptions> = {}) {
    const o: NicOptions = { ...(host.machine === 'ideal' ? IDEAL_NIC : NIC_DEFAULTS), ...options };
    const { rxFrames } = o.coalesce;
    assert(
      rxFrames <= o.rxRing,
      'nic: rx-frames beyond the ring would never interrupt',
      () => name,
    );
    this.host = host;
    this.name = `${host.name}/${name}`;
    this.options = o;
    this.truesize = nicTruesize(o.mtu);
    this.tx = new TxRing(`${this.name}/tx`, o.txRing, o.bql);
    this.qdisc = new Qdisc(host, this.name, o.txqueuelen, this, o.qdisc);
    const spread = o.queues > 1 ? new SpreadFlight(o.queues) : null;
    const queues: NicQueue[] = [];
    for (let i = 0; i < o.queues; i++) {
      const core = host.cores[(o.irqAffinity?.[i] ?? i) % host.cores.length]!;
      queues.push(this.makeQueue(i, core, spread === null ? new Flight() : spread.queues[i]!));
    }
    this.queues = queues;
    this.ingress = spread === null ? queues[0]! : new Spread(spread, queues);
    host.devices.push(this);
  }

  /** For tests that compare with another way to do it; `this` is still being built. */
  protected makeQueue(index: number, core: Core, flight: Flight): NicQueue {
    return new NicQueue(this, index, core, flight);
  }

  get mtu(): number {
    return this.options.mtu;
  }
  get tso(): boolean {
    return this.options.tso;
  }
  get gsoMaxSize(): number {
    return GSO_MAX_SIZE;
  }
  get gsoMaxSegs(): number {
    return this.options.tso || this.options.gso ? GSO_MAX_SEGS : 1;
  }

  /** The link that it sends to; set once. */
  get wire(): Wire {
    const link = this.link;
    if (link === null) violated('nic: nothing is plugged in', this.name);
    return link;
  }
  set wire(wire: Wire) {
    this.link = wire;
  }

  xmit(skb: Skb, core: Core): number {
    return this.qdisc.enqueue(skb, core);
  }

  get txRoom(): boolean {
    return this.tx.open;
  }

  startXmit(skb: Skb): void {
    const now = this.host.engine.now;
    const { owner, txTruesize } = skb;
    const bytes = wireBytes(skb);
    // The record crosses the wire: from here on it is the receiver's, so the ring keeps what the sender needs.
    skb.owner = null;
    this.counters.tx_packets += skb.segs;
    this.counters.tx_bytes += skb.len + skb.segs * skb.headerLen;
    if (this.host.engine.trace.on) traceTx(this, skb, now);
    const departure = this.wire.transmit(skb, now);
    this.tx.push(owner, txTruesize, bytes, now, departure);
    this.queues[0]!.onTxQueued();
  }

  /** The link has changed (LinkSender): transmission `n` departs at another time. */
  onRetimed(n: number, departure: Instant): void {
    this.tx.retime(n, departure);
    this.queues[0]!.onRetimed();
  }

  /** All that has arrived is in the rings or counted as missed: whoever reads counters or rings calls this before. */
  sync(): void {
    for (const q of this.queues) q.ring.sync(this.host.engine.now);
  }
}

const STEP_TX = 0;
const STEP_RX = 1;
const STEP_DELIVER = 2;
const STEP_COMPLETE = 3;

/** One queue: ring, moderation, vector, NAPI. The first also has the transmit completions. */
export class NicQueue extends Napi implements Ingress, IrqHandler, MissedFrames, TimerHandler {
  readonly nic: Nic;
  readonly flight: Flight;
  readonly ring: RxRing;
  readonly irq: IrqLine;
  /** Without NAPI the interrupt handler takes the frame off the ring. */
  readonly topHalfNs: number;
  /** From the interrupt to the end of the poll no other interrupt comes. */
  masked = false;
  /** When the interrupt is due; NEVER when none is. */
  deadline: Instant = NEVER;

  private readonly engine: Engine;
  private readonly timer: Timer;
  private readonly lane: Lane;
  private readonly tx: TxRing | null;
  private readonly rxDelay: Duration;
  private readonly rxFrames: number;
  private readonly txDelay: Duration;
  private readonly txFrames: number;
  private step = STEP_RX;
  /** Completions that the present step frees. */
  private freeing = 0;
  private txLooked = false;
  private over = false;
  /** Null: off. */
  readonly gro: Gro | null;
  /** Polls again when GRO has held frames for long enough, or in place of interrupts; null: neither is asked for. */
  private readonly watchdog: KernelTimer | null;
  /** Polls that the timer has still to make before the interrupt is armed again. */
  private defer = 0;
  /** How long the poll that ends now lets GRO hold what it has, ns. */
  private holdFor = 0;
  private deferring = false;
  /** Frames that the present step takes. */
  private taking = 0;
  /** The ring was found empty: what GRO does not go on to hold goes to the stack, then the poll completes. */
  private empty = false;

  constructor(nic: Nic, index: number, core: Core, flight: Flight) {
    super(core);
    const { host, name, options } = nic;
    this.nic = nic;
    this.engine = host.engine;
    this.flight = flight;
    this.ring = new RxRing(`${name}/rx-${index}`, options.rxRing, flight, this);
    this.topHalfNs = options.napi ? 0 : host.costs.rxFrame;
    this.irq = new IrqLine(`${name}-${index}`, core, this);
    this.lane = host.engine.lane(`${name}/rx-${index}`);
    const kind = host.engine.define(`${name}-${index}/irq`, DEVICE, () => this.interrupt());
    this.timer = host.engine.timer(kind, 0, 0);
    this.tx = index === 0 ? nic.tx : null;
    this.gro = options.gro && options.napi ? new Gro(nic.truesize) : null;
    const timed = options.napi && options.groFlushTimeout > 0;
    this.watchdog = timed ? new KernelTimer(host, core, this, true) : null;
    if (options.threaded && options.napi)
      this.thread = new NapiThread(this, `napi/${name.slice(name.indexOf('/') + 1)}-${index}`);
    const c = options.coalesce;
    this.rxDelay = us(options.napi ? c.rxUsecs : 0);
    this.rxFrames = options.napi ? (c.rxUsecs === 0 && c.rxFrames === 0 ? 1 : c.rxFrames) : 1;
    this.txDelay = us(c.txUsecs);
    this.txFrames = c.txUsecs === 0 && c.txFrames === 0 ? 1 : c.txFrames;
  }

  // ---- moderation --------------------------------------------------------------------------------------------------

  onAppend(first: Instant): void {
    // Frames that arrive after the deadline cannot move it: the first frame and number rx-frames lie before.
    if (this.masked || first >= this.deadline) return;
    this.plan();
  }

  onRetimed(): void {
    if (!this.masked) this.plan();
  }

  /** An skb has gone into the transmit ring. */
  onTxQueued(): void {
    if (this.masked) return;
    const { used } = this.tx!;
    if (used === 1 || used === this.txFrames)
      this.planAt(earlier(this.deadline, this.txDeadline()));
  }

  protected plan(): void {
    this.planAt(earlier(this.rxDeadline(), this.txDeadline()));
  }

  protected planAt(due: Instant): void {
    const t = due === NEVER ? NEVER : later(due, this.engine.now);
    if (t === this.deadline) return;
    this.deadline = t;
    this.engine.arm(this.timer, t);
  }

  private rxDeadline(): Instant {
    const { ring } = this;
    const first = ring.nthArrival(1);
    if (first === NEVER) return NEVER;
    const byTime = this.rxDelay > 0 ? add(first, this.rxDelay) : NEVER;
    const n = this.rxFrames;
    return n > 0 ? earlier(byTime, n === 1 ? first : ring.nthArrival(n)) : byTime;
  }

  private txDeadline(): Instant {
    const { tx } = this;
    if (tx === null || tx.used === 0) return NEVER;
    const byTime = this.txDelay > 0 ? add(tx.nthDeparture(1), this.txDelay) : NEVER;
    return this.txFrames > 0 ? earlier(byTime, tx.nthDeparture(this.txFrames)) : byTime;
  }

  private interrupt(): void {
    this.deadline = NEVER;
    this.nic.counters.interrupts++;
    if (this.core.host.costless && this.nic.options.napi) {
      this.interruptAtOnce();
      return;
    }
    this.masked = true;
    this.irq.raise();
  }

  /** Where nothing costs time: top half and completions without steps of their own. */
  private interruptAtOnce(): void {
    const { core, tx, nic } = this;
    const now = this.engine.now;
    this.irq.taken(core);
    core.hold();
    const n = tx === null ? 0 : tx.done(now);
    if (n > 0) {
      tx!.clean(n, core);
      nic.qdisc.wake(core);
    }
    this.ring.sync(now);
    if (this.ring.held > 0 && this.rxDeadline() <= now) {
      this.masked = true;
      core.softirq.napiSchedule(this);
    } else {
      this.plan();
    }
    core.enter();
  }

  /** Looks at the ring, then lets interrupts through again. */
  private unmask(): void {
    this.masked = false;
    this.plan();
  }

  // ---- top half ----------------------------------------------------------------------------------------------------

  onIrq(core: Core): void {
    if (this.nic.options.napi) core.softirq.napiSchedule(this);
    else this.legacyIrq(core);
  }

  /** One frame from the ring to the backlog; the line stays raised while there are more. */
  private legacyIrq(core: Core): void {
    const { ring, tx } = this;
    const now = this.engine.now;
    tx?.clean(tx.done(now), core);
    if (tx !== null && tx.open) this.nic.qdisc.wake(core);
    ring.sync(now);
    if (ring.held > 0) {
      const { frames } = ring;
      const skb = frames.headTrain() as Skb;
      const index = frames.headFirst();
      const mark = frames.headMark();
      ring.refill(now, 1);
      if (this.good(skb, index, 1, mark))
        core.softirq.backlog.enqueue(this.skbOf(skb, index, mark), false);
    }
    if (ring.held > 0) {
      this.nic.counters.interrupts++;
      this.irq.raise();
    } else this.unmask();
  }

  // ---- poll --------------------------------------------------------------------------------------------------------

  override startTurn(weight: number): void {
    super.startTurn(weight);
    this.txLooked = false;
  }

  next(): number {
    if (this.over || !this.scheduled) {
      this.over = false;
      return POLL_DONE;
    }
    const { costs, costless } = this.core.host;
    const { gro } = this;
    const now = this.engine.now;
    if (this.tx !== null && !this.txLooked) {
      this.txLooked = true;
      this.freeing = this.tx.done(now);
      if (this.freeing > 0) {
        this.step = STEP_TX;
        return costs.txClean * this.freeing;
      }
    }
    if (gro !== null && gro.ready) {
      this.step = STEP_DELIVER;
      return costs.rxSkb;
    }
    this.ring.sync(now);
    const { held } = this.ring;
    if (held > 0 && this.work < this.weight && !this.empty) {
      this.step = STEP_RX;
      if (gro === null) {
        this.taking = 1;
        return costs.rxFrame + costs.rxSkb;
      }
      this.taking = Math.min(held, this.weight - this.work, NORMAL_BATCH);
      return costs.rxFrame * this.taking;
    }
    if (this.work < this.weight && !this.empty) {
      this.empty = true;
      this.holdFor = this.holdTime();
    }
    if (gro !== null) {
      gro.flush(this.holdFor > 0 ? this.jiffy() : Infinity);
      if (gro.ready) {
        this.step = STEP_DELIVER;
        return costs.rxSkb;
      }
    }
    if (this.work >= this.weight) return POLL_AGAIN;
    if (costless) {
      this.empty = false;
      this.scheduled = false;
      this.rearm();
      return POLL_DONE;
    }
    this.step = STEP_COMPLETE;
    return costs.rxComplete;
  }

  effect(): void {
    if (this.step === STEP_TX) {
      this.tx!.clean(this.freeing, this.core);
      this.nic.qdisc.wake(this.core);
    } else if (this.step === STEP_RX) {
      this.takeFrames();
    } else if (this.step === STEP_DELIVER) {
      this.deliver(this.gro!.take()!);
    } else {
      this.complete();
    }
  }

  /** `taking` frames leave the ring, run by run. */
  private takeFrames(): void {
    const { ring, nic, gro } = this;
    const { frames } = ring;
    const { now, trace } = this.engine;
    ring.sync(now); // before the refill
    this.work += this.taking;
    nic.host.counters.softnet_processed += this.taking;
    for (let left = this.taking; left > 0;) {
      const n = Math.min(left, frames.headCount());
      const skb = frames.headTrain() as Skb;
      const first = frames.headFirst();
      const mark = frames.headMark();
      if (trace.on) this.traceRx(skb, first, n);
      ring.refill(now, n);
      left -= n;
      if (!this.good(skb, first, n, mark)) continue;
      if (gro === null) this.deliver(this.skbOf(skb, first, mark));
      else gro.receive(skb, first, n, mark, this.jiffy());
    }
  }

  private deliver(skb: Skb): void {
    const { now, trace } = this.engine;
    if (trace.on) {
      trace.record(now, this.lane.name, 'netif_receive_skb', {
        seq: skb.wireSeq >>> 0,
        bytes: skb.headerLen + skb.len,
        segs: skb.segs,
      });
    }
    this.nic.host.handler.receive(skb, this.core);
  }

  private skbOf(train: Skb, index: number, mark: number): Skb {
    const skb = train.received(index, 1, mark, this.nic.truesize);
    skb.mergeable = SK_BUFF;
    return skb;
  }

  private traceRx(skb: Skb, first: number, n: number): void {
    const { now, trace } = this.engine;
    for (let j = 0; j < n; j++) {
      trace.record(now, this.lane.name, 'rx', {
        seq: (skb.wireSeq + (first + j) * skb.segSize) >>> 0,
        bytes: ipBytes(skb, first + j),
        inRing: now - this.ring.frames.headArrival(j),
      });
    }
  }

  /** napi_complete_done, then unmask; frames that came in meanwhile are polled at once. */
  private complete(): void {
    this.ring.sync(this.engine.now); // before the unmask
    this.empty = false;
    if (this.ring.held > 0) return;
    this.scheduled = false;
    this.over = true;
    this.rearm();
  }

  /**
   * How long GRO may hold what it has when this poll completes; says with `deferring` whether interrupts wait (napi_complete_done).
   */
  private holdTime(): number {
    const { groFlushTimeout, deferHardIrqs } = this.nic.options;
    let timeout = 0;
    if (this.work > 0) {
      if (this.gro !== null && this.gro.holds) timeout = groFlushTimeout;
      this.defer = deferHardIrqs;
    }
    this.deferring = this.defer > 0;
    if (this.deferring) {
      this.defer--;
      timeout = groFlushTimeout;
    }
    return timeout;
  }

  /** The end of a poll: the interrupt is armed again, or the timer is to poll in its place. */
  private rearm(): void {
    const { holdFor, deferring } = this;
    this.holdFor = 0;
    this.deferring = false;
    if (holdFor > 0) this.watchdog!.arm(add(this.engine.now, holdFor as Duration));
    if (holdFor === 0 || !deferring) this.unmask();
  }

  /** napi_watchdog() */
  onTimer(): void {
    this.core.softirq.napiSchedule(this);
  }

  /** How old GRO takes what it holds to be. */
  private jiffy(): number {
    return Math.floor(this.engine.now / this.nic.host.jiffyNs);
  }

  /** Counts `n` frames of a run; false: they fail their checksum, and are gone. */
  private good(skb: Skb, first: number, n: number, mark: number): boolean {
    const { counters } = this.nic;
    if ((mark & MARK_CORRUPT) !== 0 || skb.damaged) {
      counters.rx_csum_errors += n;
      skb.drop(n);
      return false;
    }
    counters.rx_packets += n;
    counters.rx_bytes += (n - 1) * ipBytes(skb, first) + ipBytes(skb, first + n - 1);
    return true;
  }

  onMissed(skb: Skb, index: number, at: Instant): void {
    this.nic.counters.rx_missed_errors++;
    this.lane.wide(at);
    this.lane.word((skb.wireSeq + index * skb.segSize) | 0);
    const { trace } = this.engine;
    if (trace.on) {
      trace.record(at, this.lane.name, 'rx_missed', {
        seq: skb.wireSeq,
        index,
        bytes: ipBytes(skb, index),
      });
    }
    skb.drop(1);
  }
}

function traceTx(nic: Nic, skb: Skb, now: Instant): void {
  nic.host.engine.trace.record(now, nic.name, 'tx', {
    seq: skb.wireSeq >>> 0,
    bytes: skb.len + skb.segs * skb.headerLen,
  });
}
