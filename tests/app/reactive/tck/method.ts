// One method of the specification's own verification (reactive-streams-tck 1.0.4), by its name there.

export type Outcome = { readonly skipped: string } | void;

export interface Method<S> {
  readonly name: string;
  /** Absent: the verification itself only says "not verified"; `elsewhere` says who looks at it here. */
  readonly check?: (subject: S) => Outcome | Promise<Outcome>;
  readonly elsewhere?: string;
}

/** A method that the verification has no check for either. */
export function untested<S>(name: string, elsewhere: string): Method<S> {
  return { name: `untested_${name}`, elsewhere };
}

/** What a subject is known to do otherwise, by the method's name: the reason. Its check must fail then. */
export type Deviations = Readonly<Record<string, string>>;
