/** Where ICMP errors enter: each costs its core what any received packet costs. */
import { Ring } from '../base/ring.ts';
import type { Core, StepSource } from './cpu.ts';
import type { IcmpError } from './icmp.ts';
import type { Stack } from './stack.ts';

export class IcmpInput implements StepSource {
  private readonly stack: Stack;
  private readonly waiting: Ring<IcmpError> = new Ring<IcmpError>(4);

  constructor(stack: Stack) {
    this.stack = stack;
  }

  push(e: IcmpError): void {
    this.waiting.push(e);
    if (this.waiting.length === 1) this.stack.host.cores[0]!.raiseSoftirq(this);
  }

  next(): number {
    const { costs } = this.stack.host;
    return this.waiting.length > 0 ? costs.rxFrame + costs.rxSkb : -1;
  }

  effect(core: Core): void {
    this.stack.icmpArrived(this.waiting.shift()!, core);
  }
}
