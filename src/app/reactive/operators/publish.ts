/**
 * One subscription to a source, shared by all who subscribe here: publish, refCount, autoConnect, share (FluxPublish,
 * FluxRefCount, FluxAutoConnect). The source is asked for `prefetch` elements, and for as many more as everybody has been
 * given; nothing is subscribed to before `connect`. Elements that come when nobody has ever subscribed are dropped, those
 * that come after the last one has left wait.
 *
 * When the source has ended, the next subscriber begins a new connection (resetUponSourceTermination).
 */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { CancellationError, OverflowError } from '../errors.ts';
import { Broadcast, BroadcastInner } from '../processors/broadcast.ts';
import { EMPTY_SUBSCRIPTION } from '../stage.ts';
import type { Publisher, Subscriber, Subscription } from '../streams.ts';
import { nothing } from '../user.ts';

export class PublishOperator<T> implements Publisher<T> {
  private readonly source: Publisher<T>;
  private readonly prefetch: number;
  private connection: Connection<T> | null = null;

  constructor(source: Publisher<T>, prefetch: number) {
    this.source = source;
    this.prefetch = prefetch;
  }

  *subscribe(s: Subscriber<T>, on: Worker): Sub<void> {
    const inner = new BroadcastInner<T>(s, null);
    yield* s.onSubscribe(inner, on);
    if (inner.cancelled) return;
    const connection = this.current();
    inner.parent = connection;
    connection.add(inner);
    yield* connection.drain(on);
  }

  /** Subscribes to the source, once for each connection. @returns what disconnects it */
  *connect(on: Worker): Sub<Connection<T>> {
    const connection = this.current();
    if (!connection.connected) {
      connection.connected = true;
      yield* this.source.subscribe(connection, on);
    }
    return connection;
  }

  /** The connection to subscribe to: a new one when the last has ended. */
  private current(): Connection<T> {
    if (this.connection === null || this.connection.isOver)
      this.connection = new Connection<T>(this.prefetch);
    return this.connection;
  }
}

/** One subscription to the source (PublishSubscriber). */
export class Connection<T> extends Broadcast<T> {
  connected = false;
  /** Somebody has subscribed, be it that all have left again. */
  private used = false;
  private disposed = false;

  get isOver(): boolean {
    return this.terminated || this.disposed;
  }

  protected get waits(): boolean {
    return this.used;
  }

  override add(inner: BroadcastInner<T>): boolean {
    this.used = true;
    return super.add(inner);
  }

  onNext(value: T, on: Worker): Sub<void> {
    if (this.done) return nothing();
    if (this.queue.length >= this.prefetch) return this.overflow(on);
    this.queue.push(value);
    return this.drain(on);
  }

  private *overflow(on: Worker): Sub<void> {
    yield* this.upstream.cancel(on);
    yield* this.onError(new OverflowError('publish: more came than was requested'), on);
  }

  remove(inner: BroadcastInner<T>): Sub<void> {
    this.inners = this.inners.filter((other) => other !== inner);
    return nothing();
  }

  /** Cancels the source; who is still subscribed gets a CancellationError. */
  *dispose(on: Worker): Sub<void> {
    if (this.disposed || this.done) return;
    this.disposed = true;
    yield* this.upstream.cancel(on);
    this.upstream = EMPTY_SUBSCRIPTION;
    yield* this.onError(new CancellationError('disconnected'), on);
  }
}

/** Connects when `n` have subscribed, and disconnects when all have left. */
export class RefCountOperator<T> implements Publisher<T> {
  private readonly source: PublishOperator<T>;
  private readonly n: number;
  private readonly disconnects: boolean;
  private monitor: Monitor<T> | null = null;

  /** @param disconnects false: once connected it stays so (autoConnect) */
  constructor(source: PublishOperator<T>, n: number, disconnects: boolean) {
    this.source = source;
    this.n = n;
    this.disconnects = disconnects;
  }

  *subscribe(s: Subscriber<T>, on: Worker): Sub<void> {
    if (this.monitor === null || this.monitor.over) this.monitor = new Monitor<T>();
    const { monitor } = this;
    const connects = ++monitor.subscribers === this.n && !monitor.connected;
    if (connects) monitor.connected = true;
    yield* this.source.subscribe(new RefCountStage(s, monitor, this.disconnects), on);
    if (!connects) return;
    monitor.connection = yield* this.source.connect(on);
    // Everybody may have left in the meantime.
    if (this.disconnects && monitor.subscribers === 0) yield* monitor.leave(on);
  }
}

/** Who is subscribed to one connection. */
class Monitor<T> {
  subscribers = 0;
  connected = false;
  connection: Connection<T> | null = null;
  over = false;

  *leave(on: Worker): Sub<void> {
    if (this.over || !this.connected || this.connection === null) return;
    this.over = true;
    yield* this.connection.dispose(on);
  }
}

class RefCountStage<T> implements Subscriber<T>, Subscription {
  private readonly actual: Subscriber<T>;
  private readonly monitor: Monitor<T>;
  private readonly disconnects: boolean;
  private upstream: Subscription = EMPTY_SUBSCRIPTION;
  private over = false;

  constructor(actual: Subscriber<T>, monitor: Monitor<T>, disconnects: boolean) {
    this.actual = actual;
    this.monitor = monitor;
    this.disconnects = disconnects;
  }

  onSubscribe(s: Subscription, on: Worker): Sub<void> {
    if (this.upstream !== EMPTY_SUBSCRIPTION) return s.cancel(on);
    this.upstream = s;
    return this.actual.onSubscribe(this, on);
  }

  onNext(value: T, on: Worker): Sub<void> {
    return this.actual.onNext(value, on);
  }

  onError(error: Error, on: Worker): Sub<void> {
    if (this.over) return nothing();
    this.over = true;
    this.monitor.over = true;
    return this.actual.onError(error, on);
  }

  onComplete(on: Worker): Sub<void> {
    if (this.over) return nothing();
    this.over = true;
    this.monitor.over = true;
    return this.actual.onComplete(on);
  }

  request(n: number, on: Worker): Sub<void> {
    return this.upstream.request(n, on);
  }

  *cancel(on: Worker): Sub<void> {
    if (this.over) return;
    this.over = true;
    yield* this.upstream.cancel(on);
    if (--this.monitor.subscribers === 0 && this.disconnects) yield* this.monitor.leave(on);
  }
}
