/**
 * Sends what a publisher emits and completes when the last message has been taken by the kernel: what `outbound.send(flux)`
 * returns. reactor.netty.channel.MonoSendMany and its SendManyInner (1.2.2).
 *
 * Demand counts messages, never bytes: 128 to begin with, and topped up whenever no more than 64 of them are left, by as
 * many as have been *written*. The outbound buffer's writability decides only whether a message is flushed at once or
 * together with others at the end of the loop's turn; it never holds a message back.
 *
 * Left out: fusion (a chain that begins at FluxReceive has none), sendGroups' boundaries, encoders and their failures.
 */
import { Ring } from '../../base/ring.ts';
import type { Message } from '../netty/byte-buf.ts';
import type { Channel } from '../netty/channel.ts';
import type { WritePromise } from '../netty/handler.ts';
import { OverflowError } from '../reactive/errors.ts';
import { EMPTY_SUBSCRIPTION } from '../reactive/stage.ts';
import type { Publisher, Subscriber, Subscription } from '../reactive/streams.ts';
import { nothing } from '../reactive/user.ts';
import type { Sub } from '../setup.ts';
import type { Task, Worker } from '../worker.ts';
import { AbortedException } from './aborted.ts';
import type { WriteObserver } from './future-mono.ts';

/** Messages requested ahead of their writes: reactor.netty.send.maxPrefetchSize. */
export const MAX_SIZE = 128;
/** Demand is topped up once no more than so much of it is left. */
export const REFILL_SIZE: number = MAX_SIZE / 2;

/** What sending needs: the bridge's place in its pipeline (a ChannelHandlerContext), where writes and flushes begin. */
export interface Outlet {
  readonly channel: Pick<
    Channel,
    'isWritable' | 'bytesBeforeUnwritable' | 'addCloseListener' | 'removeCloseListener'
  > & { readonly eventLoop: Worker };
  write(msg: Message, promise: WritePromise | null, on: Worker): Sub<void>;
  flush(on: Worker): Sub<void>;
}

/** Who is told what one SendManyInner does: counters and laws. Costs no simulated time. */
export interface SendObserver extends WriteObserver {
  /** What it is called in messages: `connection-3`. */
  readonly connection: string;
  /** A message is about to be given to the channel. */
  onWrite(): void;
  /** request(n) on what is sent. */
  onSendRequest(n: number): void;
  /** A message without bytes came by; another one is requested in its place. */
  onEmpty(): void;
  /** Nothing is under way, and neither end has let go: what was requested follows from what was written. */
  onSettled(): void;
}

export class MonoSendMany implements Publisher<never> {
  private readonly source: Publisher<Message>;
  private readonly outlet: Outlet;
  private readonly observe: () => SendObserver;
  private readonly refillAt: number;

  /**
   * @param observe makes the observer of one subscription
   * @param mutant `late-refill` tops demand up too late (sim/run/mutants.ts); anything else: as it should be
   */
  constructor(
    source: Publisher<Message>,
    outlet: Outlet,
    observe: () => SendObserver,
    mutant: string | null,
  ) {
    this.source = source;
    this.outlet = outlet;
    this.observe = observe;
    this.refillAt = mutant === 'late-refill' ? 0 : REFILL_SIZE;
  }

  subscribe(actual: Subscriber<never>, on: Worker): Sub<void> {
    const inner = new SendManyInner(actual, this.outlet, this.observe(), this.refillAt);
    return this.source.subscribe(inner, on);
  }
}

/** One subscription: at once the subscriber of what is sent, the subscription of who waits for it, and the promise of every write. */
class SendManyInner implements Subscriber<Message>, Subscription, WritePromise {
  private readonly actual: Subscriber<never>;
  private readonly outlet: Outlet;
  private readonly observer: SendObserver;
  private readonly refillAt: number;
  private readonly queue: Ring<Message> = new Ring<Message>(1);
  private upstream: Subscription = EMPTY_SUBSCRIPTION;
  /** Messages that may still be taken from upstream: requested, and not yet written. */
  private requested = MAX_SIZE;
  /** To be requested at the end of this run. */
  private nextRequest = 0;
  /** Given to the channel, and not yet taken by the kernel. */
  private pending = 0;
  private needFlush = false;
  /** How upstream has ended. */
  private terminal: 'none' | 'complete' | Error = 'none';
  /** Downstream has had its last signal, or wants none. */
  private over = false;
  private wip = 0;
  /** AsyncFlush: each run that has written submits one, and the first of them flushes for all. */
  private readonly asyncFlush: Task = (on) =>
    this.pending === 0 ? nothing() : this.outlet.flush(on);
  private readonly onClosed: Task = (on) => this.closed(on);

  constructor(actual: Subscriber<never>, outlet: Outlet, observer: SendObserver, refillAt: number) {
    this.actual = actual;
    this.outlet = outlet;
    this.observer = observer;
    this.refillAt = refillAt;
    outlet.channel.addCloseListener(this.onClosed);
  }

  get destination(): string {
    return this.observer.connection;
  }

  *onSubscribe(s: Subscription, on: Worker): Sub<void> {
    if (this.upstream !== EMPTY_SUBSCRIPTION || this.over) {
      yield* s.cancel(on);
      return;
    }
    this.upstream = s;
    yield* this.actual.onSubscribe(this, on);
    this.observer.onSendRequest(MAX_SIZE);
    yield* s.request(MAX_SIZE, on);
  }

  *onNext(message: Message, on: Worker): Sub<void> {
    if (this.over || this.terminal !== 'none') return;
    if (this.queue.length === MAX_SIZE) {
      yield* this.upstream.cancel(on);
      yield* this.onError(new OverflowError('MonoSendMany was given more than it requested'), on);
      return;
    }
    this.queue.push(message);
    yield* this.trySchedule(on);
  }

  *onError(error: Error, on: Worker): Sub<void> {
    if (this.over || this.terminal !== 'none') return;
    this.terminal = error;
    yield* this.trySchedule(on);
  }

  *onComplete(on: Worker): Sub<void> {
    if (this.over || this.terminal !== 'none') return;
    this.terminal = 'complete';
    yield* this.trySchedule(on);
  }

  /** Ignored: nothing is ever emitted downstream. */
  *request(): Sub<void> {}

  *cancel(on: Worker): Sub<void> {
    if (this.over) return;
    this.leave();
    yield* this.upstream.cancel(on);
  }

  /** A write's promise, on the loop. Its bytes still count as pending in the outbound buffer. */
  *complete(on: Worker, ok: boolean): Sub<void> {
    if (!ok) {
      this.observer.onLost();
      yield* this.fail(AbortedException.duringSend(), on);
      return;
    }
    this.requested--;
    this.pending--;
    this.observer.onWritten();
    if (yield* this.endIfDone(on)) return;
    if (this.requested > this.refillAt) {
      if (this.wip === 0) this.settle();
      return;
    }
    const refill = MAX_SIZE - this.requested;
    this.requested += refill;
    this.nextRequest += refill;
    yield* this.trySchedule(on);
  }

  /** The channel is closed: what is not written never will be, and that is no error. */
  private *closed(on: Worker): Sub<void> {
    if (this.over) return;
    this.leave();
    yield* this.upstream.cancel(on);
    yield* this.actual.onComplete(on);
  }

  private *fail(error: Error, on: Worker): Sub<void> {
    if (this.over) return;
    this.leave();
    yield* this.upstream.cancel(on);
    yield* this.actual.onError(error, on);
  }

  private leave(): void {
    this.over = true;
    this.queue.clear();
    this.outlet.channel.removeCloseListener(this.onClosed);
  }

  private *trySchedule(on: Worker): Sub<void> {
    if (this.wip++ !== 0) return;
    const loop = this.outlet.channel.eventLoop;
    if (on === loop) yield* this.run(on);
    else yield* loop.execute(on, (there) => this.run(there));
  }

  private *run(on: Worker): Sub<void> {
    let missed = 1;
    do {
      yield* this.writeQueued(on);
      if (this.needFlush && this.pending !== 0) {
        this.needFlush = false;
        yield* this.outlet.channel.eventLoop.execute(on, this.asyncFlush);
      }
      if (this.over || (yield* this.endIfDone(on))) return;
      if (this.terminal === 'none' && this.nextRequest !== 0) yield* this.requestNext(on);
      missed = this.wip -= missed;
    } while (missed !== 0);
    this.settle();
  }

  private *writeQueued(on: Worker): Sub<void> {
    const { outlet } = this;
    const { channel } = outlet;
    for (let r = this.requested; r > 0; r--) {
      const message = this.queue.shift();
      if (message === undefined || this.over) return;
      if (message.bytes === 0) {
        this.observer.onEmpty();
        this.nextRequest++;
        continue;
      }
      this.pending++;
      this.observer.onWrite();
      yield* outlet.write(message, this, on);
      // Asked after the write: whether another message like this one would still fit.
      if (!channel.isWritable || message.bytes > channel.bytesBeforeUnwritable) {
        this.needFlush = false;
        yield* outlet.flush(on);
      } else {
        this.needFlush = true;
      }
    }
  }

  private *requestNext(on: Worker): Sub<void> {
    const n = this.nextRequest;
    this.nextRequest = 0;
    this.observer.onSendRequest(n);
    yield* this.upstream.request(n, on);
  }

  /** Upstream has ended and all is written: so has this. */
  private *endIfDone(on: Worker): Sub<boolean> {
    const { terminal } = this;
    if (this.over || terminal === 'none' || this.pending > 0 || this.queue.length > 0) return false;
    this.leave();
    if (terminal === 'complete') yield* this.actual.onComplete(on);
    else yield* this.actual.onError(terminal, on);
    return true;
  }

  private settle(): void {
    if (!this.over && this.terminal === 'none') this.observer.onSettled();
  }
}
