// Damaged scripts: whatever the application calls and the wire carries, the simulated host must stand it, and the run ends.
import fc from 'fast-check';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { prop } from '../support/prop.ts';
import { inShort, run, SERVER } from './support.ts';

const root = join(import.meta.dirname, 'scripts');
const scripts = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.pkt'))
  .toSorted()
  .map((path) => readFileSync(join(root, path), 'utf8'));

const EVENT = /^\s*[+*\d.]/;
const OUTBOUND = /^\s*[+*\d.~]+\s+>/;

/** One line lost, said twice, changed for another, or with other numbers. */
type Damage = readonly [how: 'lost' | 'twice' | 'swapped' | 'numbers', at: number, other: number];
const damage: fc.Arbitrary<Damage> = fc.tuple(
  fc.constantFrom('lost', 'twice', 'swapped', 'numbers'),
  fc.nat(200),
  fc.nat(70_000),
);

function damaged(text: string, damages: readonly Damage[], deaf: boolean): string {
  let lines = text.split('\n');
  for (const [how, at, other] of damages) {
    const events = lines.flatMap((line, i) => (EVENT.test(line) ? [i] : []));
    if (events.length < 2) break;
    const i = events[at % events.length]!;
    const j = events[other % events.length]!;
    if (how === 'lost') lines.splice(i, 1);
    else if (how === 'twice') lines.splice(j, 0, lines[i]!);
    else if (how === 'swapped') [lines[i], lines[j]] = [lines[j]!, lines[i]!];
    else lines[i] = lines[i]!.replace(/\d+/g, (n) => String((Number(n) * 31 + other) % 70_000));
  }
  // Without what it expects, a script goes on to its end.
  if (deaf) lines = lines.filter((line) => !OUTBOUND.test(line));
  return lines.join('\n');
}

test('no damaged script brings the host down', () => {
  prop(
    [fc.constantFrom(...scripts), fc.array(damage, { minLength: 1, maxLength: 3 }), fc.boolean()],
    (script, damages, deaf) => {
      expect(run(damaged(script, damages, deaf)).message).not.toContain('broke down');
    },
    { numRuns: 300 },
  );
});

test('a crash is a failure, never a pass', () => {
  const crash = (): void => {
    throw new Error('ouch');
  };
  expect(inShort(run(SERVER, { trace: crash }))).toMatch(/^fail \d+: .*broke down: ouch$/);
});

test('a run is the same every time', () => {
  for (const script of scripts.slice(0, 10)) {
    const traces = [0, 1].map(() => {
      const told: string[] = [];
      const verdict = run(script, { trace: (line) => told.push(line) });
      return [verdict, told];
    });
    expect(traces[0]).toEqual(traces[1]);
  }
});
