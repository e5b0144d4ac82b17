/**
 * What a channel reads, as a publisher: messages wait in a queue until they are requested, and the channel reads on as
 * long as there is demand. reactor.netty.channel.FluxReceive (1.2.2).
 *
 * All of it runs on the channel's event loop; subscribe, request and cancel from another thread hop there as a task. The
 * way from demand to the socket is `setAutoRead`: off stops the read loop after the present message, and TCP does the rest.
 *
 * Left out: reference counting (messages are garbage-collected), fusion.
 */
import { Ring } from '../../base/ring.ts';
import { addCap, isDemand, UNBOUNDED } from '../reactive/demand.ts';
import { EMPTY_SUBSCRIPTION } from '../reactive/stage.ts';
import type { Publisher, Subscriber, Subscription } from '../reactive/streams.ts';
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';

/**
 * Below so many queued messages a channel may read on although all demand has been met: FluxReceive.QUEUE_LOW_LIMIT.
 * A mark for reading again, not a limit: nothing stops the queue here.
 */
export const QUEUE_LOW_LIMIT = 32;

/** What FluxReceive needs of its channel. */
export interface Inlet {
  readonly eventLoop: Worker;
  /** ChannelConfig.setAutoRead. */
  setAutoRead(autoRead: boolean, on: Worker): Sub<void>;
}

/** Who is told what FluxReceive does: meters and laws. Costs no simulated time. */
export interface ReceiveObserver {
  /** What it is called in messages: `connection-3`. */
  readonly connection: string;
  /** A message has come from the channel, for whoever asks for it. */
  onArrived(): void;
  /** `n` messages wait for demand, after each change of it. */
  onQueued(n: number): void;
  onRequest(n: number): void;
  onNext(): void;
  /** Nobody is at work, and neither end has let go: what was given follows from what came and what was requested. */
  onSettled(): void;
  /** An error that came when nobody was there to take it (ConnectionObserver.onUncaughtException). */
  onUncaught(error: Error, on: Worker): Sub<void>;
}

export class FluxReceive<T> implements Publisher<T>, Subscription {
  private readonly channel: Inlet;
  private readonly observer: ReceiveObserver;
  private readonly mutant: string | null;
  private receiver: Subscriber<T> | null = null;
  /** Requested and not yet given; `UNBOUNDED` stays. */
  private receiverDemand = 0;
  private readonly receiverQueue: Ring<T> = new Ring<T>(1);
  /** autoRead is off, as far as this knows: somebody must turn it on before anything is read. */
  private needRead = true;
  private inboundDone = false;
  private inboundError: Error | null = null;
  private cancelled = false;
  /** Never reset: the first subscriber is the only one, even after it has left. */
  private subscribedOnce = false;
  /** Unbounded demand has been seen: messages pass the queue by. */
  private fastPath = false;
  /** Drains asked for; only the outermost runs. A drain that ends in a terminal state never gives it back. */
  private wip = 0;

  /**
   * The channel's autoRead must be off: child option AUTO_READ.
   *
   * @param mutant `unbounded-receiver-queue` never turns reading off, `request-ignored` gives without demand
   *   (sim/run/mutants.ts); anything else: as it should be
   */
  constructor(channel: Inlet, observer: ReceiveObserver, mutant: string | null) {
    this.channel = channel;
    this.observer = observer;
    this.mutant = mutant;
  }

  /** Messages that wait for demand. */
  get pending(): number {
    return this.receiverQueue.length;
  }

  get demand(): number {
    return this.receiverDemand;
  }

  get hasReceiver(): boolean {
    return this.receiver !== null;
  }

  get origin(): string {
    return this.observer.connection;
  }

  *subscribe(subscriber: Subscriber<T>, on: Worker): Sub<void> {
    const loop = this.channel.eventLoop;
    if (on === loop) yield* this.start(subscriber, on);
    else yield* loop.execute(on, (there) => this.start(subscriber, there));
  }

  *request(n: number, on: Worker): Sub<void> {
    const loop = this.channel.eventLoop;
    if (on === loop) yield* this.addDemand(n, on);
    else yield* loop.execute(on, (there) => this.addDemand(n, there));
  }

  /** The receiver leaves. autoRead stays as it is: what comes is read and thrown away. */
  *cancel(on: Worker): Sub<void> {
    if (this.cancelled) return;
    this.cancelled = true;
    const loop = this.channel.eventLoop;
    if (on === loop) yield* this.unsubscribe(on);
    else yield* loop.execute(on, (there) => this.unsubscribe(there));
  }

  /** The channel has read a message; on its loop. */
  *onInboundNext(message: T, on: Worker): Sub<void> {
    if (this.inboundDone || this.cancelled) return;
    this.observer.onArrived();
    if (this.fastPath && this.receiver !== null) {
      yield* this.emit(message, this.receiver, on);
      return;
    }
    this.receiverQueue.push(message);
    yield* this.drain(on);
  }

  /** The peer has ended its stream, or the channel is closed. */
  *onInboundComplete(on: Worker): Sub<void> {
    if (this.inboundDone) return;
    this.inboundDone = true;
    if (!this.fastPath) yield* this.drain(on);
    else if (this.receiver !== null) yield* this.receiver.onComplete(on);
  }

  *onInboundError(error: Error, on: Worker): Sub<void> {
    if (this.inboundDone || this.cancelled) return; // reactor-netty logs it
    this.inboundError = error;
    this.inboundDone = true;
    if (this.fastPath && this.receiver !== null) yield* this.receiver.onError(error, on);
    else yield* this.drain(on);
  }

  private *start(subscriber: Subscriber<T>, on: Worker): Sub<void> {
    if (this.inboundDone && this.receiverQueue.length === 0) {
      yield* reject(subscriber, this.inboundError, on);
    } else if (this.subscribedOnce) {
      const state = `demand ${this.receiverDemand}, queue ${this.receiverQueue.length}`;
      const error = new Error(`Rejecting additional inbound receiver. State=[${state}]`);
      yield* reject(subscriber, error, on);
    } else {
      this.subscribedOnce = true;
      this.receiver = subscriber;
      yield* subscriber.onSubscribe(this, on);
    }
  }

  private *addDemand(n: number, on: Worker): Sub<void> {
    if (!isDemand(n)) return; // Operators.validate reports it, and signals nothing
    this.observer.onRequest(n);
    this.receiverDemand = addCap(this.receiverDemand, n);
    yield* this.drain(on);
  }

  private *unsubscribe(on: Worker): Sub<void> {
    this.receiverDemand = 0;
    this.receiver = null;
    yield* this.drain(on);
  }

  /** FluxReceive.drainReceiver: gives what is queued as far as it was requested, then decides whether to read on. */
  private *drain(on: Worker): Sub<void> {
    if (this.wip++ !== 0) return;
    let missed = 1;
    let open = true;
    do {
      open = yield* this.pass(on);
      if (!open) break;
      missed = this.wip -= missed;
    } while (missed !== 0);
    this.observer.onQueued(this.receiverQueue.length);
    if (open && !this.cancelled) this.observer.onSettled();
  }

  /** One pass over the queue. @returns false when there is nothing more to come, ever */
  private *pass(on: Worker): Sub<boolean> {
    const receiver = this.receiver;
    if (receiver === null) return yield* this.withoutReceiver(on);
    const demand = this.mutant === 'request-ignored' ? UNBOUNDED : this.receiverDemand;
    let emitted = 0;
    while (emitted !== demand) {
      if (this.cancelled) break;
      const message = this.receiverQueue.shift();
      if (message === undefined) break;
      yield* this.emit(message, receiver, on);
      emitted++;
    }
    // Completion needs no demand, but an empty queue: what was read before the end waits for demand.
    if (this.cancelled || (this.inboundDone && this.receiverQueue.length === 0)) {
      yield* this.terminate(receiver, on);
      return false;
    }
    if (this.receiverDemand === UNBOUNDED) this.fastPath = true;
    else this.receiverDemand = Math.max(0, this.receiverDemand - emitted);
    yield* this.readOnOrNot(emitted, on);
    return true;
  }

  private *withoutReceiver(on: Worker): Sub<boolean> {
    if (this.cancelled) {
      this.receiverQueue.clear();
      return false;
    }
    if (this.inboundDone && this.receiverQueue.length === 0) {
      if (this.inboundError !== null) yield* this.observer.onUncaught(this.inboundError, on);
      return false;
    }
    return true;
  }

  private *emit(message: T, receiver: Subscriber<T>, on: Worker): Sub<void> {
    this.observer.onNext();
    yield* receiver.onNext(message, on);
  }

  /**
   * The rule of backpressure, with the demand that this pass has left. Demand that is met by this very pass still reads
   * on, one message ahead; a message that finds no demand (nothing emitted) turns reading off.
   */
  private *readOnOrNot(emitted: number, on: Worker): Sub<void> {
    const ahead = emitted > 0 && this.receiverQueue.length < QUEUE_LOW_LIMIT;
    if (this.receiverDemand > 0 || ahead) {
      if (!this.needRead) return;
      this.needRead = false;
      yield* this.channel.setAutoRead(true, on);
    } else if (!this.needRead && this.mutant !== 'unbounded-receiver-queue') {
      this.needRead = true;
      yield* this.channel.setAutoRead(false, on);
    }
  }

  private *terminate(receiver: Subscriber<T>, on: Worker): Sub<void> {
    this.receiverQueue.clear();
    this.receiver = null;
    if (this.inboundError !== null) yield* receiver.onError(this.inboundError, on);
    else yield* receiver.onComplete(on);
  }
}

/** Operators.complete, Operators.error: a subscription that does nothing, then the end. */
function* reject<T>(subscriber: Subscriber<T>, error: Error | null, on: Worker): Sub<void> {
  yield* subscriber.onSubscribe(EMPTY_SUBSCRIPTION, on);
  if (error === null) yield* subscriber.onComplete(on);
  else yield* subscriber.onError(error, on);
}
