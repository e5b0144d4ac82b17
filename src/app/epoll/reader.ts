/**
 * One thread, non-blocking sockets, epoll: the plain event loop without a framework. Level-triggered, it reads a ready
 * connection until a read comes back short or with EAGAIN, as the reader of the measured transfers does. Edge-triggered,
 * it reads until EAGAIN: the end of the stream that came together with the last data would raise no second event.
 *
 * With requests it works and answers in the same thread. A peer that does not read its answers is not read from:
 * the loop waits for EPOLLOUT on that connection and serves the others.
 *
 * Left out: fairness between connections (a fast sender is drained to the end), hand-over of work to other threads.
 */
import * as k from '../../kernel/syscall.ts';
import { EpollEvents, type Fd, type Sys, type ThreadBody } from '../../kernel/syscall.ts';
import { type Requests, requestsOf } from '../codec/requests.ts';
import type { AppEnv } from '../env.ts';
import type { EpollOptions } from '../options.ts';
import type { Probe } from '../probe.ts';
import { AcceptBackoff, isShortage, openListener, type Sub } from '../setup.ts';
import { type ConnectionWork, Work } from '../work.ts';

/** As many events as one epoll_wait() brings: what libevent and nginx start with lies between 32 and 512. */
const EVENTS_MAX = 512;

/** One connection that carries requests; a connection that is only read needs no record. */
class Peer {
  readonly requests: Requests;
  /** Bytes of the answer being written that the kernel has not taken; −1: none is being written. */
  toWrite = -1;
  /** Waits for EPOLLOUT instead of EPOLLIN. */
  blocked = false;
  readonly work: ConnectionWork;
  constructor(requests: Requests, work: ConnectionWork) {
    this.requests = requests;
    this.work = work;
  }
}

export function* epollServer(sys: Sys, o: EpollOptions, probe: Probe, env: AppEnv): ThreadBody {
  const listener = yield* openListener(sys, o, k.NONBLOCK);
  const ep = yield sys.epollCreate();
  return new EpollServer(sys, o, probe, new Work(o, env), ep, listener).run();
}

class EpollServer {
  private readonly sys: Sys;
  private readonly o: EpollOptions;
  private readonly probe: Probe;
  private readonly ep: Fd;
  private readonly listener: Fd;
  /** EPOLLET or 0. */
  private readonly trigger: number;
  private readonly peers: (Peer | undefined)[] = [];
  private readonly backoff = new AcceptBackoff();
  private readonly work: Work;
  private accepted = 0;
  /** What requests are read into: null where nobody looks at the bytes, undefined where there are no requests. */
  private readonly into: Uint8Array | null | undefined;
  /** How long epoll_wait() sleeps at most: for ever, unless the listener has been set aside. */
  private patience: number = k.INFINITE;

  constructor(sys: Sys, o: EpollOptions, probe: Probe, work: Work, ep: Fd, listener: Fd) {
    this.work = work;
    this.sys = sys;
    this.o = o;
    this.probe = probe;
    this.ep = ep;
    this.listener = listener;
    this.trigger = o.trigger === 'edge' ? k.EPOLLET : 0;
    const requests = requestsOf(o);
    if (requests !== null) this.into = requests.looks ? new Uint8Array(o.read) : null;
  }

  *run(): Sub<void> {
    const { sys, ep, listener, o } = this;
    const onceIsAll = this.trigger === 0 && o.pauseNs === 0;
    const events = new EpollEvents(EVENTS_MAX);
    yield sys.epollCtl(ep, k.EPOLL_CTL_ADD, listener, k.EPOLLIN | this.trigger);
    for (;;) {
      const n = yield sys.epollWait(ep, events, EVENTS_MAX, this.patience);
      if (n < 0) return;
      if (n === 0) yield* this.listenAgain();
      for (let i = 0; i < n; i++) {
        const fd = events.data[i]!;
        if (fd === listener) yield* this.acceptAll();
        else if (this.into !== undefined) yield* this.serve(fd, this.peers[fd]!);
        else {
          const got = yield sys.read(fd, o.read);
          // Mostly nothing is left to do, and a generator of its own would cost more than the call.
          if (!onceIsAll || got <= 0 || got === o.read) yield* this.drain(fd, got);
        }
      }
    }
  }

  /** accept() until EAGAIN. Without a free descriptor the listener would stay ready and the loop spin: it is set aside. */
  private *acceptAll(): Sub<void> {
    const { sys, ep, o } = this;
    for (;;) {
      const fd = yield sys.accept(this.listener, k.NONBLOCK);
      if (fd >= 0) {
        this.backoff.reset();
        this.probe.count('connections', 1);
        const i = this.accepted++;
        const requests = requestsOf(o);
        this.peers[fd] = requests === null ? undefined : new Peer(requests, this.work.of(i));
        yield sys.epollCtl(ep, k.EPOLL_CTL_ADD, fd, k.EPOLLIN | this.trigger);
        continue;
      }
      if (fd === -k.ECONNABORTED) continue;
      if (isShortage(fd)) {
        this.probe.count('failed', 1);
        this.patience = this.backoff.next();
        yield sys.epollCtl(ep, k.EPOLL_CTL_DEL, this.listener, 0);
      }
      return;
    }
  }

  /** After the delay, or once a descriptor has become free. Adding it reports at once what waits there. */
  private *listenAgain(): Sub<void> {
    if (this.patience === k.INFINITE) return;
    this.patience = k.INFINITE;
    yield this.sys.epollCtl(this.ep, k.EPOLL_CTL_ADD, this.listener, k.EPOLLIN | this.trigger);
  }

  /** Reads what is there. @param first what the first read has returned */
  private *drain(fd: Fd, first: number): Sub<void> {
    const { sys, o } = this;
    for (let n = first; ; n = yield sys.read(fd, o.read)) {
      if (n === -k.EAGAIN) return;
      if (n <= 0) return yield* this.end(fd, n);
      if (o.pauseNs > 0) yield sys.nanosleep(o.pauseNs);
      if (n < o.read && this.trigger === 0) return;
    }
  }

  /** Answers what is owed, then reads what is there and answers that, until the peer stops taking answers. */
  private *serve(fd: Fd, peer: Peer): Sub<void> {
    const { sys, o } = this;
    for (let drained = false; ;) {
      const answered = yield* this.answer(fd, peer);
      if (answered === -k.EAGAIN) return yield* this.wait(fd, peer, true);
      if (answered < 0) return yield* this.end(fd, answered);
      if (drained) return yield* this.wait(fd, peer, false);
      const n = yield sys.read(fd, o.read, this.into);
      if (n === -k.EAGAIN) return yield* this.wait(fd, peer, false);
      if (n <= 0) return yield* this.end(fd, n);
      if (o.pauseNs > 0) yield sys.nanosleep(o.pauseNs);
      peer.requests.take(n, this.into!);
      drained = n < o.read && this.trigger === 0;
    }
  }

  /** @returns 0 when nothing is owed any more, or −errno */
  private *answer(fd: Fd, peer: Peer): Sub<number> {
    const { sys } = this;
    for (;;) {
      if (peer.toWrite < 0) {
        const answer = peer.requests.next();
        if (answer === -1) return 0;
        if (answer < 0) return -k.EPROTO;
        const ns = peer.work.next();
        if (ns > 0) yield sys.compute(ns);
        peer.toWrite = answer;
      }
      if (peer.toWrite > 0) {
        const n = yield sys.write(fd, peer.toWrite);
        if (n < 0) return n;
        peer.toWrite -= n;
      }
      if (peer.toWrite > 0) continue;
      peer.toWrite = -1;
      this.probe.count('requests', 1);
    }
  }

  /** Asks for EPOLLOUT while the peer takes no answers, for EPOLLIN otherwise. EPOLL_CTL_MOD reports at once what holds. */
  private *wait(fd: Fd, peer: Peer, blocked: boolean): Sub<void> {
    if (peer.blocked === blocked) return;
    peer.blocked = blocked;
    yield this.sys.epollCtl(
      this.ep,
      k.EPOLL_CTL_MOD,
      fd,
      (blocked ? k.EPOLLOUT : k.EPOLLIN) | this.trigger,
    );
  }

  /** End of the stream (0) or an error; close() takes the descriptor out of the interest list. */
  private *end(fd: Fd, why: number): Sub<void> {
    if (why < 0) this.probe.count('failed', 1);
    this.peers[fd] = undefined;
    yield this.sys.close(fd);
    yield* this.listenAgain();
  }
}
