/**
 * A connection of the NIO endpoint (NioEndpoint.NioSocketWrapper). The socket is non-blocking, and yet a thread of the executor
 * that needs bytes of a body, or room for an answer, stays with it: it asks the poller to watch for them, and waits for the
 * poller's word.
 */
import * as k from '../../kernel/syscall.ts';
import { Futex, INFINITE, type Fd, type Sys } from '../../kernel/syscall.ts';
import { HttpDecoder, type HttpLimits } from '../codec/http.ts';
import { Mutex } from '../mutex.ts';
import type { Sub } from '../setup.ts';
import type { ConnectionWork } from '../work.ts';
import type { PoolThread } from './executor.ts';
import type { Wire } from './http-processor.ts';
import type { LimitLatch } from './limit-latch.ts';
import type { TomcatMeters } from './meters.ts';
import { millis, type Poller } from './poller.ts';

const MS = 1_000_000;

/** A thread that waits for the poller: readLock or writeLock, with readBlocking or writeBlocking beside it. */
class Waiter {
  blocking = false;
  readonly word: Futex = new Futex(0);
}

/** What all sockets of an endpoint share. */
export interface Endpoint {
  readonly poller: Poller;
  readonly latch: LimitLatch;
  readonly meters: TomcatMeters;
  readonly limits: HttpLimits;
  readonly maxKeepAliveRequests: number;
  /** Milliseconds; 0: for ever. */
  readonly connectionTimeout: number;
  readonly keepAliveTimeout: number;
}

export class NioSocket implements Wire {
  readonly fd: Fd;
  readonly work: ConnectionWork;
  readonly decoder: HttpDecoder;
  /** Requests that the connection may still carry. */
  keepAliveLeft: number;
  /** What it waits for, as the poller's look for late ones sees it. */
  interestOps = 0;
  /** Its key in the selector: number, interest, and what the kernel knows of that. 0: not registered. */
  key = 0;
  keyOps = 0;
  registered = 0;
  /** Among those whose interest has changed since the last select. */
  postponed = false;
  /** Milliseconds; 0: for ever. */
  readTimeout: number;
  readonly writeTimeout: number;
  lastRead: number;
  lastWrite: number;
  readonly reader: Waiter = new Waiter();
  readonly writer: Waiter = new Waiter();
  /** One thread at a time serves it (SocketProcessorBase.run). */
  readonly lock: Mutex = new Mutex();
  closed = false;
  private readonly endpoint: Endpoint;

  /** @param now ms */
  constructor(endpoint: Endpoint, fd: Fd, work: ConnectionWork, now: number) {
    this.endpoint = endpoint;
    this.fd = fd;
    this.work = work;
    this.readTimeout = endpoint.connectionTimeout;
    this.writeTimeout = endpoint.connectionTimeout;
    this.lastRead = now;
    this.lastWrite = now;
    this.keepAliveLeft = endpoint.maxKeepAliveRequests;
    this.decoder = new HttpDecoder('request', endpoint.limits);
  }

  /** It has waited for longer than it may. @param now ms */
  isLate(now: number): boolean {
    const { interestOps: ops, readTimeout, writeTimeout } = this;
    if ((ops & k.EPOLLIN) !== 0 && readTimeout > 0 && now - this.lastRead > readTimeout)
      return true;
    return (ops & k.EPOLLOUT) !== 0 && writeTimeout > 0 && now - this.lastWrite > writeTimeout;
  }

  *registerReadInterest(sys: Sys): Sub<void> {
    yield* this.endpoint.poller.add(sys, this, k.EPOLLIN);
  }

  /**
   * Reads what is there: nobody waits for a head. The time until the next request counts from here, the time within one from
   * its bytes (Http11InputBuffer.parseRequestLine()).
   */
  *readHead(on: PoolThread, first: boolean, keptAlive: boolean): Sub<number> {
    if (first && keptAlive) this.readTimeout = this.endpoint.keepAliveTimeout;
    const n = yield on.sys.read(this.fd, on.buffer.length, on.buffer);
    if (n > 0) this.readTimeout = this.endpoint.connectionTimeout;
    return yield* this.took(on, n);
  }

  *readBody(on: PoolThread): Sub<number> {
    const { sys, buffer } = on;
    const patience = new Patience(this.readTimeout);
    for (;;) {
      if (yield* patience.isOver(sys)) return -k.ETIMEDOUT;
      const seen = this.reader.word.value;
      const n = yield sys.read(this.fd, buffer.length, buffer);
      if (n !== -k.EAGAIN) return yield* this.took(on, n);
      const r = yield* this.await(sys, this.reader, seen, k.EPOLLIN, patience);
      if (r < 0) return r;
    }
  }

  /** The thread waits for room. @returns 0, −ETIMEDOUT, −errno */
  *writeAll(on: PoolThread, data: number | Uint8Array): Sub<number> {
    const { sys } = on;
    const patience = new Patience(this.writeTimeout);
    const bytes = typeof data === 'number' ? data : data.length;
    for (let at = 0; at < bytes;) {
      if (yield* patience.isOver(sys)) return -k.ETIMEDOUT;
      const seen = this.writer.word.value;
      const n = yield sys.write(this.fd, typeof data === 'number' ? bytes - at : data.subarray(at));
      if (n >= 0) {
        at += n;
        patience.renew();
        continue;
      }
      if (n !== -k.EAGAIN) return n;
      const r = yield* this.await(sys, this.writer, seen, k.EPOLLOUT, patience);
      if (r < 0) return r;
    }
    this.lastWrite = yield* millis(sys);
    return 0;
  }

  answered(): boolean {
    this.readTimeout = this.endpoint.connectionTimeout;
    return true;
  }

  /** Once, by whichever thread: the place in the latch is free before the descriptor is. */
  *close(sys: Sys): Sub<void> {
    if (this.closed) return;
    this.closed = true;
    const { latch, meters, poller } = this.endpoint;
    meters.connections.leave(meters.probe.now());
    yield* latch.countDown(sys);
    yield* poller.close(sys, this);
  }

  /** The next read overwrites the buffer, and the decoder keeps what it is given. */
  private *took(on: PoolThread, n: number): Sub<number> {
    if (n > 0) this.decoder.feed(on.buffer.slice(0, n));
    if (n > 0 || n === -k.EAGAIN) this.lastRead = yield* millis(on.sys);
    return n;
  }

  /** @param seen  the word before the call that found nothing: a wake-up since then is not lost */
  private *await(
    sys: Sys,
    waiter: Waiter,
    seen: number,
    ops: number,
    patience: Patience,
  ): Sub<number> {
    if (!waiter.blocking) {
      waiter.blocking = true;
      yield* this.endpoint.poller.add(sys, this, ops);
    }
    const left = yield* patience.begin(sys);
    const r = yield sys.futexWait(waiter.word, seen, left);
    return r === -k.EAGAIN || r === -k.ETIMEDOUT ? 0 : r;
  }
}

/** The time that is left to a blocking call, in whole milliseconds, at least one for each wait (fillReadBuffer, doWrite). */
class Patience {
  private readonly most: number;
  private left: number;
  private since: number | null = null;

  /** @param most ms; 0: for ever */
  constructor(most: number) {
    this.most = most;
    this.left = most;
  }

  *begin(sys: Sys): Sub<number> {
    if (this.most === 0) return INFINITE;
    this.since = yield sys.clockGettime();
    return this.left * MS;
  }

  *isOver(sys: Sys): Sub<boolean> {
    if (this.since === null) return false;
    const elapsed = Math.floor(((yield sys.clockGettime()) - this.since) / MS);
    this.left -= Math.max(1, elapsed);
    return this.left <= 0;
  }

  renew(): void {
    this.left = this.most;
    this.since = null;
  }
}
