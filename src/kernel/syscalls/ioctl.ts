/** ioctl(2) of TCP sockets (net/ipv4/tcp.c tcp_ioctl). */
import { EINVAL, ENOTTY } from '../../base/errno.ts';
import { inq, outq, outqUnsent } from '../../tcp/index.ts';
import { SIOCINQ, SIOCOUTQ, SIOCOUTQNSD } from '../socket-options.ts';
import type { Trap } from '../syscall.ts';
import { DONE, type Thread } from '../thread.ts';
import { sockAt } from './at.ts';

/** Returns the value itself, where Linux writes it to where an argument points. */
export function sysIoctl(t: Thread, trap: Trap): number {
  const s = sockAt(t, trap);
  if (s === null) return DONE;
  if (s.listener !== null) return t.done(-EINVAL);
  const { c } = s;
  switch (trap.a) {
    case SIOCINQ:
      return t.done(c === null ? 0 : inq(c));
    case SIOCOUTQ:
      return t.done(c === null ? 0 : outq(c));
    case SIOCOUTQNSD:
      return t.done(c === null ? 0 : outqUnsent(c));
    default:
      return t.done(-ENOTTY);
  }
}
