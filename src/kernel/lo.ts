/**
 * The loopback device (drivers/net/loopback.c): what is sent enters the backlog of the core that sends it, as one skb
 * however large, and is received in the softirq that follows. No queue, no wire, no time of its own; the sender's charge
 * ends when the skb enters (skb_orphan).
 */
import { DeviceCounters } from './counters.ts';
import type { Core } from './cpu.ts';
import type { Host } from './host.ts';
import { NET_XMIT_DROP, NET_XMIT_SUCCESS, type NetDevice } from './netdev.ts';
import type { Qdisc } from './qdisc.ts';
import type { Skb } from './skb.ts';

export class Lo implements NetDevice {
  readonly host: Host;
  readonly name: string;
  readonly counters: DeviceCounters = new DeviceCounters();
  readonly mtu = 65_536;
  readonly tso = true;
  readonly gsoMaxSize = 65_536;
  readonly gsoMaxSegs = 65_535;
  readonly qdisc: Qdisc | null = null;
  /** Segments that were sent here, whatever became of them. */
  frames = 0;

  constructor(host: Host) {
    this.host = host;
    this.name = `${host.name}/lo`;
    host.devices.push(this);
  }

  xmit(skb: Skb, core: Core): number {
    const { owner, txTruesize } = skb;
    skb.owner = null;
    const bytes = skb.len + skb.segs * skb.headerLen;
    if (owner !== null) this.host.handler.txFreed(owner, txTruesize, core);
    this.frames += skb.segs;
    const c = this.counters;
    c.tx_packets++;
    c.tx_bytes += bytes;
    if (!core.softirq.backlog.enqueue(skb.received(0, skb.segs, 0, txTruesize))) {
      c.tx_dropped++;
      return NET_XMIT_DROP;
    }
    c.rx_packets++;
    c.rx_bytes += bytes;
    return NET_XMIT_SUCCESS;
  }
}
