/**
 * What can be asked of a run. An invariant is a function from a result to what is wrong with it: every law of the simulator
 * has one by its own name, and users write theirs with `invariant`.
 */
import { LAWS, type Law } from '../sim/run/ledger.ts';
import type { RunResult } from '../sim/run/result.ts';

/**
 * A question to a result: null when it holds, and otherwise what is wrong. Called like any function, in any test.
 *
 *     expect(invariants.inOrder(result)).toBeNull();
 */
export interface Invariant {
  (result: RunResult): string | null;
  /** What a report calls it: `in-order`. */
  readonly law: string;
  /** What it says, in a sentence. */
  readonly says: string;
  /** Those that it asks, one after the other; of most, itself. */
  readonly parts: readonly Invariant[];
}

/** `no-lost-wakeup` → `noLostWakeup`. */
type Camel<S extends string> = S extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : S;

/** Every law of the simulator by its name in camel case (a new one appears by itself), and three that sum a run up. */
export type Invariants = { readonly [L in Law as Camel<L>]: Invariant } & {
  /** The run ended as its `stop:` says: not at its limit, and not because nothing was left to happen. */
  readonly finished: Invariant;
  /** Everything under `expect:` came out. */
  readonly expectations: Invariant;
  /** All laws, `finished` and `expectations`: exactly what `hostwire run` wants to see before it exits with 0. */
  readonly all: Invariant;
};

/**
 * An invariant of one's own.
 *
 *     const quick = invariant('quick', (r) =>
 *       r.metrics['latency.p99']! < 2e9 ? null : 'somebody waits for more than 2 s');
 *     check(scenarios(), [invariants.all, quick]);
 *
 * @param law  what reports call it
 * @param broken  what is wrong with this result, or null; its metrics are those of `hostwire metrics`, in ns, bytes, bit/s
 * @param says  what it demands, in a sentence; default: its name
 */
export function invariant(
  law: string,
  broken: (result: RunResult) => string | null,
  says: string = law,
): Invariant {
  const parts: Invariant[] = [];
  const self: Invariant = Object.assign((result: RunResult) => broken(result), {
    law,
    says,
    parts,
  });
  parts.push(self);
  return self;
}

/** The verdict on one of the simulator's laws. */
function lawOf(law: Law): Invariant {
  return invariant(
    law,
    (result) => {
      const verdict = result.invariants.find((i) => i.name === law);
      if (verdict === undefined) return 'nobody looked: the run was made without invariants';
      return verdict.ok ? null : verdict.message;
    },
    LAWS[law],
  );
}

const finished: Invariant = invariant(
  'finished',
  ({ stop, waiting }) => {
    if (stop.reason === 'when') return null;
    const how = {
      limit: 'the run reached its limit',
      idle: 'nothing was left to happen',
      stopped: 'the run was stopped',
    }[stop.reason];
    const missing = stop.missing.length === 0 ? '' : `, but not ${stop.missing.join(', ')}`;
    const asleep = waiting.slice(0, 4).map((w) => `${w.host}: ${w.thread}: ${w.call}`);
    return `${how}${missing}${asleep.length === 0 ? '' : `; waiting: ${asleep.join('; ')}`}`;
  },
  'the run ends as its `stop:` says',
);

const expectations: Invariant = invariant(
  'expectations',
  (result) => {
    const wrong = result.expectations.find((e) => e.ok === false);
    return wrong === undefined ? null : `${wrong.text}: it is ${wrong.actualText}`;
  },
  'what stands under `expect:` comes out',
);

/** A broken invariant, and what it says about the result. */
export interface Broken {
  readonly invariant: Invariant;
  readonly message: string;
}

/** The first that is broken, and before all others the law that ended the run; null when all hold. */
export function firstBroken(asked: readonly Invariant[], result: RunResult): Broken | null {
  const each = asked.flatMap((i) => i.parts);
  const cause = each.filter((i) => i.law === result.firstBroken);
  for (const i of [...cause, ...each]) {
    const message = i(result);
    if (message !== null) return { invariant: i, message };
  }
  return null;
}

const laws: readonly Invariant[] = (Object.keys(LAWS) as Law[]).map(lawOf);
const parts: readonly Invariant[] = [...laws, finished, expectations];

const all: Invariant = Object.assign(
  (result: RunResult) => {
    const found = firstBroken(parts, result);
    return found === null ? null : `${found.invariant.law}: ${found.message}`;
  },
  { law: 'all', says: 'every law holds, the run finishes, its expectations come out', parts },
);

const camel = (law: string): string =>
  law.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

/**
 * Every invariant by name: `invariants.inOrder`, `invariants.boundedQueues`, `invariants.liveness`, …, `invariants.all`.
 *
 *     const result = run(world);
 *     expect(invariants.boundedQueues(result)).toBeNull();
 */
export const invariants: Invariants = {
  ...(Object.fromEntries(laws.map((i) => [camel(i.law), i])) as Omit<
    Invariants,
    'finished' | 'expectations' | 'all'
  >),
  finished,
  expectations,
  all,
};
