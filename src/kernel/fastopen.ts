/**
 * Fast Open (RFC 7413) as sockets and listeners keep it: what an application has set, and which SYNs with data a listener lets
 * in (net/ipv4/tcp_fastopen.c tcp_try_fastopen, tcp_fastopen_queue_check, reqsk_fastopen_remove).
 */
import { sec, type Instant } from '../base/units.ts';
import {
  fastOpenCookie,
  fastOpenKey,
  sameCookie,
  TFO_EVERY_LISTENER,
  TFO_SERVER,
  TFO_SERVER_NO_COOKIE,
  type FastOpenOption,
  type Request,
  type Segment,
} from '../tcp/index.ts';
import type { Sock } from './socket.ts';

/** How long a connection that was reset counts on, so that forged SYNs use up the queue: 60 s. */
const RESET_COUNTS_FOR = sec(60);

/** Connections of a listener whose handshake is not complete (struct fastopen_queue). */
export class FastOpenQueue {
  /** TCP_FASTOPEN; 0: no Fast Open here. */
  maxLength = 0;
  length = 0;
  /** TCP_FASTOPEN_KEY; null: the host's. */
  key: Uint8Array | null = null;
  /** Until when each connection that was reset counts, in order. */
  private readonly resets: Instant[] = [];

  /** May one more come? What was reset long enough ago makes room. */
  admits(now: Instant): boolean {
    if (this.length < this.maxLength) return true;
    const oldest = this.resets[0];
    if (oldest === undefined || oldest > now) return false;
    this.resets.shift();
    this.length--;
    return true;
  }

  /** A handshake has ended. @param counts it was reset, and counts on for a while */
  leave(counts: boolean, now: Instant): void {
    if (counts) this.resets.push((now + RESET_COUNTS_FOR) as Instant);
    else this.length--;
  }
}

/** What a socket has to do with Fast Open; made with the first of it. */
export class SockFastOpen {
  /** TCP_FASTOPEN_CONNECT: connect() leaves the SYN to the first write. */
  connect = false;
  /** TCP_FASTOPEN_NO_COOKIE. */
  noCookie = false;
  /** connect() has done so (DEFER_CONNECT). */
  deferred = false;
  /** connect() has asked for a cookie: no other attempt on this socket (fastopen_req). */
  pending = false;
  /** A listener's own queue. */
  readonly queue: FastOpenQueue = new FastOpenQueue();
  /** Of a connection that a listener's SYN has made: the queue it counts in, until its handshake has ended. */
  counted: FastOpenQueue | null = null;
}

export const fastOpenOf = (s: Sock): SockFastOpen => (s.fastOpen ??= new SockFastOpen());

/** listen() without TCP_FASTOPEN, where the sysctl gives every listener a queue as long as its backlog. */
export function onListen(s: Sock, backlog: number): void {
  const every = TFO_EVERY_LISTENER | TFO_SERVER;
  if ((s.stack.tcp.options.fastopen & every) !== every) return;
  const f = fastOpenOf(s);
  if (f.queue.maxLength === 0) setQueueLength(s, backlog);
}

/** TCP_FASTOPEN: at most net.core.somaxconn. */
export function setQueueLength(s: Sock, n: number): void {
  fastOpenOf(s).queue.maxLength = Math.min(n, s.stack.somaxconn);
}

/**
 * Is this SYN to make a connection at once? If not, the SYN-ACK may carry a cookie for the next time, in `request.fastOpen`.
 *
 * @param asked its option
 */
export function tryFastOpen(
  s: Sock,
  syn: Segment,
  asked: FastOpenOption | null,
  request: Request,
  now: Instant,
): boolean {
  const { options, mib } = s.stack.tcp;
  if (asked !== null && asked.cookie.length === 0) mib.TCPFastOpenCookieReqd++;
  if ((options.fastopen & TFO_SERVER) === 0 || (syn.len === 0 && asked === null)) return false;
  const queue = s.fastOpen === null ? null : s.fastOpen.queue;
  if (queue === null || queue.maxLength === 0) return false;
  if (!queue.admits(now)) {
    mib.TCPFastOpenListenOverflow++;
    return false;
  }
  const free = (options.fastopen & TFO_SERVER_NO_COOKIE) !== 0 || s.fastOpen!.noCookie;
  if (free && syn.len > 0) return true;
  if (asked === null) return false;
  const key = queue.key ?? fastOpenKey(options.fastopenKey);
  const right = fastOpenCookie(key, syn.src, syn.dst);
  if (sameCookie(asked.cookie, right)) return true;
  if (asked.cookie.length > 0) mib.TCPFastOpenPassiveFail++;
  request.fastOpen = { exp: asked.exp, cookie: right };
  return false;
}
