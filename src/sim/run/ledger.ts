/**
 * The laws a run must keep, how often each was looked at, and the first time one did not hold.
 *
 * A check that fails does not throw: it is written down and ends the run, so that the same scenario fails the same law at
 * the same instant wherever it is replayed. What is checked, and where, is in flow-guard.ts (per connection, at TCP's own
 * input and output) and audit.ts (conservation, bounds, wake-ups and liveness of the whole world).
 */
import { NEVER, type Instant } from '../../base/units.ts';
import type { InvariantVerdict } from './result.ts';

/** In the order in which reports name them. */
export const LAWS = {
  'in-order': 'what is read is what was written: in order, every byte once',
  'window-edge': 'the right edge of an advertised window moves left only where Linux moves it',
  'inside-window': 'new data is never sent beyond the window that the peer advertised',
  'bounded-queues': 'no queue holds more than its bound',
  'conserve-packets': 'every frame is delivered, dropped under a name, or still queued',
  'conserve-bytes':
    'read <= queued <= written on every connection, and all of it arrives before the end of a stream',
  'conserve-descriptors':
    'each descriptor of a ring is with the driver or with the device, and comes back once',
  'conserve-cpu': 'the time billed on each core is the time that has passed',
  'conserve-memory': 'every skb and every byte of socket memory is accounted for',
  demand: 'a subscriber is never given more than it asked for',
  'closed-form': 'counts of an application that follow from one another do',
  'no-lost-wakeup': 'no thread sleeps on what is already there',
  liveness: 'what was started finishes: no stream waits with nothing left to wake it',
} as const;

export type Law = keyof typeof LAWS;

const NO_CHECKS = Object.fromEntries(Object.keys(LAWS).map((law) => [law, 0])) as Record<
  Law,
  number
>;

export class Ledger {
  /** How often each law was looked at, by name. Plain fields: they are counted per segment. */
  readonly checks: Record<Law, number> = { ...NO_CHECKS };
  private readonly broken = new Map<Law, string>();
  /** The law that was broken first, and when. */
  first: Law | null = null;
  brokenAt: Instant = NEVER;
  private readonly onBreak: () => void;

  /** @param onBreak  ends the run */
  constructor(onBreak: () => void) {
    this.onBreak = onBreak;
  }

  /** Writes down that `law` does not hold; only its first failure is kept. */
  fail(law: Law, now: Instant, detail: string): void {
    if (this.broken.has(law)) return;
    this.broken.set(law, `at ${now} ns: ${detail}`);
    if (this.first === null) {
      this.first = law;
      this.brokenAt = now;
    }
    this.onBreak();
  }

  get holds(): boolean {
    return this.broken.size === 0;
  }

  verdicts(): InvariantVerdict[] {
    return (Object.keys(LAWS) as Law[]).map((law) => ({
      name: law,
      ok: !this.broken.has(law),
      checks: this.checks[law],
      message: this.broken.get(law) ?? '',
    }));
  }
}
