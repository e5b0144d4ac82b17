/** `hostwire packetdrill`: runs packetdrill scripts against a simulated host, and says which of them hold. */
import { dirname } from 'node:path';
import { runScript, type ScriptOption, type Verdict } from '../packetdrill/index.ts';
import { junitXml } from '../report/junit.ts';
import { type Paint, plain, type Tone } from '../report/style.ts';
import { type Io, UsageError } from './io.ts';
import { progressBar } from './progress.ts';
import { ansi, EXIT } from './run.ts';

export interface PacketdrillArguments {
  /** Files and folders. */
  readonly paths: readonly string[];
  readonly defines: ReadonlyMap<string, string>;
  readonly options: readonly ScriptOption[];
  readonly strict: boolean;
  readonly json: boolean;
  readonly junit: string | null;
  readonly trace: boolean;
  readonly verbose: boolean;
  readonly quiet: boolean;
}

interface Source {
  readonly file: string;
  readonly text: string;
}

/** A script that was run. */
interface Told extends Verdict {
  readonly file: string;
}

const TONES: Readonly<Record<Verdict['verdict'], Tone>> = {
  pass: 'good',
  fail: 'bad',
  unsupported: 'faint',
};
const ENDING = '.pkt';

export async function packetdrill(args: PacketdrillArguments, io: Io): Promise<number> {
  const sources = sourcesOf(args.paths, io);
  return new PacketdrillCommand(args, io, sources).go();
}

/** The scripts of all paths, each once, in the order of the paths and sorted within a folder. */
function sourcesOf(paths: readonly string[], io: Io): Source[] {
  if (paths.length === 0)
    throw new UsageError('name scripts, or folders of scripts: hostwire packetdrill FILE|DIR…');
  const files = paths.flatMap((path) => {
    if (io.kindOf(path) !== 'folder') return [path];
    const found = io.filesBelow(path, ENDING);
    if (found.length > 0) return found;
    throw new UsageError(`there are no scripts in ${path}: their names end in ${ENDING}`);
  });
  return [...new Set(files)].map((file) => ({ file, text: io.readText(file) }));
}

class PacketdrillCommand {
  private readonly args: PacketdrillArguments;
  private readonly io: Io;
  private readonly sources: readonly Source[];
  private readonly told: Told[] = [];
  private readonly paint: Paint;
  private interrupted = false;

  constructor(args: PacketdrillArguments, io: Io, sources: readonly Source[]) {
    this.args = args;
    this.io = io;
    this.sources = sources;
    this.paint = io.terminal.colour ? ansi : plain;
  }

  async go(): Promise<number> {
    const { args, io, sources } = this;
    const release = io.onInterrupt(() => {
      this.interrupted = true;
    });
    if (args.junit !== null) io.writableFolder(dirname(args.junit));
    const bar = progressBar(
      io,
      !args.trace,
      () => this.told.length / sources.length,
      () => `${this.told.length} of ${sources.length} scripts`,
    );
    try {
      for (const source of sources) {
        await breath();
        if (this.interrupted) break;
        bar.print(() => this.run(source));
      }
    } finally {
      bar.stop();
      release();
    }
    return this.conclude();
  }

  private run({ file, text }: Source): void {
    const { args } = this;
    const events: string[] = [];
    if (args.trace) this.aside(`${this.paint('strong', file)}\n`);
    const trace = args.trace
      ? (line: string): void => this.aside(`  ${line}\n`)
      : args.verbose
        ? (line: string): void => void events.push(`  ${line}`)
        : null;
    const { strict, defines, options } = args;
    const verdict = runScript(text, {
      strict,
      defines,
      options,
      ...(trace === null ? {} : { trace }),
    });
    const told = { ...verdict, file };
    this.told.push(told);
    if (args.json || (args.quiet && told.verdict === 'pass')) return;
    if (told.verdict !== 'pass' && events.length > 0) this.io.out(`${events.join('\n')}\n`);
    this.io.out(`${this.lines(told).join('\n')}\n`);
  }

  /** With JSON, standard output has nothing else. */
  private aside(text: string): void {
    if (this.args.json) this.io.err(text);
    else this.io.out(text);
  }

  private lines(told: Told): string[] {
    const verdict = this.paint(TONES[told.verdict], told.verdict);
    const [first = '', ...packets] = messageOf(told).split('\n');
    return [
      `${placeOf(told)}: ${verdict}${first === '' ? '' : `: ${first}`}`,
      ...packets.map((line) => `  ${line}`),
    ];
  }

  private conclude(): number {
    const { args, io, told, sources } = this;
    const exit = this.interrupted
      ? EXIT.interrupted
      : told.some((t) => t.verdict === 'fail')
        ? EXIT.failed
        : EXIT.good;
    const left = this.interrupted
      ? [`interrupted: ${told.length} of ${sources.length} scripts were run`]
      : [];
    if (args.json) {
      io.out(`${json(told)}\n`);
      if (left.length > 0) io.err(`${left.join('\n')}\n`);
    } else io.out(`${['', ...this.folders(), ...left, this.summary(exit)].join('\n')}\n`);
    if (args.junit !== null) io.replaceText(args.junit, junitXml(told.map(junitCase)));
    return exit;
  }

  /** A table, where there is more than one folder. */
  private folders(): string[] {
    const names = [...new Set(this.told.map((t) => dirname(t.file)))];
    if (names.length < 2) return [];
    const width = Math.max(...names.map((n) => n.length), 'folder'.length);
    const row = (name: string, cells: readonly (string | number)[]): string =>
      `${name.padEnd(width)}${cells.map((c, i) => String(c).padStart(HEADS[i]!.length + 2)).join('')}`;
    const counts = (list: readonly Told[]): number[] => HEADS.map((h) => countOf(list, h));
    return [
      this.paint('strong', row('folder', HEADS)),
      ...names.map((n) => row(n, counts(this.told.filter((t) => dirname(t.file) === n)))),
      '',
    ];
  }

  private summary(exit: number): string {
    const { told, sources } = this;
    const [pass = 0, fail = 0, unsupported = 0] = HEADS.map((h) => countOf(told, h));
    const dry = this.args.options.some((o) => o.name === 'dry_run');
    const one = sources.length === 1;
    const passes = dry ? 'could be read' : one ? 'passes' : 'pass';
    const parts = [
      `${pass} of ${sources.length} ${one ? 'script' : 'scripts'} ${passes}`,
      ...(fail > 0 ? [`${fail} failed`] : []),
      ...(unsupported > 0 ? [`${unsupported} unsupported`] : []),
      `exit ${exit}`,
    ];
    return this.paint(exit === EXIT.good ? 'good' : 'bad', parts.join(' · '));
  }
}

const HEADS = ['pass', 'fail', 'unsupported'] as const;

const countOf = (list: readonly Told[], verdict: Verdict['verdict']): number =>
  list.filter((t) => t.verdict === verdict).length;

/** FILE:LINE, where editors look for it. */
const placeOf = ({ file, line }: Told): string => (line === null ? file : `${file}:${line}`);

/** What is wrong, and both packets where it is one. */
function messageOf({ message, scriptPacket, actualPacket }: Told): string {
  return [
    message,
    ...(scriptPacket === null ? [] : [`script packet: ${scriptPacket}`]),
    ...(actualPacket === null ? [] : [`actual packet: ${actualPacket}`]),
  ].join('\n');
}

function json(told: readonly Told[]): string {
  const scripts = told.map((t) => ({
    file: t.file,
    verdict: t.verdict,
    line: t.line,
    message: messageOf(t),
  }));
  return JSON.stringify({ scripts }, null, 2);
}

const junitCase = (t: Told): Parameters<typeof junitXml>[0][number] => ({
  file: t.file,
  verdict: t.verdict,
  message: t.verdict === 'pass' ? '' : `${placeOf(t)}: ${messageOf(t)}`,
  seconds: t.usedUs / 1e6,
});

/** A moment in which an interrupt is heard. */
const breath = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });
