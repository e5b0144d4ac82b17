/**
 * Who is told what becomes of a connection (reactor.netty.ConnectionObserver, reactor.netty.Connection).
 *
 * A server's connection goes connected → configured → disconnecting, and so does a client's. One of a pool that is used again
 * goes acquired → configured, and → released when it is given back.
 */
import type { Channel } from '../netty/channel.ts';
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';

export type ConnectionState =
  /** The channel is active; nothing is bound to it yet. */
  | 'connected'
  /** Its ChannelOperations are bound. A server's handler has been applied and subscribed to when others hear of it. */
  | 'configured'
  /** It was idle in a pool, and has an owner again. */
  | 'acquired'
  /** Its owner has given it back to the pool. */
  | 'released'
  /** It is being closed, or has been. */
  | 'disconnecting';

/** What a state is told of: the bare channel (SimpleConnection), or what is bound to it (ChannelOperations). */
export interface Connection {
  readonly kind: 'SimpleConnection' | 'ChannelOperations';
  readonly channel: Channel;
  /** Closes the channel. */
  dispose(on: Worker): Sub<void>;
}

export interface ConnectionObserver {
  onStateChange(connection: Connection, state: ConnectionState, on: Worker): Sub<void>;
  /** An error that no receiver was there to take. */
  onUncaughtException?(connection: Connection, error: Error, on: Worker): Sub<void>;
  /** A client's connection has not come about: refused, too late, or none left in the pool. */
  onConnectFailed?(error: Error, on: Worker): Sub<void>;
}

/** Both, the first one first. */
export function both(first: ConnectionObserver, then: ConnectionObserver): ConnectionObserver {
  return {
    *onStateChange(connection, state, on) {
      yield* first.onStateChange(connection, state, on);
      yield* then.onStateChange(connection, state, on);
    },
    *onUncaughtException(connection, error, on) {
      for (const observer of [first, then])
        if (observer.onUncaughtException !== undefined)
          yield* observer.onUncaughtException(connection, error, on);
    },
  };
}
