/** What softirqs poll for packets: a device queue, or a core's backlog (include/linux/netdevice.h struct napi_struct). */
import type { Core } from './cpu.ts';

/** The poll has completed: off the list, `scheduled` is false. */
export const POLL_DONE = -1;
/** It has used up its weight and wants another turn. */
export const POLL_AGAIN = -2;

export abstract class Napi {
  readonly core: Core;
  /** Who polls; null: softirqs. */
  thread: { wake(): void } | null = null;
  /** On the poll list, or being polled: its interrupt is masked. */
  scheduled = false;
  /** A thread polls it and is not through: it does not complete (NAPI_STATE_IN_BUSY_POLL). */
  inBusyPoll = false;
  /** Where the present turn takes place. */
  on: Core;
  /** Packets taken in this turn, and how many it may take. */
  work = 0;
  weight = 0;
  constructor(core: Core) {
    this.core = core;
    this.on = core;
  }
  /** A turn begins, on core `on`. */
  startTurn(weight: number, on: Core): void {
    this.work = 0;
    this.weight = weight;
    this.on = on;
  }
  /**
   * Its interrupts are to be put off after the next poll.
   *
   * @returns whether it has set a timer, which polls in their place
   */
  deferIrqs(): boolean {
    return false;
  }
  /** What the next step of the poll costs; POLL_DONE or POLL_AGAIN when the turn is over. */
  abstract next(): number;
  abstract effect(): void;
}
