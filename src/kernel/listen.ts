/**
 * A listening socket's queues: half-open connections (the SYN queue) and finished ones that wait for accept().
 *
 * The accept queue holds min(backlog, somaxconn) + 1 connections, because the test is "more than". While it is full a SYN
 * is dropped (ListenOverflows, ListenDrops), and a handshake ACK is ignored: the request stays, sends its SYN-ACK again
 * and waits for another ACK; with tcp_abort_on_overflow it is reset instead. The SYN queue has the same limit; when it is
 * full and SYN cookies are off, SYNs are dropped (tcp_conn_request, tcp_check_req, tcp_v4_syn_recv_sock).
 *
 * SYN cookies: a SYN that finds the queue full is answered, and what the cookie says is kept aside, unbounded and
 * uncounted, where Linux encodes it in the sequence number; such a request sends no SYN-ACK again and lasts two minutes.
 * The cookie's coarser MSS, and that it loses window scaling and SACK without timestamps, are not modelled.
 *
 * Left out: early pruning of old requests (reqsk_timer_handler's thresholds).
 */
import { QueueMeter } from '../base/queue-meter.ts';
import { Ring } from '../base/ring.ts';
import type { Instant } from '../base/units.ts';
import {
  onRequestTimer,
  requestDeadline,
  type Request,
  type ListenerOptions,
  type PathOptions,
  type SocketSettings,
  type TcpContext,
} from '../tcp/index.ts';
import { REQUEST, SockCommon } from './demux.ts';
import type { Sock } from './socket.ts';
import type { Stack } from './stack.ts';
import { KernelTimer, type TimerHandler } from './timer.ts';

export class Listener implements ListenerOptions {
  readonly context: TcpContext;
  readonly path: PathOptions;
  readonly sock: Sock;
  /** Connections that wait for accept(), oldest first. */
  readonly queue: Ring<Sock> = new Ring<Sock>(4);
  readonly acceptMeter: QueueMeter;
  /** Half-open connections that count (those kept by a cookie do not). */
  readonly synMeter: QueueMeter;
  readonly requests: Set<RequestSock> = new Set<RequestSock>();
  /** sk_max_ack_backlog. */
  backlog: number;
  /** Connections put into the queue, and SYNs or ACKs that the full queue cost. */
  accepted = 0;
  drops = 0;
  private readonly others = new Map<PathOptions, ListenerOptions>();

  constructor(sock: Sock, path: PathOptions, backlog: number, name: string) {
    this.sock = sock;
    this.context = sock.stack.tcp;
    this.path = path;
    this.backlog = backlog;
    this.acceptMeter = new QueueMeter(`${name}/accept-queue`, backlog + 1);
    this.synMeter = new QueueMeter(`${name}/syn-queue`, backlog + 1);
  }

  /** A further listen(): who is in the queue stays there (inet_csk_listen_start is not run again). */
  setBacklog(backlog: number): void {
    this.backlog = backlog;
    this.acceptMeter.widen(backlog + 1);
    this.synMeter.widen(backlog + 1);
  }

  /** What connections by way of `path` take over. */
  optionsFor(path: PathOptions): ListenerOptions {
    if (path === this.path) return this;
    let o = this.others.get(path);
    if (o === undefined) this.others.set(path, (o = new OtherPath(this, path)));
    return o;
  }

  /** The socket's, as they are now. */
  get settings(): SocketSettings {
    return this.sock.settings!;
  }

  get acceptable(): boolean {
    return this.queue.length > 0;
  }
  /** sk_acceptq_is_full() */
  get acceptFull(): boolean {
    return this.queue.length > this.backlog;
  }
  /** inet_csk_reqsk_queue_is_full() */
  get synFull(): boolean {
    return this.synMeter.depth > this.backlog;
  }

  /** inet_csk_reqsk_queue_add(): a finished handshake. */
  push(child: Sock, now: Instant): void {
    this.queue.push(child);
    this.accepted++;
    this.acceptMeter.enter(now);
  }

  /** The oldest connection, or null. */
  shift(now: Instant): Sock | null {
    const child = this.queue.shift() ?? null;
    if (child !== null) this.acceptMeter.leave(now);
    return child;
  }
}

/** A listener to those who come another way than by its first device. */
class OtherPath implements ListenerOptions {
  readonly context: TcpContext;
  readonly path: PathOptions;
  private readonly listener: Listener;

  constructor(listener: Listener, path: PathOptions) {
    this.context = listener.context;
    this.path = path;
    this.listener = listener;
  }

  get settings(): SocketSettings {
    return this.listener.settings;
  }
}

/** A half-open connection in the established hash (struct request_sock). */
export class RequestSock extends SockCommon implements TimerHandler {
  get role(): number {
    return REQUEST;
  }
  readonly stack: Stack;
  readonly listener: Listener;
  readonly request: Request;
  /** Kept by a SYN cookie. */
  readonly cookie: boolean;
  private readonly timer: KernelTimer;

  constructor(stack: Stack, listener: Listener, request: Request, cookie: boolean) {
    super();
    this.stack = stack;
    this.listener = listener;
    this.request = request;
    this.cookie = cookie;
    this.saddr = request.src;
    this.sport = request.sport;
    this.daddr = request.dst;
    this.dport = request.dport;
    this.timer = new KernelTimer(stack.host, stack.host.here, this, false);
    listener.requests.add(this);
    if (!cookie) listener.synMeter.enter(stack.engine.now);
  }

  /** Arms the SYN-ACK timer as TCP wants it; a cookie only has its lifetime. */
  arm(): void {
    const t = this.cookie ? this.stack.cookieEnd() : requestDeadline(this.request);
    if (this.cookie && this.timer.pending) return;
    if (t === Infinity) this.timer.cancel();
    else if (this.timer.expires !== t) this.timer.arm(t);
  }

  onTimer(): void {
    if (this.cookie) {
      this.stack.dropRequest(this);
      return;
    }
    onRequestTimer(this.request, this.stack.engine.now);
    this.stack.afterRequest(this, this.stack.host.here);
  }

  /** It leaves the queue: established, given up or reset. */
  leave(): void {
    this.timer.release();
    this.listener.requests.delete(this);
    if (!this.cookie) this.listener.synMeter.leave(this.stack.engine.now);
  }
}
