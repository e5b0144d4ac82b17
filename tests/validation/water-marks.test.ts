/**
 * Water marks, and what waits for them. K7: an outbound buffer is not writable above 65 536 B and writable again below 32 768, both
 * strictly; a receiver reads on as long as demand is left, or it has just given something and fewer than 32 messages wait. K8: a
 * writer who waits for a "drain" that comes only when a larger buffer below has been full, and never was, waits for ever; the
 * liveness law says so (node#64653).
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bind } from '../../src/app/netty/bootstrap.ts';
import { ByteBuf } from '../../src/app/netty/byte-buf.ts';
import type { Channel } from '../../src/app/netty/channel.ts';
import { EventLoopGroup } from '../../src/app/netty/event-loop.ts';
import { LoopMeters } from '../../src/app/netty/meters.ts';
import { OutboundBuffer } from '../../src/app/netty/outbound-buffer.ts';
import { channelConfig } from '../../src/app/netty/server.ts';
import { NETTY_DEFAULTS } from '../../src/app/options.ts';
import { nothing } from '../../src/app/reactive/user.ts';
import type { Subscriber, Subscription } from '../../src/app/reactive/streams.ts';
import { FluxReceive } from '../../src/app/reactor-netty/flux-receive.ts';
import type { Sub } from '../../src/app/setup.ts';
import { app } from '../../src/app/user.ts';
import type { Worker } from '../../src/app/worker.ts';
import { runScenario } from '../../src/sim/run/runner.ts';
import type { RunResult } from '../../src/sim/run/result.ts';
import { describe as load } from '../../src/sim/scenario/load.ts';
import { FakeProbe } from '../app/driver.ts';
import { FakeLoop, finish } from '../app/reactor-netty/loop.ts';
import { prop } from '../support/prop.ts';

describe('K7: water marks', () => {
  interface Marks {
    readonly above: (pending: number) => boolean;
    readonly below: (pending: number) => boolean;
  }
  const NETTY: Marks = { above: (p) => p > 65_536, below: (p) => p < 32_768 };

  /** Sizes > 0 are written, < 0 so many bytes are taken; each 96 B more while it waits. */
  function agrees(marks: Marks): void {
    const one = fc.oneof(fc.integer({ min: 1, max: 40_000 }), fc.constant(-1)).map((n) => [n]);
    // To the marks and a byte around them, from below and from above.
    const up = fc.constantFrom(65_439, 65_440, 65_441).map((n) => [n, -1]);
    const down = fc.constantFrom(32_671, 32_672, 32_673).map((n) => [65_536, n, -1, -1]);
    const sizes = fc.oneof(one, up, down);
    prop([fc.array(sizes, { minLength: 1, maxLength: 60 })], (steps) => {
      const out = new OutboundBuffer(
        { low: 32_768, high: 65_536 },
        new LoopMeters(new FakeProbe()),
      );
      const waiting: number[] = [];
      let writable = true;
      for (const step of steps.flat()) {
        if (step > 0) {
          out.add(ByteBuf.pattern(step), null);
          waiting.push(step);
        } else if (waiting.length > 0) {
          out.addFlush();
          finish(out.removeBytes(waiting.shift()!, null as unknown as Worker, nothing));
        }
        const pending = waiting.reduce((sum, bytes) => sum + bytes + 96, 0);
        if (out.pending !== pending) return false;
        if (writable && marks.above(pending)) writable = false;
        else if (!writable && marks.below(pending)) writable = true;
        if (out.writable !== writable) return false;
      }
      return true;
    });
  }

  it('not writable above 65 536 B, writable below 32 768 B [ChannelOutboundBuffer]', () => {
    expect(() => agrees(NETTY)).not.toThrow();
  });

  it.each([
    ['at the high mark', { ...NETTY, above: (p: number) => p >= 65_536 }],
    ['at the low mark', { ...NETTY, below: (p: number) => p <= 32_768 }],
  ])('[mutant] %s is found', (_, marks) => {
    expect(() => agrees(marks)).toThrow('replay');
  });
});

describe('K7: the rule of autoRead', () => {
  type Rule = (demand: number, given: number, queued: number) => boolean;
  const REACTOR: Rule = (demand, given, queued) => demand > 0 || (given > 0 && queued < 32);

  /** Each step is a request for so many, or as many messages that a decoder makes of one read. */
  function agrees(rule: Rule): void {
    const request = fc.integer({ min: 1, max: 40 });
    const messages = fc.integer({ min: -70, max: -1 });
    prop([fc.array(fc.oneof(request, messages), { minLength: 1, maxLength: 40 })], (steps) => {
      const loop = new FakeLoop();
      let autoRead = false;
      const flux = new FluxReceive<number>(
        { eventLoop: loop, setAutoRead: (on) => ((autoRead = on), nothing()) },
        {
          connection: 'connection-0',
          onArrived() {},
          onQueued() {},
          onRequest() {},
          onNext() {},
          onSettled() {},
          onUncaught: () => nothing(),
        },
        null,
      );
      let subscription: Subscription | null = null;
      const subscriber: Subscriber<number> = {
        onSubscribe: (s) => ((subscription = s), nothing()),
        onNext: () => nothing(),
        onError: () => nothing(),
        onComplete: () => nothing(),
      };
      finish(flux.subscribe(subscriber, loop));
      let demand = 0;
      let queued = 0;
      let reading = false;
      const pass = (): void => {
        const given = Math.min(demand, queued);
        demand -= given;
        queued -= given;
        reading = rule(demand, given, queued);
      };
      for (const step of steps) {
        if (step > 0) {
          demand += step;
          pass();
          finish(subscription!.request(step, loop));
        }
        for (let i = step; i < 0; i++) {
          queued++;
          pass();
          finish(flux.onInboundNext(i, loop));
        }
        if (autoRead !== reading) return false;
      }
      return true;
    });
  }

  it('on if and only if demand is left, or something was given and fewer than 32 wait [FluxReceive.drainReceiver]', () => {
    expect(() => agrees(REACTOR)).not.toThrow();
  });

  it.each([
    ['a limit of 33', (d: number, e: number, q: number) => d > 0 || (e > 0 && q < 33)],
    ['the queue alone', (d: number, _e: number, q: number) => d > 0 || q < 32],
    ['demand alone', (d: number) => d > 0],
  ])('[mutant] %s is found', (_, rule) => {
    expect(() => agrees(rule)).toThrow('replay');
  });
});

describe('K8: a drain that never comes', () => {
  const REQUEST_MARK = 16_384;
  const SOCKET_MARK = 1_048_576;
  /** Above the request's mark, below the socket's, and more than a kernel buffer of 4608 B takes. */
  const WRITE = 65_536;
  const WRITES = 4;

  /** A writer above a channel: it goes on when it is told to, after each write that is above its own mark. */
  class Request {
    private left = WRITES;
    private waits = false;
    private readonly channel: Channel;
    private readonly drainOn: 'writability' | 'write';

    constructor(channel: Channel, drainOn: 'writability' | 'write') {
      this.channel = channel;
      this.drainOn = drainOn;
    }

    *go(on: Worker): Sub<void> {
      while (this.left > 0 && !this.waits) {
        this.left--;
        this.waits = WRITE > REQUEST_MARK;
        const promise = { complete: (there: Worker) => this.written(there) };
        yield* this.channel.writeAndFlush(ByteBuf.pattern(WRITE), promise, on);
      }
    }

    *drain(on: Worker): Sub<void> {
      if (!this.waits) return;
      this.waits = false;
      yield* this.go(on);
    }

    private *written(on: Worker): Sub<void> {
      if (this.drainOn === 'write') yield* this.drain(on);
    }
  }

  function world(drainOn: 'writability' | 'write', high = SOCKET_MARK): RunResult {
    const server = app(function* (sys, { listen, probe, env }) {
      const options = { ...NETTY_DEFAULTS, listen, waterMarks: { low: high >> 1, high } };
      const meters = new LoopMeters(probe);
      const children = yield* EventLoopGroup.open(sys, 1, 'loop', 'nio', meters);
      yield* bind(sys, {
        listen: options,
        childSockopt: { SO_SNDBUF: 2304 },
        parent: children.next(),
        children,
        config: channelConfig(options, true, env),
        meters,
        init(channel) {
          const request = new Request(channel, drainOn);
          channel.pipeline.addLast({
            channelActive: (_ctx, on) => request.go(on),
            *channelWritabilityChanged(ctx, on) {
              if (ctx.channel.isWritable) yield* request.drain(on);
            },
          });
        },
      });
    });
    const client = app(function* (sys, { connect, env }) {
      const fd = yield sys.socket();
      yield sys.connect(fd, env.resolve(connect.host), connect.port);
      for (let left = WRITES * WRITE; left > 0;) {
        const n = yield sys.read(fd, 65_536, null);
        if (n <= 0) return;
        left -= n;
      }
      yield sys.close(fd);
    });
    const [scenario] = load('drain', {
      seed: 1,
      shows: 'a writer that waits',
      hosts: { box: { cpus: 2 } },
      apps: {
        server: { host: 'box', listen: 80, app: './server.ts' },
        load: { host: 'box', connect: 'box:80', app: './client.ts' },
      },
      stop: { when: 'load.closed', limit: '1000 s' },
    });
    return runScenario(scenario!, { apps: { './server.ts': server, './client.ts': client } });
  }

  const liveness = (r: RunResult) => r.invariants.find((i) => i.name === 'liveness')!;

  it('is reported: nothing is left to happen, and the client waits for what was never written', () => {
    const r = world('writability');
    expect(liveness(r).ok).toBe(false);
    expect(liveness(r).message).toContain('not load.closed');
    expect(liveness(r).message).toContain('read');
    expect(r.stop.reason).toBe('idle');
  });

  it('with a drain for each write that is done, all comes, and nothing is broken', () => {
    const r = world('write');
    expect(r.stop.reason).toBe('when');
    expect(r.invariants.filter((i) => !i.ok)).toEqual([]);
  });

  it('[mutant] a socket mark below the write hides the mistake', () => {
    expect(liveness(world('writability', 32_768)).ok).toBe(true);
  });
});
