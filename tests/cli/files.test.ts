// With real files: whole or not at all.
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { execute, type RunScenario } from '../../src/cli/execute.ts';
import type { Job } from '../../src/cli/io.ts';
import { OutputFiles } from '../../src/cli/output-files.ts';
import { realIo } from '../../src/cli/real-io.ts';
import { read, VALID } from '../scenario/support.ts';
import { cliMain, ensureBuilt } from '../support/dist.ts';
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
  timeout: 10,
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

describe('the built program', () => {
  /** A transfer that takes longer than any test waits. */
  const long = VALID.replace('bytes: 4 MB', 'bytes: 400 GB').replace(
    'limit: 60 s',
    'limit: 80000 s',
  );

  /** Starts it in the folder; `meet` does something to it when it has begun to write. */
  async function started(args: string[], meet: (child: ChildProcess) => void): Promise<unknown[]> {
    await ensureBuilt();
    writeFileSync(join(folder, 'scenarios.yaml'), long);
    const child = spawn(process.execPath, [cliMain, ...args], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let err = '';
    child.stderr.on('data', (d: Buffer) => (err += d.toString()));
    const ended = new Promise<unknown>((resolve) => child.on('close', resolve));
    meet(child);
    return [await ended, err];
  }

  test('`hostwire run --trace | head` ends quietly when its reader goes', async () => {
    const gone = (child: ChildProcess): void =>
      void child.stdout!.once('data', () => child.stdout!.destroy());
    expect(await started(['run', '--trace'], gone)).toEqual([141, '']);
  });

  test.skipIf(process.platform === 'win32')(
    'leaves nothing half-written when it is interrupted, and answers at once',
    async () => {
      let interrupted = 0;
      const whenWriting = (child: ChildProcess): void => {
        const look = setInterval(() => {
          if (!readdirSync(folder).some((name) => name.endsWith('.partial'))) return;
          clearInterval(look);
          interrupted = performance.now();
          child.kill('SIGINT');
        }, 20);
      };
      const args = ['run', '--trace', '--out', '.', '--pcap', '.', '--quiet'];
      expect(await started(args, whenWriting)).toEqual([130, '']);
      expect(performance.now() - interrupted).toBeLessThan(5000);
      expect(readdirSync(folder)).toEqual(['scenarios.yaml']);
    },
  );
});
