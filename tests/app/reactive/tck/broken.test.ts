// Each method is seen to fail: for a publisher, subscriber or processor that breaks its rule.
import { expect, test } from 'vitest';
import { Flux } from '../../../../src/app/reactive/flux.ts';
import { EmitterProcessor } from '../../../../src/app/reactive/processors/emitter.ts';
import type { BroadcastInner } from '../../../../src/app/reactive/processors/broadcast.ts';
import { nothing } from '../../../../src/app/reactive/user.ts';
import type { Sub } from '../../../../src/app/setup.ts';
import type { Worker } from '../../../../src/app/worker.ts';
import { BrokenRange, BrokenStage, type SourceFault, type StageFault } from '../broken.ts';
import { Recorder } from '../checked.ts';
import { Hand } from '../hand.ts';
import { Machine } from '../machine.ts';
import type { Method } from './method.ts';
import { PROCESSOR_METHODS, type ProcessorSubject } from './processor.ts';
import { PUBLISHER_METHODS, type PublisherSubject } from './publisher.ts';
import { BLACKBOX_METHODS, type SubscriberSubject, WHITEBOX_METHODS } from './subscriber.ts';

/** Whether a method finds something wrong. A skip finds nothing. */
async function finds<S>(m: Method<S>, subject: S): Promise<boolean> {
  try {
    await m.check!(subject);
    return false;
  } catch {
    return true;
  }
}

function faultFor(faults: Readonly<Record<string, string>>, name: string): string | undefined {
  const key = Object.keys(faults).find((part) => name.includes(part));
  return key === undefined ? undefined : faults[key];
}

/** By a part of the method's name, the first that fits. */
const SOURCE_FAULTS: Readonly<Record<string, SourceFault>> = {
  createPublisher: 'never ends',
  spec101: 'gives one more',
  spec102: 'never ends',
  spec103: 'is recursive',
  spec104: 'never ends',
  spec105: 'never ends',
  spec107: 'ends twice',
  subscribeThrowNPE: 'takes null for a subscriber',
  mustIssueOnSubscribe: 'subscribes late',
  mayRejectCalls: 'never ends',
  maySupportMulti: 'refuses a second subscriber without a word',
  spec111: 'serves one subscriber only',
  spec302: 'forgets what is asked meanwhile',
  spec303: 'is recursive',
  spec306: 'goes on after cancel',
  spec307: 'cancels once',
  spec309_requestNegativeNumberMaySignal: 'says nothing of §3.9',
  spec309: 'takes request(0) for nothing',
  spec312: 'floods',
  spec313: 'remembers its subscribers',
  spec317: 'counts in 32 bits',
};

const source = (fault: SourceFault): PublisherSubject => ({
  name: fault,
  make: (n) => new BrokenRange(n, fault),
  failed: () => (fault === 'none' ? Flux.error(new Error('failed')) : new BrokenRange(0, fault)),
  most: Infinity,
});

/** Not about the publisher, but about what its test says of it. */
const validates = (name: string): boolean => name.includes('validate_');
const checked = <S>(methods: readonly Method<S>[]): readonly Method<S>[] =>
  methods.filter((m) => m.check !== undefined && !validates(m.name));

test.for(checked(PUBLISHER_METHODS))('PublisherVerification: $name', async (m) => {
  expect(await finds(m, source('none'))).toBe(false);
  const fault = faultFor(SOURCE_FAULTS, m.name) as SourceFault | undefined;
  expect(fault).toBeDefined();
  expect(await finds(m, source(fault!))).toBe(true);
});

test('PublisherVerification: maxElementsFromPublisher is no negative number', async () => {
  const m = PUBLISHER_METHODS.find((method) => method.name.includes('validate_maxElements'))!;
  expect(await finds(m, { ...source('none'), most: -1 })).toBe(true);
});

const STAGE_FAULTS: Readonly<Record<string, StageFault>> = {
  happyPath: 'keeps the end to itself',
  HappyPath: 'keeps the end to itself',
  spec201: 'asks for nothing',
  spec203: 'cancels when upstream ends',
  spec205: 'takes the second subscription',
  spec208: 'fails after cancel',
  spec209: 'keeps the end to itself',
  spec210: 'keeps the end to itself',
  spec308: 'passes on the first request only',
};

const stage = (fault: StageFault): SubscriberSubject => ({
  name: fault,
  tells: true,
  make(first) {
    const machine = new Machine();
    const hand = new Hand();
    const recorder = new Recorder<number>({ first });
    machine.go((on) => new BrokenStage(hand, fault).subscribe(recorder, on));
    if (first === 0 && fault === 'passes on the first request only') {
      // The first request is none of the test's.
      machine.go((on) => recorder.request(1, on));
      hand.asked.length = 0;
    }
    return {
      hand,
      machine,
      values: recorder.values,
      get end() {
        return recorder.end;
      },
      request: (n) => void machine.go((on) => recorder.request(n, on)),
      cancel: () => void machine.go((on) => recorder.cancel(on)),
    };
  },
});

test.for([...checked(WHITEBOX_METHODS), ...checked(BLACKBOX_METHODS)])(
  'SubscriberVerification: $name',
  async (m) => {
    expect(await finds(m, stage('none'))).toBe(false);
    const fault = faultFor(STAGE_FAULTS, m.name) as StageFault | undefined;
    expect(fault).toBeDefined();
    expect(await finds(m, stage(fault!))).toBe(true);
  },
);

/** Tells only the first of its subscribers how it has ended. */
class TellsOne extends EmitterProcessor<number> {
  private told = false;

  override endOf(inner: BroadcastInner<number>, on: Worker): Sub<void> {
    if (this.told) return nothing();
    this.told = true;
    return super.endOf(inner, on);
  }
}

/** Keeps errors to itself. */
class KeepsErrors extends EmitterProcessor<number> {
  override onError(): Sub<void> {
    return nothing();
  }
}

/** Waits for who has left. */
class ForgetsNobody extends EmitterProcessor<number> {
  override remove(): Sub<void> {
    return nothing();
  }
}

test.for<[part: string, make: () => EmitterProcessor<number>]>([
  ['spec104', () => new TellsOne()],
  ['mustImmediatelyPassOn', () => new KeepsErrors()],
  ['RequestedLongAgo', () => new ForgetsNobody()],
])('IdentityProcessorVerification: %s', async ([part, make]) => {
  const m = PROCESSOR_METHODS.find((method) => method.name.includes(part))!;
  const sound: ProcessorSubject = { name: 'sound', make: () => new EmitterProcessor<number>() };
  expect(await finds(m, sound)).toBe(false);
  expect(await finds(m, { name: 'broken', make })).toBe(true);
});
