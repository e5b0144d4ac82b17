/**
 * The closed forms in servers that users write: every flatMap, concatMap, MonoSendMany and FluxReceive of a run is held to
 * them, wherever it stands and whatever thread it is on, and is named when it breaks one.
 */
import { describe as group, expect, it } from 'vitest';
import type { Handler } from '../../../src/app/reactor-netty/tcp-server.ts';
import { TcpServer } from '../../../src/app/reactor-netty/tcp-server.ts';
import { ByteBuf, type Message } from '../../../src/app/netty/byte-buf.ts';
import { Flux } from '../../../src/app/reactive/flux.ts';
import { Mono } from '../../../src/app/reactive/mono.ts';
import { Schedulers, type ParallelScheduler } from '../../../src/app/reactive/schedulers.ts';
import { LambdaSubscriber } from '../../../src/app/reactive/subscriber.ts';
import type { RunResult } from '../../../src/sim/run/result.ts';
import type { MutantName } from '../../../src/sim/run/mutant-names.ts';
import { OWN, broken, world } from './world.ts';

const MS = 1_000_000;
type Write = (parallel: ParallelScheduler) => Handler;

/** 600 messages of 100 B on two connections, each sent back; a server over countable bytes. */
const TALK = { messages: 600, size: '100 B', gap: '100 us', answer: 'same', connections: 2 };

function run(write: Write, load: object = TALK, mutant?: MutantName): RunResult {
  return world(
    OWN,
    load,
    (sys, context) =>
      TcpServer.create(sys, context, { loops: 2 })
        .handle(write(Schedulers.parallel(context.env)))
        .countBytesOnly(),
    mutant === undefined ? {} : { mutant },
  );
}

/** How often closed forms were looked at. */
const looks = (r: RunResult): number => r.invariants.find((i) => i.name === 'closed-form')!.checks;

const send = (out: Parameters<Handler>[1], m: Message): Mono<never> =>
  Mono.from(out.send(Mono.just(ByteBuf.pattern(m.bytes))));

const SERVERS: Readonly<Record<string, Write>> = {
  'flatMap of writes': () => (i, o) => i.receive().flatMap((m) => send(o, m)),
  'flatMap of 8 at a time, answered on another thread': (parallel) => (i, o) =>
    i.receive().flatMap((m) => Mono.delay(MS, parallel).andThen(send(o, m)), 8),
  'flatMapSequential of 8 at a time, answered on another thread': (parallel) => (i, o) =>
    i.receive().flatMapSequential((m) => Mono.delay(MS, parallel).andThen(send(o, m)), 8),
  'concatMap, answered on another thread': (parallel) => (i, o) =>
    i.receive().concatMap((m) => Mono.delay(MS / 10, parallel).andThen(send(o, m))),
  'concatMap with prefetch': () => (i, o) => i.receive().concatMap((m) => send(o, m), 16),
  'flatMap on another thread': (parallel) => (i, o) =>
    i
      .receive()
      .publishOn(parallel)
      .flatMap((m) => send(o, m)),
  'MonoSendMany of a flatMap of what is there at once': () => (i, o) =>
    o.send(i.receive().flatMap((m) => Mono.just(ByteBuf.pattern(m.bytes)), 16)),
  'MonoSendMany of a flatMap of several messages each': (parallel) => (i, o) =>
    o.send(
      i
        .receive()
        .flatMap(
          (m) =>
            Flux.range(0, 2).flatMap((n) =>
              Mono.delay(MS / 10, parallel).map(() =>
                ByteBuf.pattern(n === 0 ? Math.floor(m.bytes / 2) : Math.ceil(m.bytes / 2)),
              ),
            ),
          4,
        ),
    ),
  'a chain that is subscribed to apart from the handler': () => (i, o) => {
    const echo = i.receive().flatMap((m) => send(o, m));
    return Mono.never().doOnSubscribe((on) => echo.subscribe(new LambdaSubscriber({}), on));
  },
};

group('every law holds, and closed forms are looked at with each message', () => {
  it.each(Object.keys(SERVERS))('%s', (name) => {
    const r = run(SERVERS[name]!);
    expect(broken(r)).toEqual([]);
    expect(r.stop.reason).toBe('when');
    expect(looks(r)).toBeGreaterThan(100);
  });

  it('of streams that are cancelled, fail, or are under way when the run ends', () => {
    const some: Record<string, Write> = {
      'cancelled by take': () => (i, o) =>
        i
          .receive()
          .flatMap((m) => send(o, m))
          .take(5),
      failed: () => (i, o) => {
        let n = 0;
        return i.receive().concatMap((m) => (++n < 5 ? send(o, m) : Mono.error(new Error('no'))));
      },
      'a mapper that throws': () => (i) =>
        i.receive().flatMap((): Mono<never> => {
          throw new Error('no');
        }),
      'streams that never end': () => (i) => i.receive().flatMap(() => Mono.never()),
    };
    for (const [name, write] of Object.entries(some)) {
      const r = run(write, { ...TALK, messages: 20, answer: 'none' });
      expect([name, broken(r)]).toEqual([name, []]);
    }
  });
});

group('[mutant] what is broken is named: the operator, the connection, the numbers', () => {
  it.each([
    [
      'late-replenish',
      'flatMap of 8 at a time, answered on another thread',
      /flatMap\(8\) of connection-[01]: 8 elements were requested in 1 calls; with 1 streams ended it should be 9 in 2$/,
    ],
    [
      'greedy-concat-map',
      'concatMap, answered on another thread',
      /concatMap of connection-[01]: 2 elements were requested in 1 calls; with 0 elements through it should be 1 in 1$/,
    ],
    [
      'late-prefetch',
      'concatMap with prefetch',
      /concatMap\(prefetch 16\) of connection-[01]: 16 elements were requested in 1 calls; with 12 elements through it should be 28 in 2$/,
    ],
    [
      'late-refill',
      'MonoSendMany of a flatMap of what is there at once',
      /MonoSendMany of connection-[01]: 128 messages were requested in 1 calls; with 64 written it should be 192 in 2$/,
    ],
    [
      'request-ignored',
      'concatMap, answered on another thread',
      /receive\(\) of connection-[01]: element 2 was given when 1 had been requested$/,
    ],
  ] as const)('%s in %s', (mutant, name, message) => {
    const r = run(SERVERS[name]!, TALK, mutant);
    expect(broken(r)[0]).toMatch(message);
  });

  it('late-replenish where a flatMap stands by itself: the thread that subscribed', () => {
    const apart: Write = (parallel) => (i) => {
      const ticks = Flux.interval(MS, parallel).flatMap(
        (n) => Mono.delay(MS, parallel).map(() => n),
        4,
      );
      return Flux.from(i.receive()).doOnSubscribe((on) =>
        ticks.subscribe(new LambdaSubscriber({}), on),
      );
    };
    expect(broken(run(apart, { ...TALK, answer: 'none' }))).toEqual([]);
    expect(broken(run(apart, { ...TALK, answer: 'none' }, 'late-replenish'))[0]).toMatch(
      /flatMap\(4\) of no connection, on reactor-tcp-nio-\d: 4 elements were requested in 1 calls; with 1 streams ended it should be 5 in 2$/,
    );
  });
});
