/** What leaves without a socket. */
import { Ring } from '../base/ring.ts';
import type { Core, StepSource } from './cpu.ts';
import type { Skb } from './skb.ts';
import type { Stack } from './stack.ts';

/** Segments that no connection sends (SYN-ACKs, resets, ACKs of TIME_WAIT), one step each. */
export class Outbox implements StepSource {
  readonly skbs: Ring<Skb> = new Ring<Skb>(4);
  private readonly stack: Stack;
  constructor(stack: Stack) {
    this.stack = stack;
  }
  next(): number {
    return this.skbs.length > 0 ? this.stack.host.costs.tcpOutput : -1;
  }
  effect(core: Core): void {
    this.stack.transmit(this.skbs.shift()!, core);
  }
}
