// Publishers and operators that break one rule each, to see that the checks find it.
import { addCap, badDemand, isDemand } from '../../../src/app/reactive/demand.ts';
import type { Publisher, Subscriber, Subscription } from '../../../src/app/reactive/streams.ts';
import { nothing } from '../../../src/app/reactive/user.ts';
import type { Sub } from '../../../src/app/setup.ts';
import type { Worker } from '../../../src/app/worker.ts';

export type SourceFault =
  | 'none'
  | 'gives one more'
  | 'is recursive'
  | 'never ends'
  | 'ends without being asked to the last'
  | 'ends twice'
  | 'goes on after cancel'
  | 'subscribes late'
  | 'serves one subscriber only'
  | 'takes request(0) for nothing'
  | 'counts in 32 bits'
  | 'forgets what it owes'
  | 'forgets what is asked meanwhile'
  | 'cancels once'
  | 'floods'
  | 'remembers its subscribers'
  | 'takes null for a subscriber'
  | 'refuses a second subscriber without a word'
  | 'says nothing of §3.9';

/** The integers below `n`, with a fault. */
export class BrokenRange implements Publisher<number> {
  readonly n: number;
  readonly fault: SourceFault;
  private subscribers = 0;
  private readonly remembered: unknown[] = [];

  constructor(n: number, fault: SourceFault) {
    this.n = n;
    this.fault = fault;
  }

  *subscribe(s: Subscriber<number>, on: Worker): Sub<void> {
    this.subscribers++;
    if (this.fault === 'remembers its subscribers') this.remembered.push(s);
    if (this.fault === 'takes null for a subscriber' && s === null) return;
    if (this.fault === 'refuses a second subscriber without a word' && this.subscribers > 1) return;
    const source = new BrokenSubscription(s, this.n, this.fault);
    if (this.fault === 'subscribes late') return;
    if (this.fault === 'serves one subscriber only' && this.subscribers > 1) source.over = true;
    yield* s.onSubscribe(source, on);
    if (this.n === 0 && this.fault !== 'never ends' && !source.over) yield* source.end(on);
  }
}

class BrokenSubscription implements Subscription {
  over = false;
  private readonly actual: Subscriber<number>;
  private readonly n: number;
  private readonly fault: SourceFault;
  private demand = 0;
  private given = 0;
  private giving = false;
  private requests = 0;
  private cancels = 0;

  constructor(actual: Subscriber<number>, n: number, fault: SourceFault) {
    this.actual = actual;
    this.n = n;
    this.fault = fault;
  }

  *request(n: number, on: Worker): Sub<void> {
    if (this.over) {
      if (this.fault === 'ends twice') yield* this.end(on);
      return;
    }
    if (!isDemand(n)) {
      if (this.fault === 'takes request(0) for nothing') return;
      this.over = true;
      const silent = this.fault === 'says nothing of §3.9';
      yield* this.actual.onError(silent ? new Error('no') : badDemand(n), on);
      return;
    }
    this.count(n);
    if (this.giving && this.fault !== 'is recursive') return;
    this.giving = true;
    yield* this.give(on);
    this.giving = false;
  }

  cancel(): Sub<void> {
    if (this.fault === 'cancels once' && ++this.cancels > 1) throw new Error('cancelled already');
    if (this.fault !== 'goes on after cancel') this.over = true;
    return nothing();
  }

  private count(n: number): void {
    this.requests++;
    if (this.fault === 'gives one more') n++;
    if (this.fault === 'forgets what it owes' && this.requests > 1) n = 1;
    if (this.fault === 'forgets what is asked meanwhile' && this.giving) n = 0;
    this.demand =
      this.fault === 'counts in 32 bits' ? (this.demand + n) | 0 : addCap(this.demand, n);
  }

  private *give(on: Worker): Sub<void> {
    const floods = this.fault === 'floods';
    while ((this.demand > 0 || floods) && this.given < this.n && (!this.over || floods)) {
      this.demand--;
      yield* this.actual.onNext(this.given++, on);
    }
    const late = this.fault === 'ends without being asked to the last' && this.demand === 0;
    if (this.given === this.n && !this.over && this.fault !== 'never ends' && !late)
      yield* this.end(on);
  }

  end(on: Worker): Sub<void> {
    this.over = true;
    return this.actual.onComplete(on);
  }
}

export type StageFault =
  | 'none'
  | 'asks for nothing'
  | 'cancels when upstream ends'
  | 'takes the second subscription'
  | 'keeps cancel to itself'
  | 'fails after cancel'
  | 'keeps the end to itself'
  | 'repeats the end'
  | 'passes on the first request only';

/** Passes on what it is given, with a fault. */
export class BrokenStage implements Publisher<number> {
  private readonly source: Publisher<number>;
  private readonly fault: StageFault;

  constructor(source: Publisher<number>, fault: StageFault) {
    this.source = source;
    this.fault = fault;
  }

  subscribe(actual: Subscriber<number>, on: Worker): Sub<void> {
    return this.source.subscribe(brokenStage(actual, this.fault), on);
  }
}

function brokenStage(actual: Subscriber<number>, fault: StageFault): Subscriber<number> {
  let upstream: Subscription | null = null;
  let [requests, ended, cancelled] = [0, false, false];
  function* end(signal: () => Sub<void>, on: Worker): Sub<void> {
    if (fault === 'cancels when upstream ends') yield* upstream!.cancel(on);
    if (ended && fault !== 'repeats the end') return;
    ended = true;
    if (fault !== 'keeps the end to itself') yield* signal();
  }
  const below: Subscription = {
    *request(n, on) {
      const lost = fault === 'passes on the first request only' && requests++ > 0;
      if (fault !== 'asks for nothing' && !lost) yield* upstream!.request(n, on);
    },
    *cancel(on) {
      cancelled = true;
      if (fault !== 'keeps cancel to itself') yield* upstream!.cancel(on);
    },
  };
  return {
    *onSubscribe(s, on) {
      if (upstream !== null && fault !== 'takes the second subscription') {
        yield* s.cancel(on);
        return;
      }
      const first = upstream === null;
      upstream = s;
      if (first) yield* actual.onSubscribe(below, on);
    },
    *onNext(v, on) {
      if (fault === 'fails after cancel' && cancelled)
        yield* actual.onError(new Error('an element after cancel'), on);
      else yield* actual.onNext(v, on);
    },
    onError: (error, on) => end(() => actual.onError(error, on), on),
    onComplete: (on) => end(() => actual.onComplete(on), on),
  };
}

/** What a stage does wrong with the stream as a whole. */
export const STREAM_FAULTS = [
  'asks for everything',
  'gives one twice',
  'loses one',
  'loses demand',
  'swaps two',
  'speaks after the end',
  'hands elements to threads',
  'keeps cancel to itself',
] as const;
export type StreamFault = (typeof STREAM_FAULTS)[number];

/** Passes on what it is given, with a fault. */
export class BrokenStream implements Publisher<number> {
  private readonly source: Publisher<number>;
  private readonly fault: StreamFault;

  constructor(source: Publisher<number>, fault: StreamFault) {
    this.source = source;
    this.fault = fault;
  }

  subscribe(actual: Subscriber<number>, on: Worker): Sub<void> {
    return this.source.subscribe(new BrokenStreamStage(actual, this.fault), on);
  }
}

class BrokenStreamStage implements Subscriber<number>, Subscription {
  private readonly actual: Subscriber<number>;
  private readonly fault: StreamFault;
  private upstream: Subscription | null = null;
  private seen = 0;
  private held: number | null = null;

  constructor(actual: Subscriber<number>, fault: StreamFault) {
    this.actual = actual;
    this.fault = fault;
  }

  onSubscribe(s: Subscription, on: Worker): Sub<void> {
    this.upstream = s;
    return this.actual.onSubscribe(this, on);
  }

  *onNext(v: number, on: Worker): Sub<void> {
    const { actual, fault } = this;
    const n = ++this.seen;
    if (fault === 'loses one' && n === 3) return;
    if (fault === 'hands elements to threads') {
      yield on.sys.spawn((sys) => actual.onNext(v, { ...on, name: 'other', sys }), 'other');
    } else if (fault === 'swaps two' && n === 1) {
      this.held = v;
    } else {
      yield* actual.onNext(v, on);
      if (fault === 'gives one twice' && n === 2) yield* actual.onNext(v, on);
      if (this.held !== null) yield* actual.onNext(this.held, on);
      this.held = null;
    }
  }

  onError(error: Error, on: Worker): Sub<void> {
    return this.actual.onError(error, on);
  }

  *onComplete(on: Worker): Sub<void> {
    yield* this.actual.onComplete(on);
    if (this.fault === 'speaks after the end') yield* this.actual.onComplete(on);
  }

  request(n: number, on: Worker): Sub<void> {
    let some = n;
    if (this.fault === 'asks for everything') some = Number.MAX_SAFE_INTEGER;
    if (this.fault === 'loses demand' && n > 1) some = n - 1;
    return this.upstream!.request(some, on);
  }

  cancel(on: Worker): Sub<void> {
    return this.fault === 'keeps cancel to itself' ? nothing() : this.upstream!.cancel(on);
  }
}
