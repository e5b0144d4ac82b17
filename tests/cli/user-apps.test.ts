/** Applications of the user's own, as their author meets them: through the command line, with the text of every mistake. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { loadApps } from '../../src/cli/node.ts';
import { runScenario } from '../../src/sim/run/runner.ts';
import { load } from '../../src/sim/scenario/load.ts';
import { cliMain, ensureBuilt, exec, type Ran, root } from '../support/dist.ts';

beforeAll(ensureBuilt);

let folder = '';
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'hostwire-own-')));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

const TSX = pathToFileURL(join(root, 'node_modules', 'tsx', 'dist', 'loader.mjs')).href;

/** The program as its users have it. It loads in a third of the time that it takes from its source. */
const hostwire = (...words: readonly string[]): Promise<Ran> =>
  exec(process.execPath, [cliMain, ...words], folder);

/** As those have it who work on it. */
const fromSource = (...words: readonly string[]): Promise<Ran> =>
  exec(process.execPath, ['--import', TSX, join(root, 'src', 'cli', 'main.ts'), ...words], folder);

/** A file with one scenario for each module; `ideal` hosts, so that times are round. */
function scenarios(modules: readonly string[]): string {
  const one = (file: string): string => `
  ${file.replaceAll(/\W/g, '-')}:
    apps:
      server: { host: b, app: ./${file}, listen: 80 }
      load: { host: a, model: bulk, connect: 'b:80', bytes: 1 kB }
`;
  return `version: 1
defaults:
  shows: an own application
  hosts: { a: { machine: ideal }, b: { machine: ideal } }
  links: [{ between: [a, b], rate: 1 Gbit/s }]
  stop: { when: server.closed, limit: 1 s }
scenarios:${modules.map(one).join('')}`;
}

/** Each makes one mistake; what is said of it, from the line that names it on. */
const MISTAKES: Readonly<Record<string, readonly [source: string, said: string]>> = {
  'throws.ts': [
    `interface Request { readonly body: { readonly text: string } }

function parse(request: Request): string {
  return request.body.text;
}

export default function* (sys: any) {
  yield sys.nanosleep(1_000_000);
  yield sys.spawn(function* (own: any) {
    yield own.nanosleep(500_000);
    parse({} as Request);
  }, 'worker-1');
  yield sys.nanosleep(1e9);
}
`,
    `throws.ts:4:23: throws-ts: TypeError: Cannot read properties of undefined (reading 'text')
  2 |
  3 | function parse(request: Request): string {
> 4 |   return request.body.text;
    |                       ^^^^^
  5 | }
  server, thread worker-1 on host b, after 1.5 ms of simulated time
    at parse (throws.ts:4:23)
    at <anonymous> (throws.ts:11:5)
  seed 1; it happens again with
    npx hostwire run own.yaml throws-ts --seed 1
`,
  ],
  'yields.ts': [
    `type Size = 42;

function* part(sys: any) {
  try {
    yield 42 as Size;
  } finally {
    yield sys.close(9);
  }
}

export default function* (sys: any) {
  yield sys.nanosleep(1_000_000);
  yield* part(sys);
}
`,
    `yields.ts:5:5: yields-ts: it yielded 42, which is no system call; write \`yield sys.call(…)\`
  3 | function* part(sys: any) {
  4 |   try {
> 5 |     yield 42 as Size;
    |     ^^^^^
  6 |   } finally {
  server on host b, after 1 ms of simulated time
  seed 1; it happens again with
    npx hostwire run own.yaml yields-ts --seed 1
`,
  ],
  'spins.ts': [
    `interface Unused { readonly a: number }

export default function* (sys: any) {
  yield sys.nanosleep(2_000_000);
  for (;;) {}
}
`,
    `spins.ts:5:3: spins-ts: server ran for more than 3 s without yielding a system call, and was ended
  3 | export default function* (sys: any) {
  4 |   yield sys.nanosleep(2_000_000);
> 5 |   for (;;) {}
    |   ^^^
  6 | }
  last seen after 2 ms of simulated time
  a loop without end? what takes time in the simulation is \`yield sys.compute(ns)\`; --timeout waits longer
  seed 1; it happens again with
    npx hostwire run own.yaml spins-ts --seed 1
`,
  ],
  'stands-still.ts': [
    `export default function* (sys: any) {
  yield sys.nanosleep(1_000_000);
  for (;;) yield sys.clockGettime();
}
`,
    `stands-still.ts:3:12: stands-still-ts: time stands still: more than 500000 system calls at one instant, the last of them \`sys.clock_gettime\`; let the thread block, sleep or compute
  1 | export default function* (sys: any) {
  2 |   yield sys.nanosleep(1_000_000);
> 3 |   for (;;) yield sys.clockGettime();
    |            ^^^^^
  4 | }
  server on host b, after 1 ms of simulated time
  seed 1; it happens again with
    npx hostwire run own.yaml stands-still-ts --seed 1
`,
  ],
  'loads-for-ever.ts': [
    `const n: number = 1;
for (;;) {}
`,
    `loads-for-ever.ts:2:1: loads-for-ever-ts: loading it took more than 3 s, and was ended
  1 | const n: number = 1;
> 2 | for (;;) {}
    | ^^^
  3 |
    at loads-for-ever.ts:2:1
    at loads-for-ever.ts:2:11
  a loop without end? what takes time in the simulation is \`yield sys.compute(ns)\`; --timeout waits longer
  seed 1; it happens again with
    npx hostwire run own.yaml loads-for-ever-ts --seed 1
`,
  ],
  'syntax.ts': [
    `const ms: number = 1_000_000;
export default function* (sys: any) {
  yield sys.nanosleep(ms;
}
`,
    `syntax.ts:3:25: Expected ")" but found ";"
  1 | const ms: number = 1_000_000;
  2 | export default function* (sys: any) {
> 3 |   yield sys.nanosleep(ms;
    |                         ^
  4 | }
`,
  ],
  'arrow.ts': [
    `const n: number = 5;
export default (sys: any) => n;
`,
    `arrow.ts:2:1: ./arrow.ts: the default export is a plain function, not a generator function
  1 | const n: number = 5;
> 2 | export default (sys: any) => n;
    | ^^^^^^
  3 |
  hint: write \`export default app(function* (sys, { listen }) { … })\`
`,
  ],
  'no-default.ts': [
    `export const n: number = 1;
`,
    `own.yaml:45:31: ./no-default.ts: the module has no default export
  43 |   no-default-ts:
  44 |     apps:
> 45 |       server: { host: b, app: ./no-default.ts, listen: 80 }
     |                               ^^^^^^^^^^^^^^^
  46 |       load: { host: a, model: bulk, connect: 'b:80', bytes: 1 kB }
  hint: write \`export default app(function* (sys, { listen }) { … })\`
`,
  ],
  'top.ts': [
    `const settings: any = undefined;
export const size = settings.size;
`,
    `top.ts:2:30: ./top.ts cannot be loaded: TypeError: Cannot read properties of undefined (reading 'size')
  1 | const settings: any = undefined;
> 2 | export const size = settings.size;
    |                              ^^^^^
  3 |
`,
  ],
  'import.ts': [
    `import { n } from './not-there.ts';
export default n;
`,
    `import.ts:1:19: there is no module \`./not-there.ts\`
> 1 | import { n } from './not-there.ts';
    |                   ^^^^^^^^^^^^^^^^
  2 | export default n;
  hint: a path is meant from this file
`,
  ],
  'package.ts': [
    `import pad from 'left-pad-of-nobody';
export default pad;
`,
    `package.ts:1:17: there is no module \`left-pad-of-nobody\`
> 1 | import pad from 'left-pad-of-nobody';
    |                 ^^^^^^^^^^^^^^^^^^^^
  2 | export default pad;
  hint: npm install left-pad-of-nobody
`,
  ],
  'await.ts': [
    `const fs = await import('node:fs');
export default fs;
`,
    `await.ts:1:12: \`await\` at the top of a module is not supported
> 1 | const fs = await import('node:fs');
    |            ^^^^^
  2 | export default fs;
  hint: load what it needs with \`import\`
`,
  ],
  'good.ts': [
    `export default function* (sys: any) {
  yield sys.nanosleep(1_000_000);
}
`,
    '',
  ],
};

describe('a mistake in a module', () => {
  test('is said with its place in the module; other runs go on', async () => {
    const names = Object.keys(MISTAKES);
    write(Object.fromEntries(names.map((name) => [name, MISTAKES[name]![0]])));
    write({ 'own.yaml': scenarios(names) });
    const { code, stdout, stderr } = await hostwire('run', 'own.yaml', '--quiet', '--timeout', '3');
    expect(stderr).toBe(names.map((name) => MISTAKES[name]![1]).join(''));
    expect([code, stdout]).toEqual([2, `1 of ${names.length} runs hold · exit 2\n`]);
  });
});

describe('a module', () => {
  test('that is not there is said at its place in the YAML, before anything runs', async () => {
    write({ 'folder/own.yaml': scenarios(['servers/mine.ts']), 'folder/servers/min.ts': '' });
    const { code, stdout, stderr } = await hostwire('run', 'folder/own.yaml');
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toBe(`folder/own.yaml:10:31: there is no folder/servers/mine.ts
   8 |   servers-mine-ts:
   9 |     apps:
> 10 |       server: { host: b, app: ./servers/mine.ts, listen: 80 }
     |                               ^^^^^^^^^^^^^^^^^
  11 |       load: { host: a, model: bulk, connect: 'b:80', bytes: 1 kB }
  hint: did you mean \`./servers/min.ts\`?
`);
    expect(await hostwire('validate', 'folder/own.yaml')).toMatchObject({ code: 2, stderr });
  });

  const server = `import { app, EBADF, listenOn } from 'hostwire/app';
import { Kind } from './kind.ts';

export default app(function* (sys, { listen }) {
  const fd = yield* listenOn(sys, listen);
  if ((yield sys.read(99, 1)) === -EBADF) throw new Error(String(Kind.Blocking + fd));
});
`;
  const programs = { built: hostwire, source: fromSource } as const;
  test.each([
    ['module', 'built'],
    ['commonjs', 'built'],
    [null, 'source'],
  ] as const)(
    'finds hostwire/app and its own parts whatever its package is: %s, program: %s',
    async (type, program) => {
      write({
        'own.yaml': scenarios(['server.ts', 'server.mts']),
        'server.ts': server,
        'server.mts': server,
        'kind.ts': 'export enum Kind { Blocking = 7 }\n',
        ...(type === null ? {} : { 'package.json': JSON.stringify({ type }) }),
      });
      const { code, stderr } = await programs[program]('run', 'own.yaml', '--quiet');
      expect(code).toBe(1);
      expect(stderr).toContain('server.ts:6:49: server-ts: Error: 7\n');
      expect(stderr).toContain('server.mts:6:49: server-mts: Error: 7\n');
    },
  );

  test('is loaded anew for every run: what it keeps at its top does not outlive one', async () => {
    const counts = `let n = 0;
export default function* (sys: any) {
  yield sys.nanosleep(++n);
}
`;
    const chance = counts.replace('++n', 'Math.floor(1e6 * Math.random())');
    write({
      'own.yaml': scenarios(['counts.ts', 'chance.ts']),
      'counts.ts': counts,
      'chance.ts': chance,
    });
    const { code, stdout } = await hostwire('run', 'own.yaml', '--verify', '--jobs', '1');
    expect(code).toBe(1);
    expect(stdout).toContain('✓ verified: the same again with all traces on');
    expect(stdout.replace(/(same again): .*/, '$1')).toContain(`✗ not the same again
  does ./chance.ts use Date, Math.random or a variable that outlives a run?
  a thread's clock is sys.clockGettime(), its chance env.random.stream(name)`);
  });

  test('is waited for as long as one says', async () => {
    write({ 'own.yaml': scenarios(['good.ts']), 'good.ts': MISTAKES['good.ts']![0] });
    expect(await hostwire('run', 'own.yaml', '--timeout', 'long')).toMatchObject({
      code: 2,
      stderr: 'hostwire: --timeout long: seconds, more than 0\n',
    });
  });
});

describe('a library user', () => {
  test('loads modules as the command line does', async () => {
    write({ 'good.ts': MISTAKES['good.ts']![0], 'arrow.ts': MISTAKES['arrow.ts']![0] });
    const file = join(folder, 'own.yaml');
    const [good, arrow] = load(scenarios(['good.ts', 'arrow.ts']), { file });
    const apps = await loadApps(good!);
    expect(Object.keys(apps)).toEqual(['./good.ts']);
    expect(runScenario(good!, { apps }).stop).toMatchObject({ reason: 'when', atNs: 1_000_000 });
    await expect(loadApps(arrow!)).rejects.toThrow('a plain function, not a generator function');
  });
});

describe('the examples', () => {
  test('hold', async () => {
    const file = join(root, 'examples', 'my-server.yaml');
    const { code, stdout, stderr } = await hostwire('run', file, '--quiet');
    expect([code, stdout, stderr]).toEqual([0, '4 of 4 runs hold · exit 0\n', '']);
  });
});
