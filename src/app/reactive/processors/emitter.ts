/**
 * A processor that gives what it is given to all who are subscribed, at the pace of the slowest: EmitterProcessor, which
 * Reactor keeps as the sink `Sinks.many().multicast().onBackpressureBuffer()` (SinkManyEmitterProcessor). What comes while
 * nobody is subscribed waits for the first, up to `bufferSize` elements. With `autoCancel` it closes, and cancels its
 * upstream, when the last subscriber has left.
 *
 * Left out: queues of 8 elements or a power of two, to which Java's rounds a bufferSize up.
 */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { positive, SMALL_BUFFER } from '../demand.ts';
import { OverflowError } from '../errors.ts';
import { EMPTY_SUBSCRIPTION } from '../stage.ts';
import type { Processor, Subscriber } from '../streams.ts';
import { nothing } from '../user.ts';
import { Broadcast, BroadcastInner } from './broadcast.ts';
import type { Emission, EmitResult } from './emission.ts';

export class EmitterProcessor<T> extends Broadcast<T> implements Processor<T, T>, Emission<T> {
  private readonly autoCancel: boolean;
  /** Everybody has left, and it has closed. */
  private cancelled = false;

  constructor(bufferSize: number = SMALL_BUFFER, autoCancel: boolean = true) {
    super(positive('bufferSize', bufferSize));
    this.autoCancel = autoCancel;
  }

  protected get waits(): boolean {
    return true;
  }

  *subscribe(s: Subscriber<T>, on: Worker): Sub<void> {
    const inner = new BroadcastInner<T>(s, this);
    yield* s.onSubscribe(inner, on);
    if (inner.cancelled) return;
    if (this.add(inner)) yield* this.drain(on);
    else yield* this.endOf(inner, on);
  }

  /** SinkManyEmitterProcessor.onNext: an element too many fails the stream, one that nobody is there for is dropped. */
  *onNext(value: T, on: Worker): Sub<void> {
    const result = yield* this.tryEmitNext(value, on);
    if (result !== 'overflow') return;
    yield* this.upstream.cancel(on);
    yield* this.onError(new OverflowError('more came than was requested'), on);
  }

  *tryEmitNext(value: T, on: Worker): Sub<EmitResult> {
    if (this.done) return this.cancelled ? 'cancelled' : 'terminated';
    if (this.queue.length >= this.prefetch)
      return this.inners.length === 0 ? 'zero-subscriber' : 'overflow';
    this.queue.push(value);
    yield* this.drain(on);
    return 'ok';
  }

  *tryEmitComplete(on: Worker): Sub<EmitResult> {
    if (this.done) return this.cancelled ? 'cancelled' : 'terminated';
    yield* this.onComplete(on);
    return 'ok';
  }

  *tryEmitError(error: Error, on: Worker): Sub<EmitResult> {
    if (this.done) return this.cancelled ? 'cancelled' : 'terminated';
    yield* this.onError(error, on);
    return 'ok';
  }

  remove(inner: BroadcastInner<T>, on: Worker): Sub<void> {
    const left = this.inners.filter((other) => other !== inner);
    const last = left.length === 0 && this.inners.length > 0;
    this.inners = left;
    return last && this.autoCancel ? this.close(on) : nothing();
  }

  private *close(on: Worker): Sub<void> {
    if (this.done) return;
    this.done = true;
    this.cancelled = true;
    this.queue.clear();
    const { upstream } = this;
    this.upstream = EMPTY_SUBSCRIPTION;
    yield* upstream.cancel(on);
  }
}
