/**
 * `npm run bench`: every bench in a process of its own, so that none runs on what another has warmed up or littered.
 * `-- --json` prints one JSON object; names choose: `npm run bench -- bulk many`. Rates hold for the machine they were
 * measured on: compare two versions on one machine, in one sitting. Events, steps and bytes do not depend on it.
 */
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Row } from './measure.ts';

/** Name, program, flags of Node, arguments. */
const BENCHES: readonly (readonly [
  name: string,
  file: string,
  flags: readonly string[],
  args: readonly string[],
])[] = [
  ['engine', 'engine.ts', [], ['--json']],
  ['bulk, fast hosts', 'bulk.ts', [], ['fast']],
  ['bulk, Linux hosts', 'bulk.ts', [], ['linux']],
  ['bulk, Linux hosts of two cores', 'bulk.ts', [], ['linux', 'two']],
  ['bulk, Linux hosts, TSO and GRO', 'bulk.ts', [], ['linux', 'trains']],
  ['bulk, Linux hosts, TSO and GRO off', 'bulk.ts', [], ['linux', 'gso']],
  ['bulk, ideal hosts', 'bulk.ts', [], ['ideal']],
  ['bulk, ideal hosts, no invariants', 'bulk.ts', [], ['ideal', 'off']],
  ['many, fast hosts', 'many.ts', [], ['fast']],
  ['many, Linux hosts', 'many.ts', [], ['linux']],
  ['many, Linux hosts, TSO and GRO', 'many.ts', [], ['linux', 'trains']],
  ['many, Linux hosts, TSO and GRO off', 'many.ts', [], ['linux', 'gso']],
  ['many, ideal hosts', 'many.ts', [], ['ideal']],
  ['many, ideal hosts, no invariants', 'many.ts', [], ['ideal', 'off']],
  ['many, blocking, TSO and GRO', 'many.ts', [], ['linux', 'trains', 'blocking']],
  ['many, netty, TSO and GRO', 'many.ts', [], ['linux', 'trains', 'netty']],
  ['many, reactive, TSO and GRO', 'many.ts', [], ['linux', 'trains', 'reactive']],
  ['scale, 1 % lost', 'scale.ts', [], ['random']],
  ['scale, every 100th of a window', 'scale.ts', [], ['burst']],
  ['idle', 'idle.ts', ['--expose-gc'], []],
  ['worlds', 'worlds.ts', [], []],
  ['worlds, no invariants', 'worlds.ts', [], ['off']],
  // A young generation that holds the whole run: nothing is collected, so what is used at the end is what was allocated.
  [
    'allocated',
    'allocated.ts',
    ['--expose-gc', '--min-semi-space-size=1024', '--max-semi-space-size=1024'],
    [],
  ],
];

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OUT = `${ROOT}node_modules/.cache/hostwire-bench/`;

/** To JavaScript, as users run it. */
function compile(): void {
  rmSync(OUT, { recursive: true, force: true });
  const options = { cwd: ROOT, stdio: 'inherit' } as const;
  execFileSync(
    process.execPath,
    ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.bench.json'],
    options,
  );
  writeFileSync(`${OUT}package.json`, '{ "type": "module" }\n');
  execFileSync(process.execPath, ['scripts/join.js', `${OUT}src`, `${OUT}bench`], options);
}

function runBench(file: string, flags: readonly string[], args: readonly string[]): Row {
  const path = `${OUT}bench/${file.replace('.ts', '.js')}`;
  const out = execFileSync(process.execPath, [...flags, path, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(out.trim().split('\n').at(-1)!) as Row;
}

const args = process.argv.slice(2);
const json = args.includes('--json');
const names = args.filter((a) => !a.startsWith('--'));
const chosen = BENCHES.filter(
  ([name]) => names.length === 0 || names.some((n) => name.startsWith(n)),
);
if (chosen.length === 0)
  throw new Error(`no such bench; there are ${BENCHES.map(([name]) => name).join(' · ')}`);

compile();
const results: Record<string, Row> = {};
for (const [name, file, flags, rest] of chosen) {
  const row = runBench(file, flags, rest);
  results[name] = row;
  if (json) continue;
  console.log(name);
  for (const [key, value] of Object.entries(row)) console.log(`  ${key.padEnd(34)} ${show(value)}`);
}
if (json) {
  const machine = { node: process.version, cpu: cpus()[0]?.model ?? '', cores: cpus().length };
  console.log(JSON.stringify({ machine, benches: results }, null, 2));
}

function show(value: unknown): string {
  if (typeof value !== 'number') return typeof value === 'string' ? value : JSON.stringify(value);
  return value >= 1000
    ? Math.round(value).toLocaleString('en').padStart(14)
    : value.toPrecision(4).padStart(14);
}
