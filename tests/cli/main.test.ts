import { describe, expect, test } from 'vitest';
import { InvariantError, ScenarioError } from '../../src/base/assert.ts';
import { fileAndNames } from '../../src/cli/file.ts';
import type { RunScenario } from '../../src/cli/execute.ts';
import { OutputClosed } from '../../src/cli/output-files.ts';
import { good, hostwire } from './fake-io.ts';
import { VALID } from '../scenario/support.ts';

const wrong = (from: string, to: string): { files: Record<string, string> } => ({
  files: { 'scenarios.yaml': VALID.replace(from, () => to) },
});
const failing: RunScenario = (s, o) => ({
  ...good(s, o),
  metrics: { ...good(s, o).metrics, goodput: 1e6 },
});

describe('exit codes', () => {
  test('0: everything holds', async () => {
    const { code, out, err } = await hostwire('run');
    expect(out).toContain('2 of 2 runs hold · exit 0');
    expect([code, err]).toEqual([0, '']);
  });

  test('1: an expectation fails, with the command that shows it again', async () => {
    const { code, out } = await hostwire('run', { run: failing });
    expect(code).toBe(1);
    expect(out).toContain('✗ goodput 25 .. 34 Mbit/s  blocking: 1 Mbit/s');
    expect(out).toContain('npx hostwire run upload --seed 1 --set apps.server.model=blocking');
    expect(out).toContain('scenarios.yaml:28:9');
    expect(out).toContain('0 of 2 runs hold · exit 1');
  });

  test('1: a run reaches its limit', async () => {
    const run: RunScenario = (s, o) => ({
      ...good(s, o),
      stop: { reason: 'limit', atNs: 6e10, missing: ['sender.closed'] },
    });
    const { code, out } = await hostwire('run', { run });
    expect(code).toBe(1);
    expect(out).toContain('✗ blocking: not finished at its limit of 60 s');
  });

  test('1: an invariant does not hold', async () => {
    const run: RunScenario = (s, o) => ({
      ...good(s, o),
      invariants: [{ name: 'in-order', ok: false, checks: 1, message: 'twice' }],
    });
    expect((await hostwire('run', { run })).code).toBe(1);
  });

  test('1: a bug of ours says that it is one, with seed and command', async () => {
    const run: RunScenario = () => {
      throw new InvariantError('tcp: illegal transition', 'LISTEN -> CLOSING');
    };
    const { code, err } = await hostwire('run my.yaml upload --seed 7', {
      run,
      files: { 'my.yaml': VALID },
    });
    expect(code).toBe(1);
    expect(err).toContain('this is a bug of hostwire, not of your scenario');
    expect(err).toContain('tcp: illegal transition: LISTEN -> CLOSING');
    expect(err).toContain(
      'npx hostwire run my.yaml upload --seed 7 --set apps.server.model=blocking',
    );
  });

  test.each([
    ['an unknown key', 'rx-usecs', 'rx-usec', 'scenarios.yaml:15:47: unknown key `rx-usec`'],
    ['a missing unit', 'delay: 10 ms', 'delay: 10', "scenarios.yaml:19:16: '10' has no unit"],
    [
      'an impossible value',
      'loss: 0.1 %',
      'loss: 101 %',
      "scenarios.yaml:21:33: impossible value: '101 %'",
    ],
    ['a syntax error', 'shows: One', 'shows: "One', 'scenarios.yaml:'],
    [
      'no traffic',
      'model: bulk, connect: server:8080, bytes: 4 MB',
      'model: echo, listen: 1',
      'no traffic',
    ],
  ])('2: %s', async (_title, from, to, says) => {
    const { code, out, err } = await hostwire('run', wrong(from, to));
    expect(code).toBe(2);
    expect(err).toContain(says);
    expect(out).toBe('');
  });

  test('2: an unknown scenario, with the nearest', async () => {
    const { code, err } = await hostwire('run uplaod');
    expect(code).toBe(2);
    expect(err).toContain('no scenario is called `uplaod`');
    expect(err).toContain('did you mean `upload`?');
  });

  test('2: found out while it runs (a clock that does not move), in the place it belongs to', async () => {
    const run: RunScenario = () => {
      throw new ScenarioError('the clock does not move', ['apps', 'sender'], 'give it a delay');
    };
    const { code, err } = await hostwire('run', { run });
    expect(code).toBe(2);
    expect(err).toContain('scenarios.yaml:24:7: upload (blocking): the clock does not move');
    expect(err).toContain('hint: give it a delay');
  });

  test('2: an output that cannot be written, before anything runs', async () => {
    let runs = 0;
    const run: RunScenario = (s, o) => {
      runs++;
      return good(s, o);
    };
    for (const option of ['--out', '--pcap']) {
      const { code, err } = await hostwire(`run ${option} locked`, { run, readOnly: ['locked'] });
      expect([code, err]).toEqual([2, 'hostwire: cannot write to locked: permission denied\n']);
    }
    expect(runs).toBe(0);
  });

  test.each([
    ['runn', 'there is no command runn; did you mean run?'],
    ['run --verfy', 'there is no option --verfy; did you mean --verify?'],
    ['run --frobnicate', 'Unknown argument: frobnicate'],
    ['run some/where', 'a file of scenarios comes first, and its name ends in .yaml or .yml'],
    ['run --seeds 4', '--seeds 4: write two whole numbers'],
    ['run --seeds 9..3', '--seeds 9..3'],
    ['run --seeds 1..3 --seed 2', 'exclude each other'],
    ['run --jobs 0', '--jobs 0: a whole number from 1'],
    ['run --jobs many', '--jobs many: a whole number from 1'],
    ['list uplaod', 'did you mean `upload`?'],
    ['run --trace=xml', '--trace xml: one of text, ndjson'],
    ['run --trace=ndjsn', '--trace ndjsn: did you mean ndjson?'],
    ['run nowhere.yaml', 'cannot read nowhere.yaml'],
    ['show linux-2.4', 'no profile is called linux-2.4; there is linux-6.18, rfc'],
    ['show constructor', 'no profile is called constructor'],
    ['init scenarios.yaml', 'it is there already'],
  ])('2: %s', async (line, says) => {
    const { code, out, err } = await hostwire(line);
    expect(err).toContain(says);
    expect([code, out]).toEqual([2, '']);
  });

  test('2: nothing is written when there is nothing to tell', async () => {
    const run: RunScenario = () => {
      throw new ScenarioError('the clock does not move', [], 'give it a delay');
    };
    const { code, err, files } = await hostwire('run --out results', { run });
    expect(code).toBe(2);
    expect(err).toContain('scenarios.yaml:8:3: upload (blocking): the clock does not move');
    expect(Object.keys(files)).toEqual(['scenarios.yaml']);
  });

  test('141: whoever read the trace has gone, and nobody is told', async () => {
    let runs = 0;
    const run: RunScenario = () => {
      runs++;
      throw new OutputClosed();
    };
    expect(await hostwire('run --trace', { run })).toMatchObject({ code: 141, out: '', err: '' });
    expect(runs).toBe(1);
  });

  test('130: interrupted while it looks whether it can write', async () => {
    const { code, out } = await hostwire('run --out here', { interruptAfter: 0 });
    expect(out).toMatch(/interrupted: 0 of 2 runs were done/);
    expect(code).toBe(130);
  });

  test('130: interrupted, with what is done', async () => {
    const { code, out } = await hostwire('run --seeds 1..9', { interruptAfter: 3 });
    expect(code).toBe(130);
    expect(out).toContain('upload · seed 1');
    expect(out).toMatch(/interrupted: [34] of 18 runs were done/);
    expect(out).not.toContain('seed 9');
  });
});

describe('run', () => {
  test('FILE is a first argument that ends in .yaml or .yml, or - for standard input', () => {
    expect(fileAndNames(['a.yaml', 'b'])).toEqual({ file: 'a.yaml', names: ['b'] });
    expect(fileAndNames(['a.YML'])).toEqual({ file: 'a.YML', names: [] });
    expect(fileAndNames(['-', 'b'])).toEqual({ file: '-', names: ['b'] });
    expect(fileAndNames(['b', 'a.yaml'])).toEqual({ file: null, names: ['b', 'a.yaml'] });
    expect(fileAndNames([])).toEqual({ file: null, names: [] });
  });

  test('reads standard input', async () => {
    const { code, out } = await hostwire('run - upload', { files: { '-': VALID } });
    expect(code).toBe(0);
    expect(out).toContain('2 of 2 runs hold');
  });

  test('--set changes, and chooses a variant', async () => {
    const { out } = await hostwire([
      'run',
      '--set',
      'apps.server.model=epoll',
      '--set',
      'links.0.delay=1 ms',
    ]);
    expect(out).toContain('1 of 1 run holds');
    // The other variant is not there to compare with.
    expect(out).toContain('· goodput[model=blocking]');
  });

  test('a `--trace` before a name does not take the name', async () => {
    const traced: RunScenario = (s, o) => {
      expect(o.trace?.on).toBe(true);
      return good(s, o);
    };
    expect((await hostwire('run --trace upload', { run: traced })).code).toBe(0);
  });

  test('--seeds runs each seed, one report each', async () => {
    const { out } = await hostwire('run --seeds 3..5');
    expect(out.match(/seed \d+/g)).toEqual(expect.arrayContaining(['seed 3', 'seed 4', 'seed 5']));
    expect(out).toContain('6 of 6 runs hold');
  });

  test('--quiet prints failures and the summary', async () => {
    expect((await hostwire('run --quiet')).out).toBe('2 of 2 runs hold · exit 0\n');
    expect((await hostwire('run --quiet', { run: failing })).out).toContain('✗ goodput');
  });

  test('--json prints one object and nothing else', async () => {
    const { out, err } = await hostwire('run --json');
    expect(JSON.parse(out)).toMatchObject({
      exit: 0,
      holds: 2,
      runs: [{ variant: 'blocking' }, { variant: 'epoll' }],
    });
    expect(err).toBe('');
  });

  test('--no-invariants switches them off', async () => {
    const seen: (boolean | undefined)[] = [];
    const run: RunScenario = (s, o) => {
      seen.push(o.invariants);
      return good(s, o);
    };
    await hostwire('run --no-invariants', { run });
    await hostwire('run', { run });
    expect(seen).toEqual([false, false, true, true]);
  });

  test('--out writes report and result as they are printed, without colours', async () => {
    const { files, out } = await hostwire('run --out results', { colour: true });
    // oxlint-disable-next-line no-control-regex -- the escape character is what is looked for
    expect(out).toMatch(/\u001b\[32m✓/);
    expect(files['results/report.txt']).toContain('✓ goodput 25 .. 34 Mbit/s');
    expect(files['results/report.txt']).toContain('2 of 2 runs hold');
    expect(JSON.parse(files['results/result.json']!)).toMatchObject({ holds: 2 });
  });

  test('--verify accepts a run that is the same again', async () => {
    const { code, out } = await hostwire('run --verify');
    expect(code).toBe(0);
    expect(out).toContain('✓ blocking: verified');
  });

  test('--verify names the first record that differs', async () => {
    let n = 0;
    const drifting: RunScenario = (s, o) => {
      n++;
      o.trace?.record(5 as never, 'client->server', 'tx', { seq: 1 });
      o.trace?.record(7 as never, 'client->server', 'tx', { seq: n });
      return { ...good(s, o), fingerprint: String(n).padStart(16, '0') };
    };
    const { code, out } = await hostwire('run --verify --set apps.server.model=epoll', {
      run: drifting,
    });
    expect(code).toBe(1);
    expect(out).toMatch(
      /✗ epoll: not the same again: .*record that differs is number 1, 0\.000000007 client->server/,
    );
  });
});

describe('the other commands', () => {
  test('hostwire alone prints help and the scenarios at hand', async () => {
    const { code, out } = await hostwire('');
    expect(code).toBe(0);
    expect(out).toContain('hostwire run [FILE] [names..]');
    expect(out).toContain('upload  (2 variants)');
    expect((await hostwire('', { files: {} })).out).toContain('hostwire init writes one');
  });

  test('help fits 80 columns and shows examples', async () => {
    for (const line of ['--help', 'run --help']) {
      const { out } = await hostwire(line);
      expect(out.split('\n').filter((l) => l.length > 80)).toEqual([]);
    }
    expect((await hostwire('--help')).out).toContain('Examples:');
  });

  test('list, validate, schema, metrics and show print and exit 0', async () => {
    const listed = 'upload  (2 variants)\n    One connection over a clean link.\n';
    expect((await hostwire('list')).out).toBe(listed);
    const byName = VALID.replace('[blocking, epoll]', '{ a: {}, b: {}, c: {} }');
    expect((await hostwire('list', { files: { 'scenarios.yaml': byName } })).out).toContain(
      'upload  (3 variants)',
    );
    expect((await hostwire('list upload')).out).toBe(listed);
    expect((await hostwire('validate')).out).toBe('scenarios.yaml: 1 scenario, 2 runs: valid\n');
    expect(JSON.parse((await hostwire('schema')).out)).toHaveProperty('$schema');
    expect((await hostwire('metrics')).out).toContain('goodput  [bit/s]');
    expect((await hostwire('show linux-6.18')).out).toContain('net.ipv4.tcp_rmem');
    expect((await hostwire('show')).out).toBe((await hostwire('show linux-6.18')).out);
    expect((await hostwire('show rfc')).out).toMatch(/tcp\.congestionWindow +rfc\n/);
    expect((await hostwire('show')).out).toMatch(/tcp\.congestionWindow +linux\n/);
    expect((await hostwire('completion')).out).toContain('complete -o');
  });

  test('validate finds what run would', async () => {
    expect((await hostwire('validate', wrong('delay: 10 ms', 'delay: 10'))).code).toBe(2);
  });

  test('init writes a file that is valid and runs', async () => {
    const { files, out } = await hostwire('init', { files: {} });
    expect(out).toContain('wrote scenarios.yaml');
    expect(await hostwire('validate', { files })).toMatchObject({
      code: 0,
      out: 'scenarios.yaml: 1 scenario, 2 runs: valid\n',
    });
  });

  test('docs/metrics.md is what `hostwire metrics --markdown` prints', async () => {
    const { out } = await hostwire('metrics --markdown');
    await expect(out).toMatchFileSnapshot('../../docs/metrics.md');
  });

  test('docs/scenarios.md is what `hostwire schema --markdown` prints: every key once', async () => {
    const { out } = await hostwire('schema --markdown');
    await expect(out).toMatchFileSnapshot('../../docs/scenarios.md');
    const titles = out.split('\n').filter((line) => line.startsWith('## '));
    expect(new Set(titles).size).toBe(titles.length);
    for (const key of [
      'tcp_rmem',
      'rx-usecs',
      'gemodel',
      'model: talk',
      'water-marks',
      'SO_RCVBUF',
    ])
      expect(out).toContain(key);
  });

  test('completion knows the commands, their options, and the scenarios of the file', async () => {
    const complete = async (line: string): Promise<string[]> => {
      const files = { 'scenarios.yaml': VALID, 'my.yaml': VALID.replace('upload:', 'download:') };
      const words = ['--get-yargs-completions', 'hostwire', ...line.split(' ')];
      return (await hostwire(words, { files })).out.trim().split('\n');
    };
    expect(await complete('')).toEqual(expect.arrayContaining(['run', 'validate', 'completion']));
    expect(await complete('run up')).toEqual(['upload']);
    expect(await complete('run my.yaml do')).toEqual(['download']);
    expect(await complete('run --see')).toEqual(expect.arrayContaining(['--seed', '--seeds']));
  });
});
