/**
 * One queue of a NIC: its receive ring, interrupt moderation (moderation.ts), vector and NAPI, and the completions of the transmit queue
 * of its number. One that only sends has a ring that nothing arrives in.
 *
 * While a queue is masked (from its interrupt to the end of its poll) nothing is armed; unmasking looks at the ring and
 * plans once. One engine event per interrupt, none per frame.
 *
 * A frame whose checksum is wrong costs its step, is counted and dropped. `napi: false` is the driver of before NAPI: an
 * interrupt for each frame, which puts it into the core's backlog; under load nothing else runs any more.
 *
 * With GRO a step of the poll takes up to eight frames, gives their descriptors back together and joins what belongs
 * together (gro.ts); the stack gets what is complete, a step for each skb. Without it a frame is one step, from descriptor to
 * socket.
 */
import type { Lane } from '../base/hash.ts';
import { type Flight, type Ingress, ipBytes, MARK_CORRUPT } from '../base/train.ts';
import { add, type Duration, earlier, type Instant, later, NEVER } from '../base/units.ts';
import { DEVICE, type Engine, type Handler, type Timer } from '../engine/engine.ts';
import { SK_BUFF } from '../tcp/truesize.ts';
import type { Costs } from './costs.ts';
import type { Core } from './cpu.ts';
import { Gro, NORMAL_BATCH } from './gro.ts';
import { IrqLine, type IrqHandler } from './irq.ts';
import { type Moderation, rxModeration, txModeration, unmoderated } from './moderation.ts';
import { Napi, POLL_AGAIN, POLL_DONE } from './napi.ts';
import { NapiThread } from './napi-thread.ts';
import type { Nic } from './nic.ts';
import { Rps } from './rps.ts';
import { RxRing, type MissedFrames } from './rx-ring.ts';
import type { Skb } from './skb.ts';
import { KernelTimer, type TimerHandler } from './timer.ts';
import type { TxQueue } from './tx-queue.ts';

const STEP_TX = 0;
const STEP_RX = 1;
const STEP_DELIVER = 2;
const STEP_COMPLETE = 3;

export class NicQueue
  extends Napi
  implements Handler, Ingress, IrqHandler, MissedFrames, TimerHandler
{
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

  /** Where its packets are taken further; null: here. */
  private readonly rps: Rps | null;
  private readonly costs: Costs;
  /** What the stack's part of an skb costs here, ns. */
  private readonly skbNs: number;
  private readonly engine: Engine;
  private readonly timer: Timer;
  private readonly lane: Lane;
  /** Nothing costs time here, nor does an interrupt. */
  private readonly atOnce: boolean;
  /** Somebody looks for a better moderation. */
  private readonly adaptive: boolean;
  /** The end of a poll may leave the interrupt, or what GRO has, to the watchdog. */
  private readonly mayHold: boolean;
  /** The transmit queue whose completions it takes. */
  readonly tx: TxQueue | null;
  readonly rxModeration: Moderation;
  readonly txModeration: Moderation;
  /** Frames that it has given to the stack, their bytes at the IP layer, and those that found its ring full. */
  rxPackets = 0;
  rxBytes = 0;
  missed = 0;
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

  constructor(nic: Nic, index: number, core: Core, flight: Flight, tx: TxQueue | null) {
    super(core);
    const { host, name, options } = nic;
    this.nic = nic;
    this.engine = host.engine;
    this.flight = flight;
    this.ring = new RxRing(`${name}/rx-${index}`, options.rxRing, flight, this);
    const mask = options.rps?.[index] ?? 0;
    this.rps = mask === 0 ? null : new Rps(host, mask, options.rpsFlows ?? 0);
    this.costs = host.costs;
    this.skbNs = this.rps === null ? host.costs.rxSkb : host.costs.rps;
    this.topHalfNs = options.napi ? 0 : host.costs.rxFrame;
    this.irq = new IrqLine(`${name}-${index}`, core, this);
    this.lane = host.engine.lane(`${name}/rx-${index}`);
    const kind = host.engine.define(`${name}-${index}/irq`, DEVICE, this);
    this.timer = host.engine.timer(kind, 0, 0);
    this.tx = tx;
    this.gro = options.gro && options.napi ? new Gro(nic.truesize) : null;
    const timed = options.napi && options.groFlushTimeout > 0;
    this.watchdog = timed ? new KernelTimer(host, core, this, true) : null;
    if (options.threaded && options.napi)
      this.thread = new NapiThread(this, `napi/${name.slice(name.indexOf('/') + 1)}-${index}`);
    const { coalesce, napi, rxRing, txRing } = options;
    this.rxModeration = napi ? rxModeration(coalesce, rxRing) : unmoderated();
    this.txModeration = txModeration(coalesce, txRing);
    this.atOnce = host.costless && napi;
    this.adaptive = this.rxModeration.dim !== null || this.txModeration.dim !== null;
    this.mayHold = options.groFlushTimeout > 0 || options.deferHardIrqs > 0;
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

  /** The wire has been given an skb of the transmit ring. */
  onTxQueued(): void {
    if (this.masked) return;
    const { known } = this.tx!.ring;
    const { frames, moves } = this.txModeration;
    if (moves) this.plan();
    else if (known === 1 || known === frames)
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
    return this.rxModeration.deadline(this.ring);
  }

  private txDeadline(): Instant {
    return this.tx === null ? NEVER : this.txModeration.deadline(this.tx.ring);
  }

  /** What the last poll tells whoever looks for a better wait (one count of interrupts for both directions, as bnxt_msix has it). */
  private sample(): void {
    const { rxModeration: rx, txModeration: tx, irq } = this;
    const { now } = this.engine;
    if (rx.dim !== null) rx.sample(irq.count, this.rxPackets, this.rxBytes, now);
    if (tx.dim !== null && this.tx !== null)
      tx.sample(irq.count, this.tx.packets, this.tx.bytes, now);
  }

  onEvent(): void {
    this.deadline = NEVER;
    this.nic.tally.interrupts++;
    if (this.atOnce) this.interruptAtOnce();
    else {
      this.masked = true;
      this.irq.raise();
    }
  }

  /** Where nothing costs time: top half and completions without steps of their own. */
  private interruptAtOnce(): void {
    const { core, tx } = this;
    const now = this.engine.now;
    this.irq.taken(core);
    core.hold();
    const n = tx === null ? 0 : tx.ring.done(now);
    if (n > 0) {
      tx!.ring.clean(n, core);
      tx!.qdisc.wake(core);
    }
    this.ring.sync(now);
    if (this.ring.held > 0 && this.rxDeadline() <= now) {
      this.masked = true;
      core.softirq.napiSchedule(this);
    } else {
      if (this.adaptive) this.sample();
      this.plan();
    }
    core.enter();
  }

  /** Looks at the ring, then lets interrupts through again. */
  private unmask(): void {
    if (this.adaptive) this.sample();
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
    tx?.ring.clean(tx.ring.done(now), core);
    if (tx !== null && tx.txRoom) tx.qdisc.wake(core);
    ring.sync(now);
    if (ring.held > 0) {
      const { flight } = ring;
      const skb = flight.headTrain() as Skb;
      const index = flight.headFirst();
      const mark = flight.headMark();
      ring.refill(now, 1);
      if (this.good(skb, index, 1, mark)) {
        const received = this.skbOf(skb, index, mark);
        if (this.rps !== null) this.steer(this.rps, received, core);
        else core.softirq.backlog.enqueue(received, false);
      }
    }
    if (ring.held > 0) {
      this.nic.tally.interrupts++;
      this.irq.raise();
    } else this.unmask();
  }

  // ---- poll --------------------------------------------------------------------------------------------------------

  override startTurn(weight: number, on: Core): void {
    super.startTurn(weight, on);
    this.txLooked = false;
  }

  next(): number {
    if (this.over || !this.scheduled) {
      this.over = false;
      return POLL_DONE;
    }
    const { costs, gro, ring, tx } = this;
    const { now } = this.engine;
    if (tx !== null && !this.txLooked) {
      this.txLooked = true;
      this.freeing = tx.ring.done(now);
      if (this.freeing > 0) {
        this.step = STEP_TX;
        return costs.txClean * this.freeing;
      }
    }
    if (gro !== null && gro.ready) {
      this.step = STEP_DELIVER;
      return this.skbNs;
    }
    // How many there are matters to GRO alone; takeFrames() looks before it takes.
    if (gro !== null || ring.held === 0) ring.sync(now);
    if (this.work < this.weight && !this.empty) {
      const { held } = ring;
      if (held > 0) {
        this.step = STEP_RX;
        if (gro === null) {
          this.taking = 1;
          return costs.rxFrame + this.skbNs;
        }
        this.taking = Math.min(held, this.weight - this.work, NORMAL_BATCH);
        return costs.rxFrame * this.taking;
      }
      if (!this.inBusyPoll) {
        this.empty = true;
        if (this.mayHold) this.holdFor = this.holdTime();
      }
    }
    if (gro !== null) {
      if (this.inBusyPoll) gro.flushNormal();
      else gro.flush(this.holdFor > 0 ? this.jiffy() : Infinity);
      if (gro.ready) {
        this.step = STEP_DELIVER;
        return this.skbNs;
      }
    }
    if (this.work >= this.weight) return POLL_AGAIN;
    if (this.inBusyPoll) return POLL_DONE;
    if (this.atOnce) {
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
      this.tx!.ring.clean(this.freeing, this.on);
      this.tx!.qdisc.wake(this.on);
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
    const { flight } = ring;
    const { now, trace } = this.engine;
    ring.sync(now); // before the refill
    this.work += this.taking;
    nic.host.counters.softnet_processed += this.taking;
    for (let left = this.taking; left > 0;) {
      const n = Math.min(left, flight.headCount());
      const skb = flight.headTrain() as Skb;
      const first = flight.headFirst();
      const mark = flight.headMark();
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
    skb.napi = this; // skb_mark_napi_id()
    if (this.rps !== null) this.steer(this.rps, skb, this.on);
    else this.nic.host.handler.receive(skb, this.on);
  }

  /** RPS: another core, or this one a little later, takes it further (netif_receive_skb_internal). */
  private steer(rps: Rps, skb: Skb, from: Core): void {
    const { flow } = skb;
    const core = rps.pick(flow);
    const { backlog } = core.softirq;
    if (backlog.enqueueBy(from, skb)) rps.queued(flow, core, backlog.tail);
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
        inRing: now - this.flight.headArrival(j),
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

  /** busy_poll_stop() of a caller who prefers busy polling. */
  override deferIrqs(): boolean {
    const { groFlushTimeout, deferHardIrqs } = this.nic.options;
    this.defer = deferHardIrqs;
    if (deferHardIrqs === 0 || groFlushTimeout === 0) return false;
    this.watchdog!.arm(add(this.engine.now, groFlushTimeout as Duration));
    return true;
  }

  /** The end of a poll: the interrupt is armed again, or the timer is to poll in its place. */
  private rearm(): void {
    const { holdFor } = this;
    if (holdFor > 0) {
      this.holdFor = 0;
      this.watchdog!.arm(add(this.engine.now, holdFor as Duration));
      if (this.deferring) return;
    }
    this.unmask();
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
    if ((mark & MARK_CORRUPT) !== 0 || skb.damaged) {
      this.nic.tally.rx_csum_errors += n;
      skb.drop(n);
      return false;
    }
    let bytes = ipBytes(skb, first + n - 1);
    if (n > 1) bytes += (n - 1) * ipBytes(skb, first);
    this.rxPackets += n;
    this.rxBytes += bytes;
    return true;
  }

  onMissed(skb: Skb, index: number, at: Instant): void {
    this.nic.tally.rx_missed_errors++;
    this.missed++;
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
