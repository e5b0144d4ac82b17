/**
 * Threaded NAPI (net/core/dev.c napi_threaded_poll): the polls of one device queue in a kernel thread of its own, which the
 * scheduler runs beside other tasks. A turn is not pre-empted (softirqs are off); between two turns others may have the core.
 *
 * The thread stays on the core of its queue's interrupt, where Linux lets it wander unless it is told (taskset).
 */
import { type Napi, POLL_AGAIN } from './napi.ts';
import { SLEEPING, Task, wakeUp } from './sched.ts';

/** What one turn may take (NAPI_POLL_WEIGHT). */
const WEIGHT = 64;

export class NapiThread extends Task {
  private readonly napi: Napi;
  private inTurn = false;
  private yielding = false;

  /** @param name as ps shows it: napi/eth0-0 */
  constructor(napi: Napi, name: string) {
    super(napi.core.host, name, napi.core);
    this.napi = napi;
    this.affinity = 1 << napi.core.index;
  }

  /** ____napi_schedule(): the queue has been marked as scheduled. */
  wake(): void {
    wakeUp(this, false);
  }

  get preemptible(): boolean {
    return !this.inTurn;
  }

  begin(): void {}

  next(): number {
    const { napi } = this;
    this.yielding = false;
    while (napi.scheduled || this.inTurn) {
      if (!this.inTurn) {
        napi.startTurn(WEIGHT, this.core);
        this.host.counters.polls++;
        this.inTurn = true;
      }
      const cost = napi.next();
      if (cost >= 0) return cost;
      this.inTurn = false;
      if (cost !== POLL_AGAIN) continue;
      this.yielding = true; // cond_resched()
      return 0;
    }
    this.state = SLEEPING;
    return -1;
  }

  effect(): void {
    if (!this.yielding) this.napi.effect();
  }

  takeBack(): boolean {
    return false;
  }
}
