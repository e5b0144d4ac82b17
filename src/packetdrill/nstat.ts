/**
 * nstat(8): the counters of a network stack and how far they have come since the last look. Names are those of /proc/net/snmp
 * and /proc/net/netstat with the name of their table in front (TcpExtTCPTimeouts).
 */
import { StackMib, type Stack } from '../kernel/stack.ts';
import { TcpMib } from '../kernel/tcp.ts';
import type { NstatAction } from './shell-actions.ts';

/** Counters of TCP that stand in /proc/net/snmp; the others of TCP are TcpExt (/proc/net/netstat). */
const SNMP: readonly string[] = [
  'ActiveOpens',
  'AttemptFails',
  'CurrEstab',
  'EstabResets',
  'InErrs',
  'InSegs',
  'OutRsts',
  'OutSegs',
  'PassiveOpens',
  'RetransSegs',
];
/** Counters of IP among those of the stack. */
const IP: readonly string[] = ['InAddrErrors', 'InUnknownProtos', 'OutDiscards'];

/** The name of a counter with that of its table in front. */
function fullName(name: string): string {
  // Linux's constant is LINUX_MIB_BEYOND_WINDOW; its name has no TCP.
  if (name === 'TCPBeyondWindow') return 'TcpExtBeyondWindow';
  return `${SNMP.includes(name) ? 'Tcp' : IP.includes(name) ? 'Ip' : 'TcpExt'}${name}`;
}

/** Every counter that the stack keeps. */
export function countersOf({ tcp, mib }: Pick<Stack, 'tcp' | 'mib'>): Map<string, number> {
  const all = new Map<string, number>();
  for (const counters of [tcp.mib, mib])
    for (const [name, value] of Object.entries(counters) as [string, unknown][])
      if (typeof value === 'number') all.set(fullName(name), value);
  return all;
}

/** Their names. */
export const counterNames = (): ReadonlySet<string> =>
  new Set([new TcpMib(), new StackMib()].flatMap((mib) => Object.keys(mib).map(fullName)));

export class Nstat {
  private history: ReadonlyMap<string, number> = new Map<string, number>();

  /** How far each counter has come since the last look. */
  moved(counters: ReadonlyMap<string, number>): Map<string, number> {
    return new Map([...counters].map(([name, n]) => [name, n - (this.history.get(name) ?? 0)]));
  }

  /** What `nstat` prints: a line per counter that has moved, behind one that names the source. */
  run(options: NstatAction, counters: ReadonlyMap<string, number>): string[] {
    if (options.reset) this.history = new Map();
    const lines = ['#kernel'];
    for (const [name, value] of options.absolute ? counters : this.moved(counters)) {
      if (options.names.length > 0 && !options.names.includes(name)) continue;
      if (value !== 0 || options.zeros)
        lines.push(`${name.padEnd(32)}${String(value).padEnd(16)}   0.0 `);
    }
    if (!options.keep) this.history = new Map(counters);
    return options.silent ? [] : lines;
  }
}

/** The counters that a pattern names, e.g. TcpExtTCPTimeouts. */
export const countersIn = (pattern: string): string[] =>
  [...pattern.matchAll(/\b(?:TcpExt|Tcp|IpExt|Ip|Icmp|MPTcpExt|Udp)[A-Z]\w*/g)].map(
    ([name]) => name,
  );
