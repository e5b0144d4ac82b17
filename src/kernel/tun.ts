/**
 * A tun device: packets go to and come from a program in user space (drivers/net/tun.c), which plays the wire. There is no
 * ring, no interrupt and no GRO: each frame is written as one packet, becomes one skb and enters the core's backlog
 * (netif_rx). Leaving, an skb passes the qdisc (pfifo_fast) and is orphaned when it reaches the program: its sender is freed of it at
 * once. The program's own CPU time is not the host's.
 *
 * The vectors were measured on such devices.
 */
import { violated } from '../base/assert.ts';
import { Flight, ipBytes, type Ingress, MARK_CORRUPT } from '../base/train.ts';
import { type Instant, NEVER } from '../base/units.ts';
import { DEVICE, type Timer } from '../engine/engine.ts';
import { DeviceCounters } from './counters.ts';
import type { Core } from './cpu.ts';
import type { Host } from './host.ts';
import type { NetDevice, Wire } from './netdev.ts';
import { Qdisc, type TxDriver } from './qdisc.ts';
import type { QdiscOptions } from './qdisc/options.ts';
import type { Skb } from './skb.ts';
import { tunTruesize } from './truesize.ts';

export interface TunOptions {
  readonly mtu: number;
  readonly txqueuelen: number;
  readonly qdisc: QdiscOptions;
  /** Whole GSO packets go to the program (IFF_VNET_HDR with TUN_F_TSO4); otherwise it sees them cut, though the skb stays whole. */
  readonly tso: boolean;
  /** Where its packets enter. */
  readonly core: number;
}

/** TUN_READQ_SIZE is 500; the rest as ip(8) makes them. */
export const TUN_DEFAULTS: TunOptions = {
  mtu: 1500,
  txqueuelen: 500,
  qdisc: { kind: 'pfifo_fast' },
  tso: false,
  core: 0,
};

export class Tun implements NetDevice, TxDriver, Ingress {
  readonly loopback = false;
  readonly host: Host;
  readonly name: string;
  options: TunOptions;
  readonly counters: DeviceCounters = new DeviceCounters();
  readonly qdisc: Qdisc;
  readonly flight: Flight = new Flight();
  readonly gsoMaxSize = 65_536;
  private readonly core: Core;
  private readonly timer: Timer;
  private deadline: Instant = NEVER;
  private link: Wire | null = null;

  constructor(host: Host, name: string, options: Partial<TunOptions> = {}) {
    this.host = host;
    this.name = `${host.name}/${name}`;
    this.options = { ...TUN_DEFAULTS, ...options };
    const { txqueuelen, qdisc } = this.options;
    this.qdisc = new Qdisc(host, this.name, txqueuelen, this, qdisc);
    this.core = host.cores[this.options.core % host.cores.length]!;
    this.core.rq.hasTunProgram = true;
    const kind = host.engine.define(`${this.name}/arrival`, DEVICE, () => this.arrived());
    this.timer = host.engine.timer(kind, 0, 0);
    host.devices.push(this);
  }

  get qdiscs(): readonly Qdisc[] {
    return [this.qdisc];
  }

  get mtu(): number {
    return this.options.mtu;
  }

  /** ip link, ethtool: what is sent from now on. What connections know of the device, the stack is told apart (changePath). */
  configure(changes: Partial<Pick<TunOptions, 'mtu' | 'tso'>>): void {
    this.options = { ...this.options, ...changes };
  }
  get tso(): boolean {
    return this.options.tso;
  }
  /** TCP builds large skbs whatever the device says (sk_route_forced_caps). */
  get gsoMaxSegs(): number {
    return 65_535;
  }
  /** What the link delivers to. */
  get ingress(): Ingress {
    return this;
  }

  get wire(): Wire {
    const link = this.link;
    if (link === null) violated('tun: no program behind it', this.name);
    return link;
  }
  set wire(wire: Wire) {
    this.link = wire;
  }

  xmit(skb: Skb, core: Core): number {
    return this.qdisc.enqueue(skb, core);
  }

  /** The program reads at once. */
  get txRoom(): boolean {
    return true;
  }

  startXmit(skb: Skb, core: Core): void {
    const { owner, txTruesize } = skb;
    skb.owner = null;
    this.counters.tx_packets += skb.segs;
    this.counters.tx_bytes += skb.len + skb.segs * skb.headerLen;
    this.wire.transmit(skb, this.host.engine.now);
    if (owner !== null) this.host.handler.txFreed(owner, txTruesize, core); // skb_orphan in tun_net_xmit
  }

  /**
   * The program writes one packet, in the effect of a device event. One of several segments comes merged, with their size in
   * its header (IFF_VNET_HDR, VIRTIO_NET_HDR_GSO_TCPV4), and stays so.
   */
  write(skb: Skb): void {
    const { core, counters } = this;
    const bytes = skb.headerLen + skb.len;
    counters.rx_packets++;
    counters.rx_bytes += bytes;
    skb.outstanding = skb.segs;
    core.hold();
    core.softirq.backlog.enqueue(skb.received(0, skb.segs, 0, tunTruesize(bytes)));
    core.enter();
  }

  onAppend(first: Instant): void {
    if (first < this.deadline) this.plan(first);
  }

  onRetimed(): void {
    this.plan(this.flight.next);
  }

  /** Nothing waits in the device: there is nothing to look at. */
  sync(): void {}

  private plan(t: Instant): void {
    this.deadline = t;
    this.host.engine.arm(this.timer, t);
  }

  /** The program writes what has arrived by now, packet by packet. */
  private arrived(): void {
    const { flight, counters } = this;
    const now = this.host.engine.now;
    this.core.hold();
    for (let k = flight.arrivedInHead(now); k > 0; k = flight.arrivedInHead(now)) {
      const skb = flight.headTrain() as Skb;
      const first = flight.headFirst();
      const mark = flight.headMark();
      flight.take(k);
      for (let j = first; j < first + k; j++) {
        if ((mark & MARK_CORRUPT) !== 0 || skb.damaged) {
          counters.rx_csum_errors++;
          skb.drop(1);
          continue;
        }
        const bytes = ipBytes(skb, j);
        counters.rx_packets++;
        counters.rx_bytes += bytes;
        this.core.softirq.backlog.enqueue(skb.received(j, 1, mark, tunTruesize(bytes)));
      }
    }
    this.deadline = NEVER;
    if (!flight.empty) this.plan(flight.next);
    this.core.enter();
  }
}
