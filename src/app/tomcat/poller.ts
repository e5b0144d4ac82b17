/**
 * The poller's thread (org.apache.tomcat.util.net.NioEndpoint.Poller): a selector over level-triggered epoll. Others give it
 * sockets, or interests of theirs, in a queue, and write to its eventfd when it sleeps; a socket that is ready loses its
 * interest and goes to the executor, so that one thread at a time has it; about once a second it looks for those that have
 * waited too long.
 *
 * As in java.nio, a change of interest reaches the kernel with the next select, no interest at all takes the descriptor out, and
 * a channel that is registered is closed in two steps: its end is sent at once, its descriptor goes with the next select
 * (sun.nio.ch.SelectorImpl, EPollSelectorImpl, SocketChannelImpl.implCloseNonBlockingMode). Left out: sendfile, TLS, stopping.
 */
import { Ring } from '../../base/ring.ts';
import * as k from '../../kernel/syscall.ts';
import { EpollEvents, type Fd, type Sys, type ThreadBody } from '../../kernel/syscall.ts';
import type { Sub } from '../setup.ts';
import type { NioSocket } from './nio-socket.ts';

/** PollerEvent */
interface PollerEvent {
  readonly socket: NioSocket;
  /** EPOLLIN or EPOLLOUT; 0: OP_REGISTER, a new socket that waits for its first byte. */
  readonly ops: number;
}

/** Gives a ready socket to the executor. @returns false: rejected */
export type Dispatch = (
  sys: Sys,
  socket: NioSocket,
  event: 'read' | 'write' | 'error',
) => Sub<boolean>;

const READ = k.EPOLLIN;
const WRITE = k.EPOLLOUT;
/** The integer that comes back with the eventfd; sockets are numbered from 1. */
const WAKEUP = 0;
/** Events of one epoll_wait (sun.nio.ch.EPollSelectorImpl.NUM_EPOLLEVENTS). */
const EVENTS_MAX = 1024;
/** NioEndpoint.selectorTimeout and SocketProperties.timeoutInterval, ms. */
const SELECTOR_TIMEOUT_MS = 1000;
const TIMEOUT_INTERVAL_MS = 1000;
const MS = 1_000_000;

/** System.currentTimeMillis() */
export function* millis(sys: Sys): Sub<number> {
  return Math.floor((yield sys.clockGettime()) / MS);
}

export class Poller {
  private readonly ep: Fd;
  private readonly eventfd: Fd;
  private readonly dispatch: Dispatch;
  private readonly events = new Ring<PollerEvent>();
  /** −1: asleep, or about to be. Who counts up to 0 wakes it. */
  private wakeupCounter = 0;
  /** Before it nobody looks for sockets that have waited too long, unless nothing else happens; ms. */
  private nextExpiration = 0;
  /** selector.keys(), by number. */
  private readonly keys = new Map<number, NioSocket>();
  private lastKey = WAKEUP;
  /** Keys whose interest has changed since the last select. */
  private readonly updates: NioSocket[] = [];
  /** Closed while they were registered. */
  private readonly cancelled: NioSocket[] = [];
  private readonly ready = new EpollEvents(EVENTS_MAX);
  private readonly selected: { readonly socket: NioSocket; readonly ops: number }[] = [];

  private constructor(ep: Fd, eventfd: Fd, dispatch: Dispatch) {
    this.ep = ep;
    this.eventfd = eventfd;
    this.dispatch = dispatch;
  }

  static *open(sys: Sys, dispatch: Dispatch): Sub<Poller> {
    const ep = yield sys.epollCreate();
    const eventfd = yield sys.eventfd(0, k.NONBLOCK);
    yield sys.epollCtl(ep, k.EPOLL_CTL_ADD, eventfd, k.EPOLLIN, WAKEUP);
    return new Poller(ep, eventfd, dispatch);
  }

  /** Waits for the first byte of a new socket. */
  *register(sys: Sys, socket: NioSocket): Sub<void> {
    socket.interestOps = READ;
    yield* this.add(sys, socket, 0);
  }

  /** Waits for READ or WRITE, from any thread. */
  *add(sys: Sys, socket: NioSocket, ops: number): Sub<void> {
    this.events.push({ socket, ops });
    if (++this.wakeupCounter === 0) yield sys.write(this.eventfd, 1);
  }

  /** Closes a socket that may be registered, from any thread. */
  *close(sys: Sys, socket: NioSocket): Sub<void> {
    if (socket.key === 0) {
      yield sys.close(socket.fd);
      return;
    }
    // With SO_LINGER 0 it is to be reset: no FIN goes in front of that.
    const linger = yield sys.getsockopt(socket.fd, k.SOL_SOCKET, k.SO_LINGER);
    if (linger !== 0) yield sys.shutdown(socket.fd, k.SHUT_WR);
    this.cancelled.push(socket);
  }

  *run(sys: Sys): ThreadBody {
    for (;;) {
      let hasEvents = yield* this.takeEvents(sys);
      const urgent = this.wakeupCounter > 0;
      this.wakeupCounter = -1;
      const n = yield* this.select(sys, urgent ? 0 : SELECTOR_TIMEOUT_MS * MS);
      this.wakeupCounter = 0;
      if (n < 0) return;
      if (n === 0 && (yield* this.takeEvents(sys))) hasEvents = true;
      for (const { socket, ops } of this.selected) yield* this.process(sys, socket, ops);
      yield* this.timeout(sys, n > 0 || hasEvents);
    }
  }

  /** events(): as many as there are at the beginning. */
  private *takeEvents(sys: Sys): Sub<boolean> {
    const size = this.events.length;
    for (let i = 0; i < size; i++) {
      const { socket, ops } = this.events.shift()!;
      if (ops === 0) this.registerKey(socket);
      else if (socket.key === 0) yield* socket.close(sys);
      else {
        this.setInterest(socket, socket.keyOps | ops);
        socket.interestOps = socket.keyOps;
      }
    }
    return size > 0;
  }

  private registerKey(socket: NioSocket): void {
    if (socket.closed) return;
    socket.key = ++this.lastKey;
    this.keys.set(socket.key, socket);
    this.setInterest(socket, READ);
  }

  private setInterest(socket: NioSocket, ops: number): void {
    socket.keyOps = ops;
    if (socket.postponed) return;
    socket.postponed = true;
    this.updates.push(socket);
  }

  /** Selector.select(). @returns how many keys are ready; −errno when the thread is being ended */
  private *select(sys: Sys, timeout: number): Sub<number> {
    for (const socket of this.updates) {
      socket.postponed = false;
      if (!socket.closed) yield* this.control(sys, socket);
    }
    this.updates.length = 0;
    this.selected.length = 0;
    yield* this.deregister(sys);
    const n = yield sys.epollWait(this.ep, this.ready, EVENTS_MAX, timeout);
    if (n < 0) return n;
    yield* this.deregister(sys);
    for (let i = 0; i < n; i++) {
      const { data, events } = this.ready;
      if (data[i] === WAKEUP) {
        yield sys.read(this.eventfd, 8);
        continue;
      }
      const socket = this.keys.get(data[i]!);
      if (socket === undefined) continue;
      const failed = (events[i]! & (k.EPOLLERR | k.EPOLLHUP)) !== 0;
      const ops = failed ? socket.keyOps : events[i]! & socket.keyOps;
      if (ops !== 0) this.selected.push({ socket, ops });
    }
    return this.selected.length;
  }

  /** epoll_ctl, when the kernel does not know it so. */
  private *control(sys: Sys, socket: NioSocket): Sub<void> {
    const { registered, keyOps, fd, key } = socket;
    if (keyOps === registered) return;
    const op =
      registered === 0 ? k.EPOLL_CTL_ADD : keyOps === 0 ? k.EPOLL_CTL_DEL : k.EPOLL_CTL_MOD;
    socket.registered = keyOps;
    yield sys.epollCtl(this.ep, op, fd, keyOps, key);
  }

  /** processDeregisterQueue(): the second step of closing. */
  private *deregister(sys: Sys): Sub<void> {
    for (let s = this.cancelled.shift(); s !== undefined; s = this.cancelled.shift()) {
      this.keys.delete(s.key);
      if (s.registered !== 0) yield sys.epollCtl(this.ep, k.EPOLL_CTL_DEL, s.fd, 0, s.key);
      s.registered = 0;
      s.key = 0;
      yield sys.close(s.fd);
    }
  }

  /** processKey(): who waits for it is woken, or it goes to the executor. Reads go before writes. */
  private *process(sys: Sys, socket: NioSocket, ops: number): Sub<void> {
    if (socket.closed) return;
    this.setInterest(socket, socket.keyOps & ~ops);
    socket.interestOps = socket.keyOps;
    let accepted = true;
    if ((ops & READ) !== 0) accepted = yield* this.hand(sys, socket, 'read');
    if (accepted && (ops & WRITE) !== 0) accepted = yield* this.hand(sys, socket, 'write');
    if (!accepted) yield* socket.close(sys);
  }

  private *hand(sys: Sys, socket: NioSocket, event: 'read' | 'write'): Sub<boolean> {
    const waiter = event === 'read' ? socket.reader : socket.writer;
    if (!waiter.blocking) return yield* this.dispatch(sys, socket, event);
    waiter.blocking = false;
    waiter.word.value++;
    yield sys.futexWake(waiter.word, 1);
    return true;
  }

  /** timeout(): not in every turn. What is too late is closed by a thread of the executor. */
  private *timeout(sys: Sys, busy: boolean): Sub<void> {
    const now = yield* millis(sys);
    if (this.nextExpiration > 0 && busy && now < this.nextExpiration) return;
    for (const socket of this.keys.values()) {
      if (socket.closed || !socket.isLate(now)) continue;
      this.setInterest(socket, 0);
      socket.interestOps = 0;
      if (!(yield* this.dispatch(sys, socket, 'error'))) yield* socket.close(sys);
    }
    this.nextExpiration = (yield* millis(sys)) + TIMEOUT_INTERVAL_MS;
  }
}
