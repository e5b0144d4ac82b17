/** `hostwire run`: every variant of every scenario asked for, their reports, and whether all of it holds. */
import { styleText } from 'node:util';
import { join } from 'node:path';
import { compareText } from '../report/compare.ts';
import { reportJson } from '../report/json.ts';
import { type Paint, plain, type Tone, WIDTH } from '../report/style.ts';
import { reportText, summaryText } from '../report/text.ts';
import { judge } from '../sim/run/judge.ts';
import { holds, type RunResult } from '../sim/run/result.ts';
import type { Scenario } from '../sim/scenario/types.ts';
import { loadFile, openFile, type OpenedFile } from './file.ts';
import { type Io, type Job, type Outcome, UsageError, type Verified } from './io.ts';
import { progressBar } from './progress.ts';
import { troubleText } from './trouble.ts';

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
  /** Seconds. */
  readonly timeout: number;
  readonly quiet: boolean;
  readonly invariants: boolean;
  readonly mutant?: string | undefined;
  readonly eventHash: boolean;
}

/** The last two are what a shell makes of SIGINT and SIGPIPE. */
export const EXIT = { good: 0, failed: 1, usage: 2, interrupted: 130, unread: 141 } as const;

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
  /** What report.txt gets: plain, and 80 columns wide wherever it was made. */
  private readonly written: string[] = [];
  private printed = 0;
  /** What was wrong with modules. */
  private readonly said = new Set<string>();
  /** Why not all of it was done. */
  private ended: 'interrupted' | 'unread' | null = null;

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
    let stop = (): void => {};
    const stopped = new Promise<void>((resolve) => {
      stop = resolve;
    });
    const end = (why: 'interrupted' | 'unread'): void => {
      if (this.ended !== null) return;
      this.ended = why;
      void running.cancel().then(stop);
    };
    // Before the first file is written: an interrupt between the two would leave it behind.
    const release = io.onInterrupt(() => end('interrupted'));
    // Unwritable outputs are found out before the work is done.
    for (const folder of [args.out, args.pcap]) if (folder !== undefined) io.writableFolder(folder);
    const jobs = this.scenarios.map((s) => this.job(s));
    // One run's trace must end before its report, and before the next one begins.
    const tracing = args.trace !== undefined && args.out === undefined;
    const parallel = tracing ? 1 : (args.jobs ?? io.cpus);
    let done = 0;
    const running = io.runner.start(jobs, parallel, {
      onDone: (i, outcome) => {
        if (outcome.kind === 'unread') return end('unread');
        this.outcomes[i] = outcome;
        done++;
        bar.print(() => this.printReady(false));
      },
    });
    const bar = progressBar(
      io,
      !tracing,
      () => running.progress(),
      () => `${done} of ${jobs.length} runs`,
    );
    await Promise.race([running.done, stopped]);
    if (this.ended !== null) await this.discard(stopped);
    bar.stop();
    release();
    if (this.ended === 'unread') return EXIT.unread;
    this.printReady(true);
    return this.conclude();
  }

  /** Nothing half-written stays behind. */
  private async discard(stopped: Promise<void>): Promise<void> {
    await stopped;
    for (const folder of new Set([this.args.out, this.args.pcap]))
      if (folder !== undefined) this.io.removePartial(folder);
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
      timeout: args.timeout,
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
      this.printComparison(group);
    }
  }

  /** Behind the last seed of a scenario: how its variants differ (`compare:`). */
  private printComparison(group: Group): void {
    const nameOf = (g: Group): string => this.scenarios[g.indices[0]!]!.name;
    const next = this.groups[this.printed + 1];
    if (next !== undefined && nameOf(next) === nameOf(group)) return;
    const same = this.groups.filter((g) => nameOf(g) === nameOf(group));
    const results = same.flatMap((g) =>
      g.indices.flatMap((i) => {
        const o = this.outcomes[i];
        return o?.kind === 'result' ? [o.result] : [];
      }),
    );
    const lines = compareText(results);
    if (lines.length === 0) return;
    this.written.push(...lines, '');
    if (!this.args.json) this.report(`${compareText(results, this.paint).join('\n')}\n\n`);
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
    const { file } = this.opened;
    const text = (paint: Paint, width: number): string[] => [
      ...reportText(results, { paint, width, file }),
      ...runs.flatMap((r) => verdictLine(r.result, r.verified, r.scenario, paint)),
    ];
    const troubles = group.indices.flatMap((i) => this.trouble(i));
    const bad = results.some((r) => !holds(r)) || runs.some((r) => r.verified?.ok === false);
    if (results.length > 0) {
      this.written.push(...text(plain, WIDTH), '');
      const lines = text(this.paint, this.io.terminal.columns);
      if (!args.json && (!args.quiet || bad)) this.report(`${lines.join('\n')}\n\n`);
    }
    if (troubles.length > 0) this.io.err(`${troubles.join('\n')}\n`);
  }

  /** What kept a run from having a result. */
  private trouble(index: number): string[] {
    const o = this.outcomes[index];
    return o === undefined
      ? []
      : troubleText(
          o,
          this.scenarios[index]!,
          this.args.mutant ?? null,
          this.opened.file,
          this.said,
        );
  }

  private conclude(): number {
    const { args, io } = this;
    const results = this.outcomes.flatMap((o) => (o?.kind === 'result' ? [o.result] : []));
    const exit = this.exitCode(results);
    const total = this.scenarios.length;
    const done = `interrupted: ${results.length} of ${total} ${total === 1 ? 'run was' : 'runs were'} done`;
    const lines = (paint: Paint): string[] => [
      ...(this.ended === 'interrupted' ? [done] : []),
      summaryText(results, total, exit, paint),
    ];
    if (args.json) io.out(`${reportJson(results, exit)}\n`);
    else this.report(`${lines(this.paint).join('\n')}\n`);
    if (args.out !== undefined && results.length > 0) {
      io.replaceText(join(args.out, 'result.json'), `${reportJson(results, exit)}\n`);
      io.replaceText(
        join(args.out, 'report.txt'),
        `${[...this.written, ...lines(plain)].join('\n')}\n`,
      );
    }
    return exit;
  }

  private exitCode(results: readonly RunResult[]): number {
    if (this.ended === 'interrupted') return EXIT.interrupted;
    const kinds = new Set(this.outcomes.map((o) => o?.kind));
    if (kinds.has('bad-scenario') || kinds.has('bad-app') || kinds.has('output')) return EXIT.usage;
    const verified = this.outcomes.every((o) => o?.kind !== 'result' || o.verified?.ok !== false);
    const died = kinds.has('bug') || kinds.has('app-fault');
    return !died && verified && results.every(holds) ? EXIT.good : EXIT.failed;
  }
}

/** What `--verify` found; nothing without it. */
function verdictLine(r: RunResult, verified: Verified | null, s: Scenario, paint: Paint): string[] {
  if (verified === null) return [];
  const name = r.label === '' ? '' : `${r.label}: `;
  if (verified.ok)
    return [`${paint('good', '✓')} ${name}verified: the same again with all traces on`];
  const modules = s.apps.flatMap((a) => (a.model === 'user' ? [a.app] : []));
  return [
    `${paint('bad', '✗')} ${name}not the same again: ${verified.message}`,
    ...(modules.length === 0
      ? []
      : [
          `  does ${modules.join(' or ')} use Date, Math.random or a variable that outlives a run?`,
          "  a thread's clock is sys.clockGettime(), its chance env.random.stream(name)",
        ]),
  ];
}

function groupsOf(scenarios: readonly Scenario[]): Group[] {
  const groups = new Map<string, number[]>();
  scenarios.forEach((s, i) => {
    const key = `${s.name}\n${s.seed}`;
    groups.set(key, [...(groups.get(key) ?? []), i]);
  });
  return [...groups.values()].map((indices) => ({ indices }));
}

const STYLES: { readonly [T in Tone]: 'green' | 'red' | 'dim' | 'bold' } = {
  good: 'green',
  bad: 'red',
  faint: 'dim',
  strong: 'bold',
};

/** Whether to colour at all has been decided before (NO_COLOR, pipes). */
export const ansi: Paint = (tone, text) => styleText(STYLES[tone], text, { validateStream: false });
