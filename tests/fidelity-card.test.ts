/** The fidelity card names only what exists and holds, and is written from it: HOSTWIRE_UPDATE=1 rewrites docs/fidelity.md. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { card, type ReactiveRow } from '../fidelity/card.ts';
import { compare } from '../fidelity/compare.ts';
import { FEATURES, type Feature, MACHINE, UNMEASURED } from '../fidelity/features.ts';
import { rowsOf } from '../fidelity/transfers.ts';
import { countsOf, recordedCounts } from './app/reactor-netty/counts.ts';
import { observe } from './app/reactor-netty/vector-world.ts';
import { classOf, VECTORS, type Vector } from './app/reactor-netty/vectors.ts';
import { run } from './packetdrill/support.ts';
import { titlesIn } from './support/titles.ts';

const SCRIPTS = join(import.meta.dirname, 'packetdrill', 'scripts');

/** The scripts that a row names, by path. */
function scriptsOf(name: string): string[] {
  const path = join(SCRIPTS, name);
  if (existsSync(`${path}.pkt`)) return [`${name}.pkt`];
  if (!existsSync(path) || !statSync(path).isDirectory()) return [];
  return readdirSync(path).map((file) => `${name}/${file}`);
}

/** What a row names and is not there. */
function missing(feature: Feature): string[] {
  const scripts = feature.scripts.filter((name) => scriptsOf(name).length === 0);
  const tests = feature.tests.filter(([file, title]) => {
    const path = join(import.meta.dirname, file);
    return (
      !existsSync(path) || !titlesIn(readFileSync(path, 'utf8')).some((t) => t.includes(title))
    );
  });
  return [...scripts, ...tests.map((t) => t.join(': '))];
}

const all = readdirSync(SCRIPTS, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.pkt'))
  .map((path) => path.replaceAll('\\', '/'))
  .toSorted();

describe('each row of the fidelity card', () => {
  it('names scripts and tests that exist', () => {
    expect([...FEATURES, ...MACHINE].flatMap(missing)).toEqual([]);
  });

  it('is held by something', () => {
    const held = [...FEATURES, ...MACHINE];
    expect(held.filter((f) => f.scripts.length + f.tests.length === 0)).toEqual([]);
  });

  it('[mutant] that names what is not there is found', () => {
    const wrong: Feature = {
      name: '',
      basis: '',
      scripts: ['rtx/never'],
      tests: [['tcp/states.test.ts', 'no such title']],
    };
    expect(missing(wrong)).toEqual(['rtx/never', 'tcp/states.test.ts: no such title']);
  });

  it('[mutant] and so is one whose test is only spoken of, or skipped', () => {
    const source = `
      // it('spoken of') once stood here.
      const text = 'quoted';
      it.skip('left out', () => {});
      describe.each([1])('a group of %i', () => {
        it(\`takes \${n} bytes\`, () => {});
      });`;
    expect(titlesIn(source)).toEqual(['a group of %i', 'takes … bytes']);
  });
});

it('76 scripts were measured, and the card says which were not', () => {
  const measured = all.filter((path) => !UNMEASURED.includes(path.split('/')[0]!));
  expect(measured).toHaveLength(76);
});

it('every script of ours belongs to a feature', () => {
  const named = new Set(FEATURES.flatMap((f) => f.scripts.flatMap(scriptsOf)));
  expect(all.filter((path) => !named.has(path))).toEqual([]);
});

function reactiveRow(v: Vector): ReactiveRow {
  return {
    name: v.scenario,
    transport: v.transport,
    held: classOf(v),
    linux: recordedCounts(v),
    ours: countsOf(observe(v).recorder.events),
  };
}

// It runs every script, every transfer and every run.
it('docs/fidelity.md says what holds', { timeout: 300_000 }, async () => {
  const failing = all.filter((file) => {
    const text = readFileSync(join(SCRIPTS, file), 'utf8');
    return run(text, { strict: true }).verdict !== 'pass';
  });
  expect(failing).toEqual([]);
  const recorded = readFileSync(
    new URL('./vectors/linux-transfers.jsonl', import.meta.url),
    'utf8',
  );
  const rows = rowsOf(recorded).map((row) => [row, compare(row)] as const);
  await expect(card(all.length, rows, VECTORS.map(reactiveRow))).toMatchFileSnapshot(
    '../docs/fidelity.md',
  );
});
