/** What a failed check says: the law, when, the smallest world found as a file, and how to run it again. */
import { printDuration } from '../base/quantity.ts';
import type { Duration } from '../base/units.ts';
import { type WorldObject, yaml } from './world.ts';

/** What is known of one failure. */
export interface Failure {
  /** What was broken, `in-order`, and what it demands. */
  readonly law: string;
  readonly says: string;
  readonly message: string;
  /** Simulated time at which the run ended with it, ns; null when no run was asked. */
  readonly atNs: number | null;
  /** The worlds of the counterexample; of a check over scenarios, one. */
  readonly worlds: readonly WorldObject[];
  /** The rest of the counterexample, printed. */
  readonly values: readonly string[];
  /** What was broken on purpose; null: nothing. */
  readonly mutant: string | null;
  /** What somebody else threw; undefined when it is an invariant that is broken. */
  readonly cause: unknown;
}

/** How it was found. */
export interface Search {
  /** Cases tried until the first that failed, and smaller ones that failed as well. */
  readonly runs: number;
  readonly shrinks: number;
  readonly seed: number;
  readonly path: string;
  /** Why no smaller one was looked for: there is none, there was no time, nobody wanted it. */
  readonly ended: 'smallest' | 'time' | 'unwanted';
}

const RULE = '-'.repeat(80);

/** The text of the error that `check` throws. */
export function report(failure: Failure, search: Search): string {
  const { law, says, message, atNs, worlds, values, mutant } = failure;
  const broken = mutant === null ? '' : ` --mutant ${mutant}`;
  const when = atNs === null ? '' : `at ${printDuration(atNs as Duration)} of simulated time: `;
  return [
    `✗ ${law}: ${says}`,
    `${when}${message}`,
    '',
    `${found(search)}${worlds.length > 0 ? ':' : '.'}`,
    ...values.map((v) => `with ${v}`),
    ...worlds.flatMap((w) => [RULE, yaml(w).trimEnd(), RULE]),
    ...(worlds.length > 0
      ? [`Save it as failing.yaml and replay it:  npx hostwire run failing.yaml${broken}`]
      : []),
    `The same case in the test:  { seed: ${search.seed}, path: '${search.path}' }`,
  ].join('\n');
}

function found({ runs, shrinks, ended }: Search): string {
  const times = shrinks === 1 ? 'once' : `${shrinks} times`;
  const smaller = shrinks === 0 ? '' : ` and made smaller ${times}`;
  const why = { smallest: '', time: ', until time was up', unwanted: ', and left as it is' };
  return `Found in case ${runs}${smaller}${why[ended]}`;
}
