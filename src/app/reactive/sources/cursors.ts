/** Where the elements of range, fromIterable and generate come from. */

/** One subscriber's place in a sequence. */
export interface Cursor<T> {
  /** The element that `advance` has found. */
  readonly value: T | undefined;
  /**
   * Whether the next element is looked for as soon as the last one has been given, so that the end needs no demand: as
   * Iterator.hasNext() does. Otherwise it is looked for when it has been requested.
   */
  readonly looksAhead: boolean;
  /** Goes to the next element. @returns whether there is one @throws what the stream is to fail with */
  advance(): boolean;
  /** Nobody wants the rest. */
  close(): void;
}

/** Integers from `start` on. */
export class RangeCursor implements Cursor<number> {
  readonly looksAhead = true;
  value: number;
  private readonly end: number;

  constructor(start: number, count: number) {
    this.value = start - 1;
    this.end = start + count;
  }

  advance(): boolean {
    this.value++;
    return this.value < this.end;
  }

  close(): void {}
}

/** What an iterable gives. */
export class IterableCursor<T> implements Cursor<T> {
  readonly looksAhead = true;
  value: T | undefined;
  private readonly iterator: Iterator<T>;

  constructor(iterable: Iterable<T>) {
    this.iterator = iterable[Symbol.iterator]();
  }

  advance(): boolean {
    const { done, value } = this.iterator.next();
    this.value = done === true ? undefined : value;
    return done !== true;
  }

  close(): void {
    this.iterator.return?.();
  }
}

/** One step of `Flux.generate` or `handle`: at most one element, or the end. */
export class SynchronousSink<T> {
  value: T | undefined;
  ended = false;
  failure: Error | null = null;

  /** @throws when it has been called in this step already (SynchronousSink allows one) */
  next(value: T): void {
    if (this.value !== undefined)
      throw new TypeError('sink.next: one element has been given already, and a step gives one');
    this.value = value;
  }

  complete(): void {
    this.ended = true;
  }

  error(error: Error): void {
    this.failure = error;
  }

  /** Whether this step has neither given an element nor ended. */
  get idle(): boolean {
    return this.value === undefined && !this.ended && this.failure === null;
  }
}

/** What a function makes of its state, an element a call; it is called when an element has been requested. */
export class GenerateCursor<T, S> implements Cursor<T> {
  readonly looksAhead = false;
  value: T | undefined;
  private state: S;
  private readonly step: (state: S, sink: SynchronousSink<T>) => S;
  /** It has said that the element that it just gave is the last. */
  private ended = false;

  constructor(state: S, step: (state: S, sink: SynchronousSink<T>) => S) {
    this.state = state;
    this.step = step;
  }

  advance(): boolean {
    if (this.ended) return false;
    const sink = new SynchronousSink<T>();
    this.state = this.step(this.state, sink);
    if (sink.failure !== null) throw sink.failure;
    if (sink.idle) throw new TypeError('generate: the function gave no element and did not end');
    this.ended = sink.ended;
    this.value = sink.value;
    return this.value !== undefined;
  }

  close(): void {}
}
