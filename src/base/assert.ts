/**
 * Three kinds of failure, kept apart everywhere: `InvariantError` is a bug of ours, `ScenarioError` is the user's input
 * (base/scenario-error is raised with a YAML path and becomes file:line:column), and −errno is a result that the simulated
 * application sees. A dropped packet is none of these: it is counted under a name.
 */

/** A bug of hostwire: something that must hold did not. The runner adds the seed and the command that replays it. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
  /** The short law that was broken, e.g. "tcp: illegal transition"; the message adds the detail. */
  readonly law: string;
  constructor(law: string, detail: string) {
    super(detail === '' ? law : `${law}: ${detail}`);
    this.law = law;
  }
}

/** What the user wrote cannot be run. `path` points into the scenario, e.g. ['hosts', 'server', 'nic', 'ring']. */
export class ScenarioError extends Error {
  override readonly name = 'ScenarioError';
  readonly path: readonly (string | number)[];
  readonly hint: string | undefined;
  constructor(message: string, path: readonly (string | number)[] = [], hint?: string) {
    super(message);
    this.path = path;
    this.hint = hint;
  }
}

/**
 * @param detail is called only on failure, so that it may build strings. Not on a hot path: a closure over parameters or
 *   `this` is paid for on every call of the function around it, even where it is never reached (measured: 70 bytes per
 *   event in the engine). There: `if (!holds) violated(law, …)`.
 */
export function assert(holds: boolean, law: string, detail?: () => string): asserts holds {
  if (!holds) throw new InvariantError(law, detail === undefined ? '' : detail());
}

/** What `assert` throws, for `if (!holds) violated(law, detail)` on hot paths: the detail is only built on failure there. */
export function violated(law: string, detail = ''): never {
  throw new InvariantError(law, detail);
}

/** For the default arm of an exhaustive switch: a new case fails to compile here. */
export function unreachable(x: never): never {
  throw new InvariantError('unreachable', String(x));
}
