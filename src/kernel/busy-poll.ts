/**
 * Busy polling (net/core/dev.c napi_busy_loop): a thread in a call polls a device queue itself, in place of sleeping until an
 * interrupt and a softirq have done so. The time is the caller's, as system time.
 *
 * Who polls has the queue for himself: softirqs leave it alone, and its interrupt may come once and does nothing. When there is
 * what he waits for, when his time is up, or when somebody else wants the core, he polls once more, which lets interrupts through
 * again (busy_poll_stop); after giving way he goes on.
 *
 * GRO gives away what is complete and holds what is not until then, as in Linux: what ends with PSH is complete.
 *
 * Where looking costs nothing (`busyPoll: 0`) nobody can spin. Left out: polling on for those who prefer it when a softirq runs
 * out of its weight, EPIOCSPARAMS.
 */
import type { Napi } from './napi.ts';
import { POLL_AGAIN } from './napi.ts';
import type { Thread } from './thread.ts';

/** BUSY_POLL_BUDGET: packets of one look. */
export const BUSY_POLL_BUDGET = 8;

/** busy_loop_current_time(): "microseconds" of 1,024 ns. */
export const busyTime = (now: number): number => Math.floor(now / 1024);

/** What ends the loop; asked after each look. */
export interface BusyWait {
  /** @param since busyTime() at the beginning */
  busyEnd(since: number, now: number): boolean;
}

/** A look, for whoever does not wait. */
export const ONCE: BusyWait = { busyEnd: () => true };

// What comes next.
const LOOK = 0;
const POLL = 1;
const TURN = 2;
const STOPPING = 3;
const YIELD = 4;
const OVER = 5;

/** One thread's busy polling: phases of its call. */
export class BusyPoll {
  private napi: Napi | null = null;
  private wait: BusyWait = ONCE;
  private budget = BUSY_POLL_BUDGET;
  private prefer = false;
  private since = 0;
  private state = OVER;
  /** The queue is ours. */
  private owned = false;
  /** A step of the poll has been paid for. */
  private paid = false;
  /** A timer polls what the last poll leaves, in place of a softirq (skip_schedule). */
  private leftToTimer = false;
  private giveWay = false;
  /** After the last poll. */
  private resume = OVER;

  /**
   * @param budget 0: BUSY_POLL_BUDGET
   * @param prefer interrupts are put off after the loop, where the device has a timer to poll (SO_PREFER_BUSY_POLL)
   */
  start(napi: Napi, wait: BusyWait, budget: number, prefer: boolean): void {
    this.napi = napi;
    this.wait = wait;
    this.budget = budget || BUSY_POLL_BUDGET;
    this.prefer = prefer;
    this.since = busyTime(napi.core.host.engine.now);
    this.state = LOOK;
  }

  /** As a call's function: ns to spend before it is called again; −1 when the loop is over. */
  next(t: Thread): number {
    const napi = this.napi!;
    for (;;) {
      switch (this.state) {
        case LOOK:
          this.state = POLL;
          return t.host.costs.busyPoll;
        case POLL:
          if (!this.take(napi)) this.afterLook(t, 0);
          else this.turn(t, napi, TURN);
          break;
        case TURN:
        case STOPPING: {
          const cost = this.step(t, napi);
          if (cost >= 0) return cost;
          break;
        }
        case YIELD:
          if (!this.giveWay) {
            this.giveWay = true;
            t.yields = true;
            return 0;
          }
          this.giveWay = false;
          t.yields = false;
          this.state = this.ends(t) ? OVER : LOOK;
          break;
        default:
          return -1;
      }
    }
  }

  /** napi_state_start_busy_polling(). @returns false while somebody else polls it, or is about to */
  private take(napi: Napi): boolean {
    if (!this.owned && !napi.scheduled) {
      napi.scheduled = true;
      napi.inBusyPoll = true;
      this.owned = true;
    }
    return this.owned;
  }

  private turn(t: Thread, napi: Napi, state: number): void {
    this.state = state;
    t.host.counters.polls++;
    napi.startTurn(this.budget, t.core);
  }

  /** One step of a poll; −1: the poll is over. */
  private step(t: Thread, napi: Napi): number {
    if (this.paid) {
      this.paid = false;
      napi.effect();
      // What the packet causes comes before the next one is looked at.
      if (t.core.followed) return 0;
    }
    const cost = napi.next();
    if (cost >= 0) {
      this.paid = true;
      return cost;
    }
    if (this.state === TURN) this.afterLook(t, napi.work);
    else this.stopped(t, napi, cost === POLL_AGAIN);
    return -1;
  }

  private afterLook(t: Thread, packets: number): void {
    t.host.counters.busyPollRxPackets += packets;
    const over = this.ends(t);
    if (!over && !t.core.rq.resched()) this.state = LOOK;
    else this.stop(t, over);
  }

  private ends(t: Thread): boolean {
    return t.signalPending || this.wait.busyEnd(this.since, busyTime(t.host.engine.now));
  }

  /** busy_poll_stop(): one more poll, which completes. */
  private stop(t: Thread, over: boolean): void {
    this.giveWay = false;
    this.resume = over ? OVER : YIELD;
    if (!this.owned) {
      this.state = this.resume;
      return;
    }
    const napi = this.napi!;
    this.owned = false;
    napi.inBusyPoll = false;
    this.leftToTimer = this.prefer && napi.deferIrqs();
    this.turn(t, napi, STOPPING);
  }

  private stopped(t: Thread, napi: Napi, more: boolean): void {
    if (more && this.leftToTimer) napi.scheduled = false;
    else if (more) t.core.softirq.napiAdd(napi);
    this.state = this.resume;
  }
}
