/**
 * The commands that scripts give to the machine: what each means for the simulated one. A command, an argument or a file that
 * is not known here is not understood, however harmless it may be.
 */
import { patternOf } from './grep.ts';
import { ip } from './ip-command.ts';
import type { Feature, NstatAction, ShellAction, SysctlWrite } from './shell-actions.ts';
import type { SimpleCommand } from './shell.ts';

type Reader = (args: readonly string[]) => ShellAction | null;

const SUCCESS: ShellAction = { kind: 'status', success: true };
const FAILURE: ShellAction = { kind: 'status', success: false };

const COMMANDS: Readonly<Record<string, Reader>> = Object.freeze({
  sysctl,
  tc,
  ip,
  ethtool,
  nstat,
  grep,
  egrep: (args) => grep(['-E', ...args]),
  fgrep: (args) => grep(['-F', ...args]),
  rm,
  dd,
  echo: () => SUCCESS,
  true: () => SUCCESS,
  ':': () => SUCCESS,
  false: () => FAILURE,
});
/** Where programs live; elsewhere a name may mean anything. */
const PROGRAM = /^(\/(usr\/)?s?bin\/)?[^/]+$/;

/** What a command means; null: not understood. */
export function actionOf(command: SimpleCommand): ShellAction | null {
  const [path = '', ...args] = command.words;
  const name = path.slice(path.lastIndexOf('/') + 1);
  const file = outputOf(command);
  if (file === null) return null;
  if (command.words.length === 0) return file === '' ? SUCCESS : null;
  if (file !== '') return name === 'echo' ? written(args, file) : null;
  if (name === 'defaults.sh') return args.length === 0 ? { kind: 'defaults' } : null;
  if (name === 'set_sysctls.py') {
    const writes = writesOf(args);
    return writes === null ? null : { kind: 'set-sysctls', writes };
  }
  if (/^sysctl_restore_.*\.sh$/.test(name)) return { kind: 'restore-sysctls' };
  const read = PROGRAM.test(path) && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  return read === undefined ? null : read(args);
}

/** Where standard output goes: '' where it ends up with the script or nowhere; null: not understood. */
function outputOf(command: SimpleCommand): string | null {
  let file = '';
  for (const { operator, target } of command.redirects) {
    if (operator === '<' || operator === '0<') return null;
    if (operator.startsWith('2') || operator.includes('>&') || target === '/dev/null') continue;
    if (file !== '') return null;
    file = target;
  }
  return file;
}

/** echo VALUE > FILE */
function written(args: readonly string[], file: string): ShellAction | null {
  const value = (args[0] === '-n' ? args.slice(1) : args).join(' ');
  const parameter = /^\/sys\/module\/tcp_cubic\/parameters\/(\w+)$/.exec(file)?.[1];
  if (parameter !== undefined) return { kind: 'cubic', parameter, value };
  const name = sysctlName(file);
  return name === null ? null : { kind: 'sysctl', writes: [{ name, value }], lenient: false };
}

/** /proc/sys/net/ipv4/x, net/ipv4/x or net.ipv4.x as net.ipv4.x; null: none of these. */
function sysctlName(text: string): string | null {
  const name = text.replace(/^\/proc\/sys\//, '').replaceAll('/', '.');
  return /^[a-z]\w*(\.[\w-]+)+$/.test(name) ? name : null;
}

function writesOf(settings: readonly string[]): SysctlWrite[] | null {
  const writes: SysctlWrite[] = [];
  for (const setting of settings) {
    const at = setting.indexOf('=');
    const name = at < 0 ? null : sysctlName(setting.slice(0, at));
    if (name === null) return null;
    writes.push({ name, value: setting.slice(at + 1).trim() });
  }
  return writes.length === 0 ? null : writes;
}

/** sysctl [-q] [-e] [-w] name=value … */
function sysctl(args: readonly string[]): ShellAction | null {
  const flags = args.filter((a) => a.startsWith('-'));
  if (!flags.every((f) => /^-[qew]+$/.test(f) || f === '--quiet' || f === '--write')) return null;
  const writes = writesOf(args.filter((a) => !a.startsWith('-')));
  const lenient = flags.some((f) => /^-[a-z]*e/.test(f));
  return writes === null ? null : { kind: 'sysctl', writes, lenient };
}

/** tc qdisc add|replace|change|del dev tun0 root [pfifo|pfifo_fast|fq] [limit N] */
function tc(args: readonly string[]): ShellAction | null {
  const [object, verb, ...rest] = args;
  if (object !== 'qdisc') return null;
  const words = rest.join(' ');
  const m = /^(?:dev tun0 root|root dev tun0)(?: handle \w+:)?(?: (.*))?$/.exec(words);
  if (m === null) return null;
  if (verb === 'delete' || verb === 'del') return { kind: 'qdisc', verb: 'delete', qdisc: null };
  if (verb !== 'add' && verb !== 'replace') return null;
  const choice = /^(pfifo|pfifo_fast|fq)(?: limit (\d+)p?)?$/.exec(m[1] ?? '');
  if (choice === null) return null;
  const name = choice[1] as 'pfifo' | 'pfifo_fast' | 'fq';
  const limit = choice[2] === undefined ? null : Number(choice[2]);
  // Only pfifo's length is worth setting: that of the others is never reached here.
  if (limit !== null && name !== 'pfifo') return null;
  return { kind: 'qdisc', verb, qdisc: { name, limit } };
}

const FEATURES: Readonly<Record<string, Feature>> = Object.freeze({
  tso: 'tso',
  'tcp-segmentation-offload': 'tso',
  gso: 'gso',
  'generic-segmentation-offload': 'gso',
  gro: 'gro',
  'generic-receive-offload': 'gro',
});

/** ethtool -K tun0 tso on|off … */
function ethtool(args: readonly string[]): ShellAction | null {
  const [flag, device, ...pairs] = args;
  if ((flag !== '-K' && flag !== '--offload' && flag !== '--features') || device !== 'tun0')
    return null;
  if (pairs.length === 0 || pairs.length % 2 !== 0) return null;
  const features: Partial<Record<Feature, boolean>> = {};
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i]!;
    const feature = Object.hasOwn(FEATURES, name) ? FEATURES[name] : undefined;
    const value = pairs[i + 1];
    if (feature === undefined || (value !== 'on' && value !== 'off')) return null;
    features[feature] = value === 'on';
  }
  return { kind: 'offload', features };
}

/** nstat [-nazsr] [NAME…] */
function nstat(args: readonly string[]): NstatAction | null {
  const letters = args.filter((a) => a.startsWith('-')).join('');
  if (/[^-nazsr]/.test(letters)) return null;
  const names = args.filter((a) => !a.startsWith('-'));
  if (names.some((n) => !/^\w+$/.test(n))) return null;
  const has = (letter: string): boolean => letters.includes(letter);
  return {
    kind: 'nstat',
    silent: has('n'),
    absolute: has('a'),
    keep: has('s'),
    reset: has('r'),
    zeros: has('z'),
    names,
  };
}

function grep(args: readonly string[]): ShellAction | null {
  const pattern = patternOf(args);
  return pattern === null ? null : { kind: 'grep', pattern };
}

/** rm [-f] FILE: scripts clear the way for a file of their own. */
function rm(args: readonly string[]): ShellAction | null {
  const [path, ...more] = args.filter((a) => a !== '-f');
  if (path === undefined || more.length > 0 || !/^[\w./-]+$/.test(path)) return null;
  return { kind: 'file', path, bytes: null };
}

/** The largest file that a script may make. */
const LARGEST_FILE = 64 << 20;

/** dd if=/dev/zero of=FILE bs=N count=N */
function dd(args: readonly string[]): ShellAction | null {
  const given = new Map(args.map((a) => [a.split('=')[0]!, a.slice(a.indexOf('=') + 1)]));
  const { length } = args;
  const path = given.get('of');
  const size = sizeOf(given.get('bs') ?? '512');
  const count = sizeOf(given.get('count') ?? '');
  const known = ['if', 'of', 'bs', 'count', 'status'].filter((n) => given.has(n)).length;
  if (known !== length || given.get('if') !== '/dev/zero' || path === undefined) return null;
  if (size === null || count === null || size * count > LARGEST_FILE) return null;
  return { kind: 'file', path, bytes: size * count };
}

const UNITS: Readonly<Record<string, number>> = Object.freeze({
  '': 1,
  k: 1024,
  K: 1024,
  M: 1 << 20,
});

/** 5, 4k, 1M; null: none of these. */
function sizeOf(text: string): number | null {
  const m = /^(\d{1,9})([kKM]?)$/.exec(text);
  return m === null ? null : Number(m[1]) * UNITS[m[2]!]!;
}
