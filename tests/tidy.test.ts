// The house rules, kept by the build: import arrows, what the model may not use, no state that outlives a run, sizes,
// links. Each rule is first shown to object to a snippet that breaks it, and to let its lawful twin pass; then it is run
// over the repo.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  MOST_LINES,
  bannedWords,
  brokenLinks,
  callsWithoutYield,
  foreignNames,
  missingFromLockfile,
  moduleState,
  roomCycle,
  tooLong,
  unfinished,
  wrongImports,
} from './support/tidy.ts';

const root = join(import.meta.dirname, '..');

/** Files of the repo, as a fresh clone has them: without what .gitignore names. */
function repoFiles(): string[] {
  const ignored = readFileSync(join(root, '.gitignore'), 'utf8').split('\n');
  const folders = ignored.filter((line) => line.endsWith('/')).map((line) => line.slice(0, -1));
  const skipped = new Set(['.git', ...folders, ...ignored]);
  const found: string[] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (skipped.has(entry.name)) continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) visit(path);
      else if (entry.isFile()) found.push(relative(root, path).split(sep).join('/'));
    }
  };
  visit(root);
  return found.toSorted();
}

const files = repoFiles();
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const sources: [path: string, text: string][] = files
  .filter((path) => /^src\/.*\.ts$/.test(path))
  .map((path) => [path, read(path)]);
/** Everything that people write; measured data has its own rules. */
const written: [path: string, text: string][] = files
  .filter((path) => /\.([cm]?[jt]s|json|ya?ml|md|sh|html|svg)$|^\.[\w./]+$|^LICENSE$/.test(path))
  .map((path) => [path, read(path)]);

type Rule = (path: string, text: string) => string[];
/** [path, text that breaks the rule, what must be said] */
type Mutant = [path: string, text: string, says: string];
type Lawful = [path: string, text: string];

function rule(
  title: string,
  check: Rule,
  over: Lawful[],
  mutants: Mutant[],
  lawful: Lawful[],
): void {
  describe(title, () => {
    test.each(mutants)('objects to %s: %s', (path, text, says) => {
      expect(check(path, text).join('\n')).toContain(says);
    });
    test.each(lawful)('accepts %s: %s', (path, text) => {
      expect(check(path, text)).toEqual([]);
    });
    test('holds everywhere', () => {
      expect(over.flatMap(([path, text]) => check(path, text))).toEqual([]);
    });
  });
}

rule(
  'imports follow the arrows',
  wrongImports,
  sources,
  [
    [
      'src/base/a.ts',
      `import { x } from '../engine/engine.ts';`,
      'base may not import src/engine/engine.ts',
    ],
    ['src/base/a.ts', `import * as fs from 'node:fs';`, `base may not import 'node:fs'`],
    ['src/base/a.ts', `import fs from 'fs';`, `base may not import 'fs'`],
    ['src/engine/a.ts', `export * from '../tcp/seq.ts';`, 'engine may not import'],
    ['src/engine/a.ts', `import seedrandom from 'seedrandom';`, 'engine may not import'],
    ['src/tcp/a.ts', `import type { Engine } from '../engine/engine.ts';`, 'tcp may not import'],
    ['src/tcp/a.ts', `export { x } from '../kernel/skb.ts';`, 'tcp may not import'],
    ['src/kernel/a.ts', `import type { Link } from '../sim/net/link.ts';`, 'kernel may not import'],
    ['src/kernel/a.ts', `import { s } from '../app/load/open.ts';`, 'kernel may not import'],
    ['src/sim/net/a.ts', `import { Nic } from '../../kernel/nic.ts';`, 'sim/net may not import'],
    ['src/sim/net/a.ts', `type N = import('../../kernel/nic.ts').Nic;`, 'sim/net may not import'],
    ['src/app/a.ts', `import { Host } from '../kernel/host.ts';`, 'app may not import'],
    ['src/app/netty/a.ts', `import { now } from '../../engine/engine.ts';`, 'app may not import'],
    [
      'src/sim/scenario/a.ts',
      `import { C } from '../../tcp/connection.ts';`,
      'sim/scenario may not import',
    ],
    [
      'src/sim/scenario/a.ts',
      `import { H } from '../../kernel/host.ts';`,
      'sim/scenario may not import',
    ],
    [
      'src/sim/scenario/a.ts',
      `import { w } from '../run/world.ts';`,
      'sim/scenario may not import',
    ],
    ['src/sim/run/a.ts', `import { text } from '../../report/text.ts';`, 'sim/run may not import'],
    [
      'src/packetdrill/a.ts',
      `import { w } from '../sim/run/world.ts';`,
      'packetdrill may not import',
    ],
    ['src/testing/a.ts', `import { Host } from '../kernel/host.ts';`, 'testing may not import'],
    ['src/testing/a.ts', `import fs from 'node:fs';`, `testing may not import 'node:fs'`],
    [
      'src/sim/run/a.ts',
      `import { yaml } from '../../testing/world.ts';`,
      'sim/run may not import',
    ],
    ['src/index.ts', `export { check } from './testing/check.ts';`, 'index may not import'],
    ['src/report/a.ts', `import { w } from '../sim/run/world.ts';`, 'report may not import'],
    ['src/study/a.ts', `import { m } from '../cli/main.ts';`, 'study may not import'],
    ['src/index.ts', `export { main } from './cli/main.ts';`, 'index may not import'],
    ['src/cli/a.ts', `import { x } from '../../tests/x.ts';`, 'outside src/'],
    ['src/util/a.ts', `export {};`, 'no room'],
  ],
  [
    ['src/base/a.ts', `import seedrandom from 'seedrandom'; import { b } from './b.ts';`],
    [
      'src/kernel/a.ts',
      `import { a } from '../tcp/output.ts'; import { b } from '../engine/engine.ts';`,
    ],
    [
      'src/app/netty/a.ts',
      `import type { Sys } from '../../kernel/syscall.ts'; import { p } from '../probe.ts';`,
    ],
    [
      'src/sim/scenario/a.ts',
      `import { a } from '../../tcp/options.ts'; import { b } from '../../kernel/costs.ts';
       import { c } from '../../app/netty/options.ts'; import { d } from '../net/options.ts'; import { z } from 'zod';`,
    ],
    [
      'src/sim/run/world.ts',
      `import { a } from '../../kernel/host.ts'; import { b } from '../net/link.ts';`,
    ],
    [
      'src/cli/a.ts',
      `import fs from 'node:fs'; import yargs from 'yargs'; import { a } from '../report/text.ts';`,
    ],
    ['src/base/a.ts', `// import { x } from '../engine/engine.ts';`],
    ['tests/a.ts', `import fs from 'node:fs';`],
  ],
);

describe('rooms do not import one another in a circle', () => {
  test('objects to a circle of three', () => {
    const circle: Lawful[] = [
      ['src/tcp/a.ts', `import { k } from '../kernel/k.ts';`],
      ['src/kernel/k.ts', `import { r } from '../sim/run/r.ts';`],
      ['src/sim/run/r.ts', `import { a } from '../../tcp/a.ts';`],
    ];
    expect(roomCycle(circle)).toBe('tcp → kernel → sim/run → tcp');
    expect(roomCycle(circle.slice(1))).toBeNull();
  });
  test('holds everywhere', () => {
    expect(roomCycle(sources)).toBeNull();
  });
});

rule(
  'the model uses nothing that differs between runs, engines or places',
  bannedWords,
  sources,
  [
    ['src/cli/a.ts', 'const x = Math.random();', 'Math.random'],
    ['src/base/a.ts', 'const x = Math.random();', 'Math.random'],
    ...[
      'log',
      'exp',
      'pow',
      'cbrt',
      'sin',
      'cos',
      'tan',
      'log2',
      'log10',
      'log1p',
      'expm1',
      'hypot',
      'atan2',
    ].map((f): Mutant => ['src/tcp/a.ts', `const x = Math.${f}(2);`, `Math.${f} may differ`]),
    ['src/tcp/a.ts', `const x = Math['log'](2);`, 'Math.? may differ'],
    ['src/tcp/a.ts', 'const { log } = Math;', 'Math.? may differ'],
    ['src/tcp/a.ts', 'const x = 2 ** 3;', '** may differ'],
    ['src/tcp/a.ts', 'let x = 2; x **= 3;', '** may differ'],
    ['src/engine/a.ts', 'const t = Date.now();', 'Date'],
    ['src/engine/a.ts', 'const t = new Date();', 'Date'],
    ['src/engine/a.ts', 'const t = performance.now();', 'performance'],
    ['src/kernel/a.ts', 'const b = Buffer.alloc(1);', 'Buffer'],
    ['src/kernel/a.ts', 'const b = { Buffer };', 'Buffer'],
    ['src/kernel/a.ts', 'if (process.env.X) f();', 'process'],
    ['src/kernel/a.ts', 'setTimeout(f, 1);', 'setTimeout'],
    ['src/kernel/a.ts', 'globalThis.setTimeout(f, 1);', 'globalThis'],
    ['src/kernel/a.ts', 'const s = names.sort((a, b) => a.localeCompare(b));', 'locale'],
    ['src/sim/run/a.ts', 'export async function f() {}', 'async'],
    ['src/sim/run/a.ts', 'const f = async () => 1;', 'async'],
    ['src/sim/run/a.ts', 'await f();', 'async'],
    ['src/sim/run/a.ts', `const m = import('./b.ts');`, 'async'],
    ['src/sim/run/a.ts', 'function f(): Promise<void> { return g(); }', 'Promise'],
    ['src/app/a.ts', 'new Promise((r) => r(1));', 'Promise'],
    ['src/index.ts', 'console.log(1);', 'console'],
  ],
  [
    [
      'src/base/a.ts',
      '// Math.log, Date, 2 ** 3\nconst x = "Math.random()" + Math.imul(3, 4) + Math.floor(2.5) * Math.sqrt(2);',
    ],
    ['src/kernel/a.ts', 'class Process {} function exit(process: Process) { return process; }'],
    ['src/kernel/a.ts', 'const x = { process: 1, Date: 2 }; const y = x.process + x.Date;'],
    ['src/cli/a.ts', 'const t = Date.now(); export async function f() { await g(2 ** 3); }'],
    ['src/report/a.ts', 'const x = Math.log10(5); const p = new Promise(() => {});'],
  ],
);

rule(
  'no module keeps state between runs',
  moduleState,
  sources,
  [
    ['src/base/a.ts', 'let next = 0;', `module-level 'let'`],
    ['src/base/a.ts', 'export let next = 0;', `module-level 'let'`],
    ['src/base/a.ts', 'var next = 0;', `module-level 'var'`],
    ['src/kernel/a.ts', 'const cache = new Map<string, number>();', 'container'],
    ['src/kernel/a.ts', 'export const seen: Set<number> = new Set();', 'container'],
    ['src/kernel/a.ts', 'const all: number[] = [];', 'container'],
    ['src/kernel/a.ts', 'const all = {} as Record<string, number>;', 'container'],
    ['src/report/a.ts', 'const pool = new Array(10);', 'container'],
    ['src/kernel/a.ts', 'class A { static count = 0; }', 'static field'],
  ],
  [
    ['src/base/a.ts', 'function f() { let x = 0; const m = new Map(); return m.size + x; }'],
    ['src/base/a.ts', `const NAMES: ReadonlyMap<number, string> = new Map([[1, 'a']]);`],
    [
      'src/base/a.ts',
      'const EMPTY: readonly number[] = []; const T = [1, 2] as const; const U = new Uint8Array(4);',
    ],
    ['src/base/a.ts', 'class A { static readonly MAX = 1; count = 0; }'],
    ['src/cli/a.ts', 'let verbose = false;'],
  ],
);

rule(
  'a system call is yielded at once',
  callsWithoutYield,
  sources,
  [
    ['src/app/a.ts', 'function* f(sys) { sys.read(3, 10); }', 'not yielded'],
    ['src/app/a.ts', 'function* f(sys) { const t = sys.read(3, 10); yield t; }', 'not yielded'],
    ['src/app/a.ts', 'function* f(sys) { if (sys.read(3, 10) > 0) return; }', 'not yielded'],
    ['src/app/a.ts', 'function* f(sys) { yield* sys.read(3, 10); }', 'not yielded'],
    ['src/app/a.ts', 'class A { *f() { this.sys.close(3); } }', 'not yielded'],
  ],
  [
    [
      'src/app/a.ts',
      'function* f(sys) { const n = yield sys.read(3, 10); if ((yield sys.close(3)) < 0) return n; }',
    ],
    ['src/app/a.ts', 'function* f(sys) { yield* serve(sys, 3); }'],
    ['src/kernel/a.ts', 'sys.read(3, 10);'],
  ],
);

rule(
  `no source file is longer than ${MOST_LINES} lines`,
  tooLong,
  sources,
  [['src/tcp/long.ts', '\n'.repeat(MOST_LINES + 1), `more than ${MOST_LINES}`]],
  [['src/tcp/right.ts', '\n'.repeat(MOST_LINES)]],
);

rule(
  'nothing is marked as unfinished',
  unfinished,
  written,
  ['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX'].map((word): Mutant => [
    'scripts/a.js',
    `// ${word}: later`,
    word,
  ]),
  [['scripts/a.js', '// whatever is left to do']],
);

const exists = (path: string): boolean => existsSync(join(root, path));
rule(
  'links between documents lead somewhere',
  (path, text) => brokenLinks(path, text, exists),
  written,
  [
    ['README.md', 'see [this](docs/nowhere.md)', 'there is no docs/nowhere.md'],
    ['docs/a.md', 'see [this](package.json)', 'there is no package.json'],
    ['docs/a.md', '![plot](nowhere.svg "a title")', 'there is no nowhere.svg'],
    ['docs/a.md', '[1]: ../nowhere.md', 'there is no ../nowhere.md'],
  ],
  [
    [
      'README.md',
      '[a](package.json) [b](https://example.org/x) [c](#d) [e](tests/tidy.test.ts#L3) [f](scripts/)',
    ],
    ['docs/a.md', '[a](../package.json) `[x](nowhere.md)`\n```\n[y](nowhere.md)\n```'],
  ],
);

// Written in two halves: this file is one of those that are looked at.
const SOMEWHERE = '/wo' + 'rk/main';
const REGISTRY = 'https://regis' + 'try.example.org/zod';
rule(
  'no file names a machine or a registry',
  foreignNames,
  written,
  [
    ['a.md', `cd ${SOMEWHERE}/x`, 'a path of one machine'],
    ['a.ts', `const x = '/ho` + `me/someone/x';`, 'a path of one machine'],
    ['package-lock.json', `"x": "${REGISTRY}"`, 'package registry'],
    ['package-lock.json', '"reso' + 'lved": "x"', 'lockfile'],
  ],
  [['a.md', 'https://example.org/shop/x and src/shop/a.ts and ../root/x']],
);

describe('the lockfile serves every platform', () => {
  const lockfile = (present: boolean): string =>
    JSON.stringify({
      packages: {
        'node_modules/a': { optionalDependencies: { 'a-win32': '1.0.0' } },
        ...(present ? { 'node_modules/a-win32': {} } : {}),
      },
    });
  test('objects to a binary that was left out', () => {
    expect(missingFromLockfile(lockfile(false))).toEqual(['node_modules/a → a-win32']);
    expect(missingFromLockfile(lockfile(true))).toEqual([]);
  });
  test('holds', () => {
    expect(missingFromLockfile(read('package-lock.json'))).toEqual([]);
  });
});
