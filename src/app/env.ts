/** What the world gives an application when it starts it. */
import type { Random } from '../base/random.ts';

/** Where to connect to, as written: a host's name and a port. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

export interface AppEnv {
  /** The application's name in the scenario. Streams are named after it: `app/<name>/arrivals`, `app/<name>/user/<i>`. */
  readonly name: string;
  readonly random: Random;
  /** Cores of its host: what availableProcessors() would answer. */
  readonly cpus: number;
  /** The application is to break on purpose in this way (sim/run/mutants.ts); null: not at all. */
  readonly mutant: string | null;
  /** A host's IPv4 address as a number: what getaddrinfo(3) would answer. The scenario has been checked: it is there. */
  resolve(host: string): number;
}
