/**
 * The three phases of a stream, made visible: `traced` gives a chain an Assembly, which every operator put on top of it
 * inherits. With the trace on, each operator is then told of when it is assembled, when it is subscribed to (from the last
 * one up to the source; onSubscribe comes down again, and request goes up), and with each signal that it gives. A record is
 * `<lane>`, what happened, the operator's number and name, and the thread that it happened on.
 *
 * Off, there is no Assembly and nothing in between: stages call one another as ever. On, nothing changes but that
 * (Hooks.onOperatorDebug and log() in Reactor).
 */
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import { CallablePublisher } from './callable.ts';
import { EMPTY_SUBSCRIPTION } from './stage.ts';
import type { Publisher, Subscriber, Subscription } from './streams.ts';

/** Where records go: a Probe is one. */
export interface StreamTrace {
  /** Somebody reads them; otherwise none is built. */
  readonly tracing: boolean;
  /** @param lane who it concerns, within the application */
  trace(lane: string, what: string, fields: Readonly<Record<string, number | string>>): void;
}

/** One chain of operators. */
export class Assembly {
  private readonly to: StreamTrace;
  private readonly lane: string;
  /** Operators assembled so far. */
  private operators = 0;

  constructor(to: StreamTrace, lane: string) {
    this.to = to;
    this.lane = lane;
  }

  /** An operator has been put on top. @returns the operator, with a look at what it gives and is asked for */
  put<T>(name: string, publisher: Publisher<T>): Publisher<T> {
    const stage = `${this.operators++} ${name}`;
    this.tell('assemble', stage, {});
    return publisher instanceof CallablePublisher
      ? new TracedCallable(publisher as CallablePublisher<T>, this, stage)
      : new Traced(publisher, this, stage);
  }

  tell(what: string, stage: string, more: Readonly<Record<string, number | string>>): void {
    this.to.trace(this.lane, `stream.${what}`, { stage, ...more });
  }
}

class Traced<T> implements Publisher<T> {
  private readonly source: Publisher<T>;
  private readonly assembly: Assembly;
  private readonly stage: string;

  constructor(source: Publisher<T>, assembly: Assembly, stage: string) {
    this.source = source;
    this.assembly = assembly;
    this.stage = stage;
  }

  subscribe(s: Subscriber<T>, on: Worker): Sub<void> {
    this.assembly.tell('subscribe', this.stage, { thread: on.name });
    return this.source.subscribe(new TracedStage(s, this.assembly, this.stage), on);
  }
}

/** flatMap and concatMap ask it for its element without subscribing, as they would without a trace. */
class TracedCallable<T> extends CallablePublisher<T> {
  private readonly source: CallablePublisher<T>;
  private readonly traced: Traced<T>;
  private readonly assembly: Assembly;
  private readonly stage: string;

  constructor(source: CallablePublisher<T>, assembly: Assembly, stage: string) {
    super();
    this.source = source;
    this.assembly = assembly;
    this.stage = stage;
    this.traced = new Traced(source, assembly, stage);
  }

  call(on: Worker): T | undefined | Sub<T | undefined> {
    this.assembly.tell('call', this.stage, { thread: on.name });
    return this.source.call(on);
  }

  subscribe(s: Subscriber<T>, on: Worker): Sub<void> {
    return this.traced.subscribe(s, on);
  }
}

class TracedStage<T> implements Subscriber<T>, Subscription {
  private readonly actual: Subscriber<T>;
  private readonly assembly: Assembly;
  private readonly stage: string;
  private upstream: Subscription = EMPTY_SUBSCRIPTION;

  constructor(actual: Subscriber<T>, assembly: Assembly, stage: string) {
    this.actual = actual;
    this.assembly = assembly;
    this.stage = stage;
  }

  get destination(): string | undefined {
    return this.actual.destination;
  }

  get origin(): string | undefined {
    return this.upstream.origin;
  }

  onSubscribe(s: Subscription, on: Worker): Sub<void> {
    // §2.5
    if (this.upstream !== EMPTY_SUBSCRIPTION) return s.cancel(on);
    this.upstream = s;
    this.assembly.tell('onSubscribe', this.stage, { thread: on.name });
    return this.actual.onSubscribe(this, on);
  }

  onNext(value: T, on: Worker): Sub<void> {
    this.assembly.tell('onNext', this.stage, { thread: on.name });
    return this.actual.onNext(value, on);
  }

  onError(error: Error, on: Worker): Sub<void> {
    const { name, message } = error;
    this.assembly.tell('onError', this.stage, { thread: on.name, error: `${name}: ${message}` });
    return this.actual.onError(error, on);
  }

  onComplete(on: Worker): Sub<void> {
    this.assembly.tell('onComplete', this.stage, { thread: on.name });
    return this.actual.onComplete(on);
  }

  request(n: number, on: Worker): Sub<void> {
    this.assembly.tell('request', this.stage, { thread: on.name, n });
    return this.upstream.request(n, on);
  }

  cancel(on: Worker): Sub<void> {
    this.assembly.tell('cancel', this.stage, { thread: on.name });
    return this.upstream.cancel(on);
  }
}
