/** `hostwire sweep`: what it prints and writes, how it ends, and the built program with workers and under an interrupt. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { InvariantError } from '../../src/base/assert.ts';
import type { RunScenario } from '../../src/cli/execute.ts';
import { SWEEP, WORLD } from '../study/support.ts';
import { cliMain, ensureBuilt, exec, succeed } from '../support/dist.ts';
import { good, hostwire, type World } from './fake-io.ts';

const HOLDS = `      expect:
        - { that: goodput, is: '>= 1 Mbit/s', source: a rule }
`;
const file = (sweep: string = SWEEP + HOLDS): World => ({ files: { 'my.yaml': WORLD + sweep } });

describe('exit codes', () => {
  test('0: every run and every expectation holds', async () => {
    const { code, out, err } = await hostwire('sweep my.yaml', file());
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('grid · 6 points · one seed · 6 of 6 runs');
    expect(out).toContain('✓ goodput >= 1 Mbit/s (30 Mbit/s, 6 times) a rule');
    expect(out.replaceAll('\n', ' ')).toContain('blocking, epoll: 30 everywhere.');
    expect(out).toContain('6 of 6 runs hold · exit 0');
    expect(Math.max(...out.split('\n').map((l) => l.length))).toBeLessThanOrEqual(80);
  });

  test('1: an expectation does not hold, with its place', async () => {
    const { code, out } = await hostwire('sweep my.yaml', {
      ...file(),
      run: (s, o) => ({ ...good(s, o), metrics: { goodput: s.label === '8192, epoll' ? 5 : 2e6 } }),
    });
    expect(code).toBe(1);
    expect(out).toContain('✗ goodput >= 1 Mbit/s');
    expect(out).toContain('8192, epoll: 5 bit/s');
    expect(out).toContain('my.yaml:17:11');
  });

  test('1: a run reaches its limit, with the command that shows it again', async () => {
    const run: RunScenario = (s, o) =>
      s.label === '4096, epoll'
        ? { ...good(s, o), stop: { reason: 'limit', atNs: 6e10, missing: ['upload.closed'] } }
        : good(s, o);
    const { code, out } = await hostwire('sweep my.yaml --seed 7', { ...file(), run });
    expect(code).toBe(1);
    expect(out).toContain('✗ 4096, epoll, seed 7: not finished (limit)');
    expect(out).toContain(
      'npx hostwire run my.yaml grid --seed 7 --set apps.server.sockopt.SO_RCVBUF=4096 --set apps.server.model=epoll',
    );
  });

  test('1: a bug of ours in one run; the others count', async () => {
    const run: RunScenario = (s, o) => {
      if (s.label === '4096, epoll') throw new InvariantError('tcp: illegal transition', 'X');
      return good(s, o);
    };
    const { code, out, err } = await hostwire('sweep my.yaml', { ...file(), run });
    expect(code).toBe(1);
    expect(err).toContain('this is a bug of hostwire, not of your scenario');
    expect(out).toContain('5 of 6 runs hold · exit 1');
    expect(out).toMatch(/4096 +30 +–/);
  });

  test.each([
    [
      'a mistake in the file',
      'sweep my.yaml',
      SWEEP.replace('goodput,', 'godput,'),
      'my.yaml:15:17: no metric is called `godput`',
    ],
    [
      'a metric to plot that is not measured',
      'sweep my.yaml --plot godput',
      SWEEP,
      '--plot godput: not measured; there is goodput, server.syscalls.read',
    ],
    ['an option that does not exist', 'sweep my.yaml --cvs a.csv', SWEEP, 'did you mean --csv?'],
    ['a scenario without a sweep', 'sweep my.yaml grid', '', '`grid` has no `sweep:`'],
    [
      'a number of jobs that is none',
      'sweep my.yaml --jobs 0',
      SWEEP,
      '--jobs 0: a whole number from 1',
    ],
  ])('2: %s', async (_what, line, sweep, says) => {
    const { code, out, err } = await hostwire(line, file(sweep));
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(says);
  });

  test('2: a folder that cannot be written to is found out before the first run', async () => {
    const world = { ...file(), readOnly: ['out'], run: () => expect.unreachable() as never };
    expect((await hostwire('sweep my.yaml --out out', world)).code).toBe(2);
  });
});

describe('outputs', () => {
  test('--out writes everything there is', async () => {
    const { files } = await hostwire('sweep my.yaml --out out', file());
    const names = ['csv', 'json', 'ndjson', 'png', 'svg', 'txt'].map((f) => `out/grid.${f}`);
    expect(Object.keys(files).toSorted()).toEqual(['my.yaml', ...names]);
    expect(files['out/grid.csv']!.split('\n')).toHaveLength(8);
    expect(files['out/grid.txt']).toContain('✓ goodput');
    expect(files['out/grid.svg']).toMatch(/^<svg role="img" aria-label="goodput in Mbit\/s/);
    expect(JSON.parse(files['out/grid.json']!)).toMatchObject({
      runs: { done: 6, total: 6 },
      expectations: [{ ok: true, cases: 6 }],
    });
  });

  test('single files take one sweep; a file with two needs a name, or --out', async () => {
    const two = `${WORLD}${SWEEP}${(WORLD + SWEEP).replace(/[^]*scenarios:\n/, '').replace('grid:', 'other:')}`;
    const world = { files: { 'my.yaml': two } };
    const refused = await hostwire('sweep my.yaml --csv a.csv', world);
    expect([refused.code, refused.err]).toEqual([
      2,
      'hostwire: --csv takes one sweep: name one of grid, other, or write all with --out\n',
    ]);
    const { code, files } = await hostwire(
      'sweep my.yaml other --csv a.csv --ndjson a.ndjson',
      world,
    );
    expect([code, files['a.ndjson']!.split('\n')[0]]).toEqual([
      0,
      expect.stringContaining('"scenario":"other","point":{"SO_RCVBUF":"4096","model":"blocking"}'),
    ]);
  });

  test('--json prints the study and nothing else; --no-plot and --plot say what is drawn', async () => {
    const { out } = await hostwire('sweep my.yaml --json', file());
    expect(JSON.parse(out)).toMatchObject({ exit: 0, studies: [{ scenario: 'grid' }] });
    expect((await hostwire('sweep my.yaml --no-plot', file())).out).not.toContain('against');
    const reads = (await hostwire('sweep my.yaml --plot server.syscalls.read', file())).out;
    expect(reads).toContain('read() calls against SO_RCVBUF');
    expect(reads).not.toContain('goodput in Mbit/s against');
  });
});

describe('an interrupt', () => {
  test('leaves valid files of what was done, says how far it got, and exits with 130', async () => {
    const many = SWEEP.replace('measure', 'repeat: 2\n      measure');
    const { code, out, files } = await hostwire('sweep my.yaml --csv a.csv --ndjson a.ndjson', {
      ...file(many),
      interruptAfter: 3,
    });
    expect(code).toBe(130);
    expect(out).toMatch(/interrupted: [34] of 12 runs were done/);
    const done = Number(/interrupted: (\d+)/.exec(out)![1]);
    const rows = files['a.csv']!.trimEnd().split('\n');
    expect(rows).toHaveLength(1 + done);
    expect(new Set(rows.map((r) => r.split(',').length))).toEqual(new Set([8]));
    const objects = files['a.ndjson']!.trimEnd().split('\n');
    expect(objects.map((o) => (JSON.parse(o) as { seed: string }).seed)).toEqual(
      Array(done).fill('1'),
    );
  });

  test('before the first run leaves a file with a head alone, and no picture', async () => {
    const { code, files, err } = await hostwire('sweep my.yaml --out out', {
      ...file(),
      interruptAfter: 0,
    });
    expect([code, files['out/grid.csv']!.split('\n').length, files['out/grid.svg']]).toEqual([
      130,
      2,
      undefined,
    ]);
    expect(err).toContain('no picture of grid: no run is done');
  });
});

describe('the built program', () => {
  let folder = '';
  beforeEach(async () => {
    await ensureBuilt();
    folder = mkdtempSync(join(tmpdir(), 'hostwire-sweep-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

  test('writes the same bytes with one worker and with two', async () => {
    writeFileSync(
      join(folder, 'my.yaml'),
      WORLD + SWEEP.replace('measure', 'repeat: 2\n      measure'),
    );
    for (const jobs of ['1', '2']) {
      const files = ['--csv', `${jobs}.csv`, '--ndjson', `${jobs}.ndjson`, '--svg', `${jobs}.svg`];
      const args = [cliMain, 'sweep', 'my.yaml', '--jobs', jobs, ...files];
      await succeed(exec(process.execPath, args, folder));
    }
    for (const kind of ['csv', 'ndjson', 'svg']) expect(read(`2.${kind}`)).toBe(read(`1.${kind}`));
    expect(read('1.csv').split('\n')).toHaveLength(14);
  });

  test.skipIf(process.platform === 'win32')(
    'under an interrupt writes whole files, says how far it got, and leaves nothing half-written',
    async () => {
      const long = WORLD.replace('bytes: 20 kB', 'bytes: 20 MB').replace('60 s', '600 s');
      const grid = SWEEP.replace('measure', 'repeat: 1000\n      measure');
      writeFileSync(join(folder, 'my.yaml'), long + grid);
      const args = [cliMain, 'sweep', 'my.yaml', '--csv', 'a.csv', '--no-plot', '--jobs', '2'];
      const child: ChildProcess = spawn(process.execPath, args, { cwd: folder, stdio: 'pipe' });
      let out = '';
      child.stdout!.on('data', (d: Buffer) => (out += d.toString()));
      const ended = new Promise<unknown>((resolve) => child.on('close', resolve));
      await new Promise((resolve) => {
        setTimeout(resolve, 2500);
      });
      child.kill('SIGINT');
      expect(await ended).toBe(130);
      const done = Number(/interrupted: (\d+) of 6000 runs were done/.exec(out)?.[1]);
      const rows = read('a.csv').trimEnd().split('\n');
      expect(rows).toHaveLength(1 + done);
      expect(new Set(rows.map((r) => r.split(',').length))).toEqual(new Set([8]));
      expect(readdirSync(folder).toSorted()).toEqual(['a.csv', 'my.yaml']);
    },
  );
});
