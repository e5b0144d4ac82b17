/**
 * The loopback device (drivers/net/loopback.c): what is sent enters the backlog of the core that sends it, as one skb
 * up to 64 KiB, and is received in the softirq that follows. No queue, no wire, no time of its own; the sender's charge
 * ends when the skb enters (skb_orphan).
 */
import { DeviceCounters } from './counters.ts';
import type { Core } from './cpu.ts';
import type { Host } from './host.ts';
import { TX_OVERHEAD } from '../tcp/records.ts';
import { NET_XMIT_DROP, NET_XMIT_SUCCESS, type NetDevice } from './netdev.ts';
import type { Qdisc } from './qdisc.ts';
import { ETH_HLEN, type Skb } from './skb.ts';

export class Lo implements NetDevice {
  readonly host: Host;
  readonly name: string;
  readonly counters: DeviceCounters = new DeviceCounters();
  readonly mtu = 65_536;
  readonly tso = true;
  readonly gsoMaxSize = 65_536;
  readonly gsoMaxSegs = 65_535;
  readonly qdisc: Qdisc | null = null;
  readonly loopback = true;
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
    if (owner !== null) this.host.handler.txFreed(owner, txTruesize, core);
    // Larger than a device may be given, with its header: the kernel cuts it up (gso_features_check, skb_segment). The pieces
    // are new, and share pages with what was sent, but no header.
    if (skb.segs > 1 && skb.len + skb.headerLen + ETH_HLEN >= this.gsoMaxSize) {
      let r = NET_XMIT_SUCCESS;
      for (const piece of skb.frames())
        if (!this.receive(piece, TX_OVERHEAD + piece.len, false, core)) r = NET_XMIT_DROP;
      return r;
    }
    return this.receive(skb, txTruesize, true, core) ? NET_XMIT_SUCCESS : NET_XMIT_DROP;
  }

  /** loopback_xmit() */
  private receive(skb: Skb, truesize: number, cloned: boolean, core: Core): boolean {
    this.frames += skb.segs;
    const c = this.counters;
    const bytes = skb.len + skb.segs * skb.headerLen;
    c.tx_packets++;
    c.tx_bytes += bytes;
    if (!core.softirq.backlog.enqueue(asSent(skb.received(0, skb.segs, 0, truesize), cloned))) {
      c.tx_dropped++;
      return false;
    }
    c.rx_packets++;
    c.rx_bytes += bytes;
    return true;
  }
}

/** What sk_page_frag_refill takes at a time: pages of order 3, filled one after the other by what a thread writes. */
const PAGE_FRAG = 32_768;

/**
 * The receiver gets the sender's memory: a header of its own, and the payload in the pages that write(2) copied it into
 * (tcp_sendmsg_locked). So nothing can be copied in behind it, and all of it can move (skb_try_coalesce). Where its bytes
 * lie in a page is taken from their place in the stream, as if their thread wrote nothing else.
 */
function asSent(skb: Skb, cloned: boolean): Skb {
  skb.tailroom = 0;
  if (skb.len === 0) return skb;
  skb.mergeable = TX_OVERHEAD;
  skb.pages = Math.floor((skb.off + skb.len - 1) / PAGE_FRAG) - Math.floor(skb.off / PAGE_FRAG) + 1;
  skb.cloned = cloned;
  return skb;
}
