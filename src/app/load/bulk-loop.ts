/** Bulk senders of one thread: what bulk.ts does with a thread for each connection, over epoll. */
import * as k from '../../kernel/syscall.ts';
import type { Fd, Sys, ThreadBody } from '../../kernel/syscall.ts';
import type { Instant } from '../../base/units.ts';
import type { BulkOptions } from '../options.ts';
import type { Probe } from '../probe.ts';
import type { Sub } from '../setup.ts';
import { LoadLoop, READ, type Driver } from './loop.ts';
import { Unfinished } from './unfinished.ts';

// What a connection is doing.
const WAITING = 0; // for its start
const CONNECTING = 1;
const IDLE = 2; // connected, before its time to send
const SENDING = 3;
const ENDING = 4; // all is written: waits for the other end's FIN
const CLOSED = 5;

/** When connection `i` begins to write: null, as soon as it is connected. */
export function sendTime(o: BulkOptions, i: number): number | null {
  const first = o.sendNs ?? null;
  return first === null ? null : first + i * (o.sendStaggerNs ?? 0);
}

export function* bulkLoop(sys: Sys, o: BulkOptions, probe: Probe, addr: number): ThreadBody {
  const loop = new LoadLoop(sys, yield sys.epollCreate());
  const driver = new BulkDriver(loop, o, probe, addr);
  for (let i = 0; i < o.connections; i++) loop.at((o.startNs + i * o.staggerNs) as Instant, i);
  return loop.run(driver);
}

/** Columns by connection: an idle connection costs a few bytes here. */
class BulkDriver implements Driver {
  readonly unfinished: Unfinished;
  private readonly loop: LoadLoop;
  private readonly o: BulkOptions;
  private readonly probe: Probe;
  private readonly addr: number;
  private readonly state: Uint8Array;
  private readonly fds: Int32Array;
  private readonly left: Float64Array;

  constructor(loop: LoadLoop, o: BulkOptions, probe: Probe, addr: number) {
    this.loop = loop;
    this.o = o;
    this.probe = probe;
    this.addr = addr;
    this.unfinished = new Unfinished(o.connections, probe);
    this.state = new Uint8Array(o.connections).fill(WAITING);
    this.fds = new Int32Array(o.connections).fill(-1);
    this.left = new Float64Array(o.connections).fill(o.bytes);
  }

  *due(i: number): Sub<void> {
    if (this.state[i] === WAITING) {
      const fd = yield* this.loop.connect(this.o, this.addr, i);
      this.fds[i] = fd;
      this.state[i] = CONNECTING;
      if (fd < 0) this.end(i, fd);
    } else if (this.state[i] === IDLE) {
      this.state[i] = SENDING;
      yield* this.send(i);
    }
  }

  *ready(i: number): Sub<void> {
    const fd = this.fds[i]!;
    switch (this.state[i]) {
      case CONNECTING:
        return yield* this.onConnected(i, fd);
      case SENDING:
        return yield* this.send(i);
      default:
        return yield* this.drain(i, fd);
    }
  }

  private *onConnected(i: number, fd: Fd): Sub<void> {
    const r = yield* this.loop.connected(fd);
    if (r < 0) return yield* this.close(i, r);
    this.probe.count('connections', 1);
    const at = sendTime(this.o, i);
    this.state[i] = at === null ? SENDING : IDLE;
    if (at === null) return yield* this.send(i);
    this.loop.at(at as Instant, i);
    yield* this.loop.want(fd, k.EPOLLIN, i);
  }

  /** Writes until all is written or there is no room. */
  private *send(i: number): Sub<void> {
    const sys = this.loop.sys;
    const fd = this.fds[i]!;
    while (this.left[i]! > 0) {
      const n = yield sys.write(fd, Math.min(this.left[i]!, this.o.write));
      if (n === -k.EAGAIN) return yield* this.loop.want(fd, k.EPOLLOUT, i);
      if (n < 0) return yield* this.close(i, n);
      this.left[i]! -= n;
    }
    this.state[i] = ENDING;
    if (this.o.close) yield sys.shutdown(fd, k.SHUT_WR);
    yield* this.loop.want(fd, k.EPOLLIN, i);
  }

  /** What the other end sends is thrown away; its FIN, or an error, is the end. */
  private *drain(i: number, fd: Fd): Sub<void> {
    for (;;) {
      const n = yield this.loop.sys.read(fd, READ);
      if (n === -k.EAGAIN) return;
      if (n <= 0) return yield* this.close(i, n);
      if (n < READ) return;
    }
  }

  private *close(i: number, why: number): Sub<void> {
    yield this.loop.sys.close(this.fds[i]!);
    this.end(i, why);
  }

  private end(i: number, why: number): void {
    if (why < 0 || this.left[i]! > 0) this.probe.count('failed', 1);
    this.state[i] = CLOSED;
    this.unfinished.one();
  }
}
