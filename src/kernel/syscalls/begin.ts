/** The beginning of a socket's connection, by connect() or by a first write, and what is left of one that has failed. */
import { EADDRNOTAVAIL, ECONNABORTED, ENETUNREACH } from '../../base/errno.ts';
import { isClosed } from '../closed.ts';
import { SS_CONNECTED, SS_UNCONNECTED } from '../sock-state.ts';
import type { Sock } from '../socket.ts';
import type { Thread } from '../thread.ts';

/** Makes the connection, whose SYN leaves with the next poll. The socket is owned. @returns 0 or −errno */
export function beginConnection(s: Sock, daddr: number, dport: number): number {
  const { stack } = s;
  const device = stack.route(daddr);
  if (device === null) return -ENETUNREACH;
  const sport = s.boundPort !== 0 ? s.boundPort : stack.ephemeral(daddr, dport);
  if (sport === 0) return -EADDRNOTAVAIL;
  const own = stack.host.addr;
  if (stack.ehash.lookup(own, sport, daddr, dport) !== null) return -EADDRNOTAVAIL;
  s.saddr = own;
  s.sport = sport;
  s.daddr = daddr;
  s.dport = dport;
  stack.takePort(s);
  const c = stack.connect(s, device, s.settings!);
  // What an earlier connection of this socket has left is still to be reported.
  c.error = s.error;
  s.error = 0;
  return 0;
}

/**
 * What has come of the connection that was begun (__inet_stream_connect): null while it is on its way, 0 once there is one, or
 * −errno, and the socket may begin another.
 */
export function outcomeOfConnect(s: Sock): number | null {
  const c = s.c!;
  if (isClosed(c)) {
    const error = s.takeError() || -ECONNABORTED;
    forgetConnection(s);
    return error;
  }
  if (c.state === 'SYN-SENT' || c.state === 'SYN-RECEIVED') return null;
  s.state = SS_CONNECTED;
  s.settings = null; // the connection has them now
  return 0;
}

/** Lets go of the socket and sleeps until something has come of it (inet_wait_for_connect). */
export function sleepForConnect(s: Sock, t: Thread): number {
  s.unlock();
  t.startTimeout(s.options.sndTimeo);
  return t.waitOn(s.wait, false);
}

/** The socket may begin another connection; its options are those that the last one had. */
export function forgetConnection(s: Sock): void {
  const { c } = s;
  if (c === null) return;
  if (s.settings === null) {
    c.settings.shared = true;
    s.settings = c.settings;
    const own = s.ownSettings()!;
    own.noDelay = c.noDelay;
    own.cork = c.cork;
  }
  s.c = null;
  s.state = SS_UNCONNECTED;
  if (s.fastOpen !== null) {
    s.fastOpen.deferred = false;
    s.fastOpen.pending = false;
  }
}
