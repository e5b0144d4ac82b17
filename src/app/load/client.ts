/**
 * Clients that ask and wait for answers, one outstanding request on each connection. Closed loop: a user asks, waits, thinks,
 * asks again, so a slow server slows the load. Open loop: requests are meant for times that no answer moves; a user whose
 * connection is still busy asks late, and latency is taken from the intended time (no coordinated omission).
 *
 * Latency ends with the last byte of the answer read. What fails (refused, reset, closed early, timed out) is counted and
 * enters no latency; the connection is replaced at the next request. Left out: pipelining, sharing of connections.
 *
 * Here a blocking thread for each connection; client-loop.ts serves thousands in one thread.
 */
import * as k from '../../kernel/syscall.ts';
import {
  PollFd,
  type Fd,
  type Sys,
  type ThreadBody,
  type ThreadStart,
} from '../../kernel/syscall.ts';
import { instant, type Instant } from '../../base/units.ts';
import { writeAll } from '../blocking/write.ts';
import type { AppEnv } from '../env.ts';
import type { ClientOptions } from '../options.ts';
import type { Probe } from '../probe.ts';
import { setOptions, sleepUntil, type Sub } from '../setup.ts';
import { clientLoop } from './client-loop.ts';
import { type Exchange, exchanges } from './exchange.ts';
import { Unfinished } from './unfinished.ts';
import { openTimes, UserTimes } from './user-times.ts';

export function* client(sys: Sys, o: ClientOptions, probe: Probe, env: AppEnv): ThreadBody {
  const addr = env.resolve(o.connect.host);
  if (o.io === 'epoll') {
    yield* clientLoop(sys, o, probe, env, addr);
    return;
  }
  const unfinished = new Unfinished(o.connections, probe);
  const open = openTimes(o, env);
  const exchange = exchanges(o);
  for (let i = 1; i < o.connections; i++) {
    const user: ThreadStart = (own) =>
      new BlockingUser(own, o, probe, addr, exchange()).run(
        new UserTimes(o, env, open, i),
        unfinished,
      );
    yield sys.spawn(user, `user-${i}`);
  }
  yield* new BlockingUser(sys, o, probe, addr, exchange()).run(
    new UserTimes(o, env, open, 0),
    unfinished,
  );
}

class BlockingUser {
  private readonly sys: Sys;
  private readonly o: ClientOptions;
  private readonly probe: Probe;
  private readonly addr: number;
  private readonly exchange: Exchange;
  private fd: Fd = -1;
  /** For time-outs: read() alone would start its own at each call. */
  private readonly poll: PollFd[] = [new PollFd(-1, k.EPOLLIN)];

  constructor(sys: Sys, o: ClientOptions, probe: Probe, addr: number, exchange: Exchange) {
    this.sys = sys;
    this.o = o;
    this.probe = probe;
    this.addr = addr;
    this.exchange = exchange;
  }

  *run(times: UserTimes, unfinished: Unfinished): ThreadBody {
    try {
      if (times.left === 0) return;
      let intended = times.next(times.start);
      if (intended > times.start) yield* this.connectEarly(times.start);
      for (;;) {
        yield* sleepUntil(this.sys, intended);
        const r = yield* this.ask();
        if (r === 0) this.probe.latency(intended, this.probe.now());
        this.probe.count(r === 0 ? 'requests' : 'failed', 1);
        if (r < 0 || !this.exchange.goesOn) yield* this.hangUp();
        if (times.left === 0) return;
        intended = times.next(this.probe.now());
      }
    } finally {
      yield* this.hangUp();
      unfinished.one();
    }
  }

  /** A user of an open loop connects when it comes, and sends its first request on a connection that stands. */
  private *connectEarly(start: Instant): Sub<void> {
    yield* sleepUntil(this.sys, start);
    if ((yield* this.connect()) < 0) this.probe.count('failed', 1);
  }

  /** One request and its answer. @returns 0, or −errno (ECONNRESET also when the server closed before the end) */
  private *ask(): Sub<number> {
    const { sys, o, exchange } = this;
    const deadline = o.timeoutNs === null ? Infinity : this.probe.now() + o.timeoutNs;
    if (o.codec === 'http') yield* this.dropStale();
    if (this.fd < 0) {
      const r = yield* this.connect();
      if (r < 0) return r;
    }
    const written = yield* writeAll(sys, this.fd, exchange.request);
    if (written < 0) return written;
    for (let more = exchange.asked(); more;) {
      if (deadline !== Infinity) {
        const ready = yield* this.await(instant(deadline));
        if (ready < 0) return ready;
      }
      const n = yield sys.read(this.fd, exchange.read, exchange.into);
      if (n < 0) return n;
      if (n === 0) return -k.ECONNRESET;
      const whole = exchange.heard(n);
      if (whole < 0) return whole;
      more = whole === 0;
    }
    return 0;
  }

  /**
   * A server of HTTP may close a connection that has been idle (RFC 9112 §9.5), and a client looks before it asks on it, as
   * Apache's HttpClient does (isStale). A request that crosses the server's FIN on the wire fails all the same.
   */
  private *dropStale(): Sub<void> {
    if (this.fd < 0) return;
    const n = yield this.sys.recv(this.fd, 1, k.MSG_PEEK | k.MSG_DONTWAIT);
    if (n !== -k.EAGAIN) yield* this.hangUp();
  }

  /** Waits for something to read. @returns 0, or −ETIMEDOUT at the deadline */
  private *await(deadline: Instant): Sub<number> {
    const left = deadline - this.probe.now();
    this.poll[0]!.fd = this.fd;
    const n = yield this.sys.poll(this.poll, left > 0 ? left : 0);
    return n > 0 ? 0 : n === 0 ? -k.ETIMEDOUT : n;
  }

  /** @returns 0 or −errno; a time-out bounds connect() and write() too (SO_SNDTIMEO, socket(7)) */
  private *connect(): Sub<number> {
    const { sys, o } = this;
    const fd = yield sys.socket();
    if (fd < 0) return fd;
    this.fd = fd;
    if (o.timeoutNs !== null) yield sys.setsockopt(fd, k.SOL_SOCKET, k.SO_SNDTIMEO, o.timeoutNs);
    yield* setOptions(sys, fd, o.sockopt);
    const r = yield sys.connect(fd, this.addr, o.connect.port);
    this.exchange.connected();
    if (r < 0) yield* this.hangUp();
    else this.probe.count('connections', 1);
    return r;
  }

  private *hangUp(): Sub<void> {
    if (this.fd < 0) return;
    const fd = this.fd;
    this.fd = -1;
    yield this.sys.close(fd);
  }
}
