/**
 * The users of client.ts in one thread, over epoll: thousands of connections without thousands of threads. `pipeline` users
 * share each connection: so many requests may be on it unanswered, answers come in the order of the requests, and a request
 * that fails takes the connection and all that waits on it along (RFC 9112 §9.3.2). An answer of HTTP that says `close` is
 * no failure of those behind it, which the server has not looked at (§9.6): they are asked again.
 */
import * as k from '../../kernel/syscall.ts';
import type { Fd, Sys, ThreadBody } from '../../kernel/syscall.ts';
import { Ring } from '../../base/ring.ts';
import { add, NEVER, type Duration, type Instant } from '../../base/units.ts';
import type { ClientOptions } from '../options.ts';
import type { Probe } from '../probe.ts';
import type { Sub } from '../setup.ts';
import { type Answers, Reads } from './answers.ts';
import { Asker } from './ask.ts';
import { LoadLoop, type Driver } from './loop.ts';
import { Unfinished } from './unfinished.ts';
import type { UserTimes, Workload } from './workload.ts';

// What a connection is doing.
const ABSENT = 0; // not made yet, or it has failed
const CONNECTING = 1;
const UP = 2;

class User {
  readonly times: UserTimes;
  readonly link: Link;
  /** Has come, and knows when its first request is meant for. */
  arrived = false;
  /** When the present or next request is (or was) meant to be sent, and when the user turned to it. */
  intended: Instant;
  begun: Instant = NEVER;
  /** It is time for a request, or past it, and none of it is written: it waits in `Link.queue`. */
  pending = false;
  /** The present request fails at this time. */
  deadline: Instant = NEVER;
  /** What the calendar wakes this user for; any other time has been given up. */
  wake: Instant;

  constructor(times: UserTimes, link: Link) {
    this.times = times;
    this.link = link;
    this.intended = times.start;
    this.wake = times.start;
  }
}

/** A connection, and who waits for what on it. */
class Link {
  readonly index: number;
  /** Users that have not gone. */
  present = 0;
  state = ABSENT;
  fd: Fd = -1;
  /** Users with a request that is not begun, in order. */
  readonly queue: Ring<number> = new Ring<number>(1);
  /** Users whose request is begun, in order; of the last one, bytes may still be to be written. */
  readonly asked: Ring<number> = new Ring<number>(1);
  toWrite = 0;
  /** Requests begun on this connection. */
  begun = 0;
  /** What epoll watches for. */
  watched = 0;
  /** Does not read before this; NEVER: it does. */
  pausedUntil: Instant = NEVER;
  readonly answers: Answers;

  constructor(index: number, answers: Answers) {
    this.index = index;
    this.answers = answers;
  }
}

export function* clientLoop(
  sys: Sys,
  o: ClientOptions,
  probe: Probe,
  work: Workload,
  addr: number,
): ThreadBody {
  const loop = new LoadLoop(sys, yield sys.epollCreate());
  return loop.run(new ClientDriver(loop, o, probe, work, addr));
}

/** In the calendar, users have their numbers, and connections theirs behind them; events come to connections. */
class ClientDriver implements Driver {
  readonly unfinished: Unfinished;
  private readonly loop: LoadLoop;
  private readonly o: ClientOptions;
  private readonly probe: Probe;
  private readonly addr: number;
  private readonly asker: Asker;
  private readonly reads: Reads;
  private readonly pauseNs: number;
  private readonly users: User[] = [];
  private readonly links: Link[] = [];

  constructor(loop: LoadLoop, o: ClientOptions, probe: Probe, work: Workload, addr: number) {
    this.loop = loop;
    this.o = o;
    this.probe = probe;
    this.addr = addr;
    this.asker = new Asker(o);
    this.reads = new Reads(o);
    this.pauseNs = o.pauseNs ?? 0;
    this.unfinished = new Unfinished(work.users, probe);
    for (let i = 0; i < o.connections; i++) this.links.push(new Link(i, this.reads.answers()));
    for (let i = 0; i < work.users; i++) {
      const user = new User(work.user(i), this.links[work.connectionOf(i)]!);
      user.link.present++;
      this.users.push(user);
      loop.at(user.wake, i);
    }
  }

  *due(i: number, now: Instant): Sub<void> {
    if (i >= this.users.length) return yield* this.resume(this.links[i - this.users.length]!, now);
    const u = this.users[i]!;
    if (u.wake > now) return; // given up meanwhile
    u.wake = NEVER;
    if (u.deadline <= now) return yield* this.timeOut(i, u);
    if (!u.arrived) return yield* this.arrive(i, u);
    yield* this.request(i, u);
  }

  *ready(i: number, events: number): Sub<void> {
    const c = this.links[i]!;
    if (c.state === CONNECTING) return yield* this.onConnected(c);
    if (c.state !== UP) return;
    // Nobody waits for the end of a pause on a connection that has broken: epoll would not stop telling.
    if ((events & (k.EPOLLERR | k.EPOLLHUP)) !== 0) c.pausedUntil = NEVER;
    if (c.toWrite > 0 && (events & ~k.EPOLLIN) !== 0) yield* this.write(c);
    else if (c.asked.length > 0) return yield* this.receive(c);
    // The server has closed, or reset, a connection that asks nothing.
    else if ((events & (k.EPOLLIN | k.EPOLLERR | k.EPOLLHUP)) !== 0) return yield* this.hangUp(c);
    if (c.state === UP && c.asked.length > 0 && (events & k.EPOLLIN) !== 0) yield* this.receive(c);
  }

  /** The user comes: connects, and learns when its first request is meant for. */
  private *arrive(i: number, u: User): Sub<void> {
    if (u.times.left === 0) return yield* this.leave(u);
    u.arrived = true;
    this.plan(i, u);
    if (u.link.state === ABSENT) yield* this.connect(u.link);
  }

  /** Takes the next intended time. */
  private plan(i: number, u: User): void {
    u.intended = u.times.next(this.probe.now());
    this.wakeAt(i, u, u.intended);
  }

  private wakeAt(i: number, u: User, at: Instant): void {
    u.wake = at;
    this.loop.at(at, i);
  }

  /** Its time has come. Without a connection, one is made first. */
  private *request(i: number, u: User): Sub<void> {
    u.begun = this.probe.now();
    if (this.o.timeoutNs !== null) {
      u.deadline = add(u.begun, this.o.timeoutNs as Duration);
      this.wakeAt(i, u, u.deadline);
    }
    u.pending = true;
    u.link.queue.push(i);
    if (u.link.state === ABSENT) yield* this.connect(u.link);
    else if (u.link.state === UP && u.link.toWrite === 0) yield* this.write(u.link);
  }

  /** Writes what is begun, then begins what waits, as long as the kernel takes it. */
  private *write(c: Link): Sub<void> {
    for (;;) {
      if (c.toWrite === 0 && !this.begin(c)) break;
      const { times } = this.users[c.asked.last()!]!;
      while (c.toWrite > 0) {
        const rest = this.asker.rest(times, this.isLast(c), c.toWrite);
        const n = yield this.loop.sys.write(c.fd, rest);
        if (n === -k.EAGAIN) return yield* this.watch(c);
        if (n < 0) return yield* this.broken(c);
        c.toWrite -= n;
      }
    }
    yield* this.watch(c);
    yield* this.answered(c);
  }

  /** The next request of the queue. @returns whether there is one, on a connection that may carry it */
  private begin(c: Link): boolean {
    if (c.queue.length === 0 || this.isLast(c)) return false;
    const i = c.queue.shift()!;
    const u = this.users[i]!;
    u.pending = false;
    c.asked.push(i);
    c.begun++;
    c.toWrite = this.asker.length(u.times, this.isLast(c));
    return true;
  }

  /** No other request follows the one begun last. */
  private isLast(c: Link): boolean {
    return c.begun === this.o.requestsPerConnection;
  }

  private *receive(c: Link): Sub<void> {
    const { bytes, into } = this.reads;
    while (c.asked.length > 0 && c.pausedUntil === NEVER) {
      const n = yield this.loop.sys.read(c.fd, bytes, into);
      if (n === -k.EAGAIN) break;
      if (n <= 0) return yield* this.broken(c);
      c.answers.got(n);
      yield* this.answered(c);
      // What comes after a pause or on another connection is not of this read.
      if (c.asked.length > 0 && this.pauseNs > 0) this.pause(c);
      else if (n < bytes) break;
    }
    if (c.state === UP) yield* this.watch(c);
  }

  private pause(c: Link): void {
    c.pausedUntil = add(this.probe.now(), this.pauseNs as Duration);
    this.loop.at(c.pausedUntil, this.users.length + c.index);
  }

  private *resume(c: Link, now: Instant): Sub<void> {
    if (c.pausedUntil > now) return; // a connection of before
    c.pausedUntil = NEVER;
    if (c.state === UP) yield* this.receive(c);
  }

  /** Takes the answers that are whole, the oldest first. */
  private *answered(c: Link): Sub<void> {
    while (c.asked.length > 0) {
      const last = c.asked.length === 1;
      // No answer ends before its request.
      if (last && c.toWrite > 0) return;
      const i = c.asked.peek()!;
      const u = this.users[i]!;
      const whole = c.answers.whole(u.times.answer, last);
      if (whole === 0) return;
      if (whole < 0) return yield* this.broken(c);
      c.asked.shift();
      this.probe.latency(u.intended, this.probe.now(), u.begun);
      this.probe.count('requests', 1);
      const full = c.asked.length === 0 && this.isLast(c);
      if (!c.answers.goesOn) this.askAgain(c);
      if (full || !c.answers.goesOn) yield* this.hangUp(c);
      yield* this.next(i, u);
      // More were waiting than the connection before could carry.
      if (c.state === ABSENT && c.queue.length > 0) yield* this.connect(c);
    }
  }

  /** What was asked and will not be answered here waits for the next connection, before what was not asked yet. */
  private askAgain(c: Link): void {
    const behind = c.queue.length;
    while (c.asked.length > 0) {
      const i = c.asked.shift()!;
      this.users[i]!.pending = true;
      c.queue.push(i);
    }
    for (let n = 0; n < behind; n++) c.queue.push(c.queue.shift()!);
  }

  /** A request has had its time: with it goes the connection, unless others only wait for one as it does. */
  private *timeOut(i: number, u: User): Sub<void> {
    const c = u.link;
    if (!u.pending) return yield* this.broken(c);
    for (let n = c.queue.length; n > 0; n--) {
      const other = c.queue.shift()!;
      if (other !== i) c.queue.push(other);
    }
    if (c.asked.length === 0 && c.queue.length === 0) yield* this.failed(c, [i]);
    else {
      this.probe.count('failed', 1);
      yield* this.next(i, u);
    }
  }

  /** The connection is of no use any more: what was asked on it fails, and the requests that wait get another one. */
  private *broken(c: Link): Sub<void> {
    const victims: number[] = [];
    while (c.asked.length > 0) victims.push(c.asked.shift()!);
    yield* this.failed(c, victims);
    if (c.state === ABSENT && c.queue.length > 0) yield* this.connect(c);
  }

  private *failed(c: Link, victims: readonly number[]): Sub<void> {
    this.probe.count('failed', victims.length);
    yield* this.hangUp(c);
    for (const i of victims) yield* this.next(i, this.users[i]!);
  }

  private *next(i: number, u: User): Sub<void> {
    u.deadline = NEVER;
    u.pending = false;
    if (u.times.left > 0) return this.plan(i, u);
    yield* this.leave(u);
  }

  /** The last one closes the connection. */
  private *leave(u: User): Sub<void> {
    u.wake = NEVER;
    if (--u.link.present === 0) yield* this.hangUp(u.link);
    this.unfinished.one();
  }

  private *connect(c: Link): Sub<void> {
    const fd = yield* this.loop.connect(this.o, this.addr, c.index);
    if (fd < 0) return yield* this.unconnected(c);
    c.fd = fd;
    c.begun = 0;
    c.answers.connected();
    c.watched = k.EPOLLOUT;
    c.pausedUntil = NEVER;
    c.state = CONNECTING;
  }

  private *onConnected(c: Link): Sub<void> {
    const r = yield* this.loop.connected(c.fd);
    if (r < 0) return yield* this.unconnected(c);
    this.probe.count('connections', 1);
    c.state = UP;
    yield* this.watch(c);
    if (c.queue.length > 0) yield* this.write(c);
  }

  /** No connection: the requests that wait for it fail, or it fails by itself and the next request tries again. */
  private *unconnected(c: Link): Sub<void> {
    const victims: number[] = [];
    while (c.queue.length > 0) victims.push(c.queue.shift()!);
    if (victims.length > 0) return yield* this.failed(c, victims);
    this.probe.count('failed', 1);
    yield* this.hangUp(c);
  }

  /** Tells epoll what the connection waits for, when that has changed. */
  private *watch(c: Link): Sub<void> {
    // Nothing comes while the only request is on its way out.
    const reads = c.pausedUntil === NEVER && (c.toWrite === 0 || c.asked.length > 1);
    const events = (c.toWrite > 0 ? k.EPOLLOUT : 0) | (reads ? k.EPOLLIN : 0);
    if (events === c.watched) return;
    c.watched = events;
    yield* this.loop.want(c.fd, events, c.index);
  }

  private *hangUp(c: Link): Sub<void> {
    c.state = ABSENT;
    c.toWrite = 0;
    c.pausedUntil = NEVER;
    if (c.fd < 0) return;
    const fd = c.fd;
    c.fd = -1;
    yield this.loop.sys.close(fd);
  }
}
