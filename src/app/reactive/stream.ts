/** What Flux and Mono have in common, below their operators: both only wrap a publisher. */
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import type { Publisher, Subscriber } from './streams.ts';

export abstract class Stream<T> implements Publisher<T> {
  /** The operator that this is the name of. */
  readonly source: Publisher<T>;

  constructor(source: Publisher<T>) {
    this.source = sourceOf(source);
  }

  subscribe(s: Subscriber<T>, on: Worker): Sub<void> {
    return this.source.subscribe(s, on);
  }
}

/** The publisher itself, without the fluent class around it. */
export function sourceOf<T>(publisher: Publisher<T>): Publisher<T> {
  return publisher instanceof Stream ? (publisher as Stream<T>).source : publisher;
}
