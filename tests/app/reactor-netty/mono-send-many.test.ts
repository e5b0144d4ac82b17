/** MonoSendMany by itself: what it requests, when it flushes, how it ends. The kernel is the test. */
import fc from 'fast-check';
import { describe as group, expect, it } from 'vitest';
import { ByteBuf, type Message } from '../../../src/app/netty/byte-buf.ts';
import type { WritePromise } from '../../../src/app/netty/handler.ts';
import { nothing } from '../../../src/app/reactive/user.ts';
import type { Publisher, Subscriber } from '../../../src/app/reactive/streams.ts';
import { BridgeMeters } from '../../../src/app/reactor-netty/meters.ts';
import {
  MAX_SIZE,
  MonoSendMany,
  type Outlet,
} from '../../../src/app/reactor-netty/mono-send-many.ts';
import type { Sub } from '../../../src/app/setup.ts';
import type { Task, Worker } from '../../../src/app/worker.ts';
import { FakeProbe } from '../driver.ts';
import { prop } from '../../support/prop.ts';
import { FakeLoop, finish } from './loop.ts';

const HIGH = 65_536;
const LOW = 32_768;

/** A channel with Netty's water marks, and a socket that takes everything, or what the test says. */
class FakeChannel implements Outlet {
  readonly eventLoop = new FakeLoop();
  readonly log: string[] = [];
  /** The kernel takes whatever is flushed. */
  open = true;
  pending = 0;
  isWritable = true;
  private readonly entries: { msg: Message; promise: WritePromise | null }[] = [];
  private flushed = 0;
  private readonly closers = new Set<Task>();

  get channel(): this {
    return this;
  }
  get bytesBeforeUnwritable(): number {
    return this.isWritable ? Math.max(0, HIGH - this.pending + 1) : 0;
  }
  get listeners(): number {
    return this.closers.size;
  }

  *write(msg: Message, promise: WritePromise | null): Sub<void> {
    yield* nothing();
    this.entries.push({ msg, promise });
    this.pending += msg.bytes + 96;
    if (this.pending > HIGH) this.isWritable = false;
    this.log.push(`write ${msg.bytes}`);
  }

  *flush(): Sub<void> {
    this.log.push('flush');
    this.flushed = this.entries.length;
    if (this.open) yield* this.written(this.flushed);
  }

  /** The kernel takes `n` flushed messages. */
  take(n: number): void {
    finish(this.written(Math.min(n, this.flushed)));
  }

  close(): void {
    for (const task of this.closers) finish(task(this.eventLoop));
    for (const { promise } of this.entries.splice(0)) {
      if (promise !== null) finish(promise.complete(this.eventLoop, false));
    }
  }

  addCloseListener(listener: Task): void {
    this.closers.add(listener);
  }
  removeCloseListener(listener: Task): void {
    this.closers.delete(listener);
  }

  private *written(n: number): Sub<void> {
    for (let i = 0; i < n && this.flushed > 0; i++) {
      const { msg, promise } = this.entries.shift()!;
      this.flushed--;
      if (promise !== null) yield* promise.complete(this.eventLoop, true);
      this.pending -= msg.bytes + 96;
      if (this.pending < LOW) this.isWritable = true;
    }
  }
}

/** A source that emits when the test says so, and whoever waits for the end. */
class Bench {
  readonly outlet = new FakeChannel();
  readonly probe = new FakeProbe();
  /** What was requested of the source, call by call. */
  readonly requests: number[] = [];
  cancelled = false;
  end = '';
  private subscriber: Subscriber<Message> | null = null;

  constructor(mutant: string | null = null) {
    const source: Publisher<Message> = {
      subscribe: (s, on) => {
        this.subscriber = s;
        return s.onSubscribe(
          {
            request: (n) => {
              this.requests.push(n);
              return nothing();
            },
            cancel: () => {
              this.cancelled = true;
              return nothing();
            },
          },
          on,
        );
      },
    };
    const meters = new BridgeMeters(this.probe, 1);
    const many = new MonoSendMany(source, this.outlet, () => meters.send('connection-0'), mutant);
    finish(many.subscribe(this.waiter(), this.loop));
  }

  get loop(): FakeLoop {
    return this.outlet.eventLoop;
  }
  get requested(): number {
    return this.requests.reduce((sum, n) => sum + n, 0);
  }

  emit(bytes: number, on: Worker = this.loop): void {
    finish(this.subscriber!.onNext(ByteBuf.pattern(bytes), on));
  }
  complete(): void {
    finish(this.subscriber!.onComplete(this.loop));
  }
  fail(message: string): void {
    finish(this.subscriber!.onError(new Error(message), this.loop));
  }
  /** What waits for the end leaves. */
  leave: () => void = () => {};

  private waiter(): Subscriber<never> {
    return {
      onSubscribe: (s) => {
        this.leave = () => finish(s.cancel(this.loop));
        return nothing();
      },
      onNext: nothing,
      onError: (error) => {
        this.end += `error ${error.name}`;
        return nothing();
      },
      onComplete: () => {
        this.end += 'complete';
        return nothing();
      },
    };
  }
}

group('demand [MonoSendMany.MAX_SIZE, REFILL_SIZE]', () => {
  it('is 128, and 64 more for every 64 messages that the kernel has taken: 1 + ⌊M/64⌋ requests', () => {
    const b = new Bench();
    for (let m = 1; m <= 1000; m++) {
      b.emit(10);
      b.loop.turn();
      expect(b.requests.length).toBe(1 + Math.floor(m / 64));
      expect(b.requested).toBe(128 + 64 * Math.floor(m / 64));
    }
  });

  it('follows what is written, not what is writable: 128 messages at most wait, however large', () => {
    const b = new Bench();
    b.outlet.open = false;
    for (let m = 1; m <= MAX_SIZE; m++) b.emit(65_536);
    expect(b.requests).toEqual([128]);
    expect([b.outlet.isWritable, b.outlet.pending]).toEqual([false, 128 * (65_536 + 96)]);
    b.outlet.take(63);
    expect(b.requests).toEqual([128]);
    b.outlet.take(1);
    expect(b.requests).toEqual([128, 64]);
  });

  const kernel = fc.constantFrom('emit', 'emit', 'turn', 'take', 'stall', 'open');
  const steps = fc.array(fc.tuple(kernel, fc.nat(2000)), { maxLength: 400 });
  /** Emits while there is demand, in a drawn interplay of source, loop and kernel; the closed form is looked at inside. */
  function play(mutant: string | null, drawn: readonly (readonly [string, number])[]): void {
    const b = new Bench(mutant);
    let emitted = 0;
    for (const [what, n] of drawn) {
      if (what === 'emit' && emitted < b.requested) {
        emitted++;
        b.emit(n);
      } else if (what === 'turn') b.loop.turn();
      else if (what === 'take') b.outlet.take(n);
      else b.outlet.open = what === 'open';
    }
  }

  it('keeps its closed form whatever the sizes and the kernel', () => {
    prop([steps], (drawn) => play(null, drawn));
  });

  it('breaks it when it asks too late', () => {
    const drawn = Array.from(
      { length: 130 },
      (_, i) => [i % 2 === 0 ? 'emit' : 'turn', 9] as const,
    );
    expect(() => play(null, drawn)).not.toThrow();
    expect(() => play('late-refill', drawn)).toThrow(
      'MonoSendMany of connection-0: 128 messages were requested in 1 calls; with 64 written it should be 192 in 2',
    );
  });
});

group('flushing [SendManyInner.run]', () => {
  it('small messages go out together, at the end of the loop’s turn', () => {
    const b = new Bench();
    b.emit(100);
    b.emit(100);
    expect(b.outlet.log).toEqual(['write 100', 'write 100']);
    b.loop.turn();
    expect(b.outlet.log.slice(2)).toEqual(['flush']);
  });

  it('a message that makes the channel unwritable is flushed at once', () => {
    const b = new Bench();
    b.emit(65_536);
    expect(b.outlet.log).toEqual(['write 65536', 'flush']);
    expect(b.loop.tasks.length).toBe(0);
  });

  it('so is one after which another like it would not fit: 2 KiB, then 32 KiB leave 30 529 B', () => {
    const b = new Bench();
    b.emit(2048);
    b.emit(32_768);
    expect(b.outlet.log).toEqual(['write 2048', 'write 32768', 'flush']);
  });

  it('a message without bytes is not written; another one is requested in its place', () => {
    const b = new Bench();
    b.emit(0);
    expect([b.outlet.log, b.requests]).toEqual([[], [128, 1]]);
  });

  it('from another thread a message takes a task of the loop', () => {
    const b = new Bench();
    b.emit(10, new FakeLoop('parallel-1'));
    expect(b.outlet.log).toEqual([]);
    b.loop.turn();
    expect(b.outlet.log).toEqual(['write 10', 'flush']);
  });
});

group('the end', () => {
  it('comes when the source has completed and the last message is with the kernel', () => {
    const b = new Bench();
    b.emit(10);
    b.complete();
    expect(b.end).toBe('');
    b.loop.turn();
    expect([b.end, b.outlet.listeners, b.cancelled]).toEqual(['complete', 0, false]);
  });

  it('so does the source’s error', () => {
    const b = new Bench();
    b.emit(10);
    b.fail('no more');
    b.loop.turn();
    expect(b.end).toBe('error Error');
  });

  it('when the channel is closed it completes, the source is cancelled, and what waits is lost', () => {
    const b = new Bench();
    b.outlet.open = false;
    b.emit(10);
    b.loop.turn();
    b.outlet.close();
    b.emit(10);
    expect([b.end, b.cancelled]).toEqual(['complete', true]);
  });

  it('a source that gives more than was requested is cancelled', () => {
    const b = new Bench();
    const elsewhere = new FakeLoop('parallel-1');
    for (let i = 0; i <= MAX_SIZE; i++) b.emit(10, elsewhere);
    b.loop.turn();
    expect([b.cancelled, b.end]).toEqual([true, 'error OverflowError']);
  });

  it('who waits may leave: the source is cancelled, and nothing is said', () => {
    const b = new Bench();
    b.emit(10);
    b.leave();
    b.loop.turn();
    expect([b.cancelled, b.end, b.outlet.listeners]).toEqual([true, '', 0]);
  });
});
