// Property tests with one line of set-up and one line to replay a failure. Every property of the repo goes through here, so a run draws the same
// cases each time: the seed is fixed, and HOSTWIRE_SEED=<n> explores others.
import fc from 'fast-check';

export const SEED: number = Number(process.env['HOSTWIRE_SEED'] ?? 20_251_117) | 0;

/** Checks a property; on failure the message says how to run exactly the failing case again: `prop(…, { path: '…' })`. */
export function prop<Ts extends [unknown, ...unknown[]]>(
  arbitraries: { [K in keyof Ts]: fc.Arbitrary<Ts[K]> },
  check: (...values: Ts) => boolean | void,
  options: fc.Parameters<Ts> = {},
): void {
  const property = fc.property(...arbitraries, check);
  const details = fc.check(property as fc.IProperty<Ts>, { seed: SEED, ...options });
  if (!details.failed) return;
  const replay = `replay: HOSTWIRE_SEED=${details.seed}, prop(…, { path: '${details.counterexamplePath ?? ''}' })`;
  throw new Error(`${replay}\n${fc.defaultReportMessage(details) ?? ''}`, {
    cause: details.errorInstance,
  });
}
