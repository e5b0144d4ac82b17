/**
 * A handler that hands each message to an executor and forgets about it (BlockingServerHandler), five ways as recorded over plain
 * Netty 4.1.116 on Linux: 300 lines, one each 2 ms, 20 ms of work each; and the two policies that were not.
 */
import { readFileSync } from 'node:fs';
import { describe as group, expect, it } from 'vitest';
import { LineDecoder } from '../../../src/app/codec/line.ts';
import { bind } from '../../../src/app/netty/bootstrap.ts';
import { ByteBuf } from '../../../src/app/netty/byte-buf.ts';
import { FrameHandler } from '../../../src/app/netty/decoder-handler.ts';
import { EventLoopGroup } from '../../../src/app/netty/event-loop.ts';
import { RejectedExecutionException } from '../../../src/app/netty/exceptions.ts';
import type { ChannelHandler } from '../../../src/app/netty/handler.ts';
import { LoopMeters } from '../../../src/app/netty/meters.ts';
import { channelConfig } from '../../../src/app/netty/server.ts';
import { ThreadPool, type RejectionPolicy } from '../../../src/app/netty/thread-pool.ts';
import { NETTY_DEFAULTS } from '../../../src/app/options.ts';
import { sleepUntil } from '../../../src/app/setup.ts';
import { app } from '../../../src/app/user.ts';
import { IPPROTO_TCP, TCP_NODELAY } from '../../../src/kernel/syscall.ts';
import { runScenario } from '../../../src/sim/run/runner.ts';
import { describe } from '../../../src/sim/scenario/load.ts';

const MS = 1_000_000;
const MESSAGES = 300;
const PACE_MS = 2;
const WORK_MS = 20;
/** When the last message is sent, ms. */
const LAST_MS = (MESSAGES - 1) * PACE_MS;

interface Config {
  readonly threads: number;
  readonly queue: number;
  readonly policy: RejectionPolicy | 'inline';
}

interface Handed {
  accepted: number;
  rejected: number;
  responses: number;
  orderInversions: number;
  maxWorkerQueue: number;
  ranOnEventLoop: number;
  socketReads: number;
  maxEventLoopStallMs: number;
}

/** Work that waits, as the recorded one did. */
function handOff({ threads, queue, policy }: Config): Handed {
  const seen: Handed = {
    accepted: 0,
    rejected: 0,
    responses: 0,
    orderInversions: 0,
    maxWorkerQueue: 0,
    ranOnEventLoop: 0,
    socketReads: 0,
    maxEventLoopStallMs: 0,
  };
  const server = app(function* (sys, { listen, probe, env }) {
    const options = { ...NETTY_DEFAULTS, codec: 'line', reply: 'same', listen } as const;
    const meters = new LoopMeters(probe);
    const children = yield* EventLoopGroup.open(sys, 1, 'loop', 'nio', meters);
    const parent = children.next();
    const pool = policy === 'inline' ? null : new ThreadPool(threads, queue, policy, probe);
    const handler: ChannelHandler = {
      *channelRead(ctx, msg, on) {
        const work = function* (worker: typeof on) {
          if (worker === on) seen.ranOnEventLoop++;
          yield worker.sys.nanosleep(WORK_MS * MS);
          const line = ByteBuf.of(Uint8Array.of(...msg.data!, 10));
          yield* ctx.writeAndFlush(line, null, worker);
        };
        try {
          if (pool === null) yield* work(on);
          else yield* pool.execute(on, work);
          seen.accepted++;
        } catch (e) {
          if (!(e instanceof RejectedExecutionException)) throw e;
        }
      },
    };
    /** Counts reads, and how long each keeps its loop. */
    const watch: ChannelHandler = {
      *channelRead(ctx, msg, on) {
        seen.socketReads++;
        const from = probe.now();
        yield* ctx.fireChannelRead(msg, on);
        const stall = (probe.now() - from) / MS;
        if (stall > seen.maxEventLoopStallMs) seen.maxEventLoopStallMs = stall;
      },
    };
    yield* bind(sys, {
      listen: options,
      childSockopt: {},
      parent,
      children,
      config: channelConfig(options, true, env),
      meters,
      init({ pipeline }) {
        pipeline.addLast(watch);
        pipeline.addLast(new FrameHandler(new LineDecoder()));
        pipeline.addLast(handler);
      },
    });
  });
  const client = app(function* (sys, { connect, env }) {
    const fd = yield sys.socket();
    yield sys.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    yield sys.connect(fd, env.resolve(connect.host), connect.port);
    yield sys.spawn(function* (own) {
      const into = new Uint8Array(65_536);
      const lines = new LineDecoder();
      let last = -1;
      for (let n = yield own.read(fd, into.length, into); n > 0;) {
        lines.feed(into.slice(0, n));
        for (let line = lines.next(); line !== null; line = lines.next()) {
          const i = Number(String.fromCharCode(...line));
          if (i < last) seen.orderInversions++;
          last = i;
          seen.responses++;
        }
        n = yield own.read(fd, into.length, into);
      }
    }, 'reader');
    const from = yield sys.clockGettime();
    for (let i = 0; i < MESSAGES; i++) {
      yield* sleepUntil(sys, from + i * PACE_MS * MS);
      yield sys.write(
        fd,
        Uint8Array.from(`${i}\n`, (c) => c.charCodeAt(0)),
      );
    }
    yield sys.nanosleep(8_000 * MS);
  });
  const [scenario] = describe('handoff', {
    seed: 1,
    shows: 'a handler that hands its work on',
    hosts: { box: { cpus: 2 } },
    apps: {
      server: { host: 'box', listen: 80, app: './server.ts' },
      load: { host: 'box', connect: 'box:80', app: './client.ts' },
    },
    // The reader's thread never ends.
    stop: { limit: '9 s' },
  });
  const r = runScenario(scenario!, { apps: { './server.ts': server, './client.ts': client } });
  expect(r.invariants.filter((i) => !i.ok && i.name !== 'liveness')).toEqual([]);
  seen.rejected = r.metrics['server.rejected'] ?? 0;
  seen.maxWorkerQueue = r.metrics['server.executor.peak'] ?? 0;
  if (policy === 'discard' || policy === 'discard-oldest') seen.accepted -= seen.rejected;
  return seen;
}

/**
 * Messages that find a place while they come faster than they are worked off: those that start at once, those that wait, and one
 * for each that is finished before the last one comes.
 */
function fits({ threads, queue }: Config): number {
  let finished = 0;
  for (let t = 0; t < threads; t++)
    finished += Math.floor((LAST_MS - t * PACE_MS) / (WORK_MS + 0.1));
  return Math.min(MESSAGES, threads + queue + finished);
}

interface Recorded extends Handed {
  readonly scenario: string;
  readonly threads: number;
  readonly queue: number;
  readonly policy: string;
  readonly bufsLeaked: number;
}

const recorded = readFileSync(
  new URL('../reactor-netty/recorded/handoff.jsonl', import.meta.url),
  'utf8',
)
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Recorded);

function configOf({ threads, queue, policy }: Recorded): Config {
  const name = policy === 'caller' ? 'caller-runs' : (policy as Config['policy']);
  return { threads, queue, policy: name };
}

group('a handler that hands its work on, as recorded', () => {
  it.each(recorded.map((r): [string, Recorded] => [r.scenario, r]))('%s', (_, theirs) => {
    const config = configOf(theirs);
    const ours = handOff(config);
    // 20 ms took 20.3 and more there.
    expect(Math.abs(ours.accepted - theirs.accepted)).toBeLessThanOrEqual(0.04 * theirs.accepted);
    expect(ours.accepted + ours.rejected).toBe(MESSAGES);
    expect([theirs.bufsLeaked, ours.responses]).toEqual([theirs.rejected, ours.accepted]);
  });

  it.each(recorded.filter((r) => r.rejected > 0).map((r): [string, Recorded] => [r.scenario, r]))(
    '%s: as many as fit, the queue is full, and the loop goes on',
    (_, theirs) => {
      const ours = handOff(configOf(theirs));
      expect(ours.accepted).toBe(fits(configOf(theirs)));
      expect(ours.maxWorkerQueue).toBe(theirs.maxWorkerQueue);
      expect([theirs.ranOnEventLoop, ours.ranOnEventLoop]).toEqual([0, 0]);
      expect(ours.maxEventLoopStallMs).toBeLessThan(1);
    },
  );

  it('one thread, or none, keeps the order', () => {
    for (const theirs of recorded.filter((r) => r.threads < 2)) {
      const ours = handOff(configOf(theirs));
      expect([theirs.orderInversions, ours.orderInversions]).toEqual([0, 0]);
    }
  });

  it('an unbounded queue takes what is not worked off: 243 recorded', () => {
    const ours = handOff({ threads: 2, queue: 1_048_576, policy: 'abort' });
    const finished = 2 * Math.floor(LAST_MS / (WORK_MS + 0.1));
    expect(Math.abs(ours.maxWorkerQueue - (MESSAGES - 2 - finished))).toBeLessThanOrEqual(1);
    expect(Math.abs(ours.maxWorkerQueue - 243)).toBeLessThanOrEqual(5);
  });

  it('without an executor each read takes what came during the one before: 4 reads, a stall of 3.8 s', () => {
    const theirs = recorded.find((r) => r.policy === 'inline')!;
    const ours = handOff(configOf(theirs));
    expect([ours.socketReads, ours.ranOnEventLoop]).toEqual([4, MESSAGES]);
    expect(theirs.socketReads).toBe(4);
    expect(Math.abs(ours.maxEventLoopStallMs / theirs.maxEventLoopStallMs - 1)).toBeLessThan(0.02);
  });

  it('caller runs: nothing is lost, and the loop stands still: 97 tasks on it recorded', () => {
    const theirs = recorded.find((r) => r.policy === 'caller')!;
    const ours = handOff(configOf(theirs));
    expect(Math.abs(ours.ranOnEventLoop - theirs.ranOnEventLoop)).toBeLessThanOrEqual(5);
    // How many lines the first reads merge decides how long the last one keeps the loop: 0.8 s here, 1.7 s there. Answers of
    // workers wait for it, and come out of order once for each read.
    expect(ours.maxEventLoopStallMs).toBeGreaterThan(500);
    expect(ours.orderInversions).toBeGreaterThan(0);
    for (const each of [ours, theirs]) expect(each.orderInversions).toBeLessThan(each.socketReads);
  });
});

group('policies that were not recorded', () => {
  it.each(['discard', 'discard-oldest'] as const)('%s: as many fit as with abort', (policy) => {
    const config = { threads: 2, queue: 4, policy };
    const ours = handOff(config);
    expect([ours.accepted, ours.responses]).toEqual([fits(config), fits(config)]);
    expect([ours.rejected, ours.maxWorkerQueue]).toEqual([MESSAGES - fits(config), 4]);
  });

  it('[mutant] a queue of one place more is found', () => {
    const wrong = handOff({ threads: 1, queue: 5, policy: 'abort' });
    expect(wrong.accepted).toBe(fits({ threads: 1, queue: 4, policy: 'abort' }) + 1);
    expect(wrong.maxWorkerQueue).toBe(5);
  });
});
