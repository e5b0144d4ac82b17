/**
 * The operators under way in one application, each held to what follows from how it asks for more (closed-forms.ts). A worker
 * knows its application's: so whoever subscribes, on whatever chain, brings it along.
 */
import type { Probe } from '../probe.ts';

/** Something that is looked at again and again, and once more when the run ends. */
export interface Watched {
  /** What is wrong, or null. */
  broken(): string | null;
}

/** Whom a stream is for, or where it comes from: `connection-3`. Asked only when a law is broken. */
export interface Placed {
  /** At the end of the chain below. */
  readonly destination?: string | undefined;
  /** At the source above. */
  readonly origin?: string | undefined;
}

const HELD = (): string => '';

export class StreamLaws {
  /** How the operators are broken on purpose (sim/run/mutants.ts); null: not. */
  readonly mutant: string | null;
  private readonly probe: Probe;
  private readonly underWay: Set<Watched> = new Set();

  constructor(probe: Probe, mutant: string | null) {
    this.probe = probe;
    this.mutant = mutant;
    probe.atEnd('closed-form', () => this.broken());
  }

  watch(form: Watched): void {
    this.underWay.add(form);
  }

  forget(form: Watched): void {
    this.underWay.delete(form);
  }

  look(form: Watched): void {
    const what = form.broken();
    this.probe.require('closed-form', what === null, what === null ? HELD : () => what);
  }

  private broken(): string | null {
    for (const form of this.underWay) {
      const what = form.broken();
      if (what !== null) return what;
    }
    return null;
  }
}
