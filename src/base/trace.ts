/**
 * Where the simulation tells what it did. Tracing never changes what happens: a record enters no event order and no
 * fingerprint. Callers look at `on` first, so that no record is built when nobody listens.
 *
 * Records may come out of time order: a drop is known when the ring is next looked at, but carries its own time.
 */
import type { Instant } from './units.ts';

/** One thing that happened. `lane` is the link, thread, host or stream it belongs to, `what` its kind. */
export interface TraceRecord {
  readonly time: Instant;
  readonly lane: string;
  readonly what: string;
  readonly fields: Readonly<Record<string, number | string>>;
}

export interface TraceSink {
  /** False: do not build records. */
  readonly on: boolean;
  record(
    time: Instant,
    lane: string,
    what: string,
    fields: Readonly<Record<string, number | string>>,
  ): void;
}

export const NO_TRACE: TraceSink = Object.freeze({ on: false, record() {} });
