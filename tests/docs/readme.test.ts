/** What the README shows is what a run prints. HOSTWIRE_UPDATE=1 writes it anew. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runScenario } from '../../src/sim/run/runner.ts';
import { hostwire } from '../cli/fake-io.ts';

const ROOT = new URL('../../', import.meta.url);
const README = new URL('README.md', ROOT);
const scenarios = readFileSync(new URL('scenarios.yaml', ROOT), 'utf8');

/** What a command prints when piped; the one time that is not simulated is left out. */
async function output(argv: readonly string[]): Promise<string> {
  const files = { 'scenarios.yaml': scenarios };
  const { code, out, err } = await hostwire(argv, { files, run: runScenario });
  expect([code, err]).toEqual([0, '']);
  return out.replace(/ simulated, [\d.]+ m?s/, ' simulated');
}

/** The text of one scenario in scenarios.yaml, up to the next one. */
function yamlOf(name: string): string {
  const from = scenarios.indexOf(`  ${name}:\n`);
  const to = scenarios.indexOf('\n  # ---', from);
  return scenarios.slice(from, to < 0 ? undefined : to).trimEnd();
}

function fill(text: string, marker: string, lang: string, body: string): string {
  const from = text.indexOf(marker);
  if (from < 0) throw new Error(`README.md has no ${marker}`);
  const to = text.indexOf('<!-- end -->', from);
  return `${text.slice(0, from + marker.length)}\n\n\`\`\`${lang}\n${body.trimEnd()}\n\`\`\`\n\n${text.slice(to)}`;
}

it('shows real output and a real scenario', async () => {
  const before = readFileSync(README, 'utf8');
  const name = 'accept-queue-overflow';
  const shown = `$ npx hostwire run ${name}\n${await output(['run', 'scenarios.yaml', name])}`;
  let now = fill(before, `<!-- output of: hostwire run scenarios.yaml ${name} -->`, 'text', shown);
  now = fill(now, `<!-- scenario: ${name} -->`, 'yaml', yamlOf(name));
  if (process.env['HOSTWIRE_UPDATE'] === '1') writeFileSync(README, now);
  expect(readFileSync(README, 'utf8')).toBe(now);
});
