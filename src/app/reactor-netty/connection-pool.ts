/**
 * Connections that are used again (reactor.netty.resources.DefaultPooledConnectionProvider over reactor-pool's SimpleDequePool,
 * 1.2.2). One that is given back waits for the next owner; beyond `maxConnections` an owner waits for one, in a queue with a
 * bound, and for so long.
 *
 * Idle and life limits are off, as by default; eviction in the background, warm-up and metrics are left out.
 */
import type { QueueMeter } from '../../base/queue-meter.ts';
import { Ring } from '../../base/ring.ts';
import type { AppEnv } from '../env.ts';
import { ChannelIoException } from '../netty/exceptions.ts';
import type { Probe } from '../probe.ts';
import type { Sub } from '../setup.ts';
import type { Cancellable, Worker } from '../worker.ts';
import type { ChannelOperationsHandler } from './channel-operations-handler.ts';
import type { Connection, ConnectionObserver, ConnectionState } from './connection-observer.ts';
import { ChannelOperations } from './channel-operations.ts';

export interface PoolOptions {
  readonly maxConnections: number;
  /** How long an owner waits for a connection. */
  readonly pendingAcquireTimeoutNs: number;
  /** Owners that may wait; one more is refused at once. */
  readonly pendingAcquireMaxCount: number;
  /** Which of the idle ones is given out: the one that has waited longest, or the latest. */
  readonly leasing: 'fifo' | 'lifo';
}

/** ConnectionProvider.DEFAULT_POOL_MAX_CONNECTIONS and what belongs to it. */
export function poolDefaults(env: Pick<AppEnv, 'cpus'>): PoolOptions {
  const maxConnections = 2 * Math.max(env.cpus, 8);
  return {
    maxConnections,
    pendingAcquireTimeoutNs: 45_000_000_000,
    pendingAcquireMaxCount: 2 * maxConnections,
    leasing: 'fifo',
  };
}

/** No connection came within pendingAcquireTimeout (PoolAcquireTimeoutException). */
export class PoolAcquireTimeoutError extends Error {
  override readonly name = 'PoolAcquireTimeoutException';
}

/** More owners wait than may (PoolAcquirePendingLimitException). */
export class PoolAcquirePendingLimitError extends Error {
  override readonly name = 'PoolAcquirePendingLimitException';
}

/** Who wants a connection. Told on its loop; of a failure on whichever loop it is noticed. */
export interface Owner {
  readonly observer: ConnectionObserver;
  /** The operations are bound: the connection is his, before others hear that it is configured. */
  acquired(ops: ChannelOperations, on: Worker): Sub<void>;
  failed(error: Error, on: Worker): Sub<void>;
}

interface Waiting {
  readonly owner: Owner;
  timer: Cancellable | null;
  /** It has its connection, or has given up. */
  over: boolean;
}

/** Makes one more connection, whose pipeline's bridge tells `observer`. @param failed when it does not come about */
export type Connector = (
  observer: PooledConnection,
  failed: (result: number, on: Worker) => Sub<void>,
  on: Worker,
) => Sub<void>;

export class PooledConnectionProvider {
  private readonly options: PoolOptions;
  private readonly connector: Connector;
  private readonly idle: PooledConnection[] = [];
  private readonly waiting = new Ring<Waiting>();
  private readonly meter: QueueMeter;
  private readonly probe: Probe;
  /** Connections that are there or on their way. */
  private allocated = 0;

  constructor(options: PoolOptions, connector: Connector, probe: Probe) {
    this.options = options;
    this.connector = connector;
    this.meter = probe.queue('pending_acquire', options.pendingAcquireMaxCount);
    this.probe = probe;
  }

  /**
   * Asked for on a loop; answered on the connection's.
   *
   * @param retried one that was given out had been closed on its way: another one like that is an error
   */
  *acquire(owner: Owner, on: Worker, retried = false): Sub<void> {
    const reused = this.options.leasing === 'fifo' ? this.idle.shift() : this.idle.pop();
    if (reused !== undefined) return yield* reused.lease(owner, on, retried);
    if (this.allocated < this.options.maxConnections) return yield* this.make(owner, on);
    if (this.waitingOwners >= this.options.pendingAcquireMaxCount) {
      const most = this.options.pendingAcquireMaxCount;
      const what = `Pending acquire queue has reached its maximum size of ${most}`;
      return yield* owner.failed(new PoolAcquirePendingLimitError(what), on);
    }
    const waiting: Waiting = { owner, timer: null, over: false };
    this.waiting.push(waiting);
    this.meter.enter(this.probe.now());
    const { pendingAcquireTimeoutNs: ns } = this.options;
    waiting.timer = yield* on.schedule(on, (there) => this.giveUp(waiting, there), ns);
    // Somebody on another loop may have given it a connection meanwhile.
    if (waiting.over) waiting.timer.cancel();
  }

  /** Its owner is through with it; on its loop. */
  *giveBack(connection: PooledConnection, on: Worker): Sub<void> {
    const next = this.nextWaiting();
    if (next === null) this.idle.push(connection);
    else yield* connection.lease(next, on, false);
  }

  /** It is closed: whoever waits gets a new one. */
  *gone(connection: PooledConnection, on: Worker): Sub<void> {
    const i = this.idle.indexOf(connection);
    if (i >= 0) this.idle.splice(i, 1);
    this.allocated--;
    const next = this.nextWaiting();
    if (next !== null) yield* this.make(next, on);
  }

  private get waitingOwners(): number {
    return this.meter.depth;
  }

  private *make(owner: Owner, on: Worker): Sub<void> {
    this.allocated++;
    const connection = new PooledConnection(this, owner);
    const failed = (result: number, there: Worker): Sub<void> => this.lost(owner, result, there);
    yield* this.connector(connection, failed, on);
  }

  private *lost(owner: Owner, result: number, on: Worker): Sub<void> {
    this.allocated--;
    yield* owner.failed(new ChannelIoException('connect', result), on);
    const next = this.nextWaiting();
    if (next !== null) yield* this.make(next, on);
  }

  /** First come, first served, whatever `leasing` says (PoolBuilder.idleResourceReuseLruOrder is about idle ones). */
  private nextWaiting(): Owner | null {
    for (let w = this.waiting.shift(); w !== undefined; w = this.waiting.shift()) {
      if (w.over) continue;
      this.settle(w);
      w.timer?.cancel();
      return w.owner;
    }
    return null;
  }

  private *giveUp(waiting: Waiting, on: Worker): Sub<void> {
    if (waiting.over) return;
    this.settle(waiting);
    const ms = this.options.pendingAcquireTimeoutNs / 1_000_000;
    const what = `Pool#acquire(Duration) has been pending for more than the configured timeout of ${ms}ms`;
    yield* waiting.owner.failed(new PoolAcquireTimeoutError(what), on);
  }

  private settle(waiting: Waiting): void {
    waiting.over = true;
    this.meter.leave(this.probe.now());
  }
}

/** What the bridge of a pooled channel tells of its states: they go to the present owner, and the end of an operation to the pool. */
export class PooledConnection implements ConnectionObserver {
  /** Set with the channel's pipeline. */
  bridge: ChannelOperationsHandler | null = null;
  private readonly pool: PooledConnectionProvider;
  private owner: Owner | null;
  private connection: Connection | null = null;

  constructor(pool: PooledConnectionProvider, owner: Owner) {
    this.pool = pool;
    this.owner = owner;
  }

  *onStateChange(connection: Connection, state: ConnectionState, on: Worker): Sub<void> {
    const { owner } = this;
    if (state === 'connected') this.connection = connection;
    if (state === 'configured') yield* owner!.acquired(connection as ChannelOperations, on);
    if (state !== 'disconnecting')
      return yield* owner!.observer.onStateChange(connection, state, on);
    const { channel } = connection;
    this.owner = null;
    if (connection instanceof ChannelOperations && connection.isPersistent && channel.isActive) {
      yield* owner!.observer.onStateChange(connection, 'released', on);
      return yield* this.pool.giveBack(this, on);
    }
    if (owner !== null) yield* owner.observer.onStateChange(connection, 'disconnecting', on);
    if (channel.isActive) yield* connection.dispose(on);
    // Told once more when the channel is inactive.
    else yield* this.leave(on);
  }

  *onUncaughtException(connection: Connection, error: Error, on: Worker): Sub<void> {
    const { owner } = this;
    if (owner?.observer.onUncaughtException !== undefined)
      yield* owner.observer.onUncaughtException(connection, error, on);
    yield* connection.dispose(on);
  }

  /** Gives the idle connection to its next owner: acquired, bound anew, configured. */
  *lease(owner: Owner, on: Worker, retried: boolean): Sub<void> {
    const loop = this.connection!.channel.eventLoop;
    if (on === loop) yield* this.hand(owner, retried, on);
    else yield* loop.execute(on, (there) => this.hand(owner, retried, there));
  }

  /**
   * On its loop. Until then it had no owner: one that was closed on the way is replaced once (DisposableAcquire.run). One whose
   * peer has sent a FIN that nobody has read (nio with autoRead off) is as good as any here: its owner hears of it.
   */
  private *hand(owner: Owner, retried: boolean, on: Worker): Sub<void> {
    const { connection } = this;
    if (connection === null || !connection.channel.isActive) {
      if (retried) yield* owner.failed(new Error('Error while acquiring from the pool'), on);
      else yield* this.pool.acquire(owner, on, true);
      return;
    }
    this.owner = owner;
    yield* owner.observer.onStateChange(connection, 'acquired', on);
    yield* this.bridge!.configure(on);
  }

  private *leave(on: Worker): Sub<void> {
    if (this.connection === null) return;
    this.connection = null;
    yield* this.pool.gone(this, on);
  }
}
