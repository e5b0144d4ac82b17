/** FluxReceive by itself: its rule of backpressure, its one subscriber, and its ends. */
import { equal } from 'node:assert/strict';
import fc from 'fast-check';
import { describe as group, expect, it } from 'vitest';
import {
  FluxReceive,
  QUEUE_LOW_LIMIT,
  type ReceiveObserver,
} from '../../../src/app/reactor-netty/flux-receive.ts';
import { UNBOUNDED } from '../../../src/app/reactive/demand.ts';
import { nothing } from '../../../src/app/reactive/user.ts';
import type { Sub } from '../../../src/app/setup.ts';
import type { Subscriber, Subscription } from '../../../src/app/reactive/streams.ts';
import { prop } from '../../support/prop.ts';
import { FakeLoop, finish } from './loop.ts';

/** A FluxReceive whose channel and subscriber write down what they are told. */
class Bench {
  readonly loop = new FakeLoop();
  readonly log: string[] = [];
  autoRead = false;
  queued = 0;
  /** What the next subscriber does with an element, before the log tells of it. */
  onNext: (value: number) => void = () => {};
  readonly flux: FluxReceive<number>;

  constructor(mutant: string | null = null) {
    const observer: ReceiveObserver = {
      connection: 'connection-0',
      onArrived() {},
      onSettled() {},
      onQueued: (n) => void (this.queued = n),
      onRequest() {},
      onNext() {},
      onUncaught: (error) => this.say(`uncaught ${error.message}`),
    };
    const inlet = {
      eventLoop: this.loop,
      setAutoRead: (on: boolean) => this.setAutoRead(on),
    };
    this.flux = new FluxReceive<number>(inlet, observer, mutant);
  }

  subscribe(name = ''): Subscription {
    let subscription: Subscription | null = null;
    const subscriber: Subscriber<number> = {
      onSubscribe: (s) => {
        subscription = s;
        return nothing();
      },
      onNext: (value) => {
        this.log.push(`${name}${value}`);
        this.onNext(value);
        return nothing();
      },
      onError: (error) => this.say(`${name}error ${error.message}`),
      onComplete: () => this.say(`${name}complete`),
    };
    finish(this.flux.subscribe(subscriber, this.loop));
    return subscription!;
  }

  request(s: Subscription, n: number): void {
    finish(s.request(n, this.loop));
  }

  read(...values: number[]): void {
    for (const v of values) finish(this.flux.onInboundNext(v, this.loop));
  }

  complete(): void {
    finish(this.flux.onInboundComplete(this.loop));
  }

  fail(message: string): void {
    finish(this.flux.onInboundError(new Error(message), this.loop));
  }

  private say(line: string): Sub<void> {
    this.log.push(line);
    return nothing();
  }

  private setAutoRead(on: boolean): Sub<void> {
    // Reactor-Netty keeps its own count of it (needRead) and never asks twice.
    equal(on, !this.autoRead);
    this.autoRead = on;
    return nothing();
  }
}

const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

group('autoRead after one pass over the queue [FluxReceive.drainReceiver]', () => {
  it('demand is left: on', () => {
    const b = new Bench();
    const s = b.subscribe();
    b.request(s, 2);
    b.read(1);
    expect([b.autoRead, b.flux.demand, b.queued]).toEqual([true, 1, 0]);
  });

  it('demand is met by this pass, and fewer than 32 wait: on, one message ahead', () => {
    const b = new Bench();
    const s = b.subscribe();
    b.request(s, 1);
    b.read(...numbers(1 + QUEUE_LOW_LIMIT));
    expect([b.autoRead, b.queued]).toEqual([false, 32]);
    b.request(s, 1);
    expect([b.autoRead, b.flux.demand, b.queued]).toEqual([true, 0, 31]);
  });

  it('demand is met by this pass, and 32 wait: off', () => {
    const b = new Bench();
    const s = b.subscribe();
    b.request(s, 1);
    b.read(...numbers(2 + QUEUE_LOW_LIMIT));
    b.request(s, 1);
    expect([b.autoRead, b.flux.demand, b.queued]).toEqual([false, 0, 32]);
  });

  it('no demand and nothing given: off, with one message waiting as with many', () => {
    for (const waiting of [1, 5]) {
      const b = new Bench();
      const s = b.subscribe();
      b.request(s, 1);
      b.read(0);
      expect(b.autoRead).toBe(true);
      b.read(...numbers(waiting));
      expect([b.autoRead, b.queued]).toEqual([false, waiting]);
    }
  });

  it('unbounded demand: on for good, and messages pass the queue by', () => {
    const b = new Bench();
    const s = b.subscribe();
    b.request(s, UNBOUNDED);
    b.read(...numbers(100));
    expect([b.autoRead, b.queued, b.log.length]).toEqual([true, 0, 100]);
  });

  it('a request that is no demand changes nothing, and is no error [Operators.validate]', () => {
    const b = new Bench();
    const s = b.subscribe();
    for (const n of [0, -1, 0.5]) b.request(s, n);
    expect([b.autoRead, b.flux.demand, b.log]).toEqual([false, 0, []]);
  });
});

/** Reads while autoRead is on, as a channel does, and requests, in a drawn order. @returns the longest queue */
function play(
  mutant: string | null,
  steps: readonly number[],
): { peak: number; given: number; asked: number } {
  const b = new Bench(mutant);
  const s = b.subscribe();
  let asked = 0;
  let peak = 0;
  let next = 0;
  for (const n of steps) {
    if (n > 0) b.request(s, n);
    asked += Math.max(0, n);
    if (n === 0 && b.autoRead) b.read(next++);
    peak = Math.max(peak, b.queued);
  }
  // In order, none lost, none twice.
  expect(b.log).toEqual(numbers(b.log.length).map(String));
  expect(b.log.length + b.queued).toBe(next);
  return { peak, given: b.log.length, asked };
}

const steps = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 60 });

group('with raw bytes', () => {
  it('no more than one message waits for demand, and none is given without it', () => {
    prop([steps], (drawn) => {
      const { peak, given, asked } = play(null, drawn);
      expect(peak).toBeLessThanOrEqual(1);
      expect(given).toBeLessThanOrEqual(asked);
    });
  });

  it('either breaks when it is broken: autoRead never off, request ignored', () => {
    const idle = [1, 0, 0, 0];
    expect(play('unbounded-receiver-queue', idle).peak).toBe(2);
    const { given, asked } = play('request-ignored', idle);
    expect(given).toBeGreaterThan(asked);
  });

  it('demand from another thread takes a task of the loop to arrive', () => {
    const b = new Bench();
    const s = b.subscribe();
    finish(s.request(1, new FakeLoop('parallel-1')));
    expect([b.autoRead, b.loop.tasks.length]).toEqual([false, 1]);
    b.loop.turn();
    expect(b.autoRead).toBe(true);
  });

  it('onNext that requests does not nest: the outer pass gives what was requested', () => {
    const b = new Bench();
    const s = b.subscribe();
    b.read(...numbers(20_000));
    b.onNext = () => b.request(s, 1);
    b.request(s, 1);
    expect([b.log.length, b.queued, b.flux.demand]).toEqual([20_000, 0, 1]);
  });
});

group('one subscriber', () => {
  it('what is read before it comes waits, and reading begins with its demand', () => {
    const b = new Bench();
    expect(b.autoRead).toBe(false);
    b.read(1, 2);
    const s = b.subscribe();
    expect([b.autoRead, b.log]).toEqual([false, []]);
    b.request(s, 3);
    expect([b.autoRead, b.log]).toEqual([true, ['1', '2']]);
  });

  it('a second one is refused, for ever, and the first goes on', () => {
    const b = new Bench();
    const s = b.subscribe();
    b.subscribe('late: ');
    b.request(s, 1);
    b.read(1);
    finish(s.cancel(b.loop));
    b.subscribe('later: ');
    expect(b.log.map((line) => line.replace(/\. State.*/, ''))).toEqual([
      'late: error Rejecting additional inbound receiver',
      '1',
      'later: error Rejecting additional inbound receiver',
    ]);
  });

  it('one that comes when all is over is told how it ended', () => {
    const done = new Bench();
    done.complete();
    done.subscribe();
    done.subscribe();
    expect(done.log).toEqual(['complete', 'complete']);
    const failed = new Bench();
    failed.fail('reset');
    failed.subscribe();
    expect(failed.log).toEqual(['uncaught reset', 'error reset']);
  });

  it('leaves: what waits is dropped, and the channel reads on and throws away', () => {
    const b = new Bench();
    const s = b.subscribe();
    b.request(s, 1);
    finish(s.cancel(b.loop));
    b.read(1, 2);
    expect([b.autoRead, b.queued, b.flux.demand, b.log]).toEqual([true, 0, 0, []]);
  });
});

group('the end of the stream', () => {
  it('needs no demand, but an empty queue', () => {
    const b = new Bench();
    const s = b.subscribe();
    b.complete();
    expect(b.log).toEqual(['complete']);
    const full = new Bench();
    const t = full.subscribe();
    full.read(1, 2);
    full.complete();
    expect(full.log).toEqual([]);
    full.request(t, 1);
    full.request(t, 1);
    expect(full.log).toEqual(['1', '2', 'complete']);
    b.request(s, 1);
    expect(b.log).toEqual(['complete']);
  });

  it('comes at once where demand is unbounded, and only once', () => {
    for (const end of ['complete', 'error reset']) {
      const b = new Bench();
      const s = b.subscribe();
      b.request(s, UNBOUNDED);
      b.read(1);
      if (end === 'complete') b.complete();
      else b.fail('reset');
      b.complete();
      b.fail('late');
      b.read(2);
      expect(b.log).toEqual(['1', end]);
    }
  });

  it('an error follows what was read before it', () => {
    const b = new Bench();
    const s = b.subscribe();
    b.read(1);
    b.fail('reset');
    b.request(s, 5);
    expect(b.log).toEqual(['1', 'error reset']);
  });

  it('a subscriber that leaves within onNext while the stream ends is told so (as recorded for take(1))', () => {
    const b = new Bench();
    const s = b.subscribe();
    b.onNext = () => {
      finish(s.cancel(b.loop));
      b.complete();
    };
    b.request(s, 1);
    b.read(1);
    expect(b.log).toEqual(['1', 'complete']);
  });
});
