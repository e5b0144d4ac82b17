/**
 * Options of packetdrill: lines at the top of a script and words of the command line mean the same, and the command line
 * wins. One table says what there is, for the script, for the command and for its help.
 */
import { nearest } from '../base/nearest.ts';
import type { ScriptOption } from './ast.ts';

/** What the options of a script and of the command line come to. */
export interface Settings {
  /** The host's own address and that of the script, as 32-bit numbers. */
  localIp: number;
  remoteIp: number;
  /** Where bind() binds and connect() connects to. */
  bindPort: number;
  connectPort: number;
  /** Inbound packets arrive merged from segments of so many bytes (GRO); null: each is one segment. */
  mss: number | null;
  /** Of the device, bytes. */
  mtu: number;
  /** Written by the script or the command line, µs; null: packetdrill's 4000, or none at all under --strict. */
  toleranceUsecs: number | null;
  /** The same, in percent of the time since the event before; null: packetdrill's 12.5, or none. */
  tolerancePercent: number | null;
  /** A tick of outbound timestamps, µs: their values are checked; 0: they are not. */
  tsTickUsecs: number;
  /** Inbound timestamp echoes lie between those that were seen. */
  tsEcrScaled: boolean;
  /** One line, one packet: no merging of what the host sent in pieces. */
  strictSegments: boolean;
  /** Failures that are told and do not end the script. */
  nonFatalPacket: boolean;
  nonFatalSyscall: boolean;
  /** Read the script, run nothing. */
  dryRun: boolean;
}

/** Addresses and tolerance of packetdrill's own defaults. */
export const SETTINGS: Readonly<Settings> = Object.freeze({
  localIp: 0xc0a80001,
  remoteIp: 0xc0000201,
  bindPort: 8080,
  connectPort: 8080,
  mss: null,
  mtu: 1500,
  toleranceUsecs: null,
  tolerancePercent: null,
  tsTickUsecs: 0,
  tsEcrScaled: false,
  strictSegments: false,
  nonFatalPacket: false,
  nonFatalSyscall: false,
  dryRun: false,
});

export interface OptionRow {
  readonly name: string;
  /** What follows `=`; '': a switch. */
  readonly value: string;
  readonly describe: string;
  /** Sets what it says; returns what is wrong with the value, or null. */
  readonly set: (s: Settings, value: string) => string | null;
}

const done = (): null => null;

function whole(value: string, least: number, most: number): number | null {
  if (!/^\d+$/.test(value)) return null;
  const n = Number(value);
  return n >= least && n <= most ? n : null;
}

/** A row for a whole number in [least, most]. */
function count(
  name: string,
  describe: string,
  [least, most]: readonly [number, number],
  put: (s: Settings, n: number) => void,
): OptionRow {
  const set = (s: Settings, value: string): string | null => {
    const n = whole(value, least, most);
    if (n === null) return `a whole number, ${least} to ${most}`;
    put(s, n);
    return null;
  };
  return { name, value: 'N', describe, set };
}

function flag(name: string, describe: string, put: (s: Settings) => void): OptionRow {
  const set = (s: Settings): null => {
    put(s);
    return null;
  };
  return { name, value: '', describe, set };
}

function address(
  name: string,
  describe: string,
  put: (s: Settings, a: number) => void,
  netmask = false,
): OptionRow {
  const set = (s: Settings, value: string): string | null => {
    const a = ipv4(value);
    if (a === null)
      return netmask ? 'a netmask, e.g. 255.255.0.0' : 'an IPv4 address: IPv6 is not modelled';
    put(s, a);
    return null;
  };
  return { name, value: 'ADDRESS', describe, set };
}

/** 192.0.2.1 as a number; null: it is none. */
export function ipv4(text: string): number | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  let n = 0;
  for (const part of parts) {
    const byte = whole(part, 0, 255);
    if (byte === null) return null;
    n = n * 256 + byte;
  }
  return n;
}

const PORT = [1, 65_535] as const;

export const OPTIONS: readonly OptionRow[] = [
  {
    name: 'ip_version',
    value: 'VERSION',
    // A socket of AF_INET6 that speaks IPv4 sends the same packets.
    describe: 'ipv4 or ipv4-mapped-ipv6',
    set: (_, v) =>
      v === 'ipv4' || v === 'ipv4-mapped-ipv6'
        ? null
        : 'ipv4 or ipv4-mapped-ipv6: IPv6 is not modelled',
  },
  address('local_ip', 'address of the host under test', (s, a) => (s.localIp = a)),
  address('remote_ip', 'address of the script', (s, a) => (s.remoteIp = a)),
  address('gateway_ip', 'taken, and of no effect: the script is one hop away', done),
  address('netmask_ip', 'taken, and of no effect, as gateway_ip', done, true),
  count('bind_port', 'where bind() binds', PORT, (s, n) => (s.bindPort = n)),
  count('connect_port', 'where connect() connects to', PORT, (s, n) => (s.connectPort = n)),
  count(
    'mss',
    'packets to the host arrive merged from segments of so many bytes',
    PORT,
    (s, n) => (s.mss = n),
  ),
  count('mtu', 'of the device', [68, 65_535], (s, n) => (s.mtu = n)),
  count('speed', 'of the device: taken, and of no effect', [0, 0xffff_ffff], done),
  count(
    'tolerance_usecs',
    'how far a time may be off, µs',
    [0, 0xffff_ffff],
    (s, n) => (s.toleranceUsecs = n),
  ),
  {
    name: 'tolerance_percent',
    value: 'P',
    describe: 'the same, in percent of the time since the event before',
    set: (s, v) => {
      if (!/^\d+(\.\d+)?$/.test(v)) return 'a number, e.g. 12.5';
      s.tolerancePercent = Number(v);
      return null;
    },
  },
  count(
    'tcp_ts_tick_usecs',
    'check the timestamps sent: a tick lasts so long, µs',
    [0, 1_000_000],
    (s, n) => (s.tsTickUsecs = n),
  ),
  flag(
    'tcp_ts_ecr_scaled',
    'timestamp echoes may lie between those seen',
    (s) => (s.tsEcrScaled = true),
  ),
  flag('strict_segments', 'one line is one packet', (s) => (s.strictSegments = true)),
  {
    name: 'non_fatal',
    value: 'KINDS',
    describe: 'failures that do not end a script: packet, syscall',
    set: (s, v) => {
      const kinds = v.split(',');
      if (kinds.some((k) => k !== 'packet' && k !== 'syscall')) return 'packet, syscall or both';
      s.nonFatalPacket ||= kinds.includes('packet');
      s.nonFatalSyscall ||= kinds.includes('syscall');
      return null;
    },
  },
  flag('dry_run', 'read the scripts, run nothing', (s) => (s.dryRun = true)),
  flag('verbose', 'taken, and of no effect in a script', done),
  flag('debug', 'taken, and of no effect', done),
  flag('send_omit_free', 'taken, and of no effect: nothing is left to be freed', done),
];

/** Options of packetdrill that no simulated host can follow, and why. */
export const NOT_MODELLED: Readonly<Record<string, string>> = Object.freeze({
  so_filename: 'stacks in shared libraries are not loaded',
  code_command: '%{ }% blocks are evaluated here, by no other program',
  code_format: '%{ }% blocks are evaluated here, by no other program',
  code_sockopt: '%{ }% blocks see TCP_INFO',
  init_scripts: 'shell scripts are not run',
  wire_client: 'there is no wire to another machine',
  wire_server: 'there is no wire to another machine',
  wire_client_device: 'there is no wire to another machine',
  wire_server_device: 'there is no wire to another machine',
  wire_server_ip: 'there is no wire to another machine',
  wire_server_port: 'there is no wire to another machine',
  is_anyip: 'the host has one address',
  udp_encaps: 'UDP encapsulation is not modelled',
});

/** An option that cannot be followed. */
export interface OptionProblem {
  readonly option: ScriptOption;
  readonly message: string;
}

/**
 * @param lists  later ones win: those of the script first, then those of the command line
 * @returns the first option that cannot be followed, else the settings
 */
export function readOptions(...lists: (readonly ScriptOption[])[]): Settings | OptionProblem {
  const settings: Settings = { ...SETTINGS };
  for (const option of lists.flat()) {
    const problem = apply(settings, option);
    if (problem !== null) return problem;
  }
  return settings;
}

function apply(settings: Settings, option: ScriptOption): OptionProblem | null {
  const { name, value } = option;
  const row = OPTIONS.find((r) => r.name === name);
  if (row === undefined) return { option, message: unknownOption(name) };
  const bad = (what: string): OptionProblem => ({
    option,
    message: `--${name}${value === null ? '' : `=${value}`}: ${what}`,
  });
  if (row.value === '') {
    if (value !== null) return bad('takes no value');
    row.set(settings, '');
    return null;
  }
  if (value === null) return bad(`write --${name}=${row.value}`);
  const wrong = row.set(settings, value);
  return wrong === null ? null : bad(wrong);
}

function unknownOption(name: string): string {
  const reason = Object.hasOwn(NOT_MODELLED, name) ? NOT_MODELLED[name] : undefined;
  if (reason !== undefined) return `--${name} is not supported: ${reason}`;
  const near = nearest(
    name,
    OPTIONS.map((r) => r.name),
  );
  return `there is no option --${name}${near === undefined ? '' : `; did you mean --${near}?`}`;
}
