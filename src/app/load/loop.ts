/**
 * The frame of the event loops that drive load: many connections of one thread, each of which is next due at some time or
 * waits for its socket. Non-blocking connect and the loop itself are here; what a connection does is its `Driver`'s.
 */
import * as k from '../../kernel/syscall.ts';
import { EpollEvents, type Fd, type Sys } from '../../kernel/syscall.ts';
import { NEVER, type Instant } from '../../base/units.ts';
import type { ConnectOptions } from '../options.ts';
import { setOptions, type Sub } from '../setup.ts';
import { DueHeap } from './due.ts';

/** Bytes that a client asks of each read(): what is there is read at once. */
export const READ = 65_536;
const EVENTS_MAX = 512;

/** What the connections of one loop do. They are numbered from 0, and the number comes back with their events. */
export interface Driver {
  /** Connections are left that want something. */
  readonly unfinished: { readonly any: boolean };
  /** Connection `i` is due. The time may have been given up meanwhile: the driver knows what it waits for. */
  due(i: number, now: Instant): Sub<void>;
  /** Connection `i` has events. */
  ready(i: number, events: number): Sub<void>;
}

/** One thread's epoll descriptor, clock and calendar. */
export class LoadLoop {
  readonly sys: Sys;
  readonly ep: Fd;
  private readonly calendar = new DueHeap();

  constructor(sys: Sys, ep: Fd) {
    this.sys = sys;
    this.ep = ep;
  }

  /** Calls `due(i)` at `at`, by the host's clock, or as soon after it as the loop comes round. */
  at(at: Instant, i: number): void {
    if (at !== NEVER) this.calendar.push(at, i);
  }

  *run(driver: Driver): Sub<void> {
    const { sys, ep, calendar } = this;
    const events = new EpollEvents(EVENTS_MAX);
    while (driver.unfinished.any) {
      const now = (yield sys.clockGettime()) as Instant;
      for (let i = calendar.pop(now); i >= 0; i = calendar.pop(now)) yield* driver.due(i, now);
      if (!driver.unfinished.any) return;
      const next = calendar.next();
      const n = yield sys.epollWait(
        ep,
        events,
        EVENTS_MAX,
        next === NEVER ? k.INFINITE : next > now ? next - now : 0,
      );
      if (n < 0) return;
      for (let j = 0; j < n; j++) yield* driver.ready(events.data[j]!, events.events[j]!);
    }
  }

  /** Begins to connect; EPOLLOUT says when it is through. @returns the descriptor, or −errno */
  *connect(o: ConnectOptions, addr: number, i: number): Sub<Fd> {
    const { sys, ep } = this;
    const fd = yield sys.socket(k.NONBLOCK);
    if (fd < 0) return fd;
    yield* setOptions(sys, fd, o.sockopt);
    const r = yield sys.connect(fd, addr, o.connect.port);
    if (r < 0 && r !== -k.EINPROGRESS) {
      yield sys.close(fd);
      return r;
    }
    yield sys.epollCtl(ep, k.EPOLL_CTL_ADD, fd, k.EPOLLOUT, i);
    return fd;
  }

  /** After EPOLLOUT on a connecting socket: 0 when it is connected, −errno when not. */
  *connected(fd: Fd): Sub<number> {
    const error = yield this.sys.getsockopt(fd, k.SOL_SOCKET, k.SO_ERROR);
    return error > 0 ? -error : error;
  }

  /** Waits for `events` from now on. */
  *want(fd: Fd, events: number, i: number): Sub<void> {
    yield this.sys.epollCtl(this.ep, k.EPOLL_CTL_MOD, fd, events, i);
  }
}
