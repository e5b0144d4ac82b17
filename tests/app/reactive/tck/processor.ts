// IdentityProcessorVerification: a processor as a publisher, as a subscriber, and what is only about both at once.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { Flux } from '../../../../src/app/reactive/flux.ts';
import type { Processor, Publisher } from '../../../../src/app/reactive/streams.ts';
import type { Sub } from '../../../../src/app/setup.ts';
import type { Worker } from '../../../../src/app/worker.ts';
import { Recorder } from '../checked.ts';
import { Hand } from '../hand.ts';
import { Machine } from '../machine.ts';
import { type Deviations, type Method } from './method.ts';
import { PUBLISHER_METHODS, type PublisherSubject } from './publisher.ts';
import { type Puppet, type SubscriberSubject, WHITEBOX_METHODS } from './subscriber.ts';

export interface ProcessorSubject {
  readonly name: string;
  /** createIdentityProcessor */
  readonly make: () => Processor<number, number>;
  /** maxSupportedSubscribers */
  readonly subscribers?: number;
  readonly deviations?: Deviations;
}

/** A processor that a source is subscribed to with when the first subscriber comes. */
class Fed implements Publisher<number> {
  private readonly processor: Processor<number, number>;
  private readonly source: Publisher<number>;
  private fed = false;

  constructor(processor: Processor<number, number>, source: Publisher<number>) {
    this.processor = processor;
    this.source = source;
  }

  *subscribe(s: Recorder<number>, on: Worker): Sub<void> {
    if (!this.fed) {
      this.fed = true;
      yield* this.source.subscribe(this.processor, on);
    }
    yield* this.processor.subscribe(s, on);
  }
}

/** PublisherVerification's view of it. */
export function asPublisher(s: ProcessorSubject): PublisherSubject {
  return {
    name: s.name,
    make: (n) => new Fed(s.make(), Flux.range(0, n)),
    failed: () => new Fed(s.make(), Flux.error(new Error('failed before'))),
    most: Infinity,
    ...(s.subscribers === undefined ? {} : { subscribers: s.subscribers }),
    ...(s.deviations === undefined ? {} : { deviations: s.deviations }),
  };
}

/** SubscriberWhiteboxVerification's view of it: what it does for one subscriber. */
export function asSubscriber(s: ProcessorSubject): SubscriberSubject {
  return {
    name: s.name,
    tells: true,
    make: (first) => puppetOf(s.make(), first),
    ...(s.deviations === undefined ? {} : { deviations: s.deviations }),
  };
}

function puppetOf(processor: Processor<number, number>, first: number): Puppet {
  const machine = new Machine();
  const hand = new Hand();
  const recorder = new Recorder<number>({ first });
  machine.go(function* (on) {
    yield* hand.subscribe(processor, on);
    yield* processor.subscribe(recorder, on);
  });
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
}

/** A processor on a source by hand, with two subscribers. */
function withTwo(s: ProcessorSubject): {
  machine: Machine;
  hand: Hand;
  both: Recorder<number>[];
} | null {
  if (s.subscribers === 1) return null;
  const machine = new Machine();
  const hand = new Hand();
  const processor = s.make();
  const both = [new Recorder<number>({ first: 0 }), new Recorder<number>({ first: 0 })];
  machine.go(function* (on) {
    yield* hand.subscribe(processor, on);
    for (const r of both) yield* processor.subscribe(r, on);
  });
  return { machine, hand, both };
}

/** What is only in IdentityProcessorVerification. */
export const PROCESSOR_METHODS: readonly Method<ProcessorSubject>[] = [
  {
    name: 'required_spec104_mustCallOnErrorOnAllItsSubscribersIfItEncountersANonRecoverableError',
    check(s) {
      const t = withTwo(s);
      if (t === null) return { skipped: 'it serves 1 subscriber only' };
      for (const r of t.both) t.machine.go((on) => r.request(1, on));
      t.machine.go((on) => t.hand.subscriber!.onNext(1, on));
      t.machine.go((on) => t.hand.subscriber!.onError(new Error('upstream'), on));
      deepEqual(
        t.both.map((r) => [r.values, r.end]),
        [
          [[1], 'error: upstream'],
          [[1], 'error: upstream'],
        ],
      );
    },
  },
  {
    name: 'mustImmediatelyPassOnOnErrorEventsReceivedFromItsUpstreamToItsDownstream',
    check(s) {
      const p = puppetOf(s.make(), 0);
      p.machine.go((on) => p.hand.subscriber!.onError(new Error('upstream'), on));
      equal(p.end, 'error: upstream');
    },
  },
  {
    name: 'required_mustRequestFromUpstreamForElementsThatHaveBeenRequestedLongAgo',
    check(s) {
      const t = withTwo(s);
      if (t === null) return { skipped: 'it serves 1 subscriber only' };
      const [a, b] = t.both;
      const give = (v: number): void => {
        ok(t.hand.total >= v, `element ${v} was not asked for`);
        t.machine.go((on) => t.hand.subscriber!.onNext(v, on));
      };
      t.machine.go((on) => a!.request(20, on));
      t.machine.go((on) => b!.request(1, on));
      give(1);
      deepEqual([a!.values, b!.values], [[1], [1]]);
      t.machine.go((on) => b!.request(1, on));
      give(2);
      deepEqual(
        [a!.values, b!.values],
        [
          [1, 2],
          [1, 2],
        ],
      );
      // The second leaves: the first has asked long ago.
      t.machine.go((on) => b!.cancel(on));
      give(3);
      give(4);
      deepEqual(a!.values, [1, 2, 3, 4]);
      t.machine.go((on) => t.hand.subscriber!.onComplete(on));
      equal(a!.end, 'complete');
    },
  },
];

/** All methods of IdentityProcessorVerification by name. */
export const IDENTITY_NAMES: readonly string[] = [
  ...PUBLISHER_METHODS.map((m) => m.name),
  ...WHITEBOX_METHODS.map((m) => m.name),
  ...PROCESSOR_METHODS.map((m) => m.name),
];
