/**
 * What every model does before its work: options on a socket, a listening socket, a connected one, sleeping until a given
 * time. Sub-programs for set-up only: a system call in a loop is yielded where the loop is.
 */
import { ScenarioError } from '../base/assert.ts';
import * as k from '../kernel/syscall.ts';
import type { Fd, Sys, Trap } from '../kernel/syscall.ts';
import type { ListenOptions, SockOpts } from './options.ts';

/** A part of a thread: yields system calls, returns a T. */
export type Sub<T> = Generator<Trap, T, number>;

/** Level and number of each socket option that may be written, by Linux's name. */
const OPTIONS: ReadonlyMap<string, readonly [level: number, option: number]> = new Map([
  ['SO_REUSEADDR', [k.SOL_SOCKET, k.SO_REUSEADDR]],
  ['SO_REUSEPORT', [k.SOL_SOCKET, k.SO_REUSEPORT]],
  ['SO_SNDBUF', [k.SOL_SOCKET, k.SO_SNDBUF]],
  ['SO_RCVBUF', [k.SOL_SOCKET, k.SO_RCVBUF]],
  ['SO_KEEPALIVE', [k.SOL_SOCKET, k.SO_KEEPALIVE]],
  ['SO_LINGER', [k.SOL_SOCKET, k.SO_LINGER]],
  ['SO_RCVLOWAT', [k.SOL_SOCKET, k.SO_RCVLOWAT]],
  ['SO_BUSY_POLL', [k.SOL_SOCKET, k.SO_BUSY_POLL]],
  ['SO_PREFER_BUSY_POLL', [k.SOL_SOCKET, k.SO_PREFER_BUSY_POLL]],
  ['SO_BUSY_POLL_BUDGET', [k.SOL_SOCKET, k.SO_BUSY_POLL_BUDGET]],
  ['SO_MAX_PACING_RATE', [k.SOL_SOCKET, k.SO_MAX_PACING_RATE]],
  ['SO_RCVTIMEO', [k.SOL_SOCKET, k.SO_RCVTIMEO]],
  ['SO_SNDTIMEO', [k.SOL_SOCKET, k.SO_SNDTIMEO]],
  ['IP_TOS', [k.SOL_IP, k.IP_TOS]],
  ['TCP_NODELAY', [k.IPPROTO_TCP, k.TCP_NODELAY]],
  ['TCP_MAXSEG', [k.IPPROTO_TCP, k.TCP_MAXSEG]],
  ['TCP_CORK', [k.IPPROTO_TCP, k.TCP_CORK]],
  ['TCP_KEEPIDLE', [k.IPPROTO_TCP, k.TCP_KEEPIDLE]],
  ['TCP_KEEPINTVL', [k.IPPROTO_TCP, k.TCP_KEEPINTVL]],
  ['TCP_KEEPCNT', [k.IPPROTO_TCP, k.TCP_KEEPCNT]],
  ['TCP_LINGER2', [k.IPPROTO_TCP, k.TCP_LINGER2]],
  ['TCP_WINDOW_CLAMP', [k.IPPROTO_TCP, k.TCP_WINDOW_CLAMP]],
  ['TCP_CONGESTION', [k.IPPROTO_TCP, k.TCP_CONGESTION]],
  ['TCP_QUICKACK', [k.IPPROTO_TCP, k.TCP_QUICKACK]],
  ['TCP_USER_TIMEOUT', [k.IPPROTO_TCP, k.TCP_USER_TIMEOUT]],
  ['TCP_NOTSENT_LOWAT', [k.IPPROTO_TCP, k.TCP_NOTSENT_LOWAT]],
]);

/** Names of the socket options that models can set. */
export const SOCKET_OPTION_NAMES: readonly string[] = [...OPTIONS.keys()];

/**
 * Sets what the scenario asks for, in its order.
 *
 * @throws ScenarioError when the kernel does not take an option: the scenario asked for what cannot be
 */
export function* setOptions(sys: Sys, fd: Fd, options: SockOpts): Sub<void> {
  for (const name in options) {
    const where = OPTIONS.get(name);
    if (where === undefined)
      throw new ScenarioError(`unknown socket option ${name}`, ['sockopt', name]);
    const r = yield sys.setsockopt(fd, where[0], where[1], valueOf(options[name]!));
    if (r < 0)
      throw new ScenarioError(`setsockopt ${name} = ${options[name]}: ${k.errnoName(r)}`, [
        'sockopt',
        name,
      ]);
  }
}

/** A system call takes integers, so a congestion control goes in by its place in the kernel's list. */
function valueOf(value: number | string): number {
  return typeof value === 'number'
    ? value
    : (k.CONGESTION_CONTROLS as readonly string[]).indexOf(value);
}

/**
 * A listening socket, once it is time to accept. Options are set before listen(), so that accepted sockets inherit them.
 *
 * @param flags NONBLOCK or 0
 * @throws ScenarioError when the port is taken
 */
export function* openListener(sys: Sys, o: Omit<ListenOptions, 'read'>, flags: number): Sub<Fd> {
  const fd = yield sys.socket(flags);
  if (fd < 0) throw new ScenarioError(`socket: ${k.errnoName(fd)}`, ['listen']);
  yield* setOptions(sys, fd, o.sockopt);
  const bound = yield sys.bind(fd, o.listen);
  if (bound < 0)
    throw new ScenarioError(`bind to port ${o.listen}: ${k.errnoName(bound)}`, ['listen']);
  const listening = yield sys.listen(fd, o.backlog);
  if (listening < 0)
    throw new ScenarioError(`listen on port ${o.listen}: ${k.errnoName(listening)}`, ['listen']);
  if (o.startNs !== undefined && o.startNs > 0) yield* sleepUntil(sys, o.startNs);
  return fd;
}

/** Sleeps until the host's clock shows `at`; not at all when it is past. */
export function* sleepUntil(sys: Sys, at: number): Sub<void> {
  const now = yield sys.clockGettime();
  if (now < at) yield sys.nanosleep(at - now);
}

/**
 * How long to leave accept() alone after it failed for want of something (a descriptor, memory): 50 ms, doubled up to
 * 1.6 s, and back to nothing with the first success. Tomcat's AbstractEndpoint.handleExceptionWithDelay; a loop
 * without any delay would spin, because the listener stays readable.
 */
export class AcceptBackoff {
  private delay = 0;

  next(): number {
    this.delay = this.delay === 0 ? 50_000_000 : Math.min(this.delay * 2, 1_600_000_000);
    return this.delay;
  }

  reset(): void {
    this.delay = 0;
  }
}

/** accept() failed for want of something that may come back: wait and go on. */
export function isShortage(r: number): boolean {
  return r === -k.EMFILE || r === -k.ENFILE || r === -k.ENOBUFS || r === -k.ENOMEM;
}
