/** What `packetdrill` takes: its own options, and those of packetdrill itself (packetdrill/options.ts). */
import type { Options } from 'yargs';
import type { ScriptOption } from '../packetdrill/index.ts';
import { OPTIONS, type OptionRow, readOptions } from '../packetdrill/options.ts';
import { UsageError } from './io.ts';
import type { PacketdrillArguments } from './packetdrill.ts';

const OWN = {
  quiet: { type: 'boolean', default: false, describe: 'leave out the scripts that pass' },
  strict: {
    type: 'boolean',
    default: false,
    describe: 'no tolerance in time, and no packet that no line has read',
  },
  define: {
    alias: 'D',
    type: 'string',
    requiresArg: true,
    describe: 'what a word in the scripts stands for: word=value; again for more',
  },
  json: { type: 'boolean', default: false, describe: 'print the verdicts as JSON' },
  junit: {
    type: 'string',
    requiresArg: true,
    describe: 'write the verdicts to this file, as JUnit does',
  },
  trace: { type: 'boolean', default: false, describe: 'print every event as it happens' },
  verbose: {
    alias: 'v',
    type: 'boolean',
    default: false,
    describe: 'print the events of the scripts that do not pass',
  },
} as const satisfies Record<string, Options>;

/** Those of packetdrill that are not the command's own. */
const SHARED = OPTIONS.filter((row) => !Object.hasOwn(OWN, row.name));

/** Where the help lists them. */
const OWN_GROUP = 'Options:';
const GROUP = 'Options of packetdrill, as at the top of a script, but stronger:';

const ofRow = (row: OptionRow): Options =>
  row.value === ''
    ? { type: 'boolean', describe: row.describe, group: GROUP }
    : { type: 'string', requiresArg: true, describe: row.describe, group: GROUP };

export const PACKETDRILL_OPTIONS: Readonly<Record<string, Options>> = {
  ...Object.fromEntries(Object.entries(OWN).map(([name, o]) => [name, { ...o, group: OWN_GROUP }])),
  ...Object.fromEntries(SHARED.map((row) => [row.name, ofRow(row)])),
};

/** @param parsed  what yargs makes of the command line; an option that is given twice is a list */
export function packetdrillArguments(
  parsed: Readonly<Record<string, unknown>>,
): PacketdrillArguments {
  const many = (name: string): unknown[] =>
    parsed[name] === undefined ? [] : [parsed[name]].flat();
  const flag = (name: string): boolean => many(name).at(-1) === true;
  const options = SHARED.flatMap(({ name, value }): ScriptOption[] => {
    const given = many(name).at(-1);
    if (value === '') return given === true ? [{ name, value: null, line: 0 }] : [];
    return given === undefined ? [] : [{ name, value: String(given), line: 0 }];
  });
  const problem = readOptions(options);
  if ('option' in problem) throw new UsageError(problem.message);
  const junit = many('junit').at(-1);
  return {
    paths: many('FILE').map(String),
    defines: definesOf(many('define').map(String)),
    options,
    strict: flag('strict'),
    json: flag('json'),
    junit: junit === undefined ? null : String(junit),
    trace: flag('trace'),
    verbose: flag('verbose'),
    quiet: flag('quiet'),
  };
}

function definesOf(written: readonly string[]): Map<string, string> {
  const defines = new Map<string, string>();
  for (const text of written) {
    const [, word, value] = /^(\w+)=(.*)$/s.exec(text) ?? [];
    if (word === undefined || value === undefined)
      throw new UsageError(`--define ${text}: write word=value, e.g. -D CODE=host_unreachable`);
    defines.set(word, value);
  }
  return defines;
}
