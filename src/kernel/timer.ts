/**
 * Kernel timers on engine events. A timer belongs to a core and expires exactly at its instant; its handler then runs as
 * a step of that core: in softirq context (struct timer_list: TCP's timers), or in hard interrupt context (struct hrtimer:
 * sleeping threads, timerfd). Whether it waits for a busy core is decided there. The wheel's slack and the tick's phase are not
 * modelled: rounding to jiffies is for whoever computes the deadline.
 *
 * Re-arming is lazy in the engine (second heap): moving a deadline per packet costs nothing.
 */
import { Ring } from '../base/ring.ts';
import { NEVER, type Instant } from '../base/units.ts';
import { type Handler, TIMER, type Kind, type Timer } from '../engine/engine.ts';
import type { Core, StepSource } from './cpu.ts';
import type { Host } from './host.ts';

export interface TimerHandler {
  /** The timer has expired and its step has been paid for. It may be armed again. */
  onTimer(timer: KernelTimer): void;
}

export class KernelTimer {
  readonly host: Host;
  /** Where it expires. */
  core: Core;
  readonly handler: TimerHandler;
  /** Expires in hard interrupt context (hrtimer). */
  readonly hard: boolean;
  /** When it is due; NEVER when it is not pending. */
  expires: Instant = NEVER;
  private readonly slot: Timer;
  private readonly index: number;

  constructor(host: Host, core: Core, handler: TimerHandler, hard: boolean) {
    this.host = host;
    this.core = core;
    this.handler = handler;
    this.hard = hard;
    this.index = host.timers.add(this);
    this.slot = host.engine.coldTimer(host.timers.kind, this.index, 0);
  }

  get pending(): boolean {
    return this.expires !== NEVER;
  }

  /** mod_timer: due at `t`, whether it was pending or not. A time that has passed means at once. */
  arm(t: Instant): void {
    const now = this.host.engine.now;
    this.expires = t;
    this.host.engine.arm(this.slot, t < now ? now : t);
  }

  /** del_timer. Also when it has expired and its step has not come yet. */
  cancel(): void {
    if (this.expires === NEVER) return;
    this.expires = NEVER;
    this.host.engine.arm(this.slot, NEVER);
  }

  /** Gives back what it holds; it must not be used again. */
  release(): void {
    this.expires = NEVER;
    this.host.engine.release(this.slot);
    this.host.timers.remove(this.index);
  }
}

/** A host's timers, by the index that their events carry. */
export class TimerTable implements Handler {
  readonly kind: Kind;
  private readonly timers: (KernelTimer | null)[] = [];
  private readonly free: number[] = [];

  constructor(host: Host) {
    this.kind = host.engine.define(`${host.name}/timer`, TIMER, this);
  }

  onEvent(index: number): void {
    const timer = this.timers[index]!;
    const core = timer.core;
    if (timer.hard) core.expire(timer);
    else core.softirq.expire(timer);
    core.enter();
  }

  add(timer: KernelTimer): number {
    const i = this.free.pop();
    if (i === undefined) return this.timers.push(timer) - 1;
    this.timers[i] = timer;
    return i;
  }

  remove(index: number): void {
    this.timers[index] = null;
    this.free.push(index);
  }
}

/** Timers of one core that are due and wait for their step: one step each. */
export class ExpiredTimers implements StepSource {
  private readonly due = new Ring<KernelTimer>(4);
  /** ns per timer: a key of the cost table. */
  private readonly cost: 'hrtimer' | 'timer';

  constructor(cost: 'hrtimer' | 'timer') {
    this.cost = cost;
  }

  /** One step will be owed to `timer`. */
  push(timer: KernelTimer): void {
    this.due.push(timer);
  }

  next(core: Core): number {
    // One that was cancelled or moved since it fell due is not run (its new event will bring it back).
    while (this.due.length > 0 && this.due.peek()!.expires > core.host.engine.now) this.due.shift();
    return this.due.length > 0 ? core.host.costs[this.cost] : -1;
  }

  effect(core: Core): void {
    const timer = this.due.shift()!;
    if (timer.expires > core.host.engine.now) return; // cancelled while its step ran
    timer.expires = NEVER;
    timer.handler.onTimer(timer);
  }
}
