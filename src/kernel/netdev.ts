/** What the kernel's network devices are to one another: the stack above, the wire below (net/core/dev.c). */
import type { Instant } from '../base/units.ts';
import type { Core } from './cpu.ts';
import type { Qdisc } from './qdisc.ts';
import type { Skb } from './skb.ts';

/** Results of `xmit`, include/linux/netdevice.h. */
export const NET_XMIT_SUCCESS = 0;
export const NET_XMIT_DROP = 1;
/** It is in the queue, and something else of its flow was dropped for it. */
export const NET_XMIT_CN = 2;

/** Above the devices: stack.ts. */
export interface PacketHandler {
  /**
   * An skb has been received (`Skb.received`), in softirq context, and its steps have been paid for. It is the handler's:
   * `skb.drop(skb.segs)` when it is through with it.
   */
  receive(skb: Skb, core: Core): void;
  /** The device is through with `truesize` bytes of this owner's. It may be called from inside `xmit`. */
  txFreed(owner: unknown, truesize: number, core: Core): void;
}

/** Below the devices: a link, in one direction. */
export interface Wire {
  /** Bytes of the largest IP packet. */
  readonly mtu: number;
  /** @returns when the device is done with the train: departure of its last frame, or `at` when the wire queues itself */
  transmit(train: Skb, at: Instant): Instant;
}

export interface NetDevice {
  readonly name: string;
  readonly mtu: number;
  /** The device cuts large skbs itself (ethtool -k). Without it, with GSO, the kernel does so in front of the driver. */
  readonly tso: boolean;
  /** One skb may hold up to so many bytes, in so many segments: 1 without TSO and GSO. */
  readonly gsoMaxSize: number;
  readonly gsoMaxSegs: number;
  /** In front of the device; null where there is none (lo). */
  readonly qdisc: Qdisc | null;
  /** What it is given is received on the core that gives it, at once (IFF_LOOPBACK). */
  readonly loopback: boolean;
  /**
   * dev_queue_xmit: in the effect of a step that has paid for it. `skb.outstanding` counts its frames.
   *
   * @returns NET_XMIT_SUCCESS; NET_XMIT_DROP when the queue in front of the device was full: the skb is gone; NET_XMIT_CN
   */
  xmit(skb: Skb, core: Core): number;
}
