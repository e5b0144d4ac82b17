// The package as its users get it: packed, installed into a project of its own, imported, run, type-checked.
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureBuilt, exec, hasCli, npm, root, succeed } from './support/dist.ts';

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string;
};
const why = hasCli ? '' : ' (skipped: there is no src/cli/main.ts to build yet)';

/** What the compiler says of a user's files; '' for nothing. */
function typeCheck(project: string, include: readonly string[]): Promise<string> {
  const compilerOptions = {
    noEmit: true,
    strict: true,
    target: 'es2023',
    lib: ['es2023'],
    module: 'nodenext',
    types: [],
    // Our own declarations are what is to be checked here.
    skipLibCheck: false,
  };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include }));
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  return succeed(exec(process.execPath, [tsc, '-p', project], project));
}

describe.skipIf(!hasCli)(`the packed package${why}`, () => {
  let folder = '';
  let tarball = '';
  let packed: string[] = [];

  beforeAll(async () => {
    await ensureBuilt();
    folder = mkdtempSync(join(tmpdir(), 'hostwire-consumer-'));
    const out = await succeed(
      npm(['pack', '--ignore-scripts', '--json', '--pack-destination', folder], root),
    );
    const [pack] = JSON.parse(out) as [{ filename: string; files: { path: string }[] }];
    tarball = join(folder, pack.filename);
    packed = pack.files.map((file) => file.path);
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
    await succeed(npm(['install', '--prefer-offline', '--no-audit', '--no-fund', tarball], folder));
  }, 180_000);

  afterAll(() => {
    if (folder !== '') rmSync(folder, { recursive: true, force: true });
  });

  test('holds the build, the schema and the scenarios, and nothing of the workshop', () => {
    for (const file of [
      'dist/index.js',
      'dist/index.d.ts',
      'dist/cli/main.js',
      'schema.json',
      'scenarios.yaml',
      'LICENSE',
    ])
      expect(packed).toContain(file);
    expect(packed.filter((file) => /^(src|tests|bench|scripts|node_modules)\//.test(file))).toEqual(
      [],
    );
  });

  test.skipIf(process.platform === 'win32')('can be started by its own name', () => {
    expect(statSync(join(root, 'dist/cli/main.js')).mode & 0o111).toBe(0o111);
  });

  test('publint has nothing to say', async () => {
    const bytes = readFileSync(tarball);
    const { messages, pkg } = await publint({
      strict: true,
      pack: { tarball: Uint8Array.from(bytes).buffer },
    });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  test('scenarios can be loaded, run and judged', async () => {
    writeFileSync(
      join(folder, 'import.js'),
      `import { readFileSync } from 'node:fs';
       import { holds, judge, load, run } from 'hostwire';
       const file = 'node_modules/hostwire/scenarios.yaml';
       const text = readFileSync(file, 'utf8');
       const runs = load(text, { file, names: ['slow-reader'] })
         .map((scenario) => ({ scenario, result: run(scenario) }));
       judge(runs);
       console.log(runs.map(({ result }) => [result.label, holds(result), result.expectations.length]));`,
    );
    expect(await succeed(exec(process.execPath, ['import.js'], folder))).toBe(
      "[ [ 'blocking', true, 3 ], [ 'epoll', true, 3 ] ]\n",
    );
  });

  test('the schema can be imported and is one', async () => {
    writeFileSync(
      join(folder, 'schema.js'),
      `import { createRequire } from 'node:module';
       console.log(createRequire(import.meta.url)('hostwire/schema.json').$schema);`,
    );
    expect(await succeed(exec(process.execPath, ['schema.js'], folder))).toMatch(/json-schema/);
  });

  test('its types resolve', async () => {
    const project = join(folder, 'typed');
    mkdirSync(project);
    writeFileSync(
      join(project, 'main.ts'),
      `import { holds, judge, load, run, ScenarioError, version, type RunResult } from 'hostwire';
       export function good(text: string): boolean {
         const runs = load(text, { file: version, set: [], names: [] }).map((scenario) => {
           const result: RunResult = run(scenario, { invariants: true });
           return { scenario, result };
         });
         judge(runs);
         return runs.every((r) => holds(r.result) && (r.result.metrics['goodput'] ?? 0) > 0);
       }
       export const isOurs = (e: unknown): e is ScenarioError => e instanceof ScenarioError;
      `,
    );
    expect(await typeCheck(project, ['main.ts'])).toBe('');
  });

  test.each(['commonjs', 'module'])(
    'a server of one’s own runs in a project of type %s',
    async (type) => {
      const project = join(folder, `own-${type}`);
      mkdirSync(project);
      writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type }));
      for (const file of ['my-server.ts', 'my-server.yaml', 'upper-case.ts', 'lookups.ts'])
        copyFileSync(join(folder, 'node_modules/hostwire/examples', file), join(project, file));
      const main = join(folder, 'node_modules/hostwire/dist/cli/main.js');
      const run = exec(process.execPath, [main, 'run', 'my-server.yaml', '--quiet'], project);
      expect(await succeed(run)).toBe('4 of 4 runs hold · exit 0\n');
      writeFileSync(
        join(project, 'run.mjs'),
        `import { readFileSync } from 'node:fs';
       import { holds, load, run } from 'hostwire';
       import { loadApps } from 'hostwire/node';
       const file = 'my-server.yaml';
       const [scenario] = load(readFileSync(file, 'utf8'), { file });
       console.log(holds(run(scenario, { apps: await loadApps(scenario) })));`,
      );
      expect(await succeed(exec(process.execPath, ['run.mjs'], project))).toBe('true\n');
    },
  );

  test('the example servers pass the type check of a user', async () => {
    const project = join(folder, 'own-module');
    expect(await typeCheck(project, ['my-server.ts', 'upper-case.ts', 'lookups.ts'])).toBe('');
  });

  test('npx hostwire --version and --help answer', async () => {
    const npx = (flag: string): Promise<string> =>
      succeed(npm(['exec', '--offline', '--no', '--', 'hostwire', flag], folder));
    expect((await npx('--version')).trim()).toBe(version);
    expect(await npx('--help')).toMatch(/\brun\b/);
  });

  test('npx hostwire init and npx hostwire run work there', async () => {
    const npx = (...words: string[]): Promise<string> =>
      succeed(npm(['exec', '--offline', '--no', '--', 'hostwire', ...words], folder));
    expect(await npx('init')).toContain('wrote scenarios.yaml');
    expect(await npx('run')).toContain('2 of 2 runs hold · exit 0');
    expect(readFileSync(join(folder, 'scenarios.yaml'), 'utf8')).toMatch(
      /^# yaml-language-server: \$schema=\.\/node_modules\/hostwire\/schema\.json\n/,
    );
  });
});
