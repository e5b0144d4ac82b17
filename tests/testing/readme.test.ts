/**
 * The README's test of one's own server, as a user has it: in a project of its own, with node:test and with Vitest; and with
 * bugs planted into the server, which it must find. The guide shows what it says; HOSTWIRE_UPDATE=1 writes it anew.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt, exec, root, type Ran } from '../support/dist.ts';

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const server = read('examples/my-server.ts');

/** The body of a function of the server, from its first line to its last. */
const READS_ALL = /(?<=Sub<boolean> \{\n)[^]*?(?=\n\}\n)/;

/** What people forget, as text in place of what is right. */
const PLANTED = {
  /** One read() brings what was asked for. */
  'one-read': server.replace(
    READS_ALL,
    '  const n = yield sys.read(fd, into.length, into);\n  return n > 0;',
  ),
  /** What follows a message in the same read() belongs to it. */
  'lost-bytes': server.replace(
    READS_ALL,
    `  const all = new Uint8Array(65_536);
  for (let have = 0; have < into.length;) {
    const n = yield sys.read(fd, all.length, all);
    if (n <= 0) return false;
    into.set(all.subarray(0, Math.min(n, into.length - have)), have);
    have += n;
  }
  return true;`,
  ),
} as const;
type Bug = keyof typeof PLANTED;

/** A block of a page that shows a file: what is between its fences. */
function printed(page: string, head: string): string {
  const from = page.indexOf(`<!-- ${head} -->`);
  const block = /```\w*\n([^]*?)```\n/.exec(page.slice(from));
  if (from < 0 || block === null) throw new Error(`nothing is printed below ${head}`);
  return block[1]!;
}

const EXAMPLE = 'file: examples/my-server.test.ts';

/** What each page shows, in its order. */
const PAGES: Readonly<Record<string, readonly string[]>> = {
  'README.md': [EXAMPLE],
  'docs/guide/property-tests.md': [EXAMPLE, 'planted: one-read', 'failure: one-read'],
};

/** A page with `blocks` between their markers, and which of them have markers there. */
function filled(
  page: string,
  blocks: Readonly<Record<string, string>>,
): { shown: string[]; text: string } {
  const shown: string[] = [];
  const text = page.replaceAll(
    /(<!-- (?!end )(.*?) -->\n)[^]*?(?=<!-- end -->)/g,
    (all: string, head: string, what: string) => {
      if (!Object.hasOwn(blocks, what)) return all;
      shown.push(what);
      return `${head}${blocks[what]!}`;
    },
  );
  return { shown, text };
}

describe('the test that the README prints', () => {
  let folder = '';
  const said = new Map<string, string>();

  beforeAll(async () => {
    await ensureBuilt();
    const cache = join(root, 'node_modules', '.cache', 'hostwire');
    mkdirSync(cache, { recursive: true });
    folder = mkdtempSync(join(cache, 'readme-'));
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(root, join(folder, 'node_modules', 'hostwire'), 'junction');
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
    writeFileSync(join(folder, 'seed.env'), 'HOSTWIRE_SEED=1\n');
    writeFileSync(join(folder, 'my-server.ts'), server);
    const test = printed(read('README.md'), EXAMPLE);
    writeFileSync(join(folder, 'my-server.test.ts'), test);
    const inVitest = test.replace("'node:test'", "'vitest'");
    writeFileSync(join(folder, 'in-vitest.test.ts'), inVitest);
    writeFileSync(join(folder, 'vitest.config.mjs'), 'export default {};\n');
  }, 120_000);

  afterAll(() => {
    if (folder !== '') rmSync(folder, { recursive: true, force: true });
  });

  const withNode = (place: string): Promise<Ran> =>
    exec(
      process.execPath,
      // The seed that the guide's output was drawn with.
      ['--env-file=seed.env', '--import', 'tsx', '--test', 'my-server.test.ts'],
      place,
    );

  /** The same project with a bug in its server. @returns what the test says, as the error's text was */
  async function saidOf(bug: Bug): Promise<{ text: string; place: string }> {
    const place = join(folder, bug);
    mkdirSync(place);
    for (const name of ['package.json', 'seed.env', 'my-server.test.ts'])
      writeFileSync(join(place, name), readFileSync(join(folder, name)));
    expect(PLANTED[bug]).not.toBe(server);
    writeFileSync(join(place, 'my-server.ts'), PLANTED[bug]);
    const { code, stdout } = await withNode(place);
    expect([code, stdout]).toEqual([1, expect.stringContaining('✗')]);
    const [, indent, text] = /^( *)(✗ [^]*?path: '[\d:]*' \})/m.exec(stdout)!;
    return { text: text!.replaceAll(`\n${indent!}`, '\n'), place };
  }

  it('passes with node:test', async () => {
    const { code, stdout } = await withNode(folder);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/pass 1$/m)]);
  });

  it('passes in Vitest', async () => {
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
    // On a busy machine a hundred worlds take longer than the 5 s that Vitest waits by itself.
    const args = [vitest, 'run', '--testTimeout=120000', 'in-vitest.test.ts'];
    const ran = await exec(process.execPath, args, folder);
    expect([ran.code, ran.stdout + ran.stderr]).toEqual([0, expect.stringMatching(/1 passed/)]);
  });

  it.each(Object.keys(PLANTED) as Bug[])('finds a planted bug: %s', async (bug) => {
    const { text, place } = await saidOf(bug);
    said.set(bug, text);
    const world = text.split(/-{80}\n/)[1]!;
    // Made small: no faults, no buffers, no machines of their own.
    expect(world).toContain('client: {}\n      server: {}\n');
    expect(world).not.toMatch(/until|loss|sysctl/);
    // And replayed: the same verdict from the command line.
    writeFileSync(join(place, 'failing.yaml'), world);
    const cli = join(root, 'dist', 'cli', 'main.js');
    const replayed = await exec(process.execPath, [cli, 'run', 'failing.yaml'], place);
    expect([replayed.code, replayed.stdout]).toEqual([1, expect.stringContaining('✗')]);
  });

  it('is what README and guide print, with what it said', () => {
    const fenced = (lang: string, text: string): string =>
      `\n\`\`\`${lang}\n${text.trimEnd()}\n\`\`\`\n\n`;
    const blocks: Readonly<Record<string, string>> = {
      [EXAMPLE]: fenced('ts', read('examples/my-server.test.ts')),
      'planted: one-read': fenced('diff', difference(server, PLANTED['one-read'])),
      'failure: one-read': fenced('text', said.get('one-read') ?? ''),
    };
    for (const [page, names] of Object.entries(PAGES)) {
      const { shown, text } = filled(read(page), blocks);
      expect([page, shown]).toEqual([page, names]);
      if (process.env['HOSTWIRE_UPDATE'] === '1') writeFileSync(join(root, page), text);
      expect(read(page)).toBe(text);
    }
  });

  it('is missed where a page has lost a marker (mutant)', () => {
    for (const [page, names] of Object.entries(PAGES))
      for (const name of names) {
        const blocks = Object.fromEntries(names.map((n) => [n, '']));
        const without = read(page).replace(`<!-- ${name} -->\n`, '');
        expect(filled(without, blocks).shown).toEqual(names.filter((n) => n !== name));
      }
  });
});

/** Lines that differ, with the line in front of them: enough where one place has changed. */
function difference(before: string, after: string): string {
  const [a, b] = [before.split('\n'), after.split('\n')];
  const same = a.findIndex((line, i) => line !== b[i]);
  const end = a.toReversed().findIndex((line, i) => line !== b.at(-1 - i));
  return [
    ` ${a[same - 1]!}`,
    ...a.slice(same, a.length - end).map((line) => `-${line}`),
    ...b.slice(same, b.length - end).map((line) => `+${line}`),
    ` ${a[a.length - end]!}`,
  ].join('\n');
}
