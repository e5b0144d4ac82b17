/** What softirqs poll for packets: a device queue, or a core's backlog (include/linux/netdevice.h struct napi_struct). */
import type { Core } from './cpu.ts';

export abstract class Napi {
  readonly core: Core;
  /** On the poll list, or being polled: its interrupt is masked. */
  scheduled = false;
  /** Packets taken in this turn. */
  work = 0;
  constructor(core: Core) {
    this.core = core;
  }
  /** A turn begins. */
  startTurn(): void {
    this.work = 0;
  }
  /** What the next step of the poll costs; −1: it has completed, `scheduled` is false. */
  abstract next(): number;
  abstract effect(): void;
}
