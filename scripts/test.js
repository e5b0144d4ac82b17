// `npm test`: everything that must hold, on a fresh clone with no other step. Short checks run side by side; then Vitest
// has the machine to itself and its output is passed on. `npm test -- tests/tcp` narrows the tests, not the checks.
import { readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { build, cache, entryPoint, install, isBuilt, main, node } from './tools.js';
import { typeChecks } from './types.js';

const RULES = 'tests/tidy.test.ts';
const report = join(cache, 'vitest.json');

/** @param {string} config */
const tsc = (config) => node([entryPoint('typescript', 'tsc'), '--noEmit', '-p', config]);

/** @type {[name: string, run: () => Promise<import('./tools.js').Ran>][]} */
const checks = [
  ['build', async () => (isBuilt() ? { code: 0, output: '', stdout: '' } : build())],
  ['lint', () => node([entryPoint('oxlint'), '--type-aware', '--deny-warnings'])],
  ['import arrows and house rules', () => vitest([RULES])],
  ...Object.entries(typeChecks).map(
    /** @returns {[string, () => Promise<import('./tools.js').Ran>]} */
    ([name, config]) => [name, () => tsc(config)],
  ),
  ['format', () => node([entryPoint('oxfmt'), '--check'])],
];

/**
 * @param {string[]} args
 * @param {boolean} [show]
 */
function vitest(args, show) {
  return node([entryPoint('vitest'), 'run', ...args], { show: show ?? false });
}

/** @param {number} since */
const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/** Runs the checks, as many at once as there are cores; returns how many passed and failed. */
async function runChecks() {
  const waiting = [...checks];
  let failed = 0;
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [name, run] = next;
      const started = performance.now();
      const { code, output } = await run();
      if (code !== 0) failed += 1;
      console.log(`${code === 0 ? 'ok    ' : 'FAILED'}  ${name}  (${seconds(started)})`);
      if (code !== 0) console.log(`${output.trimEnd().replace(/^/gm, '        ')}\n`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, worker));
  return { passed: checks.length - failed, failed };
}

/** Runs the tests; what Vitest reports is counted, and what it could not report (a crash) counts as one failure. */
async function runTests() {
  rmSync(report, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const { code } = await vitest([...reporters, '--exclude', RULES, ...process.argv.slice(2)], true);
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  try {
    const result = JSON.parse(readFileSync(report, 'utf8'));
    passed = result.numPassedTests;
    failed = result.numFailedTests;
    skipped = result.numPendingTests + result.numTodoTests;
    // A file that does not load has no tests to count.
    for (const file of result.testResults)
      if (file.status === 'failed' && file.assertionResults.length === 0) failed += 1;
  } catch {
    console.log('Vitest left no report.');
  }
  if (code !== 0 && failed === 0) failed = 1;
  return { passed, failed, skipped };
}

await main(async () => {
  const started = performance.now();
  await install();
  const ofChecks = await runChecks();
  const ofTests = await runTests();
  const failed = ofChecks.failed + ofTests.failed;
  const parts = [
    `checks: ${ofChecks.passed} of ${checks.length}`,
    `tests: ${ofTests.passed} of ${ofTests.passed + ofTests.failed}`,
    `${ofTests.skipped} skipped`,
    seconds(started),
  ];
  console.log(`\n${parts.join(' · ')}\n`);
  console.log(`${ofChecks.passed + ofTests.passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
});
