/** The error of a world whose clock does not move: what the user described answers itself in no time, without end. */
import { ScenarioError } from '../base/assert.ts';
import { printDuration } from '../base/quantity.ts';
import { since, START, type Instant } from '../base/units.ts';

export class LivelockError extends ScenarioError {
  /** The instant that never ends. */
  readonly at: Instant;
  /** Names of the kinds of event that ran at the end, the most frequent first. */
  readonly kinds: readonly string[];

  constructor(at: Instant, events: number, kinds: readonly string[]) {
    super(
      `the clock does not move: more than ${events} events at ${printDuration(since(at, START))}, the last of them ${kinds.join(', ')}`,
      [],
      'something repeats without taking time: give it a delay, a cost or an end',
    );
    this.at = at;
    this.kinds = kinds;
  }
}
