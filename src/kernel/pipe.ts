/**
 * pipe(2): one-way bytes between threads (fs/pipe.c). A buffer of 64 KiB; a write of at most PIPE_BUF (4096) bytes goes in
 * whole or waits, a larger one goes in by and by; a reader gets what is there. Without readers a write fails with EPIPE,
 * without writers a read at the end returns 0.
 *
 * Linux's buffer is 16 pages, and small writes fill it early where they do not merge; here it is counted in bytes.
 */
import { EAGAIN, EBADF, EPIPE } from '../base/errno.ts';
import { PayloadStream } from '../base/payload.ts';
import { copyCost } from './costs.ts';
import { pay } from './eventfd.ts';
import type { File } from './file.ts';
import { Mutex } from './mutex.ts';
import {
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDNORM,
  EPOLLWRNORM,
  type Trap,
} from './syscall.ts';
import { DONE, type Thread } from './thread.ts';
import { WaitQueue } from './wait-queue.ts';

export const PIPE_SIZE = 65_536;
export const PIPE_BUF = 4096;

/** What both ends share. A call has the mutex but for the time that it waits for bytes or for room (pipe_read, pipe_write). */
class Pipe {
  readonly mutex: Mutex = new Mutex();
  readonly stream: PayloadStream;
  readonly readers: WaitQueue = new WaitQueue();
  readonly writers: WaitQueue = new WaitQueue();
  /** Bytes read so far; `stream.written` − `taken` are in the buffer. */
  taken = 0;
  readOpen = true;
  writeOpen = true;
  /** Bytes that the splice() under way has moved so far. */
  spliced = 0;

  constructor(id: number) {
    this.stream = new PayloadStream(id);
  }
  get length(): number {
    return this.stream.written - this.taken;
  }
  get room(): number {
    return PIPE_SIZE - this.length;
  }
}

/** Where bytes come out. */
export class ReadEnd implements File {
  readonly kind = 'pipe';
  nonblock: boolean;
  private readonly pipe: Pipe;
  constructor(pipe: Pipe, nonblock: boolean) {
    this.pipe = pipe;
    this.nonblock = nonblock;
  }
  get wait(): WaitQueue {
    return this.pipe.readers;
  }

  poll(): number {
    const p = this.pipe;
    return (p.length > 0 ? EPOLLIN | EPOLLRDNORM : 0) | (p.writeOpen ? 0 : EPOLLHUP);
  }

  read(t: Thread, trap: Trap): number {
    const p = this.pipe;
    if (trap.x === 0) return pay(trap, t.host.costs.pipe);
    if (!p.mutex.lock(t)) return p.mutex.waitFor(t);
    const n = Math.min(trap.phase === 0 ? trap.a : trap.y, p.length);
    if (n === 0 && trap.a > 0) {
      p.mutex.unlock(t);
      if (!p.writeOpen) return t.done(0);
      return this.nonblock ? t.done(-EAGAIN) : t.waitOn(p.readers, true, EPOLLIN);
    }
    if (trap.phase === 0) return payCopy(t, trap, n);
    if (trap.obj !== null) p.stream.copy(p.taken, (trap.obj as Uint8Array).subarray(0, n));
    this.take(n);
    p.mutex.unlock(t);
    return t.done(n);
  }

  /** For splice(), which has it from the look into the pipe to the end of the call. */
  get mutex(): Mutex {
    return this.pipe.mutex;
  }

  /** For splice(): up to `max` bytes, which stay; null at the end of the stream. */
  peek(max: number): Uint8Array | null {
    const p = this.pipe;
    const n = Math.min(max, p.length);
    if (n === 0 && !p.writeOpen) return null;
    const bytes = new Uint8Array(n);
    p.stream.copy(p.taken, bytes);
    p.spliced = 0;
    return bytes;
  }

  /** For splice(): of what it has looked at, `n` bytes have gone into the socket so far; these do not stay. */
  gone(n: number): void {
    const more = n - this.pipe.spliced;
    this.pipe.spliced = n;
    if (more > 0) this.take(more);
  }

  /** `n` bytes have been read. */
  private take(n: number): void {
    const p = this.pipe;
    p.taken += n;
    p.stream.release(p.taken);
    if (p.length > 0) p.readers.wake(EPOLLIN | EPOLLRDNORM, 1, true); // one reader left some for the next
    p.writers.wake(EPOLLOUT | EPOLLWRNORM, 1, true);
  }

  write(t: Thread): number {
    return t.done(-EBADF);
  }

  close(t: Thread): number {
    this.pipe.readOpen = false;
    this.pipe.writers.wake(EPOLLOUT | EPOLLERR, 0, false);
    t.result = 0;
    return DONE;
  }
}

/** Where bytes go in. */
export class WriteEnd implements File {
  readonly kind = 'pipe';
  nonblock: boolean;
  private readonly pipe: Pipe;
  constructor(pipe: Pipe, nonblock: boolean) {
    this.pipe = pipe;
    this.nonblock = nonblock;
  }
  get wait(): WaitQueue {
    return this.pipe.writers;
  }

  poll(): number {
    const p = this.pipe;
    return (p.room >= PIPE_BUF ? EPOLLOUT | EPOLLWRNORM : 0) | (p.readOpen ? 0 : EPOLLERR);
  }

  read(t: Thread): number {
    return t.done(-EBADF);
  }

  /** `trap.progress` counts what has gone in. */
  write(t: Thread, trap: Trap): number {
    const p = this.pipe;
    if (trap.x === 0) return pay(trap, t.host.costs.pipe);
    if (!p.mutex.lock(t)) return p.mutex.waitFor(t);
    if (!p.readOpen) {
      p.mutex.unlock(t);
      return t.done(trap.progress > 0 ? trap.progress : -EPIPE);
    }
    const n = this.fitting(trap);
    if (n === 0 && trap.progress < trap.a) {
      p.mutex.unlock(t);
      if (this.nonblock) return t.done(trap.progress > 0 ? trap.progress : -EAGAIN);
      return t.waitOn(p.writers, true, EPOLLOUT);
    }
    if (trap.phase === 0) return payCopy(t, trap, n);
    this.append(trap, n);
    trap.phase = 0;
    if (n > 0) p.readers.wake(EPOLLIN | EPOLLRDNORM, 1, true);
    if (trap.progress < trap.a) return 0;
    p.mutex.unlock(t);
    return t.done(trap.a);
  }

  /** For splice(), as in ReadEnd. */
  get mutex(): Mutex {
    return this.pipe.mutex;
  }

  /** For splice(): how much there is room for; −1: nobody reads any more. */
  get room(): number {
    return this.pipe.readOpen ? this.pipe.room : -1;
  }

  /** For splice(): room for up to `max` bytes is set aside. */
  begin(max: number): Uint8Array {
    this.pipe.spliced = 0;
    return new Uint8Array(Math.min(max, this.pipe.room));
  }

  /** For splice(): of `bytes`, for which there is room, `n` have come from the socket so far; these go in. */
  come(bytes: Uint8Array, n: number): void {
    const p = this.pipe;
    if (n <= p.spliced) return;
    p.stream.append(bytes.subarray(p.spliced, n));
    p.spliced = n;
    p.readers.wake(EPOLLIN | EPOLLRDNORM, 1, true);
  }

  close(t: Thread): number {
    this.pipe.writeOpen = false;
    this.pipe.readers.wake(EPOLLIN | EPOLLHUP, 0, false);
    t.result = 0;
    return DONE;
  }

  /** Bytes that may go in now: of a small write all or none. */
  private fitting(trap: Trap): number {
    const { room } = this.pipe;
    const left = trap.a - trap.progress;
    if (trap.a <= PIPE_BUF) return room < left ? 0 : left;
    return Math.min(left, room, trap.phase === 0 ? left : trap.y);
  }

  private append(trap: Trap, n: number): void {
    const { stream } = this.pipe;
    const bytes = trap.obj as Uint8Array | null;
    if (bytes === null) stream.appendPattern(n);
    else stream.append(bytes.subarray(trap.progress, trap.progress + n));
    trap.progress += n;
  }
}

/** Phase 1 is owed the time to copy `n` bytes. */
function payCopy(t: Thread, trap: Trap, n: number): number {
  trap.phase = 1;
  trap.y = n;
  return copyCost(t.host.costs, n);
}

/** A new pipe. @param id of its stream, unique in the world */
export function makePipe(id: number, nonblock: boolean): { read: File; write: File } {
  const pipe = new Pipe(id);
  return { read: new ReadEnd(pipe, nonblock), write: new WriteEnd(pipe, nonblock) };
}
