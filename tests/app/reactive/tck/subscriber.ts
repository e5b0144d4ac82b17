// SubscriberWhiteboxVerification and SubscriberBlackboxVerification, method by method. The white box has a puppet: the test
// says when the subscriber asks and cancels. Of a black box it only sees what the subscriber does by itself.
import { deepEqual, equal, ok } from 'node:assert/strict';
import type { Subscriber, Subscription } from '../../../../src/app/reactive/streams.ts';
import { nothing } from '../../../../src/app/reactive/user.ts';
import type { Sub } from '../../../../src/app/setup.ts';
import type { Worker } from '../../../../src/app/worker.ts';
import { Hand } from '../hand.ts';
import { Machine } from '../machine.ts';
import { type Deviations, type Method, untested } from './method.ts';

/** What the test may do with a subscriber and see of it. */
export interface Puppet {
  /** The subscriber itself, on a publisher by hand. */
  readonly hand: Hand;
  readonly machine: Machine;
  /** Elements that have come through to the user. */
  readonly values: readonly number[];
  /** `complete`, `error: …`, or null. */
  readonly end: string | null;
  /** Lets it ask for so many. */
  request(n: number): void;
  cancel(): void;
}

export interface SubscriberSubject {
  readonly name: string;
  /** @param first what it asks for by itself, if it can be told */
  readonly make: (first: number) => Puppet;
  /** Elements and the end are told to the user. */
  readonly tells: boolean;
  readonly deviations?: Deviations;
}

/** Elements given as far as they have been asked for. */
function feed(p: Puppet, ...vs: number[]): void {
  for (const v of vs) {
    ok(p.hand.total >= v, `element ${v} was not asked for`);
    signal(p, (s, on) => s.onNext(v, on));
  }
}

function signal(p: Puppet, give: (s: Subscriber<number>, on: Worker) => Sub<void>): void {
  p.machine.go((on) => give(p.hand.subscriber!, on));
}

const complete = (p: Puppet): void => signal(p, (s, on) => s.onComplete(on));
const fail = (p: Puppet): void => signal(p, (s, on) => s.onError(new Error('upstream'), on));
const calls = (p: Puppet): number => p.hand.asked.length + p.hand.cancelled;

function ended(s: SubscriberSubject, p: Puppet, how: string): void {
  if (s.tells) equal(p.end, how);
}

/** §2.3: within the end, nothing is asked of the subscription. */
function leftAlone(give: (p: Puppet) => void): (s: SubscriberSubject) => void {
  return (s) => {
    const p = s.make(1);
    const before = calls(p);
    give(p);
    equal(calls(p), before);
  };
}

/** §2.5 */
function second(s: SubscriberSubject): void {
  const p = s.make(1);
  let [cancelled, asked] = [0, 0];
  const other: Subscription = {
    request() {
      asked++;
      return nothing();
    },
    cancel() {
      cancelled++;
      return nothing();
    },
  };
  signal(p, (it, on) => it.onSubscribe(other, on));
  deepEqual([cancelled, asked, p.hand.cancelled], [1, 0, 0]);
}

function takesEnd(
  first: number,
  give: (p: Puppet) => void,
  how: string,
): (s: SubscriberSubject) => void {
  return (s) => {
    const p = s.make(first);
    give(p);
    ended(s, p, how);
  };
}

const COMPILER = 'the compiler: null is no argument (tck/null.ts)';

export const WHITEBOX_METHODS: readonly Method<SubscriberSubject>[] = [
  {
    name: 'required_exerciseWhiteboxHappyPath',
    check(s) {
      const p = s.make(0);
      p.request(1);
      feed(p, 1);
      p.request(1);
      feed(p, 2);
      if (s.tells) deepEqual(p.values, [1, 2]);
      complete(p);
      ended(s, p, 'complete');
    },
  },
  {
    name: 'required_spec201_mustSignalDemandViaSubscriptionRequest',
    check(s) {
      const p = s.make(0);
      p.request(1);
      ok(p.hand.total >= 1);
      feed(p, 1);
    },
  },
  untested('spec202_shouldAsynchronouslyDispatch', 'nobody: advice'),
  {
    name: 'required_spec203_mustNotCallMethodsOnSubscriptionOrPublisherInOnComplete',
    check: leftAlone(complete),
  },
  {
    name: 'required_spec203_mustNotCallMethodsOnSubscriptionOrPublisherInOnError',
    check: leftAlone(fail),
  },
  untested(
    'spec204_mustConsiderTheSubscriptionAsCancelledInAfterRecievingOnCompleteOrOnError',
    'subscriber-rules.ts §1.7',
  ),
  {
    name: 'required_spec205_mustCallSubscriptionCancelIfItAlreadyHasAnSubscriptionAndReceivesAnotherOnSubscribeSignal',
    check: second,
  },
  untested('spec206_mustCallSubscriptionCancelIfItIsNoLongerValid', 'subscriber-rules.ts §2.6'),
  untested(
    'spec207_mustEnsureAllCallsOnItsSubscriptionTakePlaceFromTheSameThreadOrTakeCareOfSynchronization',
    'publisher-rules.ts §1.3: they come from any thread',
  ),
  {
    name: 'required_spec208_mustBePreparedToReceiveOnNextSignalsAfterHavingCalledSubscriptionCancel',
    check(s) {
      const p = s.make(0);
      p.request(1);
      p.cancel();
      ok(p.hand.cancelled >= 1);
      feed(p, 1);
      equal(p.end, null);
    },
  },
  {
    name: 'required_spec209_mustBePreparedToReceiveAnOnCompleteSignalWithPrecedingRequestCall',
    check: takesEnd(1, complete, 'complete'),
  },
  {
    name: 'required_spec209_mustBePreparedToReceiveAnOnCompleteSignalWithoutPrecedingRequestCall',
    check: takesEnd(0, complete, 'complete'),
  },
  {
    name: 'required_spec210_mustBePreparedToReceiveAnOnErrorSignalWithPrecedingRequestCall',
    check: takesEnd(1, fail, 'error: upstream'),
  },
  {
    name: 'required_spec210_mustBePreparedToReceiveAnOnErrorSignalWithoutPrecedingRequestCall',
    check: takesEnd(0, fail, 'error: upstream'),
  },
  untested(
    'spec211_mustMakeSureThatAllCallsOnItsMethodsHappenBeforeTheProcessingOfTheRespectiveEvents',
    'nobody: threads share one memory here',
  ),
  untested(
    'spec212_mustNotCallOnSubscribeMoreThanOnceBasedOnObjectEquality_specViolation',
    'the checks between all stages (checked.ts §2.12)',
  ),
  untested('spec213_failingOnSignalInvocation', 'a call that throws fails here'),
  {
    name: 'required_spec213_onSubscribe_mustThrowNullPointerExceptionWhenParametersAreNull',
    elsewhere: COMPILER,
  },
  {
    name: 'required_spec213_onNext_mustThrowNullPointerExceptionWhenParametersAreNull',
    elsewhere: COMPILER,
  },
  {
    name: 'required_spec213_onError_mustThrowNullPointerExceptionWhenParametersAreNull',
    elsewhere: COMPILER,
  },
  untested('spec301_mustNotBeCalledOutsideSubscriberContext', 'nobody: about user code'),
  {
    name: 'required_spec308_requestMustRegisterGivenNumberElementsToBeProduced',
    check(s) {
      const p = s.make(0);
      p.request(2);
      // Some ask for the next one only when the last is through.
      feed(p, 1);
      feed(p, 2);
      if (s.tells) deepEqual(p.values, [1, 2]);
      equal(p.end, null);
    },
  },
  untested('spec310_requestMaySynchronouslyCallOnNextOnSubscriber', 'nobody: a permission'),
  untested('spec311_requestMaySynchronouslyCallOnCompleteOrOnError', 'nobody: a permission'),
  untested(
    'spec314_cancelMayCauseThePublisherToShutdownIfNoOtherSubscriptionExists',
    'processors.test.ts: autoCancel',
  ),
  untested(
    'spec315_cancelMustNotThrowExceptionAndMustSignalOnError',
    'a call that throws fails here',
  ),
  untested(
    'spec316_requestMustNotThrowExceptionAndMustOnErrorTheSubscriber',
    'a call that throws fails here',
  ),
];

export const BLACKBOX_METHODS: readonly Method<SubscriberSubject>[] = [
  {
    name: 'required_spec201_blackbox_mustSignalDemandViaSubscriptionRequest',
    check(s) {
      const p = s.make(1);
      ok(p.hand.total >= 1);
      feed(p, 1);
    },
  },
  untested('spec202_blackbox_shouldAsynchronouslyDispatch', 'nobody: advice'),
  {
    name: 'required_spec203_blackbox_mustNotCallMethodsOnSubscriptionOrPublisherInOnComplete',
    check: leftAlone(complete),
  },
  {
    name: 'required_spec203_blackbox_mustNotCallMethodsOnSubscriptionOrPublisherInOnError',
    check: leftAlone(fail),
  },
  untested(
    'spec204_blackbox_mustConsiderTheSubscriptionAsCancelledInAfterRecievingOnCompleteOrOnError',
    'subscriber-rules.ts §1.7',
  ),
  {
    name: 'required_spec205_blackbox_mustCallSubscriptionCancelIfItAlreadyHasAnSubscriptionAndReceivesAnotherOnSubscribeSignal',
    check: second,
  },
  untested(
    'spec206_blackbox_mustCallSubscriptionCancelIfItIsNoLongerValid',
    'subscriber-rules.ts §2.6',
  ),
  untested(
    'spec207_blackbox_mustEnsureAllCallsOnItsSubscriptionTakePlaceFromTheSameThreadOrTakeCareOfSynchronization',
    'publisher-rules.ts §1.3: they come from any thread',
  ),
  untested(
    'spec208_blackbox_mustBePreparedToReceiveOnNextSignalsAfterHavingCalledSubscriptionCancel',
    'the white box',
  ),
  {
    name: 'required_spec209_blackbox_mustBePreparedToReceiveAnOnCompleteSignalWithPrecedingRequestCall',
    check: takesEnd(1, complete, 'complete'),
  },
  {
    name: 'required_spec209_blackbox_mustBePreparedToReceiveAnOnCompleteSignalWithoutPrecedingRequestCall',
    check: takesEnd(0, complete, 'complete'),
  },
  {
    name: 'required_spec210_blackbox_mustBePreparedToReceiveAnOnErrorSignalWithPrecedingRequestCall',
    check: takesEnd(1, fail, 'error: upstream'),
  },
  {
    name: 'required_spec210_blackbox_mustBePreparedToReceiveAnOnErrorSignalWithoutPrecedingRequestCall',
    check: takesEnd(0, fail, 'error: upstream'),
  },
  untested(
    'spec211_blackbox_mustMakeSureThatAllCallsOnItsMethodsHappenBeforeTheProcessingOfTheRespectiveEvents',
    'nobody: threads share one memory here',
  ),
  untested(
    'spec212_blackbox_mustNotCallOnSubscribeMoreThanOnceBasedOnObjectEquality',
    'the checks between all stages (checked.ts §2.12)',
  ),
  untested('spec213_blackbox_failingOnSignalInvocation', 'a call that throws fails here'),
  {
    name: 'required_spec213_blackbox_onSubscribe_mustThrowNullPointerExceptionWhenParametersAreNull',
    elsewhere: COMPILER,
  },
  {
    name: 'required_spec213_blackbox_onNext_mustThrowNullPointerExceptionWhenParametersAreNull',
    elsewhere: COMPILER,
  },
  {
    name: 'required_spec213_blackbox_onError_mustThrowNullPointerExceptionWhenParametersAreNull',
    elsewhere: COMPILER,
  },
  untested('spec301_blackbox_mustNotBeCalledOutsideSubscriberContext', 'nobody: about user code'),
  untested('spec308_blackbox_requestMustRegisterGivenNumberElementsToBeProduced', 'the white box'),
  untested(
    'spec310_blackbox_requestMaySynchronouslyCallOnNextOnSubscriber',
    'nobody: a permission',
  ),
  untested(
    'spec311_blackbox_requestMaySynchronouslyCallOnCompleteOrOnError',
    'nobody: a permission',
  ),
  untested(
    'spec314_blackbox_cancelMayCauseThePublisherToShutdownIfNoOtherSubscriptionExists',
    'processors.test.ts: autoCancel',
  ),
  untested(
    'spec315_blackbox_cancelMustNotThrowExceptionAndMustSignalOnError',
    'a call that throws fails here',
  ),
  untested(
    'spec316_blackbox_requestMustNotThrowExceptionAndMustOnErrorTheSubscriber',
    'a call that throws fails here',
  ),
];
