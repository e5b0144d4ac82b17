/**
 * Property tests of whole worlds: fast-check draws them, each is run, and what is asked of the result must hold. Everything
 * is synchronous, so a check works in every test runner alike (Vitest, node:test, Jest, a plain script): it returns, or it
 * throws an error whose text is the report.
 */
import fc from 'fast-check';
import { AppFault } from '../app/user.ts';
import { InvariantError, ScenarioError } from '../base/assert.ts';
import type { RunOptions, RunResult } from '../sim/run/result.ts';
import { type Broken, firstBroken, type Invariant, invariant, invariants } from './invariants.ts';
import { type Failure, report } from './report.ts';
import { run } from './run.ts';
import type { WorldObject } from './world.ts';

export interface CheckOptions extends Pick<RunOptions, 'apps' | 'mutant'> {
  /** Worlds to try, ≥ 1; the environment variable HOSTWIRE_RUNS multiplies it. Default: 100. */
  readonly runs?: number;
  /** What fast-check draws from: replays a failure together with `path`. Default: HOSTWIRE_SEED, or else fast-check's. */
  readonly seed?: number;
  /** The way to one case, as a failure prints it. */
  readonly path?: string;
  /** Wall-clock time after which no further world is tried, ms. Default: none. */
  readonly timeLimit?: number;
  /**
   * Wall-clock time that one world may take, ms: it has failed when it takes longer, as one does in which a program never
   * stops to send. Default: 10 000.
   */
  readonly worldLimit?: number;
  /** Wall-clock time to make a failing world smaller, ms; 0: it is told as it was drawn. Default: 30 000. */
  readonly shrinkLimit?: number;
}

/**
 * What is demanded of each run: invariants, or a function of the result that says what is wrong with it (a text, or
 * false), or throws (`expect`, `assert`).
 */
export type Demand =
  | Invariant
  | readonly Invariant[]
  | ((result: RunResult, world: WorldObject) => string | boolean | null | undefined | void);

/** A law that does not hold in a run; its text says which, when, and in which world. */
export class BrokenInvariant extends Error {
  override readonly name: string = 'BrokenInvariant';
  /** Its name: `in-order`; of what an invariant of one's own demands, the name that it was given. */
  readonly law: string;
  /** What it demands, in a sentence. */
  readonly says: string;
  /** The run. */
  declare readonly result: RunResult;

  /** @param cause  what the test itself threw */
  constructor({ invariant, message }: Broken, result: RunResult, cause?: unknown) {
    super(`${invariant.law}: ${message}`, cause === undefined ? {} : { cause });
    this.law = invariant.law;
    this.says = invariant.says;
    hide(this, 'result', result);
  }
}

/** A property that test runners do not print with the error: its text says enough. */
function hide(error: Error, name: string, value: unknown): void {
  Object.defineProperty(error, name, { value, enumerable: false });
}

/** A check that failed. `cause` is what the test or the program under test threw, if it did. */
export class CheckError extends Error {
  override readonly name: string = 'CheckError';
  /** The smallest world that was found; null when the property was not about worlds. */
  declare readonly world: WorldObject | null;
  readonly seed: number;
  readonly path: string;

  constructor(text: string, failure: Failure, found: { seed: number; path: string }) {
    super(text, failure.cause === undefined ? {} : { cause: failure.cause });
    this.seed = found.seed;
    this.path = found.path;
    hide(this, 'world', failure.worlds[0] ?? null);
  }
}

/**
 * Throws when an invariant does not hold: for properties and tests that run worlds themselves.
 *
 *     check(fc.property(scenarios(), serverModels(), (world, server) => {
 *       assertInvariants(run({ ...world, apps: { ...world.apps, server: { host: 'server', ...server } } }));
 *     }));
 *
 * @throws BrokenInvariant
 */
export function assertInvariants(
  result: RunResult,
  asked: Invariant | readonly Invariant[] = invariants.all,
): void {
  const broken = firstBroken(listOf(asked), result);
  if (broken !== null) throw new BrokenInvariant(broken, result);
}

const listOf = (asked: Invariant | readonly Invariant[]): readonly Invariant[] =>
  typeof asked === 'function' ? [asked] : asked;

/**
 * Runs arbitrary worlds and demands that something holds in each. What fails is made as small as fast-check can make it,
 * and told as a file that `hostwire run` takes.
 *
 *     test('every answer arrives', () => {
 *       const worlds = scenarios({ server: './my-server.ts', workload: requests() });
 *       check(worlds, invariants.all, { apps: { './my-server.ts': myServer } });
 *     });
 *
 * @param demand  default: `invariants.all`
 * @throws CheckError with the law, the simulated time, the world as YAML, the seed and the path
 */
export function check(
  worlds: fc.Arbitrary<WorldObject>,
  demand?: Demand,
  options?: CheckOptions,
): void;
/**
 * The same for a property of fast-check, which may draw whatever it likes beside a world, and runs it itself.
 *
 *     check(fc.property(scenarios(), fc.nat(9), (world, n) => { … }), { runs: 500 });
 */
export function check<Ts>(property: fc.IRawProperty<Ts>, options?: CheckOptions): void;
export function check(
  what: fc.Arbitrary<WorldObject> | fc.IRawProperty<unknown>,
  second?: Demand | CheckOptions,
  third?: CheckOptions,
): void {
  if (isProperty(what)) return search(what, (second as CheckOptions | undefined) ?? {});
  const options = third ?? {};
  const demand = demandOf((second as Demand | undefined) ?? invariants.all);
  const clock = new ShrinkClock(options.shrinkLimit);
  const holds = (world: WorldObject): void => {
    if (clock.timeIsUp) return;
    try {
      demand(runInTime(world, options), world);
    } catch (error) {
      // A smaller one that is no world any more says nothing about the failure that was found.
      if (clock.runs && error instanceof ScenarioError) return;
      clock.start();
      throw error;
    }
  };
  search(fc.property(what, holds), options, clock);
}

/** From the first failure on: when its time is up, smaller worlds are not tried any more and count as good. */
class ShrinkClock {
  private readonly limit: number;
  private end: number | null = null;
  /** Whether the time was needed. */
  ranOut = false;

  constructor(limit = 30_000) {
    this.limit = limit;
  }

  get runs(): boolean {
    return this.end !== null;
  }

  start(): void {
    this.end ??= Date.now() + this.limit;
  }

  get timeIsUp(): boolean {
    if (this.end === null || Date.now() < this.end) return false;
    this.ranOut = true;
    return true;
  }
}

/** Runs a world, and throws when that takes too long. */
function runInTime(world: WorldObject, options: CheckOptions): RunResult {
  const { apps, mutant, worldLimit = 10_000 } = options;
  const end = Date.now() + worldLimit;
  const result = run(world, {
    ...(apps === undefined ? {} : { apps }),
    ...(mutant === undefined ? {} : { mutant }),
    onProgress: () => Date.now() < end,
  });
  if (result.stop.reason !== 'stopped' || result.firstBroken !== null) return result;
  const message = `after ${worldLimit} ms of real time it is still going: raise worldLimit if it may`;
  throw new BrokenInvariant({ invariant: invariants.finished, message }, result);
}

const isProperty = (x: object): x is fc.IRawProperty<unknown> => 'isAsync' in x;
const isInvariant = (x: Demand): x is Invariant => 'parts' in x;

/** Any kind of demand as a function that throws when it is not met. */
function demandOf(demand: Demand): (result: RunResult, world: WorldObject) => void {
  if (typeof demand !== 'function') return (result) => assertInvariants(result, demand);
  if (isInvariant(demand)) return (result) => assertInvariants(result, demand);
  const asked = invariant('the demand', () => null, 'what the test demands of each run');
  return (result, world) => {
    let wrong: ReturnType<typeof demand>;
    try {
      wrong = demand(result, world);
    } catch (error) {
      throw new BrokenInvariant({ invariant: asked, message: textOf(error) }, result, error);
    }
    if (wrong === false || typeof wrong === 'string') {
      const message = wrong === false ? 'it is false' : wrong;
      throw new BrokenInvariant({ invariant: asked, message }, result);
    }
  };
}

/** Has fast-check look for a case that fails, and throws what it found. */
function search(
  property: fc.IRawProperty<unknown>,
  options: CheckOptions,
  clock: ShrinkClock = new ShrinkClock(),
): void {
  if (property.isAsync())
    throw new TypeError('worlds run synchronously: use fc.property, not fc.asyncProperty');
  const details = fc.check(property as fc.IProperty<unknown>, parametersOf(options));
  if (!details.failed) return;
  const error = details.errorInstance;
  const counterexample: unknown = details.counterexample;
  if (counterexample === null)
    throw new Error(`not one case was tried within ${options.timeLimit} ms`);
  const values = Array.isArray(counterexample) ? (counterexample as unknown[]) : [counterexample];
  const failure = failureOf(error, values);
  const { seed, counterexamplePath, numRuns: runs, numShrinks: shrinks } = details;
  const path = counterexamplePath ?? '';
  const inTime = !clock.ranOut && !details.interrupted;
  const ended = options.shrinkLimit === 0 ? 'unwanted' : inTime ? 'smallest' : 'time';
  const text = report(failure, { runs, shrinks, seed, path, ended });
  const thrown = new CheckError(text, failure, { seed, path });
  // The stack begins at the test that called.
  Error.captureStackTrace?.(thrown, check);
  throw thrown;
}

function parametersOf(options: CheckOptions): fc.Parameters<unknown> {
  const { runs = 100, seed = numberFrom('HOSTWIRE_SEED'), path, timeLimit, shrinkLimit } = options;
  return {
    numRuns: Math.max(1, Math.round(runs * (numberFrom('HOSTWIRE_RUNS') ?? 1))),
    ...(seed === undefined ? {} : { seed }),
    ...(path === undefined ? {} : { path }),
    ...(timeLimit === undefined ? {} : { interruptAfterTimeLimit: timeLimit }),
    endOnFailure: shrinkLimit === 0,
  };
}

/** A number in the environment; nothing where there is none (a browser) or it says nothing. */
function numberFrom(name: string): number | undefined {
  const text = typeof process === 'undefined' ? undefined : process.env[name];
  if (text === undefined || text === '') return undefined;
  const n = Number(text);
  if (!Number.isFinite(n)) throw new TypeError(`${name}=${text} is no number`);
  return n;
}

const isWorld = (x: unknown): x is WorldObject =>
  typeof x === 'object' && x !== null && 'hosts' in x && 'apps' in x;

function failureOf(error: unknown, values: readonly unknown[]): Failure {
  const counterexample = {
    worlds: values.filter(isWorld),
    values: values.filter((v) => !isWorld(v)).map((v) => fc.stringify(v)),
  };
  if (error instanceof BrokenInvariant) {
    const message = error.message.slice(`${error.law}: `.length);
    return {
      law: error.law,
      says: error.says,
      message: message.replace(/^at \d+ ns: /, ''),
      atNs: error.result.simulatedNs,
      mutant: error.result.mutant,
      cause: error.cause,
      ...counterexample,
    };
  }
  if (error instanceof AppFault) {
    return {
      law: error.module,
      says: 'an application ends its threads, and throws nothing',
      message: `thread ${error.thread} on ${error.host}: ${textOf(error.cause ?? error)}`,
      atNs: error.at,
      mutant: null,
      cause: error.cause,
      ...counterexample,
    };
  }
  const ours = error instanceof InvariantError;
  return {
    law: error instanceof Error ? error.name : 'an exception',
    says: ours ? 'hostwire itself is broken' : 'the case can be run',
    message: textOf(error),
    atNs: null,
    mutant: null,
    cause: error,
    ...counterexample,
  };
}

/** What was thrown, and the place that threw it. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const place = /^\s+at .*$/m.exec(error.stack ?? '');
  return `${error.message}${place === null ? '' : `\n${place[0]}`}`;
}
