/** What becomes of an idle connection that is closed while it is on its way to its next owner, on another loop. */
import { expect, it } from 'vitest';
import type { Channel } from '../../../src/app/netty/channel.ts';
import { nothing } from '../../../src/app/reactive/user.ts';
import { ChannelOperations } from '../../../src/app/reactor-netty/channel-operations.ts';
import type { ChannelOperationsHandler } from '../../../src/app/reactor-netty/channel-operations-handler.ts';
import type { Connection } from '../../../src/app/reactor-netty/connection-observer.ts';
import {
  type Owner,
  poolDefaults,
  type PooledConnection,
  PooledConnectionProvider,
} from '../../../src/app/reactor-netty/connection-pool.ts';
import { FakeProbe } from '../driver.ts';
import { FakeLoop, finish } from './loop.ts';

/** A pool whose connections are there at once, all on `loop`, and can be closed. */
class Bench {
  readonly loop = new FakeLoop('loop');
  readonly other = new FakeLoop('other');
  readonly told: string[] = [];
  readonly made: {
    pooled: PooledConnection;
    channel: { isActive: boolean };
    simple: Connection;
  }[] = [];
  private readonly pool: PooledConnectionProvider;

  constructor() {
    const make = (pooled: PooledConnection): void => {
      const ordinal = this.made.length;
      const channel = { isActive: true, eventLoop: this.loop, ordinal };
      const simple: Connection = {
        kind: 'SimpleConnection',
        channel: channel as unknown as Channel,
        dispose: nothing,
      };
      const configure = (): ReturnType<typeof nothing> =>
        pooled.onStateChange(operations(channel), 'configured', this.loop);
      pooled.bridge = { configure } as unknown as ChannelOperationsHandler;
      this.made.push({ pooled, channel, simple });
      finish(pooled.onStateChange(simple, 'connected', this.loop));
      finish(configure());
    };
    const connector = (pooled: PooledConnection) => (make(pooled), nothing());
    this.pool = new PooledConnectionProvider(poolDefaults({ cpus: 1 }), connector, new FakeProbe());
  }

  acquire(name: string, on: FakeLoop): void {
    const say = (what: string) => (this.told.push(`${name} ${what}`), nothing());
    const owner: Owner = {
      observer: { onStateChange: (_, state) => say(state) },
      acquired: ({ channel }) => say(`has ${channel.ordinal}`),
      failed: (error) => say(error.message),
    };
    finish(this.pool.acquire(owner, on));
  }

  /** Its owner is through with connection `i`. */
  giveBack(i: number): void {
    const { pooled, channel } = this.made[i]!;
    finish(pooled.onStateChange(operations(channel), 'disconnecting', this.loop));
  }

  /** Its peer closes it. */
  close(i: number): void {
    const { pooled, channel, simple } = this.made[i]!;
    channel.isActive = false;
    finish(pooled.onStateChange(simple, 'disconnecting', this.loop));
  }
}

const operations = (channel: object): ChannelOperations =>
  Object.assign(Object.create(ChannelOperations.prototype), { channel, persistent: true });

it('a new one takes its place, and its owner hears nothing of it [DisposableAcquire.run]', () => {
  const b = new Bench();
  b.acquire('one', b.loop);
  b.giveBack(0);
  b.acquire('two', b.other);
  b.close(0);
  expect(b.told).toEqual(['one connected', 'one has 0', 'one configured', 'one released']);
  b.loop.turn();
  expect(b.told.slice(4)).toEqual(['two connected', 'two has 1', 'two configured']);
});

it('an idle one takes its place, where there is one', () => {
  const b = new Bench();
  b.acquire('one', b.loop);
  b.acquire('other', b.loop);
  b.giveBack(0);
  b.acquire('two', b.other);
  b.giveBack(1);
  b.close(0);
  b.loop.turn();
  expect(b.told.at(-1)).toBe('two configured');
  expect(b.told).toContain('two has 1');
});

it('is left to whoever it is given to when it is alive', () => {
  const b = new Bench();
  b.acquire('one', b.loop);
  b.giveBack(0);
  b.acquire('two', b.other);
  b.loop.turn();
  expect(b.told.slice(4)).toEqual(['two acquired', 'two has 0', 'two configured']);
});

it('is an error when the one in its place is closed too', () => {
  const b = new Bench();
  b.acquire('one', b.loop);
  b.acquire('other', b.loop);
  for (const i of [0, 1]) b.giveBack(i);
  // Nobody has been told yet.
  for (const { channel } of b.made) channel.isActive = false;
  b.acquire('two', b.other);
  b.loop.turn();
  expect(b.told.at(-1)).toBe('two Error while acquiring from the pool');
});
