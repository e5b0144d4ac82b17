/**
 * How a model tells what only it knows: what a request was meant to be, what waits in its own queues, when it was through.
 * Everything else (bytes, system calls, wake-ups) the kernel counts by itself.
 *
 * A probe observes: telling it something costs no simulated time and changes nothing. Its clock is the observer's too; a
 * model that acts on the time asks the kernel for it, and pays.
 */
import type { QueueMeter } from '../base/queue-meter.ts';
import type { Instant } from '../base/units.ts';

/**
 * Laws that only an application can be asked about. `demand`: nobody is given more than was asked for (Reactive Streams
 * §1.1). `closed-form`: counts that follow from one another do.
 */
export type AppLaw = 'demand' | 'closed-form';

export interface Probe {
  /** The present instant, for stamps only. */
  now(): Instant;
  /**
   * One request was answered. `intended` is when it was meant to be sent, whether or not its connection was free then
   * (no coordinated omission: a stalled server is charged for the requests that it held up); `done` is when the last
   * byte of the answer had been read. `begun` is when its client turned to it: where it is told, the time from there is
   * measured too, as a client sees it that does not know what it meant to do.
   */
  latency(intended: Instant, done: Instant, begun?: Instant): void;
  /** Adds `n` to the counter `<app>.<name>`. */
  count(name: string, n: number): void;
  /** A queue inside the application, `<app>.<name>`; `bound` in items. Ask once, keep the meter. */
  queue(name: string, bound: number): QueueMeter;
  /** A law of the application's own, looked at now; `detail` is asked for only when it is broken. */
  require(law: AppLaw, holds: boolean, detail: () => string): void;
  /** The same, looked at when the run ends. @param broken what is wrong, or null */
  atEnd(law: AppLaw, broken: () => string | null): void;
  /** Somebody reads the trace: look before a record is built. */
  readonly tracing: boolean;
  /** A record of the trace. @param lane who it concerns within the application */
  trace(lane: string, what: string, fields: Readonly<Record<string, number | string>>): void;
  /** The application has done all that it was asked to do, and its connections are closed. Told once. */
  closed(at: Instant): void;
}
