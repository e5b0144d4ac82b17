/** What processors and sinks have in common: the outcome of an attempt to emit (reactor.core.publisher.Sinks.EmitResult). */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import type { Publisher } from '../streams.ts';

/**
 * `terminated`: it has ended before. `overflow`: its queue is full. `cancelled`: everybody has left, and it closes then.
 * `non-serialized`: another thread is emitting at this moment. `zero-subscriber`: the queue is full, and nobody is there to
 * empty it.
 */
export type EmitResult =
  | 'ok'
  | 'terminated'
  | 'overflow'
  | 'cancelled'
  | 'non-serialized'
  | 'zero-subscriber';

/** A stream that is given its signals by hand. */
export interface Emission<T> extends Publisher<T> {
  tryEmitNext(value: T, on: Worker): Sub<EmitResult>;
  tryEmitComplete(on: Worker): Sub<EmitResult>;
  tryEmitError(error: Error, on: Worker): Sub<EmitResult>;
  /** Who is subscribed now. */
  readonly subscribers: number;
}
