/**
 * An epoll instance (fs/eventpoll.c): an interest list, a ready list, and the threads that sleep in epoll_wait.
 *
 * An item hooks `ep_poll_callback` on its file's wait queue; a wake-up there links the item to the ready list and wakes
 * one sleeper. epoll_wait asks each ready item's file again, and what is level-triggered goes back to the tail. The scan
 * happens at one instant here, so Linux's overflow list is not needed.
 *
 * An instance may stand in the interest list of another: it is readable while one of its own files is ready, and says so to
 * the outer one when that begins (ep_poll_safewake). Circles and deep nests are refused (ep_loop_check).
 *
 * With net.core.busy_poll an instance remembers by which device queue the packets of its last ready socket came, and a thread
 * that finds nothing ready polls that queue before it sleeps (ep_busy_loop).
 *
 * Left out: EPIOCSPARAMS; what EPOLLWAKEUP does; the limits on wake-up paths (reverse_path_check), which take hundreds of nested
 * instances to reach.
 */
import { EEXIST, EINVAL, ELOOP, ENOENT } from '../base/errno.ts';
import { QueueMeter } from '../base/queue-meter.ts';
import type { Instant } from '../base/units.ts';
import type { BusyWait } from './busy-poll.ts';
import type { File } from './file.ts';
import type { Napi } from './napi.ts';
import {
  EPOLLERR,
  EPOLLET,
  EPOLLEXCLUSIVE,
  EPOLLHUP,
  EPOLLIN,
  EPOLLONESHOT,
  EPOLLOUT,
  EPOLLRDNORM,
  EPOLLWAKEUP,
  type EpollEvents,
} from './syscall.ts';
import type { Thread } from './thread.ts';
import { WaitEntry, WaitQueue } from './wait-queue.ts';
import { POLLFREE, pollFile } from './poll.ts';

/** A file whose packets come by a device queue. */
interface SocketFile extends File {
  readonly napi: Napi | null;
}

/** Bits that say how to report, not what (EP_PRIVATE_BITS). An item with no other bit is disarmed. */
const PRIVATE_BITS = EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE;
/** What may be combined with EPOLLEXCLUSIVE (EPOLLEXCLUSIVE_OK_BITS). */
const EXCLUSIVE_OK =
  EPOLLWAKEUP | EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLET | EPOLLEXCLUSIVE;

/** How deep instances may stand in one another: so many links from the outermost to the innermost (EP_MAX_NESTS). */
const MAX_NESTS = 4;

/** One descriptor in an interest list (struct epitem), and its entry in the file's wait queue (struct eppoll_entry). */
export class EpItem extends WaitEntry {
  readonly ep: Epoll;
  readonly fd: number;
  readonly file: File;
  events: number;
  data: number;
  /** On the ready list, between `readyPrev` and `readyNext`. */
  ready = false;
  readyPrev: EpItem | null = null;
  readyNext: EpItem | null = null;

  constructor(ep: Epoll, fd: number, file: File, events: number, data: number) {
    super();
    this.ep = ep;
    // | 0: integers of 32 bits, and V8 is to keep them as such.
    this.fd = fd | 0;
    this.file = file;
    this.events = events;
    this.data = data | 0;
  }

  /** ep_poll_callback(): the file may have become ready. */
  onWake(key: number, sync: boolean): boolean {
    if ((key & POLLFREE) !== 0) {
      this.ep.forget(this);
      return false;
    }
    // A one-shot item that has fired says nothing, not even an error, until it is armed again.
    if ((this.events & ~PRIVATE_BITS) === 0) return false;
    if (key !== 0 && (key & this.events) === 0) return false;
    this.ep.noteNapi(this.file);
    this.ep.markReady(this);
    const woke = this.ep.wakeOne(sync);
    return (this.events & EPOLLEXCLUSIVE) === 0 || (woke && this.wantedExclusively(key));
  }

  /** An exclusive wake-up is used up only by an item that waits for just this direction. */
  private wantedExclusively(key: number): boolean {
    switch (key & (EPOLLIN | EPOLLOUT)) {
      case EPOLLIN:
        return (this.events & EPOLLIN) !== 0;
      case EPOLLOUT:
        return (this.events & EPOLLOUT) !== 0;
      case 0:
        return true;
      default:
        return false;
    }
  }
}

/** An epoll instance. read and write on it are EINVAL. */
export class Epoll implements File, BusyWait {
  readonly kind = 'epoll';
  nonblock = false;
  /** For a poll() on the instance itself. */
  readonly wait: WaitQueue = new WaitQueue();
  /** Sleepers in epoll_wait, all exclusive (struct eventpoll.wq). */
  readonly wq: WaitQueue = new WaitQueue();
  readonly items: Map<number, EpItem> = new Map<number, EpItem>();
  /** Where it stands in interest lists of others (struct eventpoll.refs). */
  private readonly refs = new Set<EpItem>();
  /** The ready list; its bound is the interest list, which may grow. */
  readonly ready: QueueMeter;
  private head: EpItem | null = null;
  private tail: EpItem | null = null;
  /** What a thread may poll (ep->napi_id); null: nothing. */
  napi: Napi | null = null;
  private readonly clock: { readonly now: Instant };
  private readonly busyPoll: number;

  /** @param busyPoll how long to poll devices, µs (net.core.busy_poll); 0: not */
  constructor(name: string, clock: { readonly now: Instant }, busyPoll = 0) {
    this.clock = clock;
    this.busyPoll = busyPoll;
    this.ready = new QueueMeter(name, Infinity);
  }

  poll(): number {
    for (let item = this.head; item !== null; item = item.readyNext)
      if ((item.file.poll() & item.events) !== 0) return EPOLLIN | EPOLLRDNORM;
    return 0;
  }
  /** __ep_eventpoll_poll(), for pollFile(): whether one of the files on the ready list still is ready. */
  ask(): number {
    for (let item = this.head; item !== null; item = item.readyNext)
      if ((pollFile(item.file) & item.events) !== 0) return EPOLLIN | EPOLLRDNORM;
    return 0;
  }
  read(t: Thread): number {
    return t.done(-EINVAL);
  }
  write(t: Thread): number {
    return t.done(-EINVAL);
  }
  /** The instance goes: its items leave their files. */
  close(t: Thread): number {
    for (const item of this.items.values()) this.forget(item);
    return t.done(0);
  }

  /**
   * ep_insert(): hooks the file's wait queue, and is ready at once when the file is. Exclusive wake-ups do not go through
   * nested instances.
   *
   * @param file another one than this @returns 0 or −errno
   */
  add(fd: number, file: File, events: number, data: number): number {
    const inner = file instanceof Epoll ? file : null;
    if ((events & EPOLLEXCLUSIVE) !== 0 && (inner !== null || (events & ~EXCLUSIVE_OK) !== 0))
      return -EINVAL;
    if (inner !== null && this.wouldNest(inner)) return -ELOOP;
    if (this.items.has(fd)) return -EEXIST;
    const item = new EpItem(this, fd, file, events | EPOLLERR | EPOLLHUP, data);
    this.items.set(fd, item);
    inner?.refs.add(item);
    this.noteNapi(file);
    if ((events & EPOLLEXCLUSIVE) !== 0) file.wait.addExclusive(item);
    else file.wait.add(item);
    this.check(item);
    return 0;
  }

  /** ep_modify(): arms a spent one-shot again, and gives an edge-triggered item a new edge when its file is ready. */
  modify(fd: number, events: number, data: number): number {
    if ((events & EPOLLEXCLUSIVE) !== 0) return -EINVAL;
    const item = this.items.get(fd);
    if (item === undefined) return -ENOENT;
    if ((item.events & EPOLLEXCLUSIVE) !== 0) return -EINVAL;
    item.events = events | EPOLLERR | EPOLLHUP;
    item.data = data | 0;
    this.check(item);
    return 0;
  }

  remove(fd: number): number {
    const item = this.items.get(fd);
    if (item === undefined) return -ENOENT;
    this.forget(item);
    return 0;
  }

  /** Takes `item` out of every list (ep_remove). */
  forget(item: EpItem): void {
    this.items.delete(item.fd);
    if (item.ready) this.unlink(item);
    item.file.wait.remove(item);
    if (item.file instanceof Epoll) item.file.refs.delete(item);
  }

  /** ep_loop_check(): whether `inner` in this one closes a circle, or nests too deep. */
  private wouldNest(inner: Epoll): boolean {
    const below = inner.depthBelow(this, 0);
    return below > MAX_NESTS || below + 1 + this.depthAbove() > MAX_NESTS;
  }

  /** How deep instances stand in this one; more than MAX_NESTS when `sought` is among them (ep_loop_check_proc). */
  private depthBelow(sought: Epoll, depth: number): number {
    let deepest = 0;
    for (const { file } of this.items.values()) {
      if (!(file instanceof Epoll)) continue;
      if (file === sought || depth > MAX_NESTS) return MAX_NESTS + 1;
      deepest = Math.max(deepest, file.depthBelow(sought, depth + 1) + 1);
      if (deepest > MAX_NESTS) break;
    }
    return deepest;
  }

  /** How deep this one stands in others (ep_get_upwards_depth_proc). */
  private depthAbove(): number {
    let highest = 0;
    for (const { ep } of this.refs) highest = Math.max(highest, ep.depthAbove() + 1);
    return highest;
  }

  /** ep_set_busy_poll_napi_id() */
  noteNapi(file: File): void {
    if (this.busyPoll === 0 || file.kind !== 'tcp') return;
    this.napi = (file as SocketFile).napi ?? this.napi;
  }

  /** ep_busy_loop_end() */
  busyEnd(since: number, now: number): boolean {
    return this.anyReady || now > since + this.busyPoll;
  }

  /** Links `item` to the tail of the ready list, once. */
  markReady(item: EpItem): void {
    if (item.ready) return;
    item.ready = true;
    item.readyPrev = this.tail;
    item.readyNext = null;
    if (this.tail === null) this.head = item;
    else this.tail.readyNext = item;
    this.tail = item;
    this.ready.enter(this.clock.now);
  }

  /** Something has become ready: wakes the sleeper that has waited longest, and who polls this one. @returns whether one slept */
  wakeOne(sync: boolean): boolean {
    const woke = this.wakeSleeper(sync);
    if (!this.wait.empty) this.wait.wake(EPOLLIN, 0, sync);
    return woke;
  }

  private wakeSleeper(sync: boolean): boolean {
    return !this.wq.empty && this.wq.wake(0, 1, sync) > 0;
  }

  get anyReady(): boolean {
    return this.head !== null;
  }

  /**
   * ep_send_events(): fills `out` with up to `max` events. Each item is polled again, and one whose file is no longer
   * ready leaves silently. What is level-triggered goes to the tail, behind those that `max` left out.
   */
  collect(out: EpollEvents, max: number): number {
    let n = 0;
    // Only what was ready at the start of the scan: level-triggered items come back at the tail.
    let left = this.ready.depth;
    while (left-- > 0 && n < max) {
      const item = this.head!;
      this.unlink(item);
      const revents = pollFile(item.file) & item.events;
      if (revents === 0) continue;
      out.events[n] = revents;
      out.data[n] = item.data;
      n++;
      if ((item.events & EPOLLONESHOT) !== 0) item.events &= PRIVATE_BITS;
      else if ((item.events & EPOLLET) === 0) this.markReady(item);
    }
    // ep_done_scan(): what is still ready is somebody else's, if somebody sleeps.
    if (this.head !== null) this.wakeSleeper(false);
    return n;
  }

  private check(item: EpItem): void {
    if (item.ready || (pollFile(item.file) & item.events) === 0) return;
    this.markReady(item);
    this.wakeOne(false);
  }

  private unlink(item: EpItem): void {
    if (item.readyPrev === null) this.head = item.readyNext;
    else item.readyPrev.readyNext = item.readyNext;
    if (item.readyNext === null) this.tail = item.readyPrev;
    else item.readyNext.readyPrev = item.readyPrev;
    item.readyPrev = null;
    item.readyNext = null;
    item.ready = false;
    this.ready.leave(this.clock.now);
  }
}
