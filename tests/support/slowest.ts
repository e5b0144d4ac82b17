/** Test files that take longest, the longest first: vitest.config.ts starts them in this order, before all others. */
export const SLOWEST: readonly string[] = [
  'tests/validation/thread-pool.test.ts',
  'tests/runtimes.test.ts',
  'tests/cli/user-apps.test.ts',
  'tests/validation/closed-loop.test.ts',
  'tests/validation/congestion.test.ts',
  'tests/validation/mean-window.test.ts',
  'tests/validation/links.test.ts',
  'tests/testing/readme.test.ts',
  'tests/docs/your-own-server.test.ts',
  'tests/validation/ack-counting.test.ts',
  'tests/package.test.ts',
  'tests/fidelity-card.test.ts',
  'tests/validation/aqm.test.ts',
];
