// The package as its users get it: packed, installed into a project of its own, imported, run, type-checked.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

  test('publint has nothing to say', async () => {
    const bytes = readFileSync(tarball);
    const { messages, pkg } = await publint({
      strict: true,
      pack: { tarball: Uint8Array.from(bytes).buffer },
    });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  test('load and run can be imported', async () => {
    writeFileSync(
      join(folder, 'import.js'),
      `import { load, run } from 'hostwire'; console.log(typeof load, typeof run);`,
    );
    expect(await succeed(exec(process.execPath, ['import.js'], folder))).toBe(
      'function function\n',
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
      `import { load, run } from 'hostwire';\nexport const both: readonly unknown[] = [load, run];\n`,
    );
    // Without skipLibCheck: our own declarations are what is to be checked here.
    const compilerOptions = {
      noEmit: true,
      strict: true,
      target: 'es2023',
      lib: ['es2023'],
      module: 'nodenext',
      types: [],
      skipLibCheck: false,
    };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    await expect(succeed(exec(process.execPath, [tsc, '-p', project], folder))).resolves.toBe('');
  });

  test('npx hostwire --version and --help answer', async () => {
    const npx = (flag: string): Promise<string> =>
      succeed(npm(['exec', '--offline', '--no', '--', 'hostwire', flag], folder));
    expect((await npx('--version')).trim()).toBe(version);
    expect(await npx('--help')).toMatch(/\brun\b/);
  });
});
