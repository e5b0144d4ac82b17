// Random chains of operators, run with random demand on random interleavings of threads, and looked at between all stages;
// beside each, what it must give, worked out on arrays.
import { deepEqual, equal, ok } from 'node:assert/strict';
import fc from 'fast-check';
import { Flux } from '../../../src/app/reactive/flux.ts';
import { Mono } from '../../../src/app/reactive/mono.ts';
import { LambdaSubscriber } from '../../../src/app/reactive/subscriber.ts';
import type { Publisher } from '../../../src/app/reactive/streams.ts';
import type { Worker } from '../../../src/app/worker.ts';
import { Checked, Findings, Recorder } from './checked.ts';
import { Machine } from './machine.ts';

/** What an element becomes: nothing, itself, or several, at once or after some time. */
type Inner = 'just' | 'empty' | 'some' | 'delay' | 'delayed some';
const PLAIN = [
  'subscribeOn',
  'keep',
  'peek',
  'merge',
  'concat',
  'timeout',
  'resume',
  'share',
  'create',
  'traced',
] as const;
type Plain = (typeof PLAIN)[number];
export type Step =
  | { readonly kind: 'map'; readonly compute: number }
  | { readonly kind: 'filter'; readonly modulus: number }
  | { readonly kind: 'take' | 'skip'; readonly count: number }
  | { readonly kind: 'scan' }
  | { readonly kind: 'window'; readonly size: number; readonly concurrency: number }
  | {
      readonly kind: 'flatMap' | 'flatMapSequential';
      readonly inner: Inner;
      readonly concurrency: number;
      readonly prefetch: number;
    }
  | { readonly kind: 'concatMap'; readonly inner: Inner; readonly prefetch: number }
  | { readonly kind: 'publishOn'; readonly prefetch: number }
  | { readonly kind: 'limitRate'; readonly prefetch: number }
  | { readonly kind: 'buffer' | 'zip'; readonly size: number }
  | { readonly kind: Plain }
  | { readonly kind: 'throws'; readonly at: number };

export interface Chain {
  readonly elements: number;
  readonly steps: readonly Step[];
  /** Requested at first, and in each onNext. */
  readonly first: number;
  readonly each: number;
  /** Requests by other threads: after so many ns, so many. */
  readonly asks: readonly { readonly after: number; readonly n: number }[];
  /** Cancels within the k-th onNext, from 1; 0: never. */
  readonly cancelAt: number;
  /** Another thread cancels after so many ns; −1: never. */
  readonly cancelAfter: number;
  /** Time that each onNext takes. */
  readonly slow: number;
  /** Draws whose turn it is. */
  readonly turns: number;
}

const inner = fc.constantFrom<Inner>('just', 'empty', 'some', 'delay', 'delayed some');
const small = fc.integer({ min: 1, max: 5 });
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('map' as const), compute: fc.nat(3) }),
  fc.record({ kind: fc.constant('filter' as const), modulus: small }),
  fc.record({ kind: fc.constantFrom('take' as const, 'skip' as const), count: fc.nat(30) }),
  fc.record({ kind: fc.constant('scan' as const) }),
  fc.record({ kind: fc.constant('window' as const), size: small, concurrency: small }),
  fc.record({
    kind: fc.constantFrom('flatMap' as const, 'flatMapSequential' as const),
    inner,
    concurrency: small,
    prefetch: small,
  }),
  fc.record({ kind: fc.constant('concatMap' as const), inner, prefetch: fc.nat(4) }),
  fc.record({ kind: fc.constant('publishOn' as const), prefetch: small }),
  fc.record({ kind: fc.constant('limitRate' as const), prefetch: small }),
  fc.record({ kind: fc.constantFrom('buffer' as const, 'zip' as const), size: small }),
  fc.record({ kind: fc.constantFrom(...PLAIN) }),
  fc.record({ kind: fc.constant('throws' as const), at: fc.nat(20) }),
);
export const chains: fc.Arbitrary<Chain> = fc.record({
  elements: fc.nat(25),
  steps: fc.array(anyStep, { maxLength: 4 }),
  first: fc.oneof(fc.nat(8), fc.constant(Number.MAX_SAFE_INTEGER)),
  each: fc.nat(2),
  asks: fc.array(fc.record({ after: fc.nat(30), n: small }), { maxLength: 3 }),
  cancelAt: fc.oneof(fc.constant(0), fc.constant(0), small),
  cancelAfter: fc.oneof(fc.constant(-1), fc.constant(-1), fc.constant(-1), fc.nat(20)),
  slow: fc.nat(3),
  turns: fc.integer({ min: 1, max: 1_000_000 }),
});

/** Elements that one becomes: distinct for distinct ones. */
function becomes(kind: Inner, v: number): number[] {
  if (kind === 'empty') return v % 2 === 0 ? [] : [v];
  if (kind === 'some' || kind === 'delayed some') return [3 * v, 3 * v + 1, 3 * v + 2];
  return [v];
}

function innerOf(kind: Inner, v: number, machine: Machine): Publisher<number> {
  const values = becomes(kind, v);
  if (kind === 'just') return Mono.just(v);
  if (kind === 'empty' && values.length === 0) return Mono.empty();
  if (kind === 'delay') return Mono.delay(1 + (v % 4), machine.parallel).map(() => v);
  const some = Flux.fromIterable(values);
  return kind === 'delayed some' ? some.delayElements(1 + (v % 3), machine.parallel) : some;
}

/** What `f` gives, put into a sink as it comes. */
function throughSink(f: Flux<number>): Flux<number> {
  return Flux.create<number>(function* (sink, on) {
    const all = new LambdaSubscriber<number>({
      next: (v, by) => sink.next(v, by),
      error: (e, by) => sink.error(e, by),
      complete: (by) => sink.complete(by),
    });
    sink.onCancel((by) => all.cancel(by));
    yield* f.subscribe(all, on);
  });
}

type Between = (source: Publisher<number>, where: string) => Publisher<number>;

function apply(step: Step, f: Flux<number>, machine: Machine, between: Between): Flux<number> {
  const toInner =
    (kind: Inner) =>
    (v: number): Publisher<number> => {
      const p = innerOf(kind, v, machine);
      // A callable stream is not subscribed to, so nothing can be put around it.
      return kind === 'just' || becomes(kind, v).length === 0 ? p : between(p, `${kind} of ${v}`);
    };
  switch (step.kind) {
    case 'map':
      if (step.compute === 0) return f.map((v) => v);
      return f.map(function* (v, on) {
        yield on.sys.compute(step.compute);
        return v;
      });
    case 'filter':
      return f.filter((v) => v % step.modulus === 0);
    case 'take':
      return f.take(step.count);
    case 'flatMap':
      return f.flatMap(toInner(step.inner), step.concurrency, step.prefetch);
    case 'flatMapSequential':
      return f.flatMapSequential(toInner(step.inner), step.concurrency, step.prefetch);
    case 'skip':
      return f.skip(step.count);
    case 'scan':
      return f
        .scanWith<readonly number[]>([], (_last, v) => [v])
        .skip(1)
        .map(([v]) => v!);
    case 'window':
      return f.window(step.size).flatMapSequential((w) => between(w, 'window'), step.concurrency);
    case 'share':
      return f.share();
    case 'create':
      return throughSink(f);
    case 'traced':
      return f.traced({ tracing: true, trace() {} }, 'chain').map((v) => v);
    case 'concatMap':
      return f.concatMap(toInner(step.inner), step.prefetch);
    case 'publishOn':
      return f.publishOn(machine.parallel, step.prefetch);
    case 'limitRate':
      return f.limitRate(step.prefetch);
    case 'subscribeOn':
      return f.subscribeOn(machine.parallel);
    case 'buffer':
      return f.buffer(step.size).concatMap((list) => Flux.fromIterable(list));
    case 'zip':
      return Flux.zip([f, Flux.range(0, 1_000)], ([v]: readonly [number, number]) => v, step.size);
    case 'keep':
      return f.onBackpressureBuffer();
    case 'merge':
      return Flux.merge([f]);
    case 'concat':
      return Flux.concat([f, Flux.empty()]);
    case 'timeout':
      return f.timeout(1_000_000, machine.parallel);
    case 'resume':
      return f.onErrorResume(() => Flux.empty());
    case 'peek':
      return f.peek({
        *next(_v: number, on: Worker) {
          yield on.sys.schedYield();
        },
        *request(_n: number, on: Worker) {
          yield on.sys.schedYield();
        },
      });
    case 'throws':
      return f.map((v) => {
        if (v === step.at) throw new Error('thrown');
        return v;
      });
  }
}

/** What a chain gives when everything is asked for; `ordered`: in this order; `exact`: these and no others. */
interface Expected {
  readonly values: readonly number[];
  readonly ordered: boolean;
  readonly exact: boolean;
}

function expected(c: Chain): Expected {
  let values = [...Array(c.elements).keys()];
  let [ordered, exact] = [true, true];
  for (const s of c.steps) {
    if (s.kind === 'filter') values = values.filter((v) => v % s.modulus === 0);
    if (s.kind === 'take') {
      // Which ones are the first is not known any more.
      if (!ordered && s.count < values.length) exact = false;
      values = values.slice(0, s.count);
    }
    if (s.kind === 'skip') {
      if (!ordered && s.count > 0) exact = false;
      values = values.slice(s.count);
    }
    if (s.kind === 'flatMap' || s.kind === 'flatMapSequential' || s.kind === 'concatMap')
      values = values.flatMap((v) => becomes(s.inner, v));
    if (s.kind === 'flatMap' && s.concurrency > 1) ordered = false;
    if (s.kind === 'throws') exact = false;
  }
  return { values, ordered, exact };
}

/** A stage that breaks something, put after the others. */
export type Mutant = (source: Publisher<number>) => Publisher<number>;

/** Runs a chain and looks at everything. @throws when something does not hold */
export function checkChain(c: Chain, mutant: Mutant = (p) => p): void {
  let x = c.turns;
  const machine = new Machine((n) => (x = (x * 48_271) % 2_147_483_647) % n);
  const findings = new Findings();
  const between: Between = (p, where) => new Checked(p, findings, where);
  let f = Flux.from(between(Flux.range(0, c.elements), 'source'));
  for (const step of c.steps)
    f = Flux.from(between(apply(step, f, machine, between), `after ${step.kind}`));
  const recorder = new Recorder<number>({
    first: c.first,
    each: c.each,
    *next(_v, r, on) {
      if (c.slow > 0) yield on.sys.compute(c.slow);
      if (c.cancelAt > 0 && r.values.length === c.cancelAt) yield* r.cancel(on);
    },
  });
  machine.start('main', (on) => between(mutant(f), 'end').subscribe(recorder, on));
  for (const ask of c.asks)
    machine.start('asks', function* (on) {
      yield on.sys.nanosleep(ask.after);
      while (recorder.subscription === null) yield on.sys.nanosleep(1);
      yield* recorder.request(ask.n, on);
    });
  if (c.cancelAfter >= 0)
    machine.start('cancels', function* (on) {
      yield on.sys.nanosleep(c.cancelAfter);
      while (recorder.subscription === null) yield on.sys.nanosleep(1);
      yield* recorder.cancel(on);
    });
  const left = machine.run();
  deepEqual(
    left.filter((name) => !name.startsWith('parallel-')),
    [],
  );
  deepEqual(findings.broken, []);
  checkOutcome(c, recorder, expected(c));
}

function checkOutcome(c: Chain, recorder: Recorder<number>, e: Expected): void {
  const got = recorder.values;
  const all = new Set(e.values);
  equal(new Set(got).size, got.length, 'each element once');
  if (e.exact)
    ok(
      got.every((v) => all.has(v)),
      'no other elements',
    );
  if (e.exact && e.ordered) deepEqual(got, e.values.slice(0, got.length), 'in order');
  if (c.cancelAt > 0)
    ok(got.length <= c.cancelAt, 'cancelled within onNext: nothing comes any more');
  if (c.cancelAfter >= 0) return;
  // The end that follows the element within which it was cancelled may still come (§1.8, §2.8).
  if (c.cancelAt > 0 && c.cancelAt <= got.length) return;
  const asked = c.first + c.asks.reduce((sum, { n }) => sum + n, 0);
  // Who asks in each onNext never stops asking.
  const endless = asked > 0 && c.each > 0;
  if (endless) ok(recorder.end !== null, 'it ends');
  if (c.steps.some((s) => s.kind === 'throws')) return;
  if (endless) equal(recorder.end, 'complete');
  // Nothing is lost. How many pass a filter behind a `take` of whatever came first is not known, though.
  const most = endless ? e.values.length : Math.min(asked, e.values.length);
  if (e.exact) equal(got.length, most, 'all that was asked for');
}
