/** sysctl(8) on a machine: what the values make of a new network stack, and writing them on one that runs. */
import { tcpOptions, type TcpOptions } from '../tcp/index.ts';
import type { Stack, StackOptions } from './stack.ts';
import { sysctlNumber, tcpChanges, type SysctlValue } from './sysctl-options.ts';

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
 * Writes sysctls of a running machine. What the kernel reads where it uses it changes at once for all sockets; what a socket
 * copies when it is made (buffer sizes, congestion control) changes for those that are made from now on.
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
  stack.host.files.max = sysctlNumber(sysctl, 'fs.file-max');
}
