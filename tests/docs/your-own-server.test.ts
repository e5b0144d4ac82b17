/** What docs/guide/your-own-server.md shows is what the program prints. HOSTWIRE_UPDATE=1 writes it anew. */
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cliMain, ensureBuilt, exec, root } from '../support/dist.ts';

const PAGE = join(root, 'docs', 'guide', 'your-own-server.md');
const EXAMPLES = join(root, 'examples');
const example = (name: string): string => readFileSync(join(EXAMPLES, name), 'utf8');

let folder = '';

/** The example with one line changed, and the first scenario of its file, for one variant. */
function broken(name: string, line: string, by: string): void {
  const source = example('my-server.ts');
  expect(source).toContain(line);
  writeFileSync(join(folder, `${name}.ts`), source.replace(line, by));
  const yaml = example('my-server.yaml')
    .replace('./my-server.ts', `./${name}.ts`)
    .replace(/    each:[^]*?(?=\n  upper-case:)/, '')
    .replace(/\n  upper-case:[^]*/, '');
  writeFileSync(join(folder, `${name}.yaml`), yaml);
}

beforeAll(async () => {
  await ensureBuilt();
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'hostwire-guide-')));
  cpSync(EXAMPLES, folder, { recursive: true });
  const line = '      answer.set(header);\n';
  broken('throws', 'getUint32(0)', 'getUint32(1)');
  broken('yields', '      yield sys.compute(work);\n', '      yield work;\n');
  broken('spins', line, `${line}      while (answer.length > length);\n`);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The times that are not simulated are left out. */
async function shell(line: string): Promise<string> {
  const { stdout, stderr } = await exec(process.execPath, [cliMain, ...line.split(' ')], folder);
  const printed = `${stderr}${stdout}`.replaceAll(/ simulated, [\d.]+ m?s/g, ' simulated');
  return `\`\`\`text\n$ npx hostwire ${line}\n${printed.trimEnd()}\n\`\`\``;
}

/** A file of the examples, or one scenario of it. */
function source(what: string): string {
  const [name = '', scenario] = what.split(' ');
  const text = example(name);
  if (scenario === undefined) return `\`\`\`ts\n${text.trimEnd()}\n\`\`\``;
  const from = text.indexOf(`  ${scenario}:\n`);
  const to = text.indexOf('\n\n', from);
  return `\`\`\`yaml\n${text.slice(from, to).trimEnd()}\n\`\`\``;
}

/** What the page shows, in its order: a marker that is lost is missed. */
const SHOWN = [
  'source: my-server.ts',
  'source: upper-case.ts',
  'source: lookups.ts',
  'source: my-server.yaml two-small-writes',
  'shell: run my-server.yaml two-small-writes',
  'shell: run throws.yaml',
  'shell: run yields.yaml',
  'shell: run spins.yaml --timeout 2',
];

test('the page shows real files and real output', async () => {
  const before = readFileSync(PAGE, 'utf8');
  const shown: string[] = [];
  let now = '';
  let end = 0;
  for (const m of before.matchAll(/<!-- (source|shell): (.*?) -->\n([^]*?)<!-- end -->/g)) {
    shown.push(`${m[1]}: ${m[2]}`);
    const body = m[1] === 'source' ? source(m[2]!) : await shell(m[2]!);
    now += `${before.slice(end, m.index)}<!-- ${m[1]}: ${m[2]} -->\n\n${body}\n\n<!-- end -->`;
    end = m.index + m[0].length;
  }
  now += before.slice(end);
  expect(shown).toEqual(SHOWN);
  if (process.env['HOSTWIRE_UPDATE'] === '1') writeFileSync(PAGE, now);
  expect(readFileSync(PAGE, 'utf8')).toBe(now);
});
