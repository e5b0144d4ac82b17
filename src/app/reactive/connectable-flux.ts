/**
 * A stream that is shared by all who subscribe to it, and begins when it is connected (reactor.core.publisher.
 * ConnectableFlux): `flux.publish()`.
 */
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import { positive } from './demand.ts';
import type { Flux } from './flux.ts';
import { RefCountOperator, type PublishOperator } from './operators/publish.ts';
import type { Publisher, Subscriber } from './streams.ts';

/** What takes a connection back: cancels the source. */
export interface Disposable {
  dispose(on: Worker): Sub<void>;
}

export class ConnectableFlux<T> implements Publisher<T> {
  private readonly shared: PublishOperator<T>;
  private readonly wrap: (name: string, operator: Publisher<T>) => Flux<T>;

  /** @param wrap makes a Flux of a publisher */
  constructor(shared: PublishOperator<T>, wrap: (name: string, operator: Publisher<T>) => Flux<T>) {
    this.shared = shared;
    this.wrap = wrap;
  }

  subscribe(s: Subscriber<T>, on: Worker): Sub<void> {
    return this.shared.subscribe(s, on);
  }

  /** Subscribes to the source, unless that has been done. Who is subscribed when it is disposed of gets an error. */
  connect(on: Worker): Sub<Disposable> {
    return this.shared.connect(on);
  }

  /** Connects when `n` have subscribed, and disconnects when all of them have left. */
  refCount(n: number = 1): Flux<T> {
    return this.wrap('refCount', new RefCountOperator(this.shared, positive('n', n), true));
  }

  /** Connects when `n` have subscribed, and stays connected. */
  autoConnect(n: number = 1): Flux<T> {
    return this.wrap('autoConnect', new RefCountOperator(this.shared, positive('n', n), false));
  }

  /** The elements, without connecting: for operators on top of it. */
  asFlux(): Flux<T> {
    return this.wrap('publish', this.shared);
  }
}
