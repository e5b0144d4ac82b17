/**
 * packetdrill scripts against one simulated host: parse, run in virtual time, judge. Pure and synchronous.
 */
import { ScriptError, type Code, type Script, type ScriptOption, type Shell } from './ast.ts';
import { Environment } from './environment.ts';
import { Interpreter } from './interpreter.ts';
import { readOptions, type Settings } from './options.ts';
import { parseScript } from './parser.ts';
import { parsePython, PythonError, runPython, type PythonProgram } from './python.ts';
import { Rig, type Ends } from './rig.ts';
import { DEFAULT_TOLERANCE, NO_TOLERANCE, type Tolerance } from './timing.ts';
import { Failure, NotSupported, type Verdict } from './verdict.ts';

export type { ScriptOption } from './ast.ts';
export type { Verdict } from './verdict.ts';

export interface RunOptions {
  /** No tolerance but what the options say, and no packet that no line reads. */
  readonly strict?: boolean;
  /** Of the command line: they win over the script's. */
  readonly options?: readonly ScriptOption[];
  /** `--define`: words and what they stand for. */
  readonly defines?: ReadonlyMap<string, string>;
  /** Gets a line for everything that happens, and for what code blocks print. */
  readonly trace?: (line: string) => void;
}

/** Runs one script. It does not throw: a crash of the simulated host is a failure with the broken law. */
export function runScript(text: string, options: RunOptions = {}): Verdict {
  const run = new ScriptRun(options);
  try {
    run.judge(text);
    return verdict('pass', null, '', run.usedUs);
  } catch (error) {
    return told(error, run);
  }
}

class ScriptRun {
  private readonly options: RunOptions;
  private rig: Rig | null = null;
  /** Where the interpreter is, for errors without a line. */
  line: number | null = null;

  constructor(options: RunOptions) {
    this.options = options;
  }

  get usedUs(): number {
    return this.rig === null ? 0 : Math.floor(this.rig.now / 1000);
  }

  judge(text: string): void {
    const script = parseScript(text, this.options.defines ?? new Map<string, string>());
    const settings = settingsOf(script, this.options.options ?? []);
    const program = parsePython(blocksOf(script));
    if (settings.dryRun) {
      // Reading stops at the first event that is not modelled.
      const last = script.events.at(-1);
      if (last?.kind === 'unsupported') throw new NotSupported(last.reason, last.line);
      return;
    }
    this.run(script, settings, program);
  }

  private run(script: Script, settings: Settings, program: PythonProgram): void {
    const trace = this.options.trace ?? ((): void => {});
    Environment.rehearse(shellsOf(script), settings);
    const ends = endsOf(settings);
    const world = new Environment(settings);
    if (script.init !== null) world.run(script.init);
    const rig = (this.rig = new Rig({ ends, stack: world.stack, tun: world.tun }));
    world.attach(rig);
    const strict = this.options.strict ?? false;
    const interpreter = new Interpreter(rig, {
      ends,
      settings,
      tolerance: toleranceOf(settings, strict),
      strict,
      shell: (shell) => world.run(shell),
      fileSize: (path) => world.files.get(path) ?? null,
      trace,
      at: (line) => (this.line = line),
    });
    interpreter.run(script.events);
    this.line = null;
    if (script.cleanup !== null) world.run(script.cleanup);
    const error = runPython(program, interpreter.snapshots, trace);
    if (error !== null) throw error;
  }
}

/** Options in force, or the first one that cannot be followed. */
function settingsOf(script: Script, ofCommandLine: readonly ScriptOption[]): Settings {
  const own = script.options.filter((o) => o.name !== 'define');
  const settings = readOptions(own, ofCommandLine);
  if (!('option' in settings)) return settings;
  throw new NotSupported(settings.message, settings.option.line);
}

/** Under --strict none, unless the script itself says how far off it may be: then packetdrill's rule holds as it is. */
function toleranceOf(settings: Settings, strict: boolean): Tolerance {
  const { toleranceUsecs, tolerancePercent } = settings;
  const fallback = strict && toleranceUsecs === null ? NO_TOLERANCE : DEFAULT_TOLERANCE;
  return {
    us: toleranceUsecs ?? fallback.us,
    percent: tolerancePercent ?? fallback.percent,
  };
}

function endsOf({ localIp, remoteIp, bindPort, connectPort }: Settings): Ends {
  return { localAddr: localIp | 0, bindPort, remoteAddr: remoteIp | 0, connectPort };
}

/** In the order in which they are run. */
function shellsOf({ init, events, cleanup }: Script): Shell[] {
  const timed = events.filter((e) => e.kind === 'command');
  return [init, ...timed, cleanup].filter((shell) => shell !== null);
}

const blocksOf = (script: Script): { text: string; line: number }[] =>
  script.events
    .filter((e): e is Code => e.kind === 'code')
    .map((e) => ({ text: e.text, line: e.codeLine }));

function verdict(
  kind: Verdict['verdict'],
  line: number | null,
  message: string,
  usedUs: number,
  packets: Pick<Verdict, 'scriptPacket' | 'actualPacket'> = NO_PACKETS,
): Verdict {
  const { scriptPacket, actualPacket } = packets;
  return { verdict: kind, line, message, scriptPacket, actualPacket, usedUs };
}

const NO_PACKETS = Object.freeze({ scriptPacket: null, actualPacket: null });

/** What an error says about the script. What the script is not to blame for is a bug of ours, and no pass either. */
function told(error: unknown, run: ScriptRun): Verdict {
  const { usedUs } = run;
  if (error instanceof Failure) return verdict('fail', error.line, error.message, usedUs, error);
  if (error instanceof NotSupported)
    return verdict('unsupported', error.line ?? run.line, error.message, usedUs);
  if (error instanceof PythonError)
    return verdict(error.unsupported ? 'unsupported' : 'fail', error.line, error.message, usedUs);
  if (error instanceof ScriptError)
    return verdict('fail', error.line, `column ${error.column}: ${error.message}`, usedUs);
  if (error instanceof Error)
    return verdict('fail', run.line, `the simulated host broke down: ${error.message}`, usedUs);
  throw error;
}
