// The rules that can be seen from outside, looked at between any two stages. Independent of the stages: it counts for
// itself, and knows nothing but the four interfaces.
import type { Publisher, Subscriber, Subscription } from '../../../src/app/reactive/streams.ts';
import { nothing } from '../../../src/app/reactive/user.ts';
import type { Sub } from '../../../src/app/setup.ts';
import type { Worker } from '../../../src/app/worker.ts';

/** What was seen, and which rules it broke. */
export class Findings {
  readonly broken: string[] = [];

  require(holds: boolean, rule: string, where: string, what: string): void {
    if (!holds) this.broken.push(`${rule} ${where}: ${what}`);
  }
}

/** Looks at what passes between `source` and its subscribers. */
export class Checked<T> implements Publisher<T> {
  private readonly source: Publisher<T>;
  private readonly findings: Findings;
  private readonly where: string;

  constructor(source: Publisher<T>, findings: Findings, where: string) {
    this.source = source;
    this.findings = findings;
    this.where = where;
  }

  *subscribe(s: Subscriber<T>, on: Worker): Sub<void> {
    const stage = new CheckedStage(s, this.findings, this.where);
    yield* this.source.subscribe(stage, on);
    stage.require(stage.subscribed, '§1.9', 'subscribe ended without onSubscribe');
  }
}

class CheckedStage<T> implements Subscriber<T>, Subscription {
  subscribed = false;
  private readonly actual: Subscriber<T>;
  private readonly findings: Findings;
  private readonly where: string;
  private upstream: Subscription | null = null;
  private requested = 0n;
  private given = 0n;
  private ended: string | null = null;
  private inside = 0;

  constructor(actual: Subscriber<T>, findings: Findings, where: string) {
    this.actual = actual;
    this.findings = findings;
    this.where = where;
  }

  require(holds: boolean, rule: string, what: string): void {
    this.findings.require(holds, rule, this.where, what);
  }

  *onSubscribe(s: Subscription, on: Worker): Sub<void> {
    this.require(!this.subscribed, '§2.12', 'onSubscribe twice');
    this.subscribed = true;
    this.upstream = s;
    yield* this.actual.onSubscribe(this, on);
  }

  *onNext(value: T, on: Worker): Sub<void> {
    this.given++;
    this.enter('onNext');
    this.require(this.given <= this.requested, '§1.1', `${this.given} of ${this.requested}`);
    this.inside++;
    yield* this.actual.onNext(value, on);
    this.inside--;
  }

  *onError(error: Error, on: Worker): Sub<void> {
    this.end('onError');
    yield* this.actual.onError(error, on);
  }

  *onComplete(on: Worker): Sub<void> {
    this.end('onComplete');
    yield* this.actual.onComplete(on);
  }

  *request(n: number, on: Worker): Sub<void> {
    if (n > 0 && Number.isInteger(n)) this.requested += BigInt(n);
    yield* this.upstream!.request(n, on);
  }

  *cancel(on: Worker): Sub<void> {
    yield* this.upstream!.cancel(on);
  }

  private enter(signal: string): void {
    this.require(this.subscribed, '§1.9', `${signal} before onSubscribe`);
    this.require(this.ended === null, '§1.7', `${signal} after ${this.ended}`);
    this.require(this.inside === 0, '§1.3', `${signal} while onNext runs`);
  }

  private end(signal: string): void {
    this.enter(signal);
    this.ended = signal;
  }
}

/** What a subscriber does. */
export interface Behaviour<T> {
  /** Requested in onSubscribe; 0: nothing. */
  readonly first?: number;
  /** Requested in each onNext. */
  readonly each?: number;
  /** Called in each onNext, before it requests more. */
  readonly next?: (value: T, recorder: Recorder<T>, on: Worker) => Sub<void>;
}

/** The end of a stream: notes what comes, with the time and the thread. */
export class Recorder<T> implements Subscriber<T> {
  readonly values: T[] = [];
  /** Names of the threads that the values came on. */
  readonly threads: string[] = [];
  /** `complete`, `error: …`, or null. */
  end: string | null = null;
  subscription: Subscription | null = null;
  private readonly behaviour: Behaviour<T>;

  constructor(behaviour: Behaviour<T> = { first: Number.MAX_SAFE_INTEGER }) {
    this.behaviour = behaviour;
  }

  *onSubscribe(s: Subscription, on: Worker): Sub<void> {
    this.subscription = s;
    const { first = 0 } = this.behaviour;
    if (first !== 0) yield* s.request(first, on);
  }

  *onNext(value: T, on: Worker): Sub<void> {
    this.values.push(value);
    this.threads.push(on.name);
    const { next, each = 0 } = this.behaviour;
    if (next !== undefined) yield* next(value, this, on);
    if (each !== 0) yield* this.subscription!.request(each, on);
  }

  onError(error: Error): Sub<void> {
    this.end = `error: ${error.message}`;
    return nothing();
  }

  onComplete(): Sub<void> {
    this.end = 'complete';
    return nothing();
  }

  *request(n: number, on: Worker): Sub<void> {
    yield* this.subscription!.request(n, on);
  }

  *cancel(on: Worker): Sub<void> {
    yield* this.subscription!.cancel(on);
  }
}
