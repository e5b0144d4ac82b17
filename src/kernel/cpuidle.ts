/**
 * How long a core that sleeps takes to come back (drivers/cpuidle): what it is woken by waits for so long, and the time is
 * idle time. As long as a core expects the next event before its next tick it stays in shallow states and is there at once;
 * idle for longer, its tick is stopped (NO_HZ) and it sleeps deeply: a virtual one has then to be scheduled again by its host.
 *
 * One latency stands for all deep states, and what happened stands for what a governor would have expected.
 */
import type { Stream } from '../base/random.ts';
import type { Engine } from '../engine/engine.ts';
import type { IdleOptions } from './profile.ts';

/** The sleep of one core. */
export class IdleState {
  private readonly options: IdleOptions;
  private readonly stream: Stream;

  constructor(engine: Engine, name: string, options: IdleOptions) {
    this.options = options;
    this.stream = engine.random.stream(`${name}/idle`);
  }

  /** ns until a core that has been idle for `idle` ns runs something; draws when it slept. */
  exit(idle: number): number {
    const { after, latency, spread } = this.options;
    if (idle <= after) return 0;
    return spread === 0 ? latency : latency + this.stream.int(spread + 1);
  }
}

/** null: it never sleeps. */
export function idleState(engine: Engine, name: string, options: IdleOptions): IdleState | null {
  return options.latency + options.spread > 0 ? new IdleState(engine, name, options) : null;
}
