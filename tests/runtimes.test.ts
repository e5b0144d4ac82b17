// One scenario, one seed, one fingerprint: on the Node that runs the tests, on the newest one and on another engine
// (Bun is JavaScriptCore, not V8). The built program is run, as users run it, and compared with tests/golden.json.
//
// The runtimes come from npm, into a folder of their own: they are 300 MB that only this test needs.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cliMain, ensureBuilt, exec, hasCli, npm, root, succeed } from './support/dist.ts';

const RUNTIMES = { node: '24.21.0', bun: '1.4.5' } as const;
const folder = join(root, 'node_modules', '.cache', 'runtimes');
const goldenFile = join(root, 'tests', 'golden.json');

const missing = [
  ...(hasCli ? [] : ['src/cli/main.ts']),
  ...(existsSync(goldenFile) ? [] : ['tests/golden.json']),
];
const skipped = process.env['HOSTWIRE_SKIP_RUNTIMES'] === '1';

/** Where the executable of an installed runtime is; on Windows Node's has an ending, and Bun's has it everywhere. */
function executable(name: keyof typeof RUNTIMES): string | null {
  const bin = join(folder, 'node_modules', name, 'bin');
  const found = [`${name}.exe`, name]
    .map((file) => join(bin, file))
    .find((file) => existsSync(file));
  return found ?? null;
}

async function install(name: keyof typeof RUNTIMES): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const manifest = join(folder, 'package.json');
  // Their install scripts fetch or link the executable, so npm must be allowed to run them.
  const allowScripts = { node: true, bun: true };
  writeFileSync(manifest, JSON.stringify({ private: true, dependencies: RUNTIMES, allowScripts }));
  const installed = join(folder, 'node_modules', name, 'package.json');
  const current = (): boolean =>
    existsSync(installed) &&
    (JSON.parse(readFileSync(installed, 'utf8')) as { version: string }).version === RUNTIMES[name];
  if (!current() || executable(name) === null) {
    const { code, stderr } = await npm(
      ['install', '--no-audit', '--no-fund', '--prefer-offline'],
      folder,
    );
    const path = executable(name);
    if (code !== 0 || path === null)
      throw new Error(
        `${name}@${RUNTIMES[name]} cannot be installed here (no network?); HOSTWIRE_SKIP_RUNTIMES=1 leaves this test out.\n${stderr}`,
      );
  }
  return executable(name) ?? '';
}

/** What `hostwire run --json` says of each run: every object that has a fingerprint, under "<scenario>/<variant>". */
export function fingerprintsIn(json: unknown): Record<string, string> {
  const found: Record<string, string> = {};
  const visit = (x: unknown, scenario: string, variant: string): void => {
    if (Array.isArray(x)) for (const item of x) visit(item, scenario, variant);
    else if (typeof x === 'object' && x !== null) {
      const fields = x as Record<string, unknown>;
      const text = (name: string, or: string): string =>
        typeof fields[name] === 'string' ? fields[name] : or;
      const s = text('scenario', scenario);
      const v = text('variant', variant);
      const fingerprint = fields['fingerprint'];
      if (typeof fingerprint === 'string') found[`${s}/${v}`] = fingerprint;
      for (const value of Object.values(fields)) visit(value, s, v);
    }
  };
  visit(json, '', '');
  return found;
}

test('fingerprints are found wherever the result keeps them', () => {
  const runs = [
    { variant: 'a', fingerprint: '1' },
    { variant: 'b', result: { fingerprint: '2' } },
  ];
  expect(fingerprintsIn({ scenarios: [{ scenario: 's', runs }] })).toEqual({
    's/a': '1',
    's/b': '2',
  });
});

const inactive = skipped || missing.length > 0;
const reason = skipped ? 'HOSTWIRE_SKIP_RUNTIMES=1' : `there is no ${missing.join(' and no ')} yet`;
describe.skipIf(inactive)(`golden fingerprints${inactive ? ` (skipped: ${reason})` : ''}`, () => {
  const runtimes: [title: string, find: () => Promise<string>][] = [
    [`Node ${process.versions.node}`, () => Promise.resolve(process.execPath)],
    [`Node ${RUNTIMES.node}`, () => install('node')],
    [`Bun ${RUNTIMES.bun}`, () => install('bun')],
  ];
  // One after the other: the two installs share a folder.
  test.sequential.each(runtimes)(
    'are the same on %s',
    async (_title, find) => {
      const golden = JSON.parse(readFileSync(goldenFile, 'utf8')) as Record<string, string>;
      await ensureBuilt();
      const runtime = await find();
      const { code, stdout, stderr } = await exec(runtime, [
        cliMain,
        'run',
        'scenarios.yaml',
        '--json',
        '--quiet',
      ]);
      // 1: an expectation of a scenario does not hold, which is another test's business.
      if (code > 1 || stdout.trim() === '')
        await succeed(Promise.resolve({ code: code || 1, stdout, stderr }));
      const got = fingerprintsIn(JSON.parse(stdout));
      expect(Object.fromEntries(Object.keys(golden).map((key) => [key, got[key]]))).toEqual(golden);
    },
    300_000,
  );
});
