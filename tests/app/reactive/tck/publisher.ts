// PublisherVerification, method by method. Time is virtual: "eventually" and "none" mean that nothing can run any more.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { UNBOUNDED } from '../../../../src/app/reactive/demand.ts';
import type { Publisher } from '../../../../src/app/reactive/streams.ts';
import type { Sub } from '../../../../src/app/setup.ts';
import type { Worker } from '../../../../src/app/worker.ts';
import { Checked, Findings, Recorder, type Behaviour } from '../checked.ts';
import { forgotten } from '../forgotten.ts';
import { Machine } from '../machine.ts';
import { type Deviations, type Method, type Outcome, untested } from './method.ts';

export interface PublisherSubject {
  readonly name: string;
  /** createPublisher: the integers below `n`. */
  readonly make: (n: number, machine: Machine) => Publisher<number>;
  /** createFailedPublisher; left out: it cannot have failed. */
  readonly failed?: (machine: Machine) => Publisher<number>;
  /** maxElementsFromPublisher */
  readonly most: number;
  /** Elements may come in another order for each subscriber. */
  readonly reorders?: boolean;
  /** Serves so many subscribers; default: any number. */
  readonly subscribers?: number;
  readonly deviations?: Deviations;
}

/** boundedDepthOfOnNextAndRequestRecursion: ours never go deeper. */
const DEPTH = 1;
const SILENT: Behaviour<number> = { first: 0 };

/** ManualSubscriber: what it is given is looked at all the time. */
class Manual {
  readonly machine: Machine;
  readonly recorder: Recorder<number>;
  private readonly findings = new Findings();
  private readonly allowed: readonly string[];

  constructor(
    s: PublisherSubject,
    publisher: Publisher<number>,
    behaviour: Behaviour<number>,
    machine: Machine,
  ) {
    this.machine = machine;
    this.allowed = s.deviations?.['checked'] === undefined ? [] : [s.deviations['checked']];
    this.recorder = new Recorder(behaviour);
    const checked = new Checked(publisher, this.findings, s.name);
    this.go((on) => checked.subscribe(this.recorder, on));
  }

  go(part: (on: Worker) => Sub<void>): void {
    this.machine.go(part);
    this.sound();
  }

  request(...ns: number[]): void {
    const { recorder } = this;
    this.go(function* (on) {
      for (const n of ns) yield* recorder.request(n, on);
    });
  }

  cancel(): void {
    this.go((on) => this.recorder.cancel(on));
  }

  sound(): void {
    const broken = this.findings.broken.filter((b) => !this.allowed.some((a) => b.startsWith(a)));
    deepEqual(broken, []);
  }

  get count(): number {
    return this.recorder.values.length;
  }

  get end(): string | null {
    return this.recorder.end;
  }
}

/** activePublisherTest: skipped when the publisher cannot give so many. */
function active(
  elements: number,
  run: (t: Manual, s: PublisherSubject) => void,
  behaviour: Behaviour<number> = SILENT,
): (s: PublisherSubject) => Outcome {
  return (s) => {
    if (elements > s.most) return { skipped: `it gives at most ${s.most}` };
    const machine = new Machine();
    run(new Manual(s, s.make(elements, machine), behaviour, machine), s);
  };
}

/** errorPublisherTest: skipped when there is no publisher that has failed. */
function failing(run: (t: Manual) => void): (s: PublisherSubject) => Outcome {
  return (s) => {
    if (s.failed === undefined) return { skipped: 'it cannot have failed' };
    const machine = new Machine();
    run(new Manual(s, s.failed(machine), SILENT, machine));
  };
}

/** Several subscribers of one publisher, all there before anything is asked for. */
function many(
  elements: number,
  subscribers: number,
  run: (all: readonly Manual[]) => void,
): (s: PublisherSubject) => Outcome {
  return (s) => {
    if (elements > s.most) return { skipped: `it gives at most ${s.most}` };
    if (s.subscribers !== undefined && subscribers > s.subscribers)
      return { skipped: `it serves ${s.subscribers} subscriber only` };
    if (s.reorders === true) return { skipped: 'it has an order of its own for each subscriber' };
    const machine = new Machine();
    const publisher = s.make(elements, machine);
    run(Array.from({ length: subscribers }, () => new Manual(s, publisher, SILENT, machine)));
  };
}

const values = (all: readonly Manual[]): number[][] => all.map((t) => t.recorder.values);
const upTo = (n: number): number[] => [...Array(n).keys()];

/** Each of `n` elements asked for by itself, then the end, for which one more may be asked. */
function oneByOne(t: Manual, n: number): void {
  for (let i = 1; i <= n; i++) {
    t.request(1);
    equal(t.count, i);
  }
  t.request(1);
  deepEqual([t.count, t.end], [n, 'complete']);
}

export const PUBLISHER_METHODS: readonly Method<PublisherSubject>[] = [
  {
    name: 'required_createPublisher1MustProduceAStreamOfExactly1Element',
    check: active(1, (t) => oneByOne(t, 1)),
  },
  {
    name: 'required_createPublisher3MustProduceAStreamOfExactly3Elements',
    check: active(3, (t) => oneByOne(t, 3)),
  },
  {
    name: 'required_validate_maxElementsFromPublisher',
    check: (s) => ok(s.most >= 0),
  },
  {
    name: 'required_validate_boundedDepthOfOnNextAndRequestRecursion',
    check: () => ok(DEPTH >= 1),
  },
  {
    name: 'required_spec101_subscriptionRequestMustResultInTheCorrectNumberOfProducedElements',
    check: active(5, (t) => {
      equal(t.count, 0);
      t.request(1);
      equal(t.count, 1);
      t.request(1, 2);
      equal(t.count, 4);
      equal(t.end, null);
    }),
  },
  {
    name: 'required_spec102_maySignalLessThanRequestedAndTerminateSubscription',
    check: active(3, (t) => {
      t.request(10);
      deepEqual([t.count, t.end], [3, 'complete']);
    }),
  },
  {
    name: 'stochastic_spec103_mustSignalOnMethodsSequentially',
    check(s) {
      if (s.most < 10) return { skipped: `it gives at most ${s.most}` };
      for (let seed = 1; seed <= 100; seed++) {
        let x = seed;
        const machine = new Machine((n) => (x = (x * 48_271) % 2_147_483_647) % n);
        const behaviour: Behaviour<number> = {
          first: 1,
          *next(v, r, on) {
            yield on.sys.compute(v % 3);
            yield* r.request(1, on);
          },
        };
        const t = new Manual(s, s.make(10, machine), behaviour, machine);
        deepEqual([t.count, t.end], [10, 'complete']);
      }
    },
  },
  {
    name: 'optional_spec104_mustSignalOnErrorWhenFails',
    check: failing((t) => {
      ok(t.recorder.subscription !== null);
      t.request(1);
      match(t.end ?? 'nothing', /^error: /);
      equal(t.count, 0);
    }),
  },
  {
    name: 'required_spec105_mustSignalOnCompleteWhenFiniteStreamTerminates',
    check: active(3, (t) => oneByOne(t, 3)),
  },
  {
    name: 'optional_spec105_emptyStreamMustTerminateBySignallingOnComplete',
    check: active(0, (t) => oneByOne(t, 0)),
  },
  untested(
    'spec106_mustConsiderSubscriptionCancelledAfterOnErrorOrOnCompleteHasBeenCalled',
    'publisher-rules.ts §1.6, §1.7',
  ),
  {
    name: 'required_spec107_mustNotEmitFurtherSignalsOnceOnCompleteHasBeenSignalled',
    check: active(1, (t) => {
      t.request(10);
      deepEqual([t.count, t.end], [1, 'complete']);
      t.request(10);
      deepEqual([t.count, t.end], [1, 'complete']);
    }),
  },
  untested(
    'spec107_mustNotEmitFurtherSignalsOnceOnErrorHasBeenSignalled',
    'the checks between all stages (checked.ts §1.7)',
  ),
  untested(
    'spec108_possiblyCanceledSubscriptionShouldNotReceiveOnErrorOrOnCompleteSignals',
    'publisher-rules.ts §1.8, §3.12',
  ),
  untested('spec109_subscribeShouldNotThrowNonFatalThrowable', 'a call that throws fails here'),
  {
    name: 'required_spec109_subscribeThrowNPEOnNullSubscriber',
    check(s) {
      const machine = new Machine();
      const publisher = s.make(0, machine);
      let thrown: unknown = null;
      const attempt = (on: Worker): Sub<void> => publisher.subscribe(null as never, on);
      try {
        machine.go(attempt);
      } catch (e) {
        thrown = e;
      }
      ok(thrown instanceof TypeError, 'null is no subscriber');
    },
  },
  {
    name: 'required_spec109_mustIssueOnSubscribeForNonNullSubscriber',
    check: active(0, (t) => ok(t.recorder.subscription !== null)),
  },
  {
    name: 'required_spec109_mayRejectCallsToSubscribeIfPublisherIsUnableOrUnwillingToServeThemRejectionMustTriggerOnErrorAfterOnSubscribe',
    check: failing((t) => {
      ok(t.recorder.subscription !== null);
      t.request(1);
      match(t.end ?? 'nothing', /^error: /);
    }),
  },
  untested(
    'spec110_rejectASubscriptionRequestIfTheSameSubscriberSubscribesTwice',
    'nobody: our publishers do not look whether a subscriber has been used before (nor does Reactor)',
  ),
  {
    name: 'optional_spec111_maySupportMultiSubscribe',
    check: many(1, 2, (all) => {
      for (const t of all) ok(t.recorder.subscription !== null);
    }),
  },
  {
    name: 'optional_spec111_registeredSubscribersMustReceiveOnNextOrOnCompleteSignals',
    check: many(1, 2, (all) => {
      for (const t of all) t.request(1);
      for (const t of all) ok(t.count === 1 || t.end === 'complete');
    }),
  },
  {
    name: 'optional_spec111_multicast_mustProduceTheSameElementsInTheSameSequenceToAllOfItsSubscribersWhenRequestingOneByOne',
    check: many(5, 3, (all) => {
      const [a, b, c] = all;
      // The order of asking is the verification's.
      for (const t of [a, b, a, c, c, a, b, b, c, a, c, b, a, b, c]) t!.request(1);
      deepEqual(values(all), [upTo(5), upTo(5), upTo(5)]);
      for (const t of all) t.request(1);
      deepEqual(
        all.map((t) => t.end),
        ['complete', 'complete', 'complete'],
      );
    }),
  },
  {
    name: 'optional_spec111_multicast_mustProduceTheSameElementsInTheSameSequenceToAllOfItsSubscribersWhenRequestingManyUpfront',
    check: many(3, 3, (all) => {
      for (const t of all) t.request(4);
      deepEqual(values(all), [upTo(3), upTo(3), upTo(3)]);
    }),
  },
  {
    name: 'optional_spec111_multicast_mustProduceTheSameElementsInTheSameSequenceToAllOfItsSubscribersWhenRequestingManyUpfrontAndCompleteAsExpected',
    check: many(3, 3, (all) => {
      for (const t of all) t.request(4);
      deepEqual(values(all), [upTo(3), upTo(3), upTo(3)]);
      for (const t of all) equal(t.end, 'complete');
    }),
  },
  {
    name: 'required_spec302_mustAllowSynchronousRequestCallsFromOnNextAndOnSubscribe',
    check: active(6, (t) => deepEqual([t.count, t.end], [6, 'complete']), { first: 1, each: 1 }),
  },
  {
    name: 'required_spec303_mustNotAllowUnboundedRecursion',
    check(s) {
      if (s.most <= DEPTH) return { skipped: `it gives at most ${s.most}` };
      let [depth, deepest] = [0, 0];
      const machine = new Machine();
      const behaviour: Behaviour<number> = {
        first: 1,
        *next(_v, r, on) {
          deepest = Math.max(deepest, ++depth);
          yield* r.request(1, on);
          depth--;
        },
      };
      const t = new Manual(s, s.make(5, machine), behaviour, machine);
      equal(t.count, 5);
      ok(deepest <= DEPTH, `${deepest} deep`);
    },
  },
  untested('spec304_requestShouldNotPerformHeavyComputations', 'nobody: advice'),
  untested('spec305_cancelMustNotSynchronouslyPerformHeavyComputation', 'nobody: advice'),
  {
    name: 'required_spec306_afterSubscriptionIsCancelledRequestMustBeNops',
    check: active(3, (t) => {
      t.cancel();
      t.request(1, 1, 1);
      deepEqual([t.count, t.end], [0, null]);
    }),
  },
  {
    name: 'required_spec307_afterSubscriptionIsCancelledAdditionalCancelationsMustBeNops',
    check: active(1, (t) => {
      t.cancel();
      t.cancel();
      t.cancel();
      deepEqual([t.count, t.end], [0, null]);
    }),
  },
  ...[
    ['required_spec309_requestZeroMustSignalIllegalArgumentException', 0, /^error: /],
    ['required_spec309_requestNegativeNumberMustSignalIllegalArgumentException', -7, /^error: /],
    [
      'optional_spec309_requestNegativeNumberMaySignalIllegalArgumentExceptionWithSpecificMessage',
      -7,
      /3\.9/,
    ],
  ].map(([name, n, says]): Method<PublisherSubject> => ({
    name: name as string,
    check: active(10, (t) => {
      t.request(n as number);
      match(t.end ?? 'nothing', says as RegExp);
    }),
  })),
  {
    name: 'required_spec312_cancelMustMakeThePublisherToEventuallyStopSignaling',
    check: active(
      20,
      (t) => {
        t.request(10, 5);
        ok(t.count >= 1 && t.count <= 15, `${t.count} elements`);
      },
      {
        first: 0,
        *next(_v, r, on) {
          if (r.values.length === 1) yield* r.cancel(on);
        },
      },
    ),
  },
  {
    name: 'required_spec313_cancelMustMakeThePublisherEventuallyDropAllReferencesToTheSubscriber',
    async check(s) {
      if (s.most < 3) return { skipped: `it gives at most ${s.most}` };
      equal(await forgotten((machine) => s.make(3, machine)), 3);
      return undefined;
    },
  },
  {
    name: 'required_spec317_mustSupportAPendingElementCountUpToLongMaxValue',
    check: active(3, (t) => {
      t.request(UNBOUNDED);
      deepEqual([t.count, t.end], [3, 'complete']);
    }),
  },
  {
    name: 'required_spec317_mustSupportACumulativePendingElementCountUpToLongMaxValue',
    check: active(3, (t) => {
      const half = Math.floor(UNBOUNDED / 2);
      t.request(half, half, 1);
      deepEqual([t.count, t.end], [3, 'complete']);
    }),
  },
  {
    name: 'required_spec317_mustNotSignalOnErrorWhenPendingAboveLongMaxValue',
    check: active(12, (t) => deepEqual([t.count, t.end], [12, 'complete']), {
      first: 1,
      *next(_v, r, on) {
        for (let i = 0; i < 10; i++) yield* r.request(UNBOUNDED - 1, on);
      },
    }),
  },
];
