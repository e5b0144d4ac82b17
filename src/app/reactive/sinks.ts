/**
 * Streams that are given their signals by hand (reactor.core.publisher.Sinks): for one subscriber, for several at the pace
 * of the slowest, for several that are also given what came before. Which elements pass, and what an attempt returns, is
 * Reactor's. Two threads that emit at once: the second is refused (SinkManySerialized).
 */
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import { OverflowError } from './errors.ts';
import { Flux } from './flux.ts';
import { Mono } from './mono.ts';
import type { Emission, EmitResult } from './processors/emission.ts';
import { EmitterProcessor } from './processors/emitter.ts';
import { ReplayProcessor } from './processors/replay.ts';
import { UnicastProcessor } from './processors/unicast.ts';

/** Sinks.Many: emits any number of elements. */
export class ManySink<T> {
  private readonly emission: Emission<T>;
  /** The thread that is emitting, and how often it has come in. */
  private locked: Worker | null = null;
  private depth = 0;

  constructor(emission: Emission<T>) {
    this.emission = emission;
  }

  asFlux(): Flux<T> {
    return Flux.from(this.emission);
  }

  get currentSubscriberCount(): number {
    return this.emission.subscribers;
  }

  tryEmitNext(value: T, on: Worker): Sub<EmitResult> {
    return this.alone(() => this.emission.tryEmitNext(value, on), on);
  }

  tryEmitComplete(on: Worker): Sub<EmitResult> {
    return this.alone(() => this.emission.tryEmitComplete(on), on);
  }

  tryEmitError(error: Error, on: Worker): Sub<EmitResult> {
    return this.alone(() => this.emission.tryEmitError(error, on), on);
  }

  /**
   * The same, and what cannot be emitted is dealt with (Sinks.EmitFailureHandler.FAIL_FAST): an overflow fails the stream,
   * what comes too late or finds nobody is dropped.
   *
   * @throws Error when another thread is emitting at this moment
   */
  *emitNext(value: T, on: Worker): Sub<void> {
    const result = yield* this.tryEmitNext(value, on);
    if (result === 'overflow')
      yield* this.emitError(new OverflowError('more was emitted than can be kept'), on);
    else mustBeAlone(result);
  }

  *emitComplete(on: Worker): Sub<void> {
    mustBeAlone(yield* this.tryEmitComplete(on));
  }

  *emitError(error: Error, on: Worker): Sub<void> {
    mustBeAlone(yield* this.tryEmitError(error, on));
  }

  private *alone(emit: () => Sub<EmitResult>, on: Worker): Sub<EmitResult> {
    if (this.locked !== null && this.locked !== on) return 'non-serialized';
    this.locked = on;
    this.depth++;
    try {
      return yield* emit();
    } finally {
      if (--this.depth === 0) this.locked = null;
    }
  }
}

/** Sinks.One: emits one element or none, and remembers it for who comes later. */
export class OneSink<T> {
  private readonly many: ManySink<T>;
  private readonly replay: ReplayProcessor<T> = new ReplayProcessor<T>(1);

  constructor() {
    this.many = new ManySink(this.replay);
  }

  asMono(): Mono<T> {
    return Mono.from(this.replay);
  }

  *tryEmitValue(value: T, on: Worker): Sub<EmitResult> {
    const result = yield* this.many.tryEmitNext(value, on);
    return result === 'ok' ? yield* this.many.tryEmitComplete(on) : result;
  }

  tryEmitEmpty(on: Worker): Sub<EmitResult> {
    return this.many.tryEmitComplete(on);
  }

  tryEmitError(error: Error, on: Worker): Sub<EmitResult> {
    return this.many.tryEmitError(error, on);
  }
}

function mustBeAlone(result: EmitResult): void {
  if (result === 'non-serialized')
    throw new Error('two threads emit at once: a sink takes one signal at a time (§1.3)');
}

export const Sinks = {
  many: () => ({
    /** One subscriber; what it has not asked for waits. */
    unicast: () => ({
      onBackpressureBuffer: <T>(most?: number): ManySink<T> =>
        new ManySink<T>(new UnicastProcessor<T>(most)),
    }),
    /** Several; what all have not asked for waits. @see EmitterProcessor */
    multicast: () => ({
      onBackpressureBuffer: <T>(bufferSize?: number, autoCancel?: boolean): ManySink<T> =>
        new ManySink<T>(new EmitterProcessor<T>(bufferSize, autoCancel)),
    }),
    /** Several, and each is first given what came before. */
    replay: () => ({
      all: <T>(): ManySink<T> => new ManySink<T>(new ReplayProcessor<T>()),
      latest: <T>(): ManySink<T> => new ManySink<T>(new ReplayProcessor<T>(1)),
      limit: <T>(historySize: number): ManySink<T> =>
        new ManySink<T>(new ReplayProcessor<T>(historySize)),
    }),
  }),
  one: <T>(): OneSink<T> => new OneSink<T>(),
} as const;
