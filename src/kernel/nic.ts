/**
 * A network interface card: receive rings with interrupt moderation, one NAPI and one vector per queue (nic-queue.ts), a
 * transmit queue or several (tx-queue.ts) whose completions share the vectors of the receive queues of the same number, and
 * receive-side scaling. With several transmit queues the root of its qdiscs is mq: one for each. What it does for TCP (TSO, GSO)
 * are numbers that the stack asks for.
 *
 * Left out: DMA latency, pause frames, header split, a single qdisc over several transmit queues.
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
import type { Qdisc } from './qdisc.ts';
import { Spread, SpreadFlight } from './rss.ts';
import type { Skb } from './skb.ts';
import { nicTruesize } from './truesize.ts';
import { TxPort } from './tx-port.ts';
import { TxQueue } from './tx-queue.ts';
import { defaultXps, Xps } from './xps.ts';

/** GSO_LEGACY_MAX_SIZE and GSO_MAX_SEGS, include/linux/netdevice.h. */
const GSO_MAX_SIZE = 65_536;
const GSO_MAX_SEGS = 65_535;

export class Nic implements NetDevice {
  readonly loopback = false;
  readonly host: Host;
  readonly name: string;
  readonly options: NicOptions;
  /** What is counted for all queues together; `counters` adds up the rest. */
  readonly tally: DeviceCounters = new DeviceCounters();
  readonly queues: readonly NicQueue[];
  /** What the link delivers to. */
  readonly ingress: Ingress;
  readonly txQueues: readonly TxQueue[];
  /** Deals out the wire among several transmit queues. */
  readonly port: TxPort | null;
  readonly truesize: number;
  private readonly xps: Xps;
  /** The link that it sends to; set once. */
  wire: Wire;

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
    this.wire = { mtu: o.mtu, transmit: () => violated('nic: nothing is plugged in', this.name) };
    const txQueues: TxQueue[] = [];
    for (let i = 0; i < o.txQueues; i++)
      txQueues.push(new TxQueue(this, i, o.txQueues === 1 ? this.name : `${this.name}/tx-${i}`));
    this.txQueues = txQueues;
    this.port = o.txQueues > 1 ? new TxPort(host.engine, this.name, txQueues) : null;
    this.xps = new Xps(
      o.txQueues,
      host.cores.length,
      o.xps === undefined ? defaultXps(o.txQueues, host.cores.length) : o.xps,
    );
    const spread = o.queues > 1 ? new SpreadFlight(o.queues) : null;
    const queues: NicQueue[] = [];
    for (let i = 0; i < Math.max(o.queues, o.txQueues); i++) {
      const core = host.cores[(o.irqAffinity?.[i] ?? i) % host.cores.length]!;
      const queue = this.makeQueue(i, core, spread?.queues[i] ?? new Flight(), txQueues[i] ?? null);
      if (i < txQueues.length) txQueues[i]!.napi = queue;
      queues.push(queue);
    }
    this.queues = queues;
    this.ingress = spread === null ? queues[0]! : new Spread(spread, queues.slice(0, o.queues));
    host.devices.push(this);
  }

  /** For tests that compare with another way to do it; `this` is still being built. */
  protected makeQueue(index: number, core: Core, flight: Flight, tx: TxQueue | null): NicQueue {
    return new NicQueue(this, index, core, flight, tx);
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

  /** As of now; the same object each time. */
  get counters(): DeviceCounters {
    const { tally } = this;
    tally.rx_packets = tally.rx_bytes = tally.tx_packets = tally.tx_bytes = 0;
    for (const q of this.queues) {
      tally.rx_packets += q.rxPackets;
      tally.rx_bytes += q.rxBytes;
    }
    for (const q of this.txQueues) {
      tally.tx_packets += q.packets;
      tally.tx_bytes += q.bytes;
    }
    return tally;
  }

  xmit(skb: Skb, core: Core): number {
    const queue = this.port === null ? this.txQueues[0]! : this.txQueues[this.xps.pick(skb, core)]!;
    return queue.qdisc.enqueue(skb, core);
  }

  /** The first queue's, which is the only one of most. */
  get qdisc(): Qdisc {
    return this.txQueues[0]!.qdisc;
  }
  get qdiscs(): readonly Qdisc[] {
    return this.txQueues.map((q) => q.qdisc);
  }

  /** The link has changed (LinkSender): transmission `n` departs at another time. */
  onRetimed(n: number, departure: Instant): void {
    if (this.port !== null) {
      this.port.retimed(n, departure);
      return;
    }
    const [tx] = this.txQueues;
    tx!.ring.retime(n, departure);
    tx!.napi.onRetimed();
  }

  /** All that has arrived is in the rings or counted as missed: whoever reads counters or rings calls this before. */
  sync(): void {
    for (const q of this.queues) q.ring.sync(this.host.engine.now);
  }
}
