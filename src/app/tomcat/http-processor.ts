/**
 * Requests of one connection, one after the other, on a thread of the executor (org.apache.coyote.http11.Http11Processor.service).
 * A head is waited for as the endpoint likes; a body is read, and an answer written, with the thread standing by: that is what a
 * servlet's blocking streams mean, on either endpoint.
 *
 * Left out: HTTP/2 and upgrades, asynchronous requests, `Expect: 100-continue`, compression, sendfile; a handler that does not read
 * the whole body, and so maxSwallowSize.
 */
import { EAGAIN, ETIMEDOUT } from '../../kernel/syscall.ts';
import type { HttpDecoder, HttpEvent } from '../codec/http.ts';
import { HttpError, type HttpHead } from '../codec/http-head.ts';
import { joined, responseHead } from '../codec/http-write.ts';
import type { TomcatOptions } from '../options.ts';
import type { Probe } from '../probe.ts';
import type { Sub } from '../setup.ts';
import type { ConnectionWork } from '../work.ts';
import type { PoolThread } from './executor.ts';

/** What a processor needs of a connection. */
export interface Wire {
  readonly decoder: HttpDecoder;
  readonly work: ConnectionWork;
  /** Requests that it may still carry; Infinity: any number. */
  keepAliveLeft: number;
  /**
   * More of a head. @param first  of a request that has not begun @param keptAlive  since an answer on this thread
   * @returns bytes, 0 at the end, −EAGAIN when the thread is not to wait for it, −ETIMEDOUT, −errno
   */
  readHead(on: PoolThread, first: boolean, keptAlive: boolean): Sub<number>;
  /** More of a body, for which the thread waits. @returns bytes, 0 at the end, −ETIMEDOUT, −errno */
  readBody(on: PoolThread): Sub<number>;
  /** @returns 0 or −errno */
  writeAll(on: PoolThread, data: number | Uint8Array): Sub<number>;
  /** An answer has gone out, and the connection stays. @returns whether the thread does as well */
  answered(): boolean;
}

/** SocketState: what becomes of the connection when its thread leaves it. */
export type SocketState = 'open' | 'closed';

export class HttpProcessor {
  private readonly o: TomcatOptions;
  private readonly probe: Probe;

  constructor(o: TomcatOptions, probe: Probe) {
    this.o = o;
    this.probe = probe;
  }

  *service(on: PoolThread, wire: Wire): Sub<SocketState> {
    for (let keptAlive = false; ; keptAlive = true) {
      const head = yield* this.head(on, wire, keptAlive);
      if (typeof head === 'string') return head;
      // The request that is the last one is told so; 1 means that every request is (Http11Processor.service()).
      const stays = --wire.keepAliveLeft > 0 && head.persistent;
      const status = yield* this.body(on, wire);
      if (status < 0) return 'closed';
      if (status !== 200) return yield* this.refuse(on, wire, status);
      yield* this.handle(on, wire);
      if ((yield* this.answer(on, wire, head, stays)) < 0) {
        this.probe.count('failed', 1);
        return 'closed';
      }
      this.probe.count('requests', 1);
      if (!stays) return 'closed';
      if (!wire.answered()) return 'open';
    }
  }

  /** @returns the head of the next request, or what becomes of the connection without one */
  private *head(on: PoolThread, wire: Wire, keptAlive: boolean): Sub<HttpHead | SocketState> {
    for (;;) {
      const e = next(wire);
      if (e instanceof HttpError) return yield* this.refuse(on, wire, e.status);
      if (e !== null && e.kind === 'head') return e.head;
      if (e !== null) continue;
      const first = wire.decoder.idle;
      const n = yield* wire.readHead(on, first, keptAlive);
      if (n > 0) continue;
      if (n === -EAGAIN) return 'open';
      if (n === -ETIMEDOUT) this.probe.count('timed_out', 1);
      else if (n < 0 || !first) this.probe.count('failed', 1);
      return 'closed';
    }
  }

  /** Reads the body to its end. @returns 200, the status to refuse it with, −errno when the connection is no more */
  private *body(on: PoolThread, wire: Wire): Sub<number> {
    for (;;) {
      const e = next(wire);
      if (e instanceof HttpError) return e.status;
      if (e !== null && e.kind === 'end') return 200;
      if (e !== null) continue;
      const n = yield* wire.readBody(on);
      if (n > 0) continue;
      if (n === -ETIMEDOUT) {
        this.probe.count('timed_out', 1);
        return 408;
      }
      this.probe.count('failed', 1);
      return -1;
    }
  }

  /** The servlet. */
  private *handle(on: PoolThread, wire: Wire): Sub<void> {
    const ns = wire.work.next();
    if (ns > 0) yield on.sys.compute(ns);
    if (this.o.delayNs > 0) yield on.sys.nanosleep(this.o.delayNs);
  }

  /** What fills the buffer goes out at once, the rest at the end: a write() for each appWriteBufSize bytes. */
  private *answer(on: PoolThread, wire: Wire, head: HttpHead, stays: boolean): Sub<number> {
    const { response, appWriteBufSize: size } = this.o;
    const connection = !stays ? 'close' : head.minor === 0 ? 'keep-alive' : null;
    const said = responseHead(200, response, connection);
    const body = Math.min(response, Math.max(0, size - said.length));
    let r = yield* wire.writeAll(on, joined(said, new Uint8Array(body).fill(0x78)));
    for (let left = response - body; left > 0 && r >= 0; left -= size)
      r = yield* wire.writeAll(on, Math.min(left, size));
    return r;
  }

  /** Says why, and closes (ErrorState.CLOSE_CLEAN). */
  private *refuse(on: PoolThread, wire: Wire, status: number): Sub<SocketState> {
    if (status !== 408) this.probe.count('bad_requests', 1);
    yield* wire.writeAll(on, responseHead(status, 0, 'close'));
    return 'closed';
  }
}

function next(wire: Wire): HttpEvent | HttpError | null {
  try {
    return wire.decoder.next();
  } catch (e) {
    if (e instanceof HttpError) return e;
    throw e;
  }
}
