// scripts/join.js: the model as one function, and the doors that lead into it.
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseSync } from 'oxc-parser';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ensureBuilt, exec, hasCli, root, succeed } from './support/dist.ts';

const ROOMS = ['base', 'engine', 'tcp', 'kernel', 'app', 'sim', 'packetdrill'];

let folder = '';
afterEach(() => {
  if (folder !== '') rmSync(folder, { recursive: true, force: true });
  folder = '';
});

/** Compiled code of a small project with our rooms, joined. */
async function joined(files: Readonly<Record<string, string>>): Promise<void> {
  folder = mkdtempSync(join(root, 'node_modules', '.cache-join-'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
  for (const room of ROOMS) mkdirSync(join(folder, room));
  const all = { 'index.js': `export const name = 'index';\n`, 'app/index.js': `export {};\n` };
  for (const [file, text] of Object.entries({ ...all, ...files })) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  await succeed(exec(process.execPath, [join(root, 'scripts', 'join.js'), folder]));
}

type Exports = Readonly<Record<string, unknown>>;

const load = (file: string, below: string = folder): Promise<Exports> =>
  import(pathToFileURL(join(below, file)).href) as Promise<Exports>;

describe('a small project', () => {
  test('what others import keeps its place and its names; the rest is in model.js alone', async () => {
    await joined({
      'base/count.js': `export let n = 0;\nexport class Count { up() { return ++n; } }\n`,
      'base/other.js': `export class Count { up() { return 'other'; } }\nexport default 7;\n`,
      'engine/all.js': `export * from '../base/count.js';\nexport { Count as Other } from '../base/other.js';\n`,
      'kernel/inner.js': `import seven from '../base/other.js';\nexport const eight = seven + 1;\n`,
      'sim/late.js': `import { eight } from '../kernel/inner.js';\nexport const late = () => eight;\n`,
      'cli/main.js':
        `import { Count, Other } from '../engine/all.js';\nimport seven from '../base/other.js';\n` +
        `export const late = async () => (await import('../sim/late.js')).late();\n` +
        `export const here = [new Count().up(), new Other().up(), seven];\n`,
    });
    const main = await load('cli/main.js');
    expect(main['here']).toEqual([1, 'other', 7]);
    expect(await (main['late'] as () => Promise<number>)()).toBe(8);
    const left = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    expect(
      left
        .filter((file) => file.endsWith('.js'))
        .map((file) => file.replaceAll('\\', '/'))
        .toSorted(),
    ).toEqual(
      [
        'app/index.js',
        'base/other.js',
        'cli/main.js',
        'engine/all.js',
        'index.js',
        'model.js',
        'sim/late.js',
      ].toSorted(),
    );
  });

  test('two doors lead to one class', async () => {
    await joined({
      'base/one.js': `export class One {}\n`,
      'index.js': `export { One } from './base/one.js';\n`,
      'cli/main.js': `export { One } from '../base/one.js';\n`,
    });
    expect((await load('index.js'))['One']).toBe((await load('cli/main.js'))['One']);
  });

  test('packages stay imports, wherever they stand in the text', async () => {
    await joined({
      'base/use.js': `export const twice = (x) => 2 * parse(x);\nimport { parse } from 'yaml';\n`,
      'index.js': `export { twice } from './base/use.js';\n`,
    });
    const text = readFileSync(join(folder, 'model.js'), 'utf8');
    expect(text).toMatch(/^import \{ parse \} from "yaml";$/m);
    const { twice } = (await load('index.js')) as { twice(text: string): number };
    expect(twice('21')).toBe(42);
  });

  test('a module that is not there is an error, and the sources are left as they were', async () => {
    const index = `export { gone } from './base/gone.js';\n`;
    await expect(joined({ 'index.js': index })).rejects.toThrow(/gone/);
    expect(readFileSync(join(folder, 'index.js'), 'utf8')).toBe(index);
    expect(readdirSync(folder)).not.toContain('model.js');
  });
});

describe.skipIf(!hasCli)('the build', () => {
  beforeAll(ensureBuilt, 120_000);

  test('holds the model in one function', () => {
    const file = join(root, 'dist', 'model.js');
    const { program } = parseSync(file, readFileSync(file, 'utf8'));
    const kinds = program.body.map((node) => node.type);
    expect(kinds.filter((kind) => kind !== 'ImportDeclaration')).toEqual([
      'VariableDeclaration',
      'ExportNamedDeclaration',
    ]);
  });

  test.each([
    ['index', import('../src/index.ts')],
    ['app/index', import('../src/app/index.ts')],
    ['kernel/syscall', import('../src/kernel/syscall.ts')],
    ['base/assert', import('../src/base/assert.ts')],
  ])('%s exports what its source exports', async (entry, source) => {
    const built = await load(`${entry}.js`, join(root, 'dist'));
    expect(Object.keys(built).toSorted()).toEqual(Object.keys(await source).toSorted());
  });

  test('runs as the sources do', async () => {
    const text = readFileSync(join(root, 'scenarios.yaml'), 'utf8');
    const names = ['rough-path', 'slow-reader'];
    const prints = async (module: Promise<object>): Promise<string[]> => {
      const { load: read, run } = (await module) as typeof import('../src/index.ts');
      return read(text, { file: 'scenarios.yaml', names }).map((s) => run(s).fingerprint);
    };
    const built = await prints(load('index.js', join(root, 'dist')));
    expect(built).toEqual(await prints(import('../src/index.ts')));
    expect(new Set(built).size).toBe(built.length);
  });
});
