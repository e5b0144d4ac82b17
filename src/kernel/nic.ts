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
 * Left out: DMA latency, adaptive moderation, several transmit queues, GRO (one skb per frame), pause frames, header split.
 */
import { assert, violated } from '../base/assert.ts';
import type { Lane } from '../base/hash.ts';
import { Flight, type Ingress, ipBytes, MARK_CORRUPT } from '../base/train.ts';
import { add, type Duration, earlier, type Instant, later, NEVER, us } from '../base/units.ts';
import { DEVICE, type Engine, type Timer } from '../engine/engine.ts';
import { DeviceCounters } from './counters.ts';
import type { Core } from './cpu.ts';
import type { Host } from './host.ts';
import { IrqLine, type IrqHandler } from './irq.ts';
import { Napi } from './napi.ts';
import type { NetDevice, Wire } from './netdev.ts';
import { IDEAL_NIC, NIC_DEFAULTS, type NicOptions } from './profile.ts';
import { Qdisc, type TxDriver } from './qdisc.ts';
import { Spread, SpreadFlight } from './rss.ts';
import { RxRing, type MissedFrames } from './rx-ring.ts';
import type { Skb } from './skb.ts';
import { nicTruesize } from './truesize.ts';
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
    this.tx = new TxRing(`${this.name}/tx`, o.txRing);
    this.qdisc = new Qdisc(host, this.name, o.txqueuelen, this);
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
    return this.tx.used < this.tx.size;
  }

  startXmit(skb: Skb): void {
    const now = this.host.engine.now;
    const { owner, txTruesize } = skb;
    // The record crosses the wire: from here on it is the receiver's, so the ring keeps what the sender needs.
    skb.owner = null;
    this.counters.tx_packets += skb.segs;
    this.counters.tx_bytes += skb.len + skb.segs * skb.headerLen;
    if (this.host.engine.trace.on) traceTx(this, skb, now);
    const departure = this.wire.transmit(skb, now);
    this.tx.push(owner, txTruesize, now, departure);
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
const STEP_COMPLETE = 2;

/** One queue: ring, moderation, vector, NAPI. The first also has the transmit completions. */
export class NicQueue extends Napi implements Ingress, IrqHandler, MissedFrames {
  readonly nic: Nic;
  readonly flight: Flight;
  readonly ring: RxRing;
  readonly irq: IrqLine;
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

  constructor(nic: Nic, index: number, core: Core, flight: Flight) {
    super(core);
    const { host, name, options } = nic;
    this.nic = nic;
    this.engine = host.engine;
    this.flight = flight;
    this.ring = new RxRing(`${name}/rx-${index}`, options.rxRing, flight, this);
    this.irq = new IrqLine(`${name}-${index}`, core, this);
    this.lane = host.engine.lane(`${name}/rx-${index}`);
    const kind = host.engine.define(`${name}-${index}/irq`, DEVICE, () => this.interrupt());
    this.timer = host.engine.timer(kind, 0, 0);
    this.tx = index === 0 ? nic.tx : null;
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
    if (tx !== null && tx.used < tx.size) this.nic.qdisc.wake(core);
    ring.sync(now);
    if (ring.held > 0) {
      const { headSkb: skb, headIndex: index, headMark: mark } = ring;
      const bytes = ring.headBytes;
      ring.refill(now);
      if (this.good(skb, mark, bytes))
        core.softirq.backlog.enqueue(skb, index, mark, this.nic.truesize);
    }
    if (ring.held > 0) this.irq.raise();
    else this.unmask();
  }

  // ---- poll --------------------------------------------------------------------------------------------------------

  override startTurn(): void {
    super.startTurn();
    this.txLooked = false;
  }

  next(): number {
    if (this.over || !this.scheduled) {
      this.over = false;
      return -1;
    }
    const { costs } = this.core.host;
    const now = this.engine.now;
    if (this.tx !== null && !this.txLooked) {
      this.txLooked = true;
      this.freeing = this.tx.done(now);
      if (this.freeing > 0) {
        this.step = STEP_TX;
        return costs.txClean * this.freeing;
      }
    }
    this.ring.sync(now);
    if (this.ring.held > 0) {
      this.step = STEP_RX;
      return costs.rxFrame;
    }
    if (this.core.host.costless) {
      this.scheduled = false;
      this.unmask();
      return -1;
    }
    this.step = STEP_COMPLETE;
    return costs.rxComplete;
  }

  effect(): void {
    if (this.step === STEP_TX) {
      this.tx!.clean(this.freeing, this.core);
      this.nic.qdisc.wake(this.core);
    } else if (this.step === STEP_RX) {
      this.receiveOne();
    } else {
      this.complete();
    }
  }

  private receiveOne(): void {
    const { ring, nic } = this;
    const { now, trace } = this.engine;
    ring.sync(now); // before the refill
    if (trace.on) {
      trace.record(now, this.lane.name, 'rx', {
        seq: (ring.headSkb.wireSeq + ring.headIndex * ring.headSkb.segSize) >>> 0,
        bytes: ring.headBytes,
        inRing: now - ring.headArrival,
      });
    }
    const skb = ring.headSkb;
    const index = ring.headIndex;
    const mark = ring.headMark;
    const bytes = ring.headBytes;
    ring.refill(now);
    this.work++;
    nic.host.counters.softnet_processed++;
    if (this.good(skb, mark, bytes))
      nic.host.handler.receive(skb, index, mark, nic.truesize, this.core);
  }

  /** napi_complete_done, then unmask; frames that came in meanwhile are polled at once. */
  private complete(): void {
    this.ring.sync(this.engine.now); // before the unmask
    if (this.ring.held > 0) return;
    this.scheduled = false;
    this.over = true;
    this.unmask();
  }

  private good(skb: Skb, mark: number, bytes: number): boolean {
    const { counters } = this.nic;
    if ((mark & MARK_CORRUPT) !== 0) {
      counters.rx_csum_errors++;
      skb.drop(1);
      return false;
    }
    counters.rx_packets++;
    counters.rx_bytes += bytes;
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
