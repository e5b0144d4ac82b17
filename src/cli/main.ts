#!/usr/bin/env node
/** The command line: yargs reads it, one function per command does it. */
import { readFileSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import yargs, { type Argv, type Options } from 'yargs';
import { ScenarioError } from '../base/assert.ts';
import { nearest } from '../base/nearest.ts';
import { list } from '../sim/scenario/load.ts';
import { DEFAULT_FILE, openFile } from './file.ts';
import { MUTANT_NAMES } from '../sim/run/mutant-names.ts';
import { init } from './init.ts';
import { type Io, UsageError } from './io.ts';
import { birthYoung } from './jit.ts';
import { packetdrill } from './packetdrill.ts';
import { packetdrillArguments, PACKETDRILL_OPTIONS } from './packetdrill-options.ts';
import { listScenarios, listText, metrics, schema, show, validate } from './print.ts';
import { realIo } from './real-io.ts';
import { PROFILES } from '../sim/scenario/schema/host.ts';
import { EXIT, run, type RunArguments } from './run.ts';
import { sweep, type SweepArguments } from './sweep.ts';

const COMMANDS = [
  'run',
  'sweep',
  'packetdrill',
  'list',
  'validate',
  'schema',
  'metrics',
  'show',
  'init',
  'completion',
];

const SET = {
  type: 'string',
  requiresArg: true,
  array: false,
  describe: 'change a value: path=value; again for more',
} as const satisfies Options;

/** What `run` takes; an option that is none of these is a slip of the pen. */
const RUN_OPTIONS = {
  seed: { type: 'string', requiresArg: true, describe: "instead of the scenarios' own" },
  seeds: { type: 'string', requiresArg: true, describe: 'a range: 1..20' },
  set: SET,
  json: { type: 'boolean', default: false, describe: 'print the whole result as JSON' },
  verify: { type: 'boolean', default: false, describe: 'run twice and compare fingerprints' },
  fingerprint: {
    choices: ['events'],
    requiresArg: true,
    describe: 'another one over dispatched events',
  },
  trace: { choices: ['text', 'ndjson'], describe: 'print what happens (to DIR with --out)' },
  pcap: {
    type: 'string',
    requiresArg: true,
    describe: 'write a pcapng per interface into this folder',
  },
  out: {
    type: 'string',
    requiresArg: true,
    describe: 'write result.json, report.txt and traces into this folder',
  },
  jobs: { type: 'string', requiresArg: true, describe: 'runs at a time (default: one per core)' },
  timeout: {
    type: 'string',
    requiresArg: true,
    describe: 'seconds that an app: of your own may run without a yield (default: 10)',
  },
  quiet: { type: 'boolean', default: false, describe: 'print failures and the summary only' },
  invariants: {
    type: 'boolean',
    default: true,
    describe: 'check invariants; --no-invariants does not',
  },
  mutant: {
    type: 'string',
    requiresArg: true,
    choices: MUTANT_NAMES,
    describe: 'break the simulator on purpose, to see an invariant fail',
  },
} as const satisfies Record<string, Options>;

const fileOption = (what: string) =>
  ({ type: 'string', requiresArg: true, describe: `write ${what} to this file` }) as const;

/** What `sweep` takes. */
const SWEEP_OPTIONS = {
  seed: {
    ...RUN_OPTIONS.seed,
    describe: 'of the first repetition, instead of the scenarios\u2019 own',
  },
  set: SET,
  jobs: RUN_OPTIONS.jobs,
  csv: fileOption('a row per run'),
  ndjson: fileOption('a JSON object per run'),
  svg: fileOption('the plots'),
  png: fileOption('the plots'),
  out: {
    type: 'string',
    requiresArg: true,
    describe: 'write table, CSV, NDJSON, JSON, SVG and PNG into this folder',
  },
  json: { type: 'boolean', default: false, describe: 'print the study as JSON' },
  plot: {
    type: 'string',
    describe: 'plot this metric here (again for more; default: the first); --no-plot: none',
  },
  invariants: RUN_OPTIONS.invariants,
  quiet: RUN_OPTIONS.quiet,
  timeout: RUN_OPTIONS.timeout,
} as const satisfies Record<string, Options>;

/** Runs one command. Never throws: what goes wrong is said on standard error and is the exit code. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  try {
    return await dispatch(argv, io);
  } catch (error) {
    if (error instanceof ScenarioError) io.err(`${error.message}\n`);
    else if (error instanceof UsageError) io.err(`hostwire: ${error.message}\n`);
    else {
      const e = error instanceof Error ? error : new Error(String(error));
      io.err(`hostwire: this is a bug of hostwire: ${e.message}\n${e.stack ?? ''}\n`);
      return EXIT.failed;
    }
    return EXIT.usage;
  }
}

type Command = () => number | Promise<number>;

async function dispatch(argv: readonly string[], io: Io): Promise<number> {
  let command: Command | null = null;
  const choose = (c: Command): void => {
    command = c;
  };
  const parser = describe(yargs(), io, choose);
  let printed = '';
  // Without a value of its own, `--trace` would take the name that follows for one.
  const words = argv.map((w) => (w === '--trace' && argv[0] === 'run' ? '--trace=text' : w));
  if (words.length === 0) return help(parser, io);
  const first = words[0]!;
  if (!first.startsWith('-') && !COMMANDS.includes(first)) {
    const near = nearest(first, COMMANDS);
    const hint = near === undefined ? 'hostwire --help lists them' : `did you mean ${near}?`;
    throw new UsageError(`there is no command ${first}; ${hint}`);
  }
  await parser.parseAsync(words, {}, (error, _parsed, output) => {
    printed = output;
    if (error)
      throw error instanceof ScenarioError ? error : new UsageError(inWords(error.message));
  });
  if (printed !== '') io.out(`${printed.trimEnd()}\n`);
  return command === null ? EXIT.good : await (command as Command)();
}

/** What yargs objects to; of a word that does not exist, the one that was probably meant. */
function inWords(message: string): string {
  const choice = /Argument: (\w+), Given: "(.*)", Choices: (.*)/.exec(message);
  if (choice !== null) {
    const [, name, given, list] = choice;
    const words = list!.replaceAll('"', '');
    const meant = nearest(given!, words.split(', '));
    return `--${name} ${given}: ${meant === undefined ? `one of ${words}` : `did you mean ${meant}?`}`;
  }
  const option = /^Unknown argument: ([a-z][\w-]*)$/i.exec(message)?.[1];
  const near =
    option === undefined
      ? undefined
      : nearest(option, Object.keys({ ...RUN_OPTIONS, ...SWEEP_OPTIONS, ...PACKETDRILL_OPTIONS }));
  return near === undefined ? message : `there is no option --${option}; did you mean --${near}?`;
}

/** `hostwire` alone: help, and what could be run here. */
async function help(parser: Argv, io: Io): Promise<number> {
  io.out(`${(await parser.getHelp()).trimEnd()}\n`);
  if (!io.exists(DEFAULT_FILE)) {
    io.out(`\nThere is no ./${DEFAULT_FILE} here; hostwire init writes one to start from.\n`);
    return EXIT.good;
  }
  const scenarios = listText(io.readText(DEFAULT_FILE), DEFAULT_FILE);
  io.out(`\nScenarios in ./${DEFAULT_FILE}:\n${scenarios.map((l) => `  ${l}`).join('\n')}\n`);
  return EXIT.good;
}

function describe(y: Argv, io: Io, choose: (c: Command) => void): Argv {
  const withFile = (a: Argv): Argv =>
    a
      .positional('FILE', {
        type: 'string',
        describe: 'ends in .yaml or .yml, or - for standard input; left out: ./scenarios.yaml',
      })
      .positional('names', {
        type: 'string',
        array: true,
        describe: 'scenarios of the file; left out: all',
      });
  return y
    .scriptName('hostwire')
    .usage(
      '$0 <command>\n\nSimulates everything between the wire and the application thread of a TCP host.',
    )
    .command(
      'run [FILE] [names..]',
      'Run scenarios and judge them',
      (a) => withFile(a).options(RUN_OPTIONS),
      (a) => choose(() => run(runArguments(a as Parsed), io)),
    )
    .command(
      'sweep [FILE] [names..]',
      'Run the grids of `sweep:`: tables, files, plots',
      (a) => withFile(a).options(SWEEP_OPTIONS),
      (a) => choose(() => sweep(sweepArguments(a as Parsed), io)),
    )
    .command(
      'packetdrill [FILE..]',
      'Run packetdrill scripts against a simulated host',
      (a) =>
        a
          .positional('FILE', {
            type: 'string',
            array: true,
            describe: 'scripts, or folders of *.pkt',
          })
          .options(PACKETDRILL_OPTIONS)
          .epilogue(
            'Exit: 0 no script failed; one that is not understood is unsupported, and no failure · 1 a script failed · 2 bad input · 130 interrupted',
          ),
      (a) => choose(() => packetdrill(packetdrillArguments(a as Parsed), io)),
    )
    .command('list [FILE] [names..]', 'List the scenarios of a file', withFile, (a) =>
      choose(() => listScenarios(wordsOf(a), io)),
    )
    .command(
      'validate [FILE] [names..]',
      'Check a file without running it',
      (a) => withFile(a).option('set', SET),
      (a) => choose(() => validate(wordsOf(a), many(a['set']), io)),
    )
    .command(
      'schema',
      'Print the JSON Schema of scenario files, for editors',
      (a) => a.option('markdown', { type: 'boolean', default: false, describe: 'as a page' }),
      (a) => choose(() => schema(a.markdown, io)),
    )
    .command(
      'metrics',
      'List all metrics with unit and definition',
      (a) => a.option('markdown', { type: 'boolean', default: false, describe: 'as a page' }),
      (a) => choose(() => metrics(a.markdown, io)),
    )
    .command(
      'show [profile]',
      'Print every default of a profile with its source',
      (a) =>
        a.positional('profile', {
          type: 'string',
          default: PROFILES[0]!,
          describe: `one of ${PROFILES.join(', ')}`,
        }),
      (a) => choose(() => show(a.profile, io)),
    )
    .command(
      'init [file]',
      `Write a commented file to start from (default: ${DEFAULT_FILE})`,
      (a) => a.positional('file', { type: 'string' }),
      (a) => choose(() => init(a.file, io)),
    )
    .completion(
      'completion',
      'Print a completion script for the shell',
      (
        current: string,
        parsed: Words,
        usual: (done?: never) => void,
        done: (w: string[]) => void,
      ) => {
        const names = current.startsWith('-') ? null : scenarioNames(parsed, io);
        if (names === null) usual();
        else done(names);
      },
    )
    .example([
      ['$0 run', 'all scenarios of ./scenarios.yaml'],
      ['$0 run lossy --set links.0.mtu=576', 'one of them, changed'],
      ['$0 run --seeds 1..20 --quiet', 'with twenty seeds; shows failures'],
      ['$0 run lossy --pcap captures', 'then: tshark -r captures/…pcapng'],
      ['$0 sweep studies/receive-buffer.yaml --out results', 'a grid, its tables and plots'],
      ['$0 run lossy --trace=ndjson | head', 'what happened, a JSON object a line'],
      ['$0 packetdrill scripts --strict', 'every script of a folder, to the microsecond'],
    ])
    .epilogue(
      'Exit: 0 all holds · 1 an expectation or invariant failed, or a run reached its limit · 2 bad input · 130 interrupted',
    )
    .demandCommand(1, 1, 'a command is missing; hostwire --help lists them')
    .strict()
    .detectLocale(false)
    .version(version())
    .wrap(80)
    .exitProcess(false)
    .showHelpOnFail(false)
    .parserConfiguration({
      'duplicate-arguments-array': true,
      'dot-notation': false,
      'parse-positional-numbers': false,
    });
}

/** Arguments that are no options; whether the first is a file, file.ts says. */
const wordsOf = (a: Parsed): string[] => [
  // yargs hands a lone `-` on as an empty text.
  ...many(a['FILE']).map((word) => (word === '' ? '-' : word)),
  ...many(a['names']),
];

interface Parsed {
  readonly [option: string]: unknown;
}

const many = (v: unknown): string[] => (v === undefined ? [] : [v].flat().map(String));

/** An option that is given twice counts once: the last. */
function last(v: unknown): string | undefined {
  return many(v).at(-1);
}

function jobsOf(a: Parsed): number | undefined {
  const written = last(a['jobs']);
  const jobs = written === undefined ? undefined : Number(written);
  if (jobs !== undefined && !(Number.isInteger(jobs) && jobs >= 1)) {
    throw new UsageError(`--jobs ${written}: a whole number from 1`);
  }
  return jobs;
}

function timeoutOf(a: Parsed): number {
  const seconds = last(a['timeout']) ?? '10';
  const timeout = Number(seconds);
  if (!(timeout > 0 && timeout <= 1e6))
    throw new UsageError(`--timeout ${seconds}: seconds, more than 0`);
  return timeout;
}

/** A switch that is given twice counts once: the last. */
const flagOf = (a: Parsed, name: string): boolean => [a[name]].flat().at(-1) === true;

function runArguments(a: Parsed): RunArguments {
  const flag = (name: string): boolean => flagOf(a, name);
  return {
    words: wordsOf(a),
    seed: last(a['seed']),
    seeds: last(a['seeds']),
    set: many(a['set']),
    json: flag('json'),
    verify: flag('verify'),
    trace: last(a['trace']) as 'text' | 'ndjson' | undefined,
    pcap: last(a['pcap']),
    out: last(a['out']),
    jobs: jobsOf(a),
    timeout: timeoutOf(a),
    quiet: flag('quiet'),
    invariants: flag('invariants'),
    mutant: last(a['mutant']),
    eventHash: last(a['fingerprint']) === 'events',
  };
}

function sweepArguments(a: Parsed): SweepArguments {
  const plots = [a['plot']].flat();
  return {
    words: wordsOf(a),
    seed: last(a['seed']),
    set: many(a['set']),
    jobs: jobsOf(a),
    plot: plots.filter((p) => typeof p === 'string'),
    noPlot: plots.at(-1) === false,
    json: flagOf(a, 'json'),
    csv: last(a['csv']),
    ndjson: last(a['ndjson']),
    svg: last(a['svg']),
    png: last(a['png']),
    out: last(a['out']),
    invariants: flagOf(a, 'invariants'),
    quiet: flagOf(a, 'quiet'),
    timeout: timeoutOf(a),
  };
}

interface Words {
  readonly _: readonly (string | number)[];
}

/** What may follow a command that takes scenarios; null: the word is none of theirs. Nothing: the shell offers files. */
function scenarioNames(parsed: Words, io: Io): string[] | null {
  const [command, ...words] = parsed._.map(String).filter((w) => w !== 'hostwire');
  if (command === 'packetdrill') return [];
  if (command === undefined || !['run', 'sweep', 'list', 'validate'].includes(command)) return null;
  try {
    const { text, title } = openFile(words, io);
    return list(text, title).map(({ name }) => name);
  } catch {
    return [];
  }
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** Started as a program, by whatever link, and not imported. */
function isProgram(): boolean {
  const started = process.argv[1];
  return started !== undefined && realpathSync(started) === fileURLToPath(import.meta.url);
}

if (isProgram()) {
  birthYoung();
  process.exitCode = await main(process.argv.slice(2), realIo());
}
