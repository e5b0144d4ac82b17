/** What operators must have requested: looked at with each signal and when a run ends, exact at rest and a bound at work. */
import { describe, expect, it } from 'vitest';
import { FlatMapForm, StepForm, type FlatMapping } from '../../../src/app/reactive/closed-forms.ts';
import { UNBOUNDED } from '../../../src/app/reactive/demand.ts';
import { Flux } from '../../../src/app/reactive/flux.ts';
import { StreamLaws } from '../../../src/app/reactive/laws.ts';
import { EMPTY_SUBSCRIPTION } from '../../../src/app/reactive/stage.ts';
import { Mono } from '../../../src/app/reactive/mono.ts';
import { LambdaSubscriber } from '../../../src/app/reactive/subscriber.ts';
import { nothing } from '../../../src/app/reactive/user.ts';
import { FakeProbe } from '../driver.ts';
import { FakeLoop } from '../reactor-netty/loop.ts';
import { Machine } from './machine.ts';

const MS = 1_000_000;
const loop = new FakeLoop();

function bench(concurrency = 8): {
  stage: { -readonly [K in keyof FlatMapping]: FlatMapping[K] };
  form: FlatMapForm;
  probe: FakeProbe;
} {
  const stage = { atWork: false, kept: 0, waitingScalars: 0, destination: 'connection-7' };
  const probe = new FakeProbe();
  const laws = new StreamLaws(probe, null);
  const form = new FlatMapForm(concurrency, stage, EMPTY_SUBSCRIPTION, laws, loop);
  form.begin();
  form.request(concurrency, loop);
  return { stage, form, probe };
}

const atEnd = (probe: FakeProbe): string | null => probe.ends[0]!();

describe('flatMap', () => {
  it('at rest: c + M in 1 + M calls, neither less nor more', () => {
    const { form } = bench();
    form.end(0);
    expect(() => form.element()).toThrow(
      'flatMap(8) of connection-7: 8 elements were requested in 1 calls; with 1 streams ended it should be 9 in 2',
    );
    form.request(1, loop);
    expect(() => form.element()).not.toThrow();
    form.request(1, loop);
    expect(() => form.element()).toThrow('10 elements were requested in 3 calls');
  });

  it('at work: at most that, for what has ended is made up for a moment later', () => {
    const { form, stage } = bench();
    stage.atWork = true;
    form.end(0);
    form.end(0);
    expect(() => form.element()).not.toThrow();
    form.request(2, loop);
    expect(() => form.element()).not.toThrow();
    form.request(1, loop);
    expect(() => form.element()).toThrow('it should be at most 10 in 1 to 3');
  });

  it('streams that end while somebody is at work may share a call, those that end alone may not', () => {
    const { form, stage } = bench();
    stage.atWork = true;
    form.end(0);
    form.end(0);
    form.request(2, loop);
    stage.atWork = false;
    expect(() => form.element()).not.toThrow();
    form.end(0);
    form.request(1, loop);
    form.element();
    const other = bench();
    other.form.end(0);
    other.form.request(1, loop);
    other.form.end(0);
    other.stage.atWork = true;
    other.form.request(1, loop);
    other.stage.atWork = false;
    expect(() => other.form.element()).not.toThrow();
  });

  it('a stream that still holds elements is not made up for', () => {
    const { form, stage } = bench();
    form.end(3);
    stage.kept = 1;
    expect(() => form.element()).not.toThrow();
    stage.kept = 0;
    expect(() => form.element()).toThrow('with 1 streams ended it should be 9 in 1 to 2');
  });

  it('what is there at once: 6 for each 6 that were passed on, 1 for each that had to wait', () => {
    const { form, stage } = bench();
    for (let i = 0; i < 5; i++) form.scalar(true);
    expect(() => form.element()).not.toThrow();
    form.scalar(true);
    expect(() => form.element()).toThrow(
      '6 passed on that were there at once it should be 14 in 2',
    );
    form.request(6, loop);
    stage.waitingScalars = 1;
    form.scalar(false);
    expect(() => form.element()).not.toThrow();
    stage.waitingScalars = 0;
    expect(() => form.element()).toThrow('it should be 15 in 2 to 3');
  });

  it('of unbounded concurrency asks for everything, and counts no further', () => {
    const { form } = bench(UNBOUNDED);
    form.scalar(true);
    form.end(0);
    form.request(1, loop);
    expect(() => form.element()).not.toThrow();
  });

  it('once it is over nothing more is looked at, then nor at the end of the run', () => {
    const { form, probe } = bench();
    form.close();
    form.end(0);
    expect(() => form.element()).not.toThrow();
    expect(atEnd(probe)).toBe(null);
  });

  it('is looked at as it is left, and, when it never is, at the end of the run', () => {
    const { form, probe } = bench();
    form.end(0);
    expect(atEnd(probe)).toContain('it should be 9 in 2');
    expect(() => form.close()).toThrow('it should be 9 in 2');
  });
});

it('a step form: so many ahead, then the same number each time that it is through', () => {
  const probe = new FakeProbe();
  const how = { ahead: 32, step: 24 };
  const place = { origin: 'connection-2' };
  const laws = new StreamLaws(probe, null);
  const form = new StepForm('concatMap(prefetch 32)', how, place, EMPTY_SUBSCRIPTION, laws, loop);
  expect(() => form.element()).not.toThrow();
  form.begin();
  expect(() => form.element()).toThrow('of connection-2: 0 elements were requested in 0 calls');
  form.request(32, loop);
  for (let i = 0; i < 24; i++) form.pass();
  expect(() => form.element()).toThrow('with 24 elements through it should be 56 in 2');
  form.request(24, loop);
  expect(() => form.element()).not.toThrow();
});

describe('[mutant] is found on a chain of its own, whatever ends it:', () => {
  /** A stream that never ends by itself, and what is put on it; cancelled after so long, or left alone. */
  const chain =
    (mutant: string | null, put: (f: Flux<number>) => Flux<unknown>, after?: number) => () => {
      const machine = new Machine(undefined, mutant);
      machine.go(function* (on) {
        const end = new LambdaSubscriber<unknown>({});
        yield* put(Flux.range(0, 4).concatWith(Flux.never())).subscribe(end, on);
        if (after === undefined) return;
        yield on.sys.nanosleep(after);
        yield* end.cancel(on);
      });
    };

  it.each([
    ['late-replenish', (f: Flux<number>) => f.flatMap((n) => Mono.from({ subscribe: once(n) }), 6)],
    ['greedy-concat-map', (f: Flux<number>) => f.concatMap(() => Mono.never())],
    [
      'late-prefetch',
      (f: Flux<number>) => f.concatMap((n) => Mono.from({ subscribe: once(n) }), 4),
    ],
  ] as const)('%s', (mutant, put) => {
    for (const after of [undefined, MS]) {
      expect(chain(null, put, after)).not.toThrow();
      expect(chain(mutant, put, after)).toThrow('it should be');
    }
  });
});

/** One element and the end, not known beforehand to be so. */
function once(n: number): Mono<number>['subscribe'] {
  return function* (s, on) {
    let left = 1;
    yield* s.onSubscribe(
      {
        *request(_n, by) {
          if (left-- !== 1) return;
          yield* s.onNext(n, by);
          yield* s.onComplete(by);
        },
        cancel: nothing,
      },
      on,
    );
  };
}
