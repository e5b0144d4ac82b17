// With real files: whole or not at all.
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { execute, type RunScenario } from '../../src/cli/execute.ts';
import type { Job } from '../../src/cli/io.ts';
import { OutputFiles } from '../../src/cli/output-files.ts';
import { realIo } from '../../src/cli/real-io.ts';
import { read, VALID } from '../scenario/support.ts';
import { good } from './fake-io.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hostwire-cli-'));
});
afterEach(() => {
  chmodSync(folder, 0o700);
  rmSync(folder, { recursive: true });
});

const job = (over: Partial<Job> = {}): Job => ({
  scenario: read(VALID)[0]!,
  invariants: true,
  eventHash: false,
  mutant: null,
  verify: false,
  trace: { format: 'ndjson', path: join(folder, 'a.trace.ndjson') },
  pcap: null,
  ...over,
});

const run = (simulate: RunScenario, j: Job = job()): ReturnType<typeof execute> =>
  execute(j, { run: simulate, files: new OutputFiles(), now: () => 0, onProgress: () => true });

const traced: RunScenario = (s, o) => {
  for (let i = 0; i < 5000; i++) o.trace?.record(i as never, 'client->server', 'tx', { seq: i });
  expect(readdirSync(folder).every((name) => name.endsWith('.partial'))).toBe(true);
  return good(s, o);
};

describe('a trace', () => {
  test('gets its name when the run has ended', () => {
    expect(run(traced).kind).toBe('result');
    expect(readdirSync(folder)).toEqual(['a.trace.ndjson']);
    const lines = readFileSync(join(folder, 'a.trace.ndjson'), 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(5000);
    expect(JSON.parse(lines[7]!)).toEqual({ t: 7, lane: 'client->server', what: 'tx', seq: 7 });
  });

  test('leaves nothing behind when the run breaks', () => {
    const breaking: RunScenario = (s, o) => {
      traced(s, o);
      throw new Error('broken');
    };
    expect(run(breaking).kind).toBe('bug');
    expect(readdirSync(folder)).toEqual([]);
  });

  test('into a folder that is not there is an output error, not a bug', () => {
    const outcome = run(
      traced,
      job({ trace: { format: 'text', path: join(folder, 'no', 'where') } }),
    );
    expect(outcome.kind).toBe('output');
  });
});

describe('a folder for outputs', () => {
  const io = realIo();

  test('is made, with the folders above it', () => {
    io.writableFolder(join(folder, 'a', 'b'));
    expect(readdirSync(join(folder, 'a', 'b'))).toEqual([]);
  });

  test.each([
    ['is a file', () => process.execPath],
    ['cannot be', () => '/proc/nowhere/x'],
  ])('that %s is refused in words', (_title, path) => {
    expect(() => io.writableFolder(path())).toThrow(/^cannot write to /);
  });
});

test('`hostwire metrics | head` ends quietly when its reader goes', async () => {
  const main = join(import.meta.dirname, '../../src/cli/main.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', main, 'metrics'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let err = '';
  child.stderr.on('data', (d: Buffer) => (err += d.toString()));
  child.stdout.destroy();
  const code = await new Promise((resolve) => child.on('close', resolve));
  expect([code, err]).toEqual([0, '']);
});
