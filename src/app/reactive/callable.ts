/**
 * Streams of at most one element that can be had without subscribing (java.util.concurrent.Callable in Reactor): just,
 * empty, error, fromCallable. flatMap and concatMap ask them directly.
 */
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import { sourceOf } from './stream.ts';
import type { Publisher, Subscriber } from './streams.ts';

export abstract class CallablePublisher<T> implements Publisher<T> {
  /** The element; undefined when there is none. @throws what the stream fails with */
  abstract call(on: Worker): T | undefined | Sub<T | undefined>;
  abstract subscribe(s: Subscriber<T>, on: Worker): Sub<void>;
}

/** `publisher` as one whose element can be had at once; null when it is none. */
export function asCallable<T>(publisher: Publisher<T>): CallablePublisher<T> | null {
  const source = sourceOf(publisher);
  return source instanceof CallablePublisher ? (source as CallablePublisher<T>) : null;
}
