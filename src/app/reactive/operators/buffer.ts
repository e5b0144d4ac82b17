/**
 * Lists of `size` elements, the last one of what is left: buffer (FluxBuffer, exact). A request for n lists asks for
 * n · size elements.
 */
import type { Sub } from '../../setup.ts';
import type { Worker } from '../../worker.ts';
import { isDemand, mulCap } from '../demand.ts';
import { Operator, Stage } from '../stage.ts';
import type { Publisher, Subscriber } from '../streams.ts';
import { nothing } from '../user.ts';

export class BufferOperator<T> extends Operator<T, T[]> {
  private readonly size: number;

  constructor(source: Publisher<T>, size: number) {
    super(source);
    this.size = size;
  }

  protected stage(actual: Subscriber<T[]>): Subscriber<T> {
    return new BufferStage(actual, this.size);
  }
}

class BufferStage<T> extends Stage<T, T[]> {
  private readonly size: number;
  private list: T[] = [];

  constructor(actual: Subscriber<T[]>, size: number) {
    super(actual);
    this.size = size;
  }

  override request(n: number, on: Worker): Sub<void> {
    // A request against §3.9 is for upstream to answer.
    return this.upstream.request(isDemand(n) ? mulCap(n, this.size) : n, on);
  }

  onNext(value: T, on: Worker): Sub<void> {
    if (this.done) return nothing();
    this.list.push(value);
    if (this.list.length < this.size) return nothing();
    const full = this.list;
    this.list = [];
    return this.actual.onNext(full, on);
  }

  override *onComplete(on: Worker): Sub<void> {
    if (this.done) return;
    this.done = true;
    // It was asked for: nothing would have come to begin it, otherwise.
    if (this.list.length > 0) yield* this.actual.onNext(this.list, on);
    yield* this.actual.onComplete(on);
  }
}
