/**
 * A network interface card: receive rings with interrupt moderation, one NAPI and one vector per queue (nic-queue.ts), a
 * transmit ring whose completions share the first queue's vector, and receive-side scaling. What it does for TCP (TSO, GSO)
 * are numbers that the stack asks for.
 *
 * Left out: DMA latency, several transmit queues, pause frames, header split.
 */
import { assert, violated } from '../base/assert.ts';
import { Flight, type Ingress } from '../base/train.ts';
import type { Instant } from '../base/units.ts';
import { DeviceCounters } from './counters.ts';
import type { Core } from './cpu.ts';
import type { Host } from './host.ts';
import type { NetDevice, Wire } from './netdev.ts';
import { NicQueue } from './nic-queue.ts';
import { IDEAL_NIC, NIC_DEFAULTS, type NicOptions } from './profile.ts';
import { Qdisc, type TxDriver } from './qdisc.ts';
import { Spread, SpreadFlight } from './rss.ts';
import { type Skb, wireBytes } from './skb.ts';
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

function traceTx(nic: Nic, skb: Skb, now: Instant): void {
  nic.host.engine.trace.record(now, nic.name, 'tx', {
    seq: skb.wireSeq >>> 0,
    bytes: skb.len + skb.segs * skb.headerLen,
  });
}
