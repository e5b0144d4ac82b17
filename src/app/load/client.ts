/**
 * Clients that ask and wait for answers. Closed loop: a user asks, waits, thinks, asks again, so a slow server slows the load.
 * Open loop: requests are meant for times that no answer moves; a user whose connection is still busy asks late, and latency
 * is taken from the intended time (no coordinated omission). Partly open: users come so, stay for some requests, and leave
 * (Schroeder, Wierman and Harchol-Balter, "Open Versus Closed: A Cautionary Tale", NSDI 2006). load/workload.ts says what
 * each asks for.
 *
 * Latency ends with the last byte of the answer read. What fails (refused, reset, closed early, timed out) is counted and
 * enters no latency; the connection is replaced at the next request.
 *
 * Here a blocking thread and a connection for each user; client-loop.ts serves thousands in one thread, and there several
 * users may share a connection.
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
import type { AppEnv } from '../env.ts';
import type { ClientOptions } from '../options.ts';
import type { Probe } from '../probe.ts';
import { setOptions, sleepUntil, type Sub } from '../setup.ts';
import { type Answers, Reads } from './answers.ts';
import { Asker, type Sizes } from './ask.ts';
import { clientLoop } from './client-loop.ts';
import { Unfinished } from './unfinished.ts';
import { type UserTimes, Workload } from './workload.ts';

export function* client(sys: Sys, o: ClientOptions, probe: Probe, env: AppEnv): ThreadBody {
  const addr = env.resolve(o.connect.host);
  const work = new Workload(o, env);
  if (o.io === 'epoll') return clientLoop(sys, o, probe, work, addr);
  const unfinished = new Unfinished(work.users, probe);
  for (let i = 1; i < work.users; i++) {
    const user: ThreadStart = (own) =>
      new BlockingUser(own, o, probe, addr).run(work.user(i), unfinished);
    yield sys.spawn(user, `user-${i}`);
  }
  return new BlockingUser(sys, o, probe, addr).run(work.user(0), unfinished);
}

class BlockingUser {
  private readonly sys: Sys;
  private readonly o: ClientOptions;
  private readonly probe: Probe;
  private readonly addr: number;
  private readonly asker: Asker;
  private readonly reads: Reads;
  private readonly answers: Answers;
  private readonly pauseNs: number;
  private fd: Fd = -1;
  /** Answers read on this connection. */
  private served = 0;
  /** For time-outs: read() alone would start its own at each call. */
  private readonly poll: PollFd[] = [new PollFd(-1, k.EPOLLIN)];

  constructor(sys: Sys, o: ClientOptions, probe: Probe, addr: number) {
    this.sys = sys;
    this.o = o;
    this.probe = probe;
    this.addr = addr;
    this.asker = new Asker(o);
    this.reads = new Reads(o);
    this.answers = this.reads.answers();
    this.pauseNs = o.pauseNs ?? 0;
  }

  *run(times: UserTimes, unfinished: Unfinished): ThreadBody {
    try {
      if (times.left === 0) return;
      let intended = times.next(times.start);
      if (intended > times.start) yield* this.connectEarly(times.start);
      for (;;) {
        yield* sleepUntil(this.sys, intended);
        const begun = this.probe.now();
        const r = yield* this.ask(times);
        if (r === 0) this.probe.latency(intended, this.probe.now(), begun);
        this.probe.count(r === 0 ? 'requests' : 'failed', 1);
        const full = ++this.served === this.o.requestsPerConnection;
        if (r < 0 || full || !this.answers.goesOn) yield* this.hangUp();
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
  private *ask(of: Sizes): Sub<number> {
    const { sys, o, answers, reads } = this;
    const deadline = o.timeoutNs === null ? Infinity : this.probe.now() + o.timeoutNs;
    if (o.codec === 'http') yield* this.dropStale();
    if (this.fd < 0) {
      const r = yield* this.connect();
      if (r < 0) return r;
    }
    const last = this.served + 1 === o.requestsPerConnection;
    const written = yield* this.asker.writeAll(sys, this.fd, of, last);
    if (written < 0) return written;
    let whole = answers.whole(of.answer, true);
    while (whole === 0) {
      if (deadline !== Infinity) {
        const ready = yield* this.await(instant(deadline));
        if (ready < 0) return ready;
      }
      const n = yield sys.read(this.fd, reads.bytes, reads.into);
      if (n < 0) return n;
      if (n === 0) return -k.ECONNRESET;
      answers.got(n);
      whole = answers.whole(of.answer, true);
      if (whole === 0 && this.pauseNs > 0) yield sys.nanosleep(this.pauseNs);
    }
    return whole < 0 ? whole : 0;
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
    this.served = 0;
    this.answers.connected();
    if (o.timeoutNs !== null) yield sys.setsockopt(fd, k.SOL_SOCKET, k.SO_SNDTIMEO, o.timeoutNs);
    yield* setOptions(sys, fd, o.sockopt);
    const r = yield sys.connect(fd, this.addr, o.connect.port);
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
