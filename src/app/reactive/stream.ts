/** What Flux and Mono have in common, below their operators: both only wrap a publisher. */
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import type { Assembly } from './assembly.ts';
import type { Publisher, Subscriber } from './streams.ts';

export abstract class Stream<T> implements Publisher<T> {
  /** The operator that this is the name of. */
  readonly source: Publisher<T>;
  /** Who is told what this and all that is put on top of it does; null: nobody. */
  readonly assembly: Assembly | null;

  constructor(source: Publisher<T>, assembly: Assembly | null = assemblyOf([source])) {
    this.source = sourceOf(source);
    this.assembly = assembly;
  }

  subscribe(s: Subscriber<T>, on: Worker): Sub<void> {
    return this.source.subscribe(s, on);
  }

  /** `operator` on top of this, with a look at it when the chain is traced. */
  protected put<R>(name: string, operator: Publisher<R>): Publisher<R> {
    return this.assembly === null ? operator : this.assembly.put(name, operator);
  }
}

/** The publisher itself, without the fluent class around it. */
export function sourceOf<T>(publisher: Publisher<T>): Publisher<T> {
  return publisher instanceof Stream ? (publisher as Stream<T>).source : publisher;
}

/** The assembly of the first of several streams that has one. */
export function assemblyOf(sources: readonly Publisher<unknown>[]): Assembly | null {
  for (const s of sources) if (s instanceof Stream && s.assembly !== null) return s.assembly;
  return null;
}
