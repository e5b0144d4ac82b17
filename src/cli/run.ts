/** `hostwire run`: every variant of every scenario asked for, their reports, and whether all of it holds. */
import { styleText } from 'node:util';
import { join } from 'node:path';
import { reportJson } from '../report/json.ts';
import { type Paint, plain, type Tone } from '../report/style.ts';
import { replayCommand, type Replayed, reportText, summaryText } from '../report/text.ts';
import { judge } from '../sim/run/judge.ts';
import { holds, type RunResult } from '../sim/run/result.ts';
import { LoadError } from '../sim/scenario/problems.ts';
import { locate, type Scenario } from '../sim/scenario/types.ts';
import { loadFile, openFile, type OpenedFile } from './file.ts';
import { type Io, type Job, type Outcome, type Runner, UsageError } from './io.ts';
import { progressBar } from './progress.ts';

export interface RunArguments {
  readonly words: readonly string[];
  readonly seed?: string | undefined;
  readonly seeds?: string | undefined;
  readonly set: readonly string[];
  readonly json: boolean;
  readonly verify: boolean;
  readonly trace?: 'text' | 'ndjson' | undefined;
  readonly pcap?: string | undefined;
  readonly out?: string | undefined;
  readonly jobs?: number | undefined;
  readonly quiet: boolean;
  readonly invariants: boolean;
  readonly mutant?: string | undefined;
  readonly eventHash: boolean;
}

export const EXIT = { good: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** One scenario with one seed: what is reported together. */
interface Group {
  readonly indices: readonly number[];
}

export async function run(args: RunArguments, io: Io): Promise<number> {
  const opened = openFile(args.words, io);
  const seeds = seedsOf(args);
  const once = loadFile(opened, { set: args.set });
  const scenarios =
    seeds.length === 0 ? once : seeds.flatMap((seed) => once.map((s) => ({ ...s, seed })));
  const bySeed = scenarios.toSorted(
    (a, b) => once.findIndex((s) => s.name === a.name) - once.findIndex((s) => s.name === b.name),
  );
  // Unwritable outputs are found out before the work is done.
  for (const folder of [args.out, args.pcap]) if (folder !== undefined) io.writableFolder(folder);
  return new RunCommand(args, io, opened, bySeed).go();
}

function seedsOf(args: RunArguments): string[] {
  if (args.seeds === undefined) return args.seed === undefined ? [] : [args.seed];
  const m = /^(\d+)\.\.(\d+)$/.exec(args.seeds);
  const [from, to] = [Number(m?.[1]), Number(m?.[2])];
  if (m === null || from > to || !Number.isSafeInteger(to)) {
    throw new UsageError(`--seeds ${args.seeds}: write two whole numbers, e.g. --seeds 1..20`);
  }
  if (args.seed !== undefined) throw new UsageError('--seed and --seeds exclude each other');
  if (to - from >= 100_000) throw new UsageError(`--seeds ${args.seeds}: more than 100 000 seeds`);
  return Array.from({ length: to - from + 1 }, (_, i) => String(from + i));
}

class RunCommand {
  private readonly args: RunArguments;
  private readonly io: Io;
  private readonly opened: OpenedFile;
  private readonly scenarios: readonly Scenario[];
  private readonly outcomes: (Outcome | undefined)[];
  private readonly groups: readonly Group[];
  private readonly paint: Paint;
  /** With a trace on standard output, the report must not get in between. */
  private readonly report: (text: string) => void;
  private readonly written: string[] = [];
  private printed = 0;

  constructor(args: RunArguments, io: Io, opened: OpenedFile, scenarios: readonly Scenario[]) {
    this.args = args;
    this.io = io;
    this.opened = opened;
    this.scenarios = scenarios;
    this.outcomes = scenarios.map(() => undefined);
    this.groups = groupsOf(scenarios);
    this.paint = io.terminal.colour ? ansi : plain;
    const aside = args.trace === 'ndjson' && args.out === undefined;
    this.report = aside ? (text) => io.err(text) : (text) => io.out(text);
  }

  async go(): Promise<number> {
    const { args, io } = this;
    const jobs = this.scenarios.map((s) => this.job(s));
    const tracing = args.trace !== undefined && args.out === undefined;
    const runner: Runner = tracing ? io.runnerHere : io.runner;
    const parallel = args.jobs ?? io.cpus;
    let done = 0;
    const running = runner.start(jobs, parallel, {
      onDone: (i, outcome) => {
        this.outcomes[i] = outcome;
        done++;
        bar.print(() => this.printReady(false));
      },
    });
    const bar = progressBar(
      io,
      () => running.progress(),
      () => `${done} of ${jobs.length} runs`,
    );
    let interrupted = false;
    const release = io.onInterrupt(() => {
      if (interrupted) return;
      interrupted = true;
      running.cancel();
      finish();
    });
    let finish = (): void => {};
    const stopped = new Promise<void>((resolve) => {
      finish = resolve;
    });
    await Promise.race([running.done, stopped]);
    bar.stop();
    release();
    this.printReady(true);
    return this.conclude(interrupted);
  }

  private job(scenario: Scenario): Job {
    const { args } = this;
    const prefix = this.prefix(scenario);
    const ending = args.trace === 'ndjson' ? 'ndjson' : 'txt';
    const path = args.out === undefined ? null : join(args.out, `${prefix}.trace.${ending}`);
    return {
      scenario,
      invariants: args.invariants,
      mutant: args.mutant ?? null,
      eventHash: args.eventHash,
      verify: args.verify,
      trace: args.trace === undefined ? null : { format: args.trace, path },
      pcap: args.pcap === undefined ? null : { folder: args.pcap, prefix },
    };
  }

  /** What the files of a run are called. */
  private prefix(s: Scenario): string {
    const variant = s.label === '' ? '' : `.${s.label.replaceAll(/[^\w.-]+/g, '-')}`;
    return `${s.name.replaceAll(/[^\w.-]+/g, '-')}${variant}${this.args.seeds === undefined ? '' : `.seed-${s.seed}`}`;
  }

  /** Reports the groups that are complete, in the order of the file. At the end: also those that are not. */
  private printReady(end: boolean): void {
    for (; this.printed < this.groups.length; this.printed++) {
      const group = this.groups[this.printed]!;
      const complete = group.indices.every((i) => this.outcomes[i] !== undefined);
      if (!complete && !end) return;
      this.printGroup(group);
    }
  }

  private printGroup(group: Group): void {
    const { args } = this;
    const runs = group.indices.flatMap((i) => {
      const o = this.outcomes[i];
      return o?.kind === 'result'
        ? [{ scenario: this.scenarios[i]!, result: o.result, verified: o.verified }]
        : [];
    });
    judge(runs);
    const results = runs.map((r) => r.result);
    const text = [...reportText(results, { paint: this.paint, file: this.opened.file })];
    for (const r of runs) {
      if (r.verified === null) continue;
      const name = r.result.label === '' ? '' : `${r.result.label}: `;
      text.push(
        r.verified.ok
          ? `${this.paint('good', '✓')} ${name}verified: the same again with all traces on`
          : `${this.paint('bad', '✗')} ${name}not the same again: ${r.verified.message}`,
      );
    }
    const troubles = group.indices.flatMap((i) => this.trouble(i));
    this.written.push(...text, ...(text.length > 0 ? [''] : []));
    const bad = results.some((r) => !holds(r)) || runs.some((r) => r.verified?.ok === false);
    const shown = !args.json && (!args.quiet || bad) && text.length > 0;
    if (shown) this.report(`${text.join('\n')}\n\n`);
    if (troubles.length > 0) this.io.err(`${troubles.join('\n')}\n`);
  }

  /** What kept a run from having a result. */
  private trouble(index: number): string[] {
    const o = this.outcomes[index];
    const s = this.scenarios[index]!;
    if (o === undefined || o.kind === 'result') return [];
    const name = s.label === '' ? s.name : `${s.name} (${s.label})`;
    if (o.kind === 'bad-scenario') {
      const at = locate(s.source, o.path) ?? { file: s.source.file, line: 1, column: 1 };
      const problem = {
        at,
        message: `${name}: ${o.message}`,
        ...(o.hint === null ? {} : { hint: o.hint }),
      };
      return [new LoadError([problem], new Map([[s.source.file, s.source.text]])).message];
    }
    if (o.kind === 'output')
      return [`hostwire: ${name}: an output could not be written: ${o.message}`];
    const replay = replayCommand(asReplayed(s, this.args.mutant), this.opened.file, true);
    return [
      `hostwire: ${name}: this is a bug of hostwire, not of your scenario.`,
      `  ${o.message}`,
      `  seed ${s.seed}; it happens again with`,
      `    ${replay}`,
      '  please report it with that scenario.',
      ...o.stack.split('\n').slice(1, 9),
    ];
  }

  private conclude(interrupted: boolean): number {
    const { args, io } = this;
    const results = this.outcomes.flatMap((o) => (o?.kind === 'result' ? [o.result] : []));
    const exit = this.exitCode(interrupted, results);
    const lines = [
      ...(interrupted
        ? [`interrupted: ${results.length} of ${this.scenarios.length} runs were done`]
        : []),
      summaryText(results, this.scenarios.length, exit, this.paint),
    ];
    if (args.json) io.out(`${reportJson(results, exit)}\n`);
    else this.report(`${lines.join('\n')}\n`);
    if (args.out !== undefined) {
      io.replaceText(join(args.out, 'result.json'), `${reportJson(results, exit)}\n`);
      io.replaceText(
        join(args.out, 'report.txt'),
        `${strip([...this.written, ...lines].join('\n'))}\n`,
      );
    }
    return exit;
  }

  private exitCode(interrupted: boolean, results: readonly RunResult[]): number {
    if (interrupted) return EXIT.interrupted;
    const kinds = new Set(this.outcomes.map((o) => o?.kind));
    if (kinds.has('bad-scenario') || kinds.has('output')) return EXIT.usage;
    const verified = this.outcomes.every((o) => o?.kind !== 'result' || o.verified?.ok !== false);
    return !kinds.has('bug') && verified && results.every(holds) ? EXIT.good : EXIT.failed;
  }
}

function groupsOf(scenarios: readonly Scenario[]): Group[] {
  const groups = new Map<string, number[]>();
  scenarios.forEach((s, i) => {
    const key = `${s.name}\n${s.seed}`;
    groups.set(key, [...(groups.get(key) ?? []), i]);
  });
  return [...groups.values()].map((indices) => ({ indices }));
}

const asReplayed = (s: Scenario, mutant: string | undefined): Replayed => ({
  mutant: mutant ?? null,
  scenario: s.name,
  seed: s.seed,
  settings: s.settings,
  variant: s.variant,
});

const STYLES: { readonly [T in Tone]: 'green' | 'red' | 'dim' | 'bold' } = {
  good: 'green',
  bad: 'red',
  faint: 'dim',
  strong: 'bold',
};

/** Whether to colour at all has been decided before (NO_COLOR, pipes). */
const ansi: Paint = (tone, text) => styleText(STYLES[tone], text, { validateStream: false });

// oxlint-disable-next-line no-control-regex -- it is the escape character that is meant
const strip = (text: string): string => text.replaceAll(/\u001b\[\d+m/g, '');
