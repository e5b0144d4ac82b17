// The outside world of a test: files in memory, output in strings, runs that give what the test wants.
import { type Io, type Runner, UsageError } from '../../src/cli/io.ts';
import { main } from '../../src/cli/main.ts';
import { execute, type RunScenario } from '../../src/cli/execute.ts';
import { OutputFiles } from '../../src/cli/output-files.ts';
import { result } from '../report/result.ts';
import { VALID } from '../scenario/support.ts';

/** What a scenario gives when nothing is wrong with it. */
export const good: RunScenario = (s) =>
  result(s.label, {
    scenario: s.name,
    variant: s.variant,
    settings: s.settings,
    seed: s.seed,
    metrics: { goodput: 30e6, 'server.syscalls.read': 2700, 'client.tcp.retransmitted': 0 },
    fingerprint: s.seed.padStart(16, '0'),
  });

export interface Told {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface World {
  files?: Record<string, string>;
  run?: RunScenario;
  /** Folders that refuse. */
  readOnly?: string[];
  /** Interrupts after so many runs; 0: while the first file is written. */
  interruptAfter?: number;
  colour?: boolean;
  columns?: number;
}

/** In this thread, one after the other, with a breath between two runs. */
function here(run: RunScenario): Runner {
  return {
    start(jobs, _parallel, events) {
      let cancelled = false;
      const go = async (): Promise<void> => {
        for (let i = 0; i < jobs.length; i++) {
          await new Promise<void>((resolve) => {
            setImmediate(resolve);
          });
          if (cancelled) return;
          const context = { run, files: new OutputFiles(), now: () => 0, onProgress: () => true };
          events.onDone(i, execute(jobs.at(i)!, context));
        }
      };
      return {
        done: go(),
        async cancel() {
          cancelled = true;
        },
        progress: () => 0,
      };
    },
  };
}

/** Runs a command line. */
export async function hostwire(
  line: string | readonly string[],
  world: World = {},
): Promise<Told & { files: Record<string, string> }> {
  const files: Record<string, string> = world.files ?? { 'scenarios.yaml': VALID };
  let out = '';
  let err = '';
  let interrupt: (() => void) | null = null;
  const interrupted = (): void => {
    if (interrupt === null) throw new Error('an interrupt here kills the program');
    queueMicrotask(interrupt);
  };
  let runs = 0;
  const run: RunScenario = (s, o) => {
    const r = (world.run ?? good)(s, o);
    if (++runs === world.interruptAfter) interrupted();
    return r;
  };
  const io: Io = {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    terminal: { colour: world.colour ?? false, progress: false, columns: world.columns ?? 80 },
    readText(path) {
      const text = files[path];
      if (text === undefined)
        throw new UsageError(`cannot read ${path}: there is no such file or folder`);
      return text;
    },
    exists: (path) => files[path] !== undefined,
    kindOf(path) {
      if (files[path] !== undefined) return 'file';
      return Object.keys(files).some((f) => f.startsWith(`${path}/`)) ? 'folder' : null;
    },
    filesBelow: (folder, ending) =>
      Object.keys(files)
        .filter((f) => f.startsWith(`${folder}/`) && f.endsWith(ending))
        .toSorted(),
    createText(path, text) {
      if (files[path] !== undefined)
        throw new UsageError(`cannot write ${path}: it is there already`);
      files[path] = text;
    },
    writableFolder(path) {
      if (world.readOnly?.includes(path))
        throw new UsageError(`cannot write to ${path}: permission denied`);
      if (world.interruptAfter === 0) interrupted();
    },
    replaceText(path, text) {
      files[path.replaceAll('\\', '/')] = text;
    },
    replaceBytes(path, bytes) {
      files[path.replaceAll('\\', '/')] = `${bytes.length} bytes`;
    },
    removePartial() {},
    now: () => 0,
    cpus: 2,
    onInterrupt(handler) {
      interrupt = handler;
      return () => {
        interrupt = null;
      };
    },
    runner: here(run),
  };
  const code = await main(
    typeof line === 'string' ? line.split(' ').filter((w) => w !== '') : line,
    io,
  );
  return { code, out, err, files };
}
