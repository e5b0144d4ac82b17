/** Pages whose blocks are written by what they show: `<!-- what -->` … `<!-- end -->`. */
import { readdirSync, readFileSync } from 'node:fs';
import { STARTER } from '../../src/cli/init.ts';
import { runScenario } from '../../src/sim/run/runner.ts';
import { hostwire } from '../cli/fake-io.ts';
import { situationTables } from '../scenarios/situations.ts';

const ROOT = new URL('../../', import.meta.url);
const scenarios = readFileSync(new URL('scenarios.yaml', ROOT), 'utf8');

/** packetdrill scripts that pages show and run. */
const SCRIPTS = 'examples/packetdrill';
const script = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');

/** Files that commands on a page may name. */
const FILES = {
  'scenarios.yaml': scenarios,
  'my.yaml': STARTER,
  ...Object.fromEntries(
    readdirSync(new URL(SCRIPTS, ROOT))
      .map((name) => `${SCRIPTS}/${name}`)
      .map((path) => [path, script(path)]),
  ),
};

/** Words of a command line, as a shell cuts them: single quotes keep what they hold. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? word);
}

/** What a command prints when piped; the one time that is not simulated is left out. */
async function output(line: string): Promise<string> {
  const { out, err } = await hostwire(wordsOf(line), { files: { ...FILES }, run: runScenario });
  return `${out}${err}`.replaceAll(/ simulated, [\d.]+ m?s/g, ' simulated');
}

/** The text of one scenario in scenarios.yaml, up to the next one. */
function yamlOf(name: string): string {
  const from = scenarios.indexOf(`  ${name}:\n`);
  if (from < 0) throw new Error(`scenarios.yaml has no ${name}`);
  const [text] = scenarios.slice(from).split(/\n {2}# (?:---|===)/, 1);
  return text!.trimEnd();
}

const fenced = (lang: string, body: string): string => `\`\`\`${lang}\n${body.trimEnd()}\n\`\`\``;

/** What belongs into a block with that head; null: the block is not ours. */
async function block(head: string): Promise<string | null> {
  if (head === 'situations') return situationTables();
  if (head === 'init') return fenced('yaml', STARTER);
  const scenario = /^scenario: (\S+)$/.exec(head)?.[1];
  if (scenario !== undefined) return fenced('yaml', yamlOf(scenario));
  const drill = /^script: (\S+)$/.exec(head)?.[1];
  if (drill !== undefined) return fenced('c', script(drill));
  const run = /^run: \S+ \| (.*)$/.exec(head)?.[1];
  if (run === undefined) return null;
  return fenced('text', `$ npx hostwire ${run}\n${await output(run)}`);
}

/** The page with all its blocks written anew. */
export async function refreshed(page: string): Promise<string> {
  const parts = page.split(/(<!-- [^\n]*? -->\n)/);
  const out: string[] = [];
  for (let i = 0; i < parts.length; i++) {
    const head = /^<!-- (.*) -->\n$/.exec(parts[i]!)?.[1];
    out.push(parts[i]!);
    const body = head === undefined ? null : await block(head);
    if (body === null) continue;
    if (parts[i + 2] !== '<!-- end -->\n' && !(parts[i + 2] ?? '').startsWith('<!-- end -->'))
      throw new Error(`no <!-- end --> behind ${head}`);
    out.push(`\n${body}\n\n`);
    i++;
  }
  return out.join('');
}
