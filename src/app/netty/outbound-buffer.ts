/**
 * What was written to a channel and not yet taken by the kernel (io.netty.channel.ChannelOutboundBuffer): entries in order,
 * the first of them flushed, with their size and water marks. It decides nothing: whoever makes it unwritable reads on all
 * the same, unless a handler does something about it.
 *
 * Left out: cancelled writes, file regions, user-defined writability bits.
 */
import type { QueueMeter } from '../../base/queue-meter.ts';
import { Ring } from '../../base/ring.ts';
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import type { Message } from './byte-buf.ts';
import type { WritePromise } from './handler.ts';
import type { LoopMeters } from './meters.ts';

/** io.netty.transport.outboundBufferEntrySizeOverhead */
export const ENTRY_OVERHEAD = 96;
/** Buffers of one gathering write (IOV_MAX). */
const GATHER_MAX = 1024;

interface Entry {
  readonly msg: Message;
  readonly promise: WritePromise | null;
  /** Bytes of the message and the entry's own. */
  readonly pendingSize: number;
}

/** What one gathering write takes: bytes, or so many bytes of pattern. */
export interface Gathered {
  readonly bytes: number;
  readonly data: Uint8Array | number;
}

export class OutboundBuffer {
  /** totalPendingSize: entries, and what tasks on their way to the loop will write. */
  pending = 0;
  /** Below the high mark, or not below the low one since. */
  writable = true;
  private readonly entries = new Ring<Entry>();
  /** Entries that flush() has reached. */
  private flushed = 0;
  /** Bytes of the first entry that are with the kernel. */
  private progress = 0;
  private readonly low: number;
  private readonly high: number;
  private readonly meters: LoopMeters;
  private readonly meter: QueueMeter;

  constructor(marks: { readonly low: number; readonly high: number }, meters: LoopMeters) {
    this.low = marks.low;
    this.high = marks.high;
    this.meters = meters;
    this.meter = meters.outboundBuffer();
  }

  /** Nothing to flush. */
  get isEmpty(): boolean {
    return this.flushed === 0;
  }
  get length(): number {
    return this.entries.length;
  }
  /** Bytes until it turns unwritable: one more than to the mark, because reaching it does not. */
  get bytesBeforeUnwritable(): number {
    return this.writable ? Math.max(0, this.high - this.pending + 1) : 0;
  }
  get bytesBeforeWritable(): number {
    return this.writable ? 0 : Math.max(0, this.pending - this.low + 1);
  }

  /** @returns whether it has turned unwritable */
  add(msg: Message, promise: WritePromise | null): boolean {
    const entry = { msg, promise, pendingSize: msg.bytes + ENTRY_OVERHEAD };
    this.entries.push(entry);
    this.meter.enter(this.meters.probe.now());
    return this.increment(entry.pendingSize);
  }

  /** @returns whether there was something to flush */
  addFlush(): boolean {
    const any = this.flushed < this.entries.length;
    this.flushed = this.entries.length;
    return any;
  }

  /** @returns whether it has turned unwritable */
  increment(size: number): boolean {
    this.pending += size;
    if (this.pending <= this.high || !this.writable) return false;
    this.writable = false;
    return true;
  }

  /** @returns whether it has turned writable */
  decrement(size: number): boolean {
    this.pending -= size;
    if (this.pending >= this.low || this.writable) return false;
    this.writable = true;
    return true;
  }

  /** What a gathering write would take: whole buffers up to `max` bytes, and the first in any case (nioBuffers()). */
  gather(max: number): Gathered {
    const first = this.entries.peek()!.msg;
    let bytes = first.bytes - this.progress;
    let n = 1;
    // Pattern and real bytes do not mix in one call of ours.
    for (; n < this.flushed && n < GATHER_MAX; n++) {
      const { msg } = this.entries.at(n)!;
      if (max - msg.bytes < bytes || (msg.data === null) !== (first.data === null)) break;
      bytes += msg.bytes;
    }
    return { bytes, data: first.data === null ? bytes : this.join(n, bytes) };
  }

  /**
   * The kernel has taken `n` bytes: what is whole is removed. A promise is told while its bytes still count.
   *
   * @param writable says that it has turned writable
   */
  *removeBytes(n: number, on: Worker, writable: () => Sub<void>): Sub<void> {
    let left = n + this.progress;
    this.progress = 0;
    while (this.flushed > 0) {
      const { msg, promise, pendingSize } = this.entries.peek()!;
      if (left < msg.bytes) {
        this.progress = left;
        return;
      }
      left -= msg.bytes;
      this.shift();
      this.flushed--;
      if (promise !== null) yield* promise.complete(on, true);
      if (this.decrement(pendingSize)) yield* writable();
    }
  }

  /** The channel has closed: everything fails, the flushed entries first (failFlushed(), close()). Nobody is told of marks. */
  *fail(on: Worker): Sub<void> {
    this.progress = 0;
    this.flushed = 0;
    for (let e = this.shift(); e !== undefined; e = this.shift()) {
      if (e.promise !== null) yield* e.promise.complete(on, false);
      this.pending -= e.pendingSize;
    }
    this.meters.release(this.meter);
  }

  private shift(): Entry | undefined {
    const entry = this.entries.shift();
    if (entry !== undefined) this.meter.leave(this.meters.probe.now());
    return entry;
  }

  /** The real bytes of the first `n` entries, in one piece. */
  private join(n: number, bytes: number): Uint8Array {
    const first = this.entries.peek()!.msg.data!.subarray(this.progress);
    if (n === 1) return first;
    const joined = new Uint8Array(bytes);
    joined.set(first);
    for (let i = 1, at = first.length; i < n; i++) {
      const { data } = this.entries.at(i)!.msg;
      joined.set(data!, at);
      at += data!.length;
    }
    return joined;
  }
}
