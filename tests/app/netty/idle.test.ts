/** Channels on which nothing happens: when that is noticed, how often, and what a read timeout does about it. */
import { describe as group, expect, it } from 'vitest';
import { bind } from '../../../src/app/netty/bootstrap.ts';
import { EventLoopGroup } from '../../../src/app/netty/event-loop.ts';
import { IdleStateHandler, type IdleTimes } from '../../../src/app/netty/idle.ts';
import { LoopMeters } from '../../../src/app/netty/meters.ts';
import { channelConfig } from '../../../src/app/netty/server.ts';
import { NETTY_DEFAULTS } from '../../../src/app/options.ts';
import { nothing } from '../../../src/app/reactive/user.ts';
import { app } from '../../../src/app/user.ts';
import { runScenario } from '../../../src/sim/run/runner.ts';
import type { RunResult } from '../../../src/sim/run/result.ts';
import { describe } from '../../../src/sim/scenario/load.ts';

const MS = 1_000_000;
const OFF: IdleTimes = { readerNs: 0, writerNs: 0, allNs: 0 };

/** The client writes at the given times, ms; with `answers`, each message is sent back. Told in tens of ms: nio waits for whole ones. */
function idle(times: Partial<IdleTimes>, writes: number[], answers = false): string[] {
  const seen: string[] = [];
  const server = app(function* (sys, { listen, probe, env }) {
    const meters = new LoopMeters(probe);
    const children = yield* EventLoopGroup.open(sys, 1, 'loop', 'nio', meters);
    const options = { ...NETTY_DEFAULTS, listen };
    const config = channelConfig(options, true, env);
    yield* bind(sys, {
      listen: options,
      parent: children.next(),
      children,
      config,
      meters,
      init({ pipeline }) {
        pipeline.addLast(
          new IdleStateHandler({ ...OFF, ...times }, (_ctx, state, first) => {
            seen.push(
              `${state}${first ? '' : ' again'} ${10 * Math.round(probe.now() / (10 * MS))}`,
            );
            return nothing();
          }),
        );
        pipeline.addLast({
          *channelRead(ctx, msg, on) {
            if (answers) yield* ctx.writeAndFlush(msg, null, on);
          },
        });
      },
    });
  });
  const client = app(function* (sys, { connect, env }) {
    const fd = yield sys.socket();
    yield sys.connect(fd, env.resolve(connect.host), connect.port);
    for (const at of writes) {
      yield sys.nanosleep(at * MS - (yield sys.clockGettime()));
      yield sys.write(fd, 100);
    }
    yield sys.nanosleep(1000 * MS - (yield sys.clockGettime()));
    yield sys.close(fd);
  });
  const [scenario] = describe('idle', {
    seed: 1,
    shows: 'a channel on which nothing happens',
    hosts: { box: {} },
    apps: {
      server: { host: 'box', listen: 80, app: './server.ts' },
      load: { host: 'box', connect: 'box:80', app: './client.ts' },
    },
    stop: { limit: '2 s' },
  });
  const r = runScenario(scenario!, { apps: { './server.ts': server, './client.ts': client } });
  expect(r.invariants.filter((i) => !i.ok).map((i) => i.name)).not.toContain('closed-form');
  return seen;
}

group('IdleStateHandler', () => {
  it('tells of a reader that has had nothing, again and again, and anew after a read', () => {
    expect(idle({ readerNs: 200 * MS }, [350])).toEqual([
      'reader 200',
      'reader 550',
      'reader again 750',
      'reader again 950',
    ]);
  });

  it('counts a write when the kernel has taken it, and either for all', () => {
    expect(idle({ writerNs: 400 * MS }, [300], true)).toEqual(['writer 700']);
    expect(idle({ allNs: 400 * MS }, [300])).toEqual(['all 700']);
    expect(idle({ writerNs: 400 * MS }, [300])).toEqual(['writer 400', 'writer again 800']);
  });

  it('ends with its channel, and says nothing while things happen', () => {
    const often = Array.from({ length: 9 }, (_, i) => 100 + 100 * i);
    expect(idle({ readerNs: 150 * MS }, often)).toEqual([]);
  });
});

group('ReadTimeoutHandler', () => {
  function served(model: string, readTimeout: string, gap: string): RunResult {
    const [scenario] = describe('timeout', {
      seed: 1,
      shows: 'a connection that is left',
      hosts: { box: {} },
      apps: {
        server: {
          host: 'box',
          listen: 80,
          model,
          reply: 'same',
          'read-timeout': readTimeout,
        },
        load: {
          host: 'box',
          connect: 'box:80',
          model: 'talk',
          codec: 'none',
          messages: 3,
          size: '100 B',
          gap,
          answer: 'same',
        },
      },
      stop: { when: 'load.closed', limit: '10 s' },
    });
    return runScenario(scenario!);
  }

  it.each(['netty', 'reactive'])('closes a connection of a %s server', (model) => {
    const kept = served(model, '300 ms', '200 ms');
    expect([kept.metrics['load.answers'], kept.metrics['load.failed'] ?? 0]).toEqual([3, 0]);
    const left = served(model, '150 ms', '200 ms');
    expect(left.metrics['load.answers']).toBe(1);
    expect(left.metrics['server.failed']).toBe(1);
  });
});
