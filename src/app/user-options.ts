/** What a scenario says about an application of the user's own: a module, what it may rely on, and whatever it reads. */
import type { Target } from './env.ts';

export type { Target } from './env.ts';

/** Plain data, as YAML holds it. */
export type Plain =
  | null
  | boolean
  | number
  | string
  | readonly Plain[]
  | { readonly [key: string]: Plain };

interface Module {
  /** The module as written: a path from the file that the scenario stands in. */
  readonly app: string;
  /** Handed to the module as it was written. */
  readonly options: Readonly<Record<string, Plain>>;
}

/** A server listens, a client connects, a proxy does both, and a process that only wants CPU time does neither. */
export type UserOptions =
  | Module
  | (Module & { readonly listen: number })
  | (Module & { readonly connect: Target })
  | (Module & { readonly listen: number; readonly connect: Target });
