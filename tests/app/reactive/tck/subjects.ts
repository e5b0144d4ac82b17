// Everything that we ship and the verification is about: every publisher, every subscriber, every processor.
import { LambdaSubscriber } from '../../../../src/app/reactive/subscriber.ts';
import type { ConnectableFlux } from '../../../../src/app/reactive/connectable-flux.ts';
import { Flux } from '../../../../src/app/reactive/flux.ts';
import { Mono } from '../../../../src/app/reactive/mono.ts';
import { EmitterProcessor } from '../../../../src/app/reactive/processors/emitter.ts';
import { ReplayProcessor } from '../../../../src/app/reactive/processors/replay.ts';
import { UnicastProcessor } from '../../../../src/app/reactive/processors/unicast.ts';
import type { Publisher, Subscriber } from '../../../../src/app/reactive/streams.ts';
import { nothing } from '../../../../src/app/reactive/user.ts';
import { ByteBuf, type Message } from '../../../../src/app/netty/byte-buf.ts';
import { ChannelOperations } from '../../../../src/app/reactor-netty/channel-operations.ts';
import { FluxReceive } from '../../../../src/app/reactor-netty/flux-receive.ts';
import { WriteFuture } from '../../../../src/app/reactor-netty/future-mono.ts';
import { BridgeMeters } from '../../../../src/app/reactor-netty/meters.ts';
import { MonoSendMany, type Outlet } from '../../../../src/app/reactor-netty/mono-send-many.ts';
import { Outbound } from '../../../../src/app/reactor-netty/outbound.ts';
import type { Sub } from '../../../../src/app/setup.ts';
import type { Cancellable, Task, Worker } from '../../../../src/app/worker.ts';
import { FakeProbe } from '../../driver.ts';
import { Recorder } from '../checked.ts';
import { Hand } from '../hand.ts';
import { Machine } from '../machine.ts';
import { OPERATORS, PUBLISHERS, type Operator } from '../streams.ts';
import type { ProcessorSubject } from './processor.ts';
import type { PublisherSubject } from './publisher.ts';
import type { Puppet, SubscriberSubject } from './subscriber.ts';

/** An event loop that runs on whatever thread gives it work. */
class Inline implements Worker {
  readonly name = 'loop';

  get sys(): never {
    throw new TypeError('it has no thread of its own');
  }

  *execute(on: Worker, task: Task): Sub<boolean> {
    yield* task(on);
    return true;
  }

  schedule(): Sub<Cancellable> {
    throw new TypeError('it cannot wait');
  }
}

const meters = (): BridgeMeters => new BridgeMeters(new FakeProbe(), Infinity);

/** A channel of which only what the bridge needs is there; the kernel takes what is written at once. */
function outlet(written: number[]): Outlet {
  return {
    channel: {
      eventLoop: new Inline(),
      isWritable: true,
      bytesBeforeUnwritable: 65_536,
      addCloseListener() {},
      removeCloseListener() {},
    },
    *write(msg, promise, on) {
      written.push(msg.bytes);
      if (promise !== null) yield* promise.complete(on, true);
    },
    flush: nothing,
  };
}

/** FluxReceive over a channel that has read all of it before anybody subscribes. */
class Received implements Publisher<number> {
  private readonly n: number;
  private readonly ends: 'complete' | 'error';

  constructor(n: number, ends: 'complete' | 'error' = 'complete') {
    this.n = n;
    this.ends = ends;
  }

  *subscribe(s: Subscriber<number>, on: Worker): Sub<void> {
    const inlet = { eventLoop: new Inline(), setAutoRead: nothing };
    const observer = {
      connection: 'connection-0',
      onArrived() {},
      onQueued() {},
      onRequest() {},
      onNext() {},
      onSettled() {},
      onUncaught: nothing,
    };
    const receive = new FluxReceive<number>(inlet, observer, null);
    // On its loop from now on: hops are looked at in flux-receive.test.ts.
    for (let i = 0; i < this.n; i++) yield* receive.onInboundNext(i, inlet.eventLoop);
    if (this.ends === 'error') yield* receive.onInboundError(new Error('reset'), inlet.eventLoop);
    else yield* receive.onInboundComplete(inlet.eventLoop);
    yield* receive.subscribe(s, on);
  }
}

/** Connects when the first has subscribed. */
class Connected implements Publisher<number> {
  private readonly shared: ConnectableFlux<number>;

  constructor(shared: ConnectableFlux<number>) {
    this.shared = shared;
  }

  *subscribe(s: Subscriber<number>, on: Worker): Sub<void> {
    yield* this.shared.subscribe(s, on);
    yield* this.shared.connect(on);
  }
}

const failure = new Error('failed before');
const NO_ERROR_FOR_BAD_DEMAND =
  'FluxReceive reports a request against §3.9 and signals nothing (Operators.validate)';

export const PUBLISHER_SUBJECTS: readonly PublisherSubject[] = [
  ...PUBLISHERS.map((s): PublisherSubject => ({ failed: () => Flux.error(failure), ...s })),
  {
    name: 'timeout, of never',
    make: (_n, machine) =>
      Flux.never<number>()
        .timeout(1_000, machine.parallel)
        .onErrorResume(() => Flux.empty()),
    failed: (machine) => Flux.never<number>().timeout(1_000, machine.parallel),
    most: 0,
  },
  {
    name: 'interval',
    make: (n, machine) => Flux.interval(1_000, machine.parallel).take(n).onBackpressureBuffer(),
    most: Infinity,
  },
  {
    name: 'ConnectableFlux',
    make: (n) => new Connected(Flux.range(0, n).publish()),
    failed: () => new Connected(Flux.error(failure).publish()),
    most: Infinity,
  },
  {
    name: 'FluxReceive',
    make: (n) => new Received(n),
    failed: () => new Received(0, 'error'),
    most: Infinity,
    deviations: {
      required_spec309_requestZeroMustSignalIllegalArgumentException: NO_ERROR_FOR_BAD_DEMAND,
      required_spec309_requestNegativeNumberMustSignalIllegalArgumentException:
        NO_ERROR_FOR_BAD_DEMAND,
      optional_spec309_requestNegativeNumberMaySignalIllegalArgumentExceptionWithSpecificMessage:
        NO_ERROR_FOR_BAD_DEMAND,
    },
  },
  {
    name: 'MonoSendMany',
    make: () => {
      const none = Flux.empty<Message>();
      return new MonoSendMany(none, outlet([]), () => meters().send('connection-0'), null);
    },
    failed: () =>
      new MonoSendMany(Flux.error(failure), outlet([]), () => meters().send('connection-0'), null),
    most: 0,
  },
  {
    name: 'FutureMono',
    make: (_n, machine) => {
      const future = new WriteFuture(meters());
      machine.start('loop', (on) => future.complete(on, true));
      return future;
    },
    failed: (machine) => {
      const future = new WriteFuture(meters());
      machine.start('loop', (on) => future.complete(on, false));
      return future;
    },
    most: 0,
  },
  {
    name: 'Outbound',
    make: () => new Outbound(null as never, meters(), null, Mono.empty()),
    failed: () => new Outbound(null as never, meters(), null, Mono.error(failure)),
    most: 0,
  },
];

/** An operator with the test above and below it. */
function operatorPuppet(o: Operator, first: number): Puppet {
  const machine = new Machine();
  const hand = new Hand();
  const recorder = new Recorder<number>({ first });
  machine.go((on) => o.on(hand, machine).subscribe(recorder, on));
  return around(machine, hand, recorder);
}

/** What a recorder below it shows. */
function around(
  machine: Machine,
  hand: Hand,
  recorder: Recorder<number>,
  more: { readonly values?: readonly number[]; readonly request?: (n: number) => void } = {},
): Puppet {
  return {
    hand,
    machine,
    values: more.values ?? recorder.values,
    get end() {
      return recorder.end;
    },
    request: more.request ?? ((n) => void machine.go((on) => recorder.request(n, on))),
    cancel: () => void machine.go((on) => recorder.cancel(on)),
  };
}

/** LambdaSubscriber asks for what it was told to; its owner may ask for more. */
function lambdaPuppet(first: number): Puppet {
  const machine = new Machine();
  const hand = new Hand();
  const values: number[] = [];
  let end: string | null = null;
  const lambda = new LambdaSubscriber<number>({
    request: first,
    next: (v) => void values.push(v),
    error: (e) => void (end = `error: ${e.message}`),
    complete: () => void (end = 'complete'),
  });
  machine.go((on) => hand.subscribe(lambda, on));
  return {
    hand,
    machine,
    values,
    get end() {
      return end;
    },
    request: (n) => void machine.go((on) => lambda.request(n, on)),
    cancel: () => void machine.go((on) => lambda.cancel(on)),
  };
}

/** SendManyInner: what it writes is what comes through. It asks for 128 by itself, whatever who waits for it asks for. */
function sendPuppet(first: number): Puppet {
  const machine = new Machine();
  const hand = new Hand();
  const written: number[] = [];
  const recorder = new Recorder<number>({ first });
  // Messages of as many bytes as the number; everything else is SendManyInner's own.
  const source: Publisher<Message> = {
    subscribe: (inner, on) =>
      hand.subscribe(
        {
          onSubscribe: (s, by) => inner.onSubscribe(s, by),
          onNext: (v, by) => inner.onNext(ByteBuf.pattern(v), by),
          onError: (e, by) => inner.onError(e, by),
          onComplete: (by) => inner.onComplete(by),
        },
        on,
      ),
  };
  const send = new MonoSendMany(source, outlet(written), () => meters().send('connection-0'), null);
  machine.go((on) => send.subscribe(recorder, on));
  return around(machine, hand, recorder, { values: written });
}

/** ChannelOperations, as the subscriber of what a handler has returned: it asks for everything, and tells nobody. */
function operationsPuppet(): Puppet {
  const machine = new Machine();
  const hand = new Hand();
  const loop = new Inline();
  const channel = { eventLoop: loop, isActive: true, setAutoRead: nothing, close: nothing };
  const observer = { onStateChange: nothing };
  const ops = new ChannelOperations({ channel } as never, observer, meters(), null);
  machine.go((on) => ops.run(hand, on));
  return {
    hand,
    machine,
    values: [],
    end: null,
    request() {},
    // The channel closes.
    cancel: () => void machine.go((on) => ops.onInboundClose(on)),
  };
}

/** The companion of retryWhen: it is asked for one element. */
function companionPuppet(): Puppet {
  const machine = new Machine();
  const hand = new Hand();
  const recorder = new Recorder<number>();
  const failed = Flux.error<number>(failure).retryWhen(() => hand);
  machine.go((on) => failed.subscribe(recorder, on));
  return around(machine, hand, recorder, { request() {} });
}

/** One of the streams of Mono.when: it is asked for everything. */
function whenPuppet(first: number): Puppet {
  const machine = new Machine();
  const hand = new Hand();
  const recorder = new Recorder<number>({ first: Math.max(1, first) });
  machine.go((on) => Mono.when(hand).subscribe(recorder, on));
  return around(machine, hand, recorder, { request() {} });
}

/** White boxes; a black box too, each of them. */
export const SUBSCRIBER_SUBJECTS: readonly SubscriberSubject[] = [
  ...OPERATORS.map((o): SubscriberSubject => ({
    name: o.name,
    tells: true,
    make: (first) => operatorPuppet(o, o.late === true ? Math.max(1, first) : first),
  })),
  { name: 'LambdaSubscriber', tells: true, make: lambdaPuppet },
  { name: 'SendManyInner', tells: true, make: sendPuppet },
  { name: 'ChannelOperations', tells: false, make: operationsPuppet },
  {
    name: 'the companion of retryWhen',
    tells: false,
    make: companionPuppet,
  },
  { name: 'a stream of Mono.when', tells: false, make: whenPuppet },
  ...[
    ['reduce', (f: Flux<number>) => f.reduce((_sum, v) => v)],
    ['thenMany (what comes before)', (f: Flux<number>) => f.thenMany(Flux.empty<number>())],
  ].map(([name, on]): SubscriberSubject => ({
    name: name as string,
    // Of the elements only what is left of them.
    tells: false,
    make: (first) =>
      operatorPuppet(
        {
          name: name as string,
          on: (source) => (on as (f: Flux<number>) => Publisher<number>)(Flux.from(source)),
        },
        first,
      ),
  })),
];

const AFTER_CANCEL =
  'required_spec208_mustBePreparedToReceiveOnNextSignalsAfterHavingCalledSubscriptionCancel';

export const PROCESSOR_SUBJECTS: readonly ProcessorSubject[] = [
  { name: 'EmitterProcessor', make: () => new EmitterProcessor<number>() },
  {
    name: 'EmitterProcessor(1), without autoCancel',
    make: () => new EmitterProcessor<number>(1, false),
    deviations: { [AFTER_CANCEL]: 'it waits for the next subscriber, and cancels nothing' },
  },
  { name: 'UnicastProcessor', make: () => new UnicastProcessor<number>(), subscribers: 1 },
  {
    name: 'ReplayProcessor',
    make: () => new ReplayProcessor<number>(),
    deviations: { [AFTER_CANCEL]: 'it keeps what comes for who comes later, and cancels nothing' },
  },
];

/** Objects to look for shipped classes in. */
export function* seen(): Generator<object> {
  for (const s of PUBLISHER_SUBJECTS) {
    const machine = new Machine();
    const publisher = s.make(3, machine);
    yield publisher;
    const both = [publisher, s.failed?.(machine)];
    for (const p of both) {
      if (p === undefined) continue;
      yield p;
      const recorder = new Recorder<number>({ first: 1 });
      machine.go((on) => p.subscribe(recorder, on));
      if (recorder.subscription !== null) yield recorder.subscription;
    }
  }
  for (const s of SUBSCRIBER_SUBJECTS) {
    const p = s.make(0);
    if (p.hand.subscriber !== null) yield p.hand.subscriber;
  }
  for (const s of PROCESSOR_SUBJECTS) yield s.make();
}
