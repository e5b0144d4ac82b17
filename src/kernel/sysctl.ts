/** sysctl(8) on a machine: what the values make of a new network stack, and writing them on one that runs. */
import { tcpOptions, type TcpOptions } from '../tcp/index.ts';
import type { Host } from './host.ts';
import type { SoftnetOptions } from './profile.ts';
import type { Stack, StackOptions } from './stack.ts';
import { sysctlMask, sysctlNumber, tcpChanges, type SysctlValue } from './sysctl-options.ts';

type Values = Readonly<Record<string, SysctlValue>>;

/** A stack that begins with these values. @param changes  what has no sysctl */
export function stackOptionsOf(
  sysctl: Values,
  changes: Partial<TcpOptions> = {},
): Required<Pick<StackOptions, 'tcp' | 'somaxconn' | 'syncookies' | 'maxSynBacklog'>> {
  return {
    tcp: tcpOptions({ ...tcpChanges(sysctl), ...changes }),
    somaxconn: sysctlNumber(sysctl, 'net.core.somaxconn'),
    syncookies: sysctlNumber(sysctl, 'net.ipv4.tcp_syncookies') === 0 ? 0 : 1,
    maxSynBacklog: sysctlNumber(sysctl, 'net.ipv4.tcp_max_syn_backlog'),
  };
}

/**
 * What the machine's softirqs and device queues are told.
 *
 * @param hz  CONFIG_HZ; `exact`: times are not rounded to jiffies
 */
export function softnetOptionsOf(sysctl: Values, hz: number | 'exact'): SoftnetOptions {
  const number = (name: string): number => sysctlNumber(sysctl, `net.core.${name}`);
  return {
    weight: number('dev_weight'),
    budget: number('netdev_budget'),
    budgetNs: budgetNs(sysctl, hz),
    maxBacklog: number('netdev_max_backlog'),
    busyRead: number('busy_read'),
    busyPoll: number('busy_poll'),
    rpsSockFlows: number('rps_sock_flow_entries'),
    flowLimitCpus: sysctlMask(sysctl, 'net.core.flow_limit_cpu_bitmap'),
  };
}

/** net/core/hotdata.c: 2 * USEC_PER_SEC / HZ when nobody has written it; net_rx_action() counts it in jiffies, rounded up. */
function budgetNs(sysctl: Values, hz: number | 'exact'): number {
  const name = 'net.core.netdev_budget_usecs';
  const usecs = sysctlNumber(sysctl, name);
  if (hz === 'exact') return usecs * 1000;
  if (sysctl[name] === undefined) return 2 * Math.floor(1_000_000_000 / hz);
  return Math.ceil((usecs * hz) / 1_000_000) * Math.floor(1_000_000_000 / hz);
}

/** Ticks per second of a machine. */
const hzOf = (host: Host): number => Math.round(1_000_000_000 / host.jiffyNs);

/**
 * Writes sysctls of a running machine. What the kernel reads where it uses it changes at once for all sockets; what a socket
 * copies when it is made (buffer sizes, congestion control, busy_read) changes for those that are made from now on. Left out: the
 * table of RFS and the cores with a flow limit, which stay as they were when the machine was built.
 *
 * @param sysctl  all values that are not the profile's
 */
export function writeSysctls(
  stack: Stack,
  sysctl: Values,
  changes: Partial<TcpOptions> = {},
): void {
  const { tcp, somaxconn, syncookies, maxSynBacklog } = stackOptionsOf(sysctl, changes);
  stack.tcp.retune(tcp);
  stack.somaxconn = somaxconn;
  stack.syncookies = syncookies;
  stack.maxSynBacklog = maxSynBacklog;
  stack.host.softnet = softnetOptionsOf(sysctl, hzOf(stack.host));
  stack.host.files.max = sysctlNumber(sysctl, 'fs.file-max');
}
