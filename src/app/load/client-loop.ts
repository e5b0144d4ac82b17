/** The users of client.ts in one thread, over epoll: thousands of connections without thousands of threads. */
import * as k from '../../kernel/syscall.ts';
import type { Fd, Sys } from '../../kernel/syscall.ts';
import { add, NEVER, type Duration, type Instant } from '../../base/units.ts';
import type { AppEnv } from '../env.ts';
import type { ClientOptions } from '../options.ts';
import type { Probe } from '../probe.ts';
import type { Sub } from '../setup.ts';
import { type Exchange, exchanges } from './exchange.ts';
import { LoadLoop, type Driver } from './loop.ts';
import { Unfinished } from './unfinished.ts';
import { openTimes, UserTimes } from './user-times.ts';

// What a user is doing.
const ABSENT = 0; // before its start, or its connection has failed
const CONNECTING = 1;
const IDLE = 2; // connected, thinks or waits for the next intended time
const ASKING = 3; // the request is not wholly written
const WAITING = 4; // for the rest of the answer
const GONE = 5;

class User {
  readonly times: UserTimes;
  /** Has come, and knows when its first request is meant for. */
  arrived = false;
  state = ABSENT;
  fd: Fd = -1;
  /** When the present or next request is (or was) meant to be sent. */
  intended: Instant;
  /** It is time for a request, or past it: asked as soon as there is a connection. */
  pending = false;
  /** The present request fails at this time. */
  deadline: Instant = NEVER;
  /** What the calendar wakes this user for; any other time has been given up. */
  wake: Instant;
  toWrite = 0;
  readonly exchange: Exchange;

  constructor(times: UserTimes, exchange: Exchange) {
    this.times = times;
    this.exchange = exchange;
    this.intended = times.start;
    this.wake = times.start;
  }
}

export function* clientLoop(
  sys: Sys,
  o: ClientOptions,
  probe: Probe,
  env: AppEnv,
  addr: number,
): Sub<void> {
  const loop = new LoadLoop(sys, yield sys.epollCreate());
  yield* loop.run(new ClientDriver(loop, o, probe, env, addr));
}

class ClientDriver implements Driver {
  readonly unfinished: Unfinished;
  private readonly loop: LoadLoop;
  private readonly o: ClientOptions;
  private readonly probe: Probe;
  private readonly addr: number;
  private readonly users: User[] = [];

  constructor(loop: LoadLoop, o: ClientOptions, probe: Probe, env: AppEnv, addr: number) {
    this.loop = loop;
    this.o = o;
    this.probe = probe;
    this.addr = addr;
    this.unfinished = new Unfinished(o.connections, probe);
    const open = openTimes(o, env);
    const exchange = exchanges(o);
    for (let i = 0; i < o.connections; i++) {
      const user = new User(new UserTimes(o, env, open, i), exchange());
      this.users.push(user);
      loop.at(user.wake, i);
    }
  }

  *due(i: number, now: Instant): Sub<void> {
    const u = this.users[i]!;
    if (u.wake > now) return; // given up meanwhile
    u.wake = NEVER;
    if (u.deadline <= now) return yield* this.fail(i, u);
    if (!u.arrived) return yield* this.arrive(i, u);
    u.pending = true;
    yield* this.request(i, u);
  }

  *ready(i: number, events: number): Sub<void> {
    const u = this.users[i]!;
    switch (u.state) {
      case CONNECTING:
        return yield* this.onConnected(i, u);
      case ASKING:
        return yield* this.write(i, u);
      case WAITING:
        return yield* this.read(i, u);
      default:
        // The server has closed, or reset, a connection that asks nothing.
        if ((events & (k.EPOLLIN | k.EPOLLERR | k.EPOLLHUP)) !== 0) yield* this.hangUp(u);
    }
  }

  /** The user comes: connects, and learns when its first request is meant for. */
  private *arrive(i: number, u: User): Sub<void> {
    if (u.times.left === 0) return this.leave(u);
    u.arrived = true;
    this.plan(i, u);
    yield* this.connect(i, u);
  }

  /** Takes the next intended time. */
  private plan(i: number, u: User): void {
    u.intended = u.times.next(this.probe.now());
    u.pending = false;
    this.wakeAt(i, u, u.intended);
  }

  private wakeAt(i: number, u: User, at: Instant): void {
    u.wake = at;
    this.loop.at(at, i);
  }

  /** Its time has come. Without a connection, one is made first. */
  private *request(i: number, u: User): Sub<void> {
    if (this.o.timeoutNs !== null) {
      u.deadline = add(this.probe.now(), this.o.timeoutNs as Duration);
      this.wakeAt(i, u, u.deadline);
    }
    if (u.state === ABSENT) yield* this.connect(i, u);
    else if (u.state === IDLE) yield* this.ask(i, u);
  }

  private *ask(i: number, u: User): Sub<void> {
    u.state = ASKING;
    u.toWrite = u.exchange.size;
    yield* this.write(i, u);
  }

  private *write(i: number, u: User): Sub<void> {
    const { request, size } = u.exchange;
    const blocked = u.toWrite < size;
    while (u.toWrite > 0) {
      const rest = typeof request === 'number' ? u.toWrite : request.subarray(size - u.toWrite);
      const n = yield this.loop.sys.write(u.fd, rest);
      if (n === -k.EAGAIN) return yield* this.loop.want(u.fd, k.EPOLLOUT, i);
      if (n < 0) return yield* this.fail(i, u);
      u.toWrite -= n;
    }
    u.state = WAITING;
    if (blocked) yield* this.loop.want(u.fd, k.EPOLLIN, i);
    if (!u.exchange.asked()) yield* this.answered(i, u);
  }

  private *read(i: number, u: User): Sub<void> {
    const { read, into } = u.exchange;
    for (;;) {
      const n = yield this.loop.sys.read(u.fd, read, into);
      if (n === -k.EAGAIN) return;
      if (n <= 0) return yield* this.fail(i, u);
      const whole = u.exchange.heard(n);
      if (whole < 0) return yield* this.fail(i, u);
      if (whole > 0) return yield* this.answered(i, u);
      if (n < read) return;
    }
  }

  private *answered(i: number, u: User): Sub<void> {
    this.probe.latency(u.intended, this.probe.now());
    this.probe.count('requests', 1);
    u.state = IDLE;
    if (!u.exchange.goesOn) yield* this.hangUp(u);
    yield* this.next(i, u);
  }

  /** The present request has failed, for whatever reason: it is counted, and the connection given up. */
  private *fail(i: number, u: User): Sub<void> {
    this.probe.count('failed', 1);
    yield* this.hangUp(u);
    yield* this.next(i, u);
  }

  private *next(i: number, u: User): Sub<void> {
    u.deadline = NEVER;
    if (u.times.left > 0) return this.plan(i, u);
    yield* this.hangUp(u);
    this.leave(u);
  }

  private leave(u: User): void {
    u.state = GONE;
    u.wake = NEVER;
    this.unfinished.one();
  }

  private *connect(i: number, u: User): Sub<void> {
    const fd = yield* this.loop.connect(this.o, this.addr, i);
    if (fd < 0) return yield* this.unconnected(i, u);
    u.fd = fd;
    u.state = CONNECTING;
    u.exchange.connected();
  }

  private *onConnected(i: number, u: User): Sub<void> {
    const r = yield* this.loop.connected(u.fd);
    if (r < 0) return yield* this.unconnected(i, u);
    this.probe.count('connections', 1);
    u.state = IDLE;
    yield* this.loop.want(u.fd, k.EPOLLIN, i);
    if (u.pending) yield* this.ask(i, u);
  }

  /** No connection: the request that waits for it fails, or it fails by itself and the next request tries again. */
  private *unconnected(i: number, u: User): Sub<void> {
    if (u.pending) return yield* this.fail(i, u);
    this.probe.count('failed', 1);
    yield* this.hangUp(u);
  }

  private *hangUp(u: User): Sub<void> {
    u.state = ABSENT;
    if (u.fd < 0) return;
    const fd = u.fd;
    u.fd = -1;
    yield this.loop.sys.close(fd);
  }
}
