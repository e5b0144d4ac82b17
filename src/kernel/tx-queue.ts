/**
 * One transmit queue of a NIC (struct netdev_queue): a queueing discipline, a ring with byte queue limits, and the NAPI that takes
 * its completions.
 *
 * Of a NIC with one such queue the wire is told at once what it will carry, and says when. Of one with several, their skbs
 * wait in the rings until the port has the wire for them (tx-port.ts).
 */
import { Ring } from '../base/ring.ts';
import { type Instant, NEVER } from '../base/units.ts';
import type { Nic } from './nic.ts';
import type { NicQueue } from './nic-queue.ts';
import { Qdisc, type TxDriver } from './qdisc.ts';
import { ETH_HLEN, type Skb } from './skb.ts';
import { TxRing } from './tx-ring.ts';

export class TxQueue implements TxDriver {
  readonly nic: Nic;
  readonly index: number;
  readonly ring: TxRing;
  readonly qdisc: Qdisc;
  /** Skbs and bytes that the driver was given (ethtool -S tx<i>_packets, tx<i>_bytes: frames, at the IP layer). */
  packets = 0;
  bytes = 0;
  /** In the ring, and not yet on the wire. */
  readonly waiting: Ring<Skb> = new Ring<Skb>(4);
  /** Frames of these. */
  framesWaiting = 0;
  private server: NicQueue | null = null;

  /** @param name of qdisc and ring: the device's, where this is its only queue */
  constructor(nic: Nic, index: number, name: string) {
    const { txRing, bql, txqueuelen, qdisc } = nic.options;
    this.nic = nic;
    this.index = index;
    this.ring = new TxRing(`${name}/tx`, txRing, bql);
    this.qdisc = new Qdisc(nic.host, name, txqueuelen, this, qdisc);
  }

  /** Who takes its completions; set once. */
  get napi(): NicQueue {
    return this.server!;
  }
  set napi(napi: NicQueue) {
    this.server = napi;
  }

  get mtu(): number {
    return this.nic.mtu;
  }

  get txRoom(): boolean {
    return this.ring.open;
  }

  startXmit(skb: Skb): void {
    const { nic, ring } = this;
    const { host, port } = nic;
    const { now, trace } = host.engine;
    const { owner, txTruesize } = skb;
    const { segs } = skb;
    const bytes = skb.len + segs * skb.headerLen;
    const inFrames = bytes + segs * ETH_HLEN;
    // The record crosses the wire: from there on it is the receiver's, so the ring keeps what the sender needs.
    skb.owner = null;
    this.packets += segs;
    this.bytes += bytes;
    if (trace.on) trace.record(now, nic.name, 'tx', { seq: skb.wireSeq >>> 0, bytes });
    if (port === null) {
      const departure = nic.wire.transmit(skb, now);
      ring.push(owner, txTruesize, inFrames, now, departure);
      this.napi.onTxQueued();
    } else {
      ring.push(owner, txTruesize, inFrames, now, NEVER);
      this.waiting.push(skb);
      this.framesWaiting += segs;
      port.kick();
    }
  }

  /** The port has the wire for the oldest that waits. @returns when the wire is through with it */
  transmitOne(now: Instant): Instant {
    const skb = this.waiting.shift()!;
    this.framesWaiting -= skb.segs;
    const departure = this.nic.wire.transmit(skb, now);
    this.ring.departs(departure);
    this.napi.onTxQueued();
    return departure;
  }
}
