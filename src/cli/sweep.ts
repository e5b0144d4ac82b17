/** `hostwire sweep`: runs the grids of `sweep:`, prints and writes what came out of them, judges what was expected. */
import { dirname, join } from 'node:path';
import { type Paint, plain, wrap } from '../report/style.ts';
import { loadSweeps } from '../sim/scenario/load.ts';
import { replayCommand } from '../report/text.ts';
import type { Sweep } from '../sim/scenario/sweep.ts';
import type { Scenario } from '../sim/scenario/types.ts';
import { chartOf } from '../study/chart.ts';
import { worldOf } from '../study/grid.ts';
import { judgeSweep, type SweepVerdict } from '../study/judge.ts';
import { picture } from '../study/picture.ts';
import { Study } from '../study/study.ts';
import { pointLabel, table } from '../study/table.ts';
import { terminalPlot } from '../study/terminal-plot.ts';
import { csv, ndjson, studyJson } from '../study/writers.ts';
import { filesBeside, openFile, type OpenedFile } from './file.ts';
import { type Io, type Job, type Outcome, UsageError } from './io.ts';
import { progressBar } from './progress.ts';
import { ansi, EXIT } from './run.ts';
import { troubleText } from './trouble.ts';
import { checkModules, hasUserApps } from './modules.ts';

export interface SweepArguments {
  readonly words: readonly string[];
  readonly seed?: string | undefined;
  readonly set: readonly string[];
  readonly jobs?: number | undefined;
  /** Metrics to plot in the terminal; empty: the first. */
  readonly plot: readonly string[];
  readonly noPlot: boolean;
  readonly json: boolean;
  /** Files, of one sweep. */
  readonly csv?: string | undefined;
  readonly ndjson?: string | undefined;
  readonly svg?: string | undefined;
  readonly png?: string | undefined;
  /** A folder for all of them, of every sweep. */
  readonly out?: string | undefined;
  readonly invariants: boolean;
  readonly quiet: boolean;
  /** Seconds. */
  readonly timeout: number;
}

/** Runs that did not end as they should are named one by one, up to so many. */
const MOST_TOLD = 5;
const FORMATS = ['csv', 'ndjson', 'svg', 'png'] as const;
type Format = (typeof FORMATS)[number];

export async function sweep(args: SweepArguments, io: Io): Promise<number> {
  const opened = openFile(args.words, io);
  const { text, title: file, names } = opened;
  const seed = args.seed === undefined ? {} : { seed: args.seed };
  const readFile = filesBeside(file);
  const sweeps = loadSweeps(text, { file, names, set: args.set, readFile, ...seed });
  checkModules(sweeps.map((s) => s.point(0)));
  checkOutputs(args, sweeps);
  return new SweepCommand(args, io, opened, sweeps).go();
}

function checkOutputs(args: SweepArguments, sweeps: readonly Sweep[]): void {
  const format = FORMATS.find((f) => args[f] !== undefined);
  if (format !== undefined && sweeps.length > 1) {
    const names = sweeps.map((s) => s.name).join(', ');
    throw new UsageError(
      `--${format} takes one sweep: name one of ${names}, or write all with --out`,
    );
  }
  const measured = new Set(sweeps.flatMap((s) => s.measure.map((m) => m.name)));
  const unknown = args.plot.find((name) => !measured.has(name));
  if (unknown !== undefined)
    throw new UsageError(`--plot ${unknown}: not measured; there is ${[...measured].join(', ')}`);
}

class SweepCommand {
  private readonly args: SweepArguments;
  private readonly io: Io;
  private readonly opened: OpenedFile;
  private readonly studies: readonly Study[];
  private readonly total: number;
  private readonly paint: Paint;
  private readonly said = new Set<string>();
  private ended = 0;
  /** Of runs without a result. */
  private readonly kinds = new Set<Outcome['kind']>();
  private troubles = 0;
  private interrupted = false;

  constructor(args: SweepArguments, io: Io, opened: OpenedFile, sweeps: readonly Sweep[]) {
    this.args = args;
    this.io = io;
    this.opened = opened;
    this.studies = sweeps.map((s) => new Study(s));
    this.total = this.studies.reduce((n, s) => n + s.total, 0);
    this.paint = io.terminal.colour ? ansi : plain;
  }

  async go(): Promise<number> {
    const { args, io } = this;
    let stop = (): void => {};
    const stopped = new Promise<void>((resolve) => {
      stop = resolve;
    });
    const release = io.onInterrupt(() => {
      if (this.interrupted) return;
      this.interrupted = true;
      void running.cancel().then(stop);
    });
    for (const folder of this.folders()) io.writableFolder(folder);
    const start = io.now();
    const running = io.runner.start(
      { length: this.total, at: (i) => this.job(i) },
      args.jobs ?? io.cpus,
      {
        onDone: (i, outcome) => {
          const lines = this.settle(i, outcome);
          if (lines.length > 0) bar.print(() => io.err(`${lines.join('\n')}\n`));
        },
      },
    );
    const bar = progressBar(
      io,
      true,
      () => running.progress(),
      () => this.pace(running.progress(), io.now() - start),
    );
    try {
      await Promise.race([running.done, stopped]);
      if (this.interrupted) await stopped;
    } finally {
      bar.stop();
      release();
    }
    return this.conclude();
  }

  private folders(): Set<string> {
    const { args } = this;
    const files = FORMATS.flatMap((f) => (args[f] === undefined ? [] : [dirname(args[f])]));
    return new Set(args.out === undefined ? files : [...files, args.out]);
  }

  /** `12 of 81 runs · 41 runs/s · 2 s left` */
  private pace(share: number, ms: number): string {
    const done = `${this.ended} of ${this.total} runs`;
    // Before a run is done the workers have mostly been starting: nothing follows from that.
    if (this.ended === 0 || ms === 0) return done;
    const rate = (share * this.total * 1000) / ms;
    const left = (ms / 1000) * (1 / share - 1);
    return `${done} · ${Number(rate.toPrecision(2))} runs/s · ${spell(left)} left`;
  }

  /** The study and the run in it that number `i` of all is. */
  private placeOf(i: number): { study: Study; run: number } {
    let run = i;
    for (const study of this.studies) {
      if (run < study.total) return { study, run };
      run -= study.total;
    }
    throw new RangeError(`run ${i} of ${this.total}`);
  }

  private world(i: number): Scenario {
    const { study, run } = this.placeOf(i);
    return worldOf(study.sweep, run);
  }

  private job(i: number): Job {
    const scenario = this.world(i);
    return {
      // The text of the file need not travel with each run; a module of the user's own is found by its name.
      scenario: hasUserApps(scenario)
        ? scenario
        : { ...scenario, source: { file: scenario.source.file, text: '', positions: new Map() } },
      invariants: this.args.invariants,
      mutant: null,
      eventHash: false,
      verify: false,
      trace: null,
      pcap: null,
      timeout: this.args.timeout,
    };
  }

  /** Returns what there is to say. */
  private settle(i: number, outcome: Outcome): readonly string[] {
    this.ended++;
    const { study, run } = this.placeOf(i);
    if (outcome.kind === 'result') {
      study.settle(run, outcome.result);
      return [];
    }
    this.kinds.add(outcome.kind);
    if (++this.troubles > MOST_TOLD) return [];
    return troubleText(outcome, this.world(i), null, this.opened.file, this.said);
  }

  private async conclude(): Promise<number> {
    const { args, io, studies } = this;
    const verdicts = studies.map(judgeSweep);
    const exit = this.exitCode(verdicts.flat());
    const done = studies.reduce((n, s) => n + s.done, 0);
    const last = [
      ...(this.troubles > MOST_TOLD
        ? [`${this.troubles - MOST_TOLD} more runs have no result`]
        : []),
      ...(this.interrupted ? [`interrupted: ${done} of ${this.total} runs were done`] : []),
    ];
    const reports = studies.map((s, i) => this.report(s, verdicts[i]!, plain));
    if (args.json) {
      const all = studies.map((s, i) => studyJson(s, verdicts[i]!));
      io.out(`${JSON.stringify({ exit, interrupted: this.interrupted, studies: all }, null, 2)}\n`);
      if (last.length > 0) io.err(`${last.join('\n')}\n`);
    } else {
      for (const [i, s] of studies.entries()) {
        const bad = verdicts[i]!.some((v) => v.ok === false) || s.failures().length > 0;
        if (!args.quiet || bad)
          io.out(`${this.report(s, verdicts[i]!, this.paint).join('\n')}\n\n`);
      }
      io.out(`${[...last, this.summary(done, exit)].join('\n')}\n`);
    }
    for (const [i, s] of studies.entries()) await this.write(s, verdicts[i]!, reports[i]!);
    return exit;
  }

  private report(study: Study, verdicts: readonly SweepVerdict[], paint: Paint): string[] {
    const { sweep: s } = study;
    const seeds = s.repeat === 1 ? 'one seed' : `${s.repeat} seeds each`;
    const head = `${s.name} · ${s.size} points · ${seeds} · ${study.done} of ${study.total} runs`;
    return [
      ...wrap(head).map((line) => paint('strong', line)),
      ...wrap(s.shows),
      '',
      ...table(study),
      ...this.plots(study),
      ...(verdicts.length > 0 || study.failures().length > 0 ? [''] : []),
      ...verdicts.flatMap((v) => verdictLines(v, paint)),
      ...this.failed(study, paint),
    ];
  }

  private plots(study: Study): string[] {
    const { plot, noPlot } = this.args;
    if (noPlot) return [];
    const { measure, recorded } = study.sweep;
    const wanted = plot.length > 0 ? measure.filter((m) => plot.includes(m.name)) : [measure[0]!];
    return wanted.flatMap((m) => {
      const chart = chartOf(study, m);
      return chart === null ? [] : ['', ...terminalPlot(chart, recorded?.by ?? '')];
    });
  }

  /** Runs that reached their limit or broke an invariant, with the command that shows one again. */
  private failed(study: Study, paint: Paint): string[] {
    const failures = study.failures();
    const told = failures.slice(0, MOST_TOLD).flatMap(({ point, run }) => {
      const { name, settings, variant } = study.sweep.point(point);
      const why = run.broken === null ? `not finished (${run.stop})` : `broke ${run.broken}`;
      const replayed = { scenario: name, seed: run.seed, settings, variant, mutant: null };
      return [
        `${paint('bad', '✗')} ${pointLabel(study, point)}, seed ${run.seed}: ${why}`,
        `    ${replayCommand(replayed, this.opened.file, true)}`,
      ];
    });
    const more = failures.length - MOST_TOLD;
    return more > 0 ? [...told, `  and ${more} more runs like these`] : told;
  }

  private summary(done: number, exit: number): string {
    const good = this.studies.reduce((n, s) => n + s.done - s.failures().length, 0);
    const text = `${good} of ${this.total} runs hold · exit ${exit}`;
    return this.paint(good === this.total && done === this.total ? 'good' : 'bad', text);
  }

  private exitCode(verdicts: readonly SweepVerdict[]): number {
    if (this.interrupted) return EXIT.interrupted;
    const { kinds } = this;
    if (kinds.has('bad-scenario') || kinds.has('bad-app') || kinds.has('output')) return EXIT.usage;
    const good =
      kinds.size === 0 &&
      verdicts.every((v) => v.ok !== false) &&
      this.studies.every((s) => s.failures().length === 0);
    return good ? EXIT.good : EXIT.failed;
  }

  /** What was asked for, each file whole or not at all. */
  private async write(
    study: Study,
    verdicts: readonly SweepVerdict[],
    report: readonly string[],
  ): Promise<void> {
    const { args, io } = this;
    const base = study.sweep.name.replaceAll(/[^\w.-]+/g, '-');
    const paths = (f: Format): string[] => [
      ...(args[f] === undefined ? [] : [args[f]]),
      ...(args.out === undefined ? [] : [join(args.out, `${base}.${f}`)]),
    ];
    for (const path of paths('csv')) io.replaceText(path, csv(study));
    for (const path of paths('ndjson')) io.replaceText(path, ndjson(study));
    if (args.out !== undefined) {
      const json = JSON.stringify(studyJson(study, verdicts), null, 2);
      io.replaceText(join(args.out, `${base}.json`), `${json}\n`);
      io.replaceText(join(args.out, `${base}.txt`), `${report.join('\n')}\n`);
    }
    const pictures = [...paths('svg'), ...paths('png')];
    if (pictures.length === 0) return;
    const drawn = picture(study);
    if (drawn === null) {
      io.err(
        `no picture of ${study.sweep.name}: ${study.done === 0 ? 'no run is done' : 'no axis of numbers'}\n`,
      );
      return;
    }
    // Loaded only here: half a second that nobody waits for who wants no picture.
    const { renderPng, renderSvg } = await import('../study/render.ts');
    const svg = await renderSvg(drawn);
    for (const path of paths('svg')) io.replaceText(path, svg);
    if (paths('png').length > 0) {
      const png = renderPng(svg);
      for (const path of paths('png')) io.replaceBytes(path, png);
    }
  }
}

function verdictLines(v: SweepVerdict, paint: Paint): string[] {
  const measured = v.measured === '' ? 'not run' : v.measured;
  const cases = v.cases === 1 ? '' : `, ${v.cases} times`;
  const mark = v.ok === null ? '–' : v.ok ? paint('good', '✓') : paint('bad', '✗');
  const [first = '', ...rest] = wrap(`${v.text}   (${measured}${cases})   ${v.source}`, 78);
  return [
    `${mark} ${first}`,
    ...rest.map((line) => `  ${line}`),
    ...v.failures.slice(0, MOST_TOLD).map((f) => `    ${f}`),
    ...(v.ok === false && v.position !== null
      ? [`    ${v.position.file}:${v.position.line}:${v.position.column}`]
      : []),
  ];
}

/** `40 s`, `3 min`, `2.1 h` */
function spell(seconds: number): string {
  if (seconds < 100) return `${Math.ceil(seconds)} s`;
  return seconds < 6000 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
