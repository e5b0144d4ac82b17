/**
 * Local ports of one host: who is bound where, who listens, and which port a connect() without bind() gets
 * (net/ipv4/inet_connection_sock.c inet_csk_get_port, inet_hashtables.c __inet_hash_connect).
 *
 * Ephemeral ports are handed out in order from the low end of the range, so that a world can be read; Linux starts at a
 * keyed hash of the destination and prefers even ports. A host has one address, so binding is by port alone; and one user, where
 * Linux asks of a SO_REUSEPORT group that all are the same user's.
 */
import { assert } from '../base/assert.ts';

/** With whom a socket shares its port: SO_REUSEADDR and SO_REUSEPORT. */
export interface Sharing {
  readonly reuse: boolean;
  readonly reusePort: boolean;
}

/** What holds a port by bind(): a socket. */
export interface PortOwner extends Sharing {
  readonly listening: boolean;
}

/** inet_bind_conflict(), the other way round. */
const mayShare = (a: Sharing, b: Sharing, listening: boolean): boolean =>
  (a.reuse && b.reuse && !listening) || (a.reusePort && b.reusePort);

/** Sockets of one port that did not choose it for a connection of their own. */
class Bound<S extends PortOwner> {
  /** Those that called bind() or listen(). */
  readonly binders: S[] = [];
  /** Those of them that listen: several are a SO_REUSEPORT group (struct sock_reuseport). */
  readonly listeners: S[] = [];
  /** Connections that came from a listener here, TIME_WAIT included, each under how the listener shares. */
  readonly accepted: number[] = [0, 0, 0, 0];
  /** Their sum. */
  children = 0;
}

/** One port (struct inet_bind_bucket): most are a single connection's. */
class Bucket<S extends PortOwner> {
  bound: Bound<S> | null = null;
  /** Connections that chose this port themselves, TIME_WAIT included. */
  connected = 0;
}

/** How a connection came to its port; it gives it back the same way. */
export const PORT_NONE = 0;
/** From a listener: this and 1 for SO_REUSEADDR, 2 for SO_REUSEPORT. */
const PORT_ACCEPTED = 1;
/** It chose the port itself. */
export const PORT_CONNECTED = 5;

/** How a connection from `listener` holds its port. */
export const portOfChild = (listener: Sharing): number =>
  PORT_ACCEPTED + (listener.reuse ? 1 : 0) + (listener.reusePort ? 2 : 0);

const NOBODY: readonly never[] = [];

export class Ports<S extends PortOwner> {
  private readonly buckets = new Map<number, Bucket<S>>();
  private readonly low: number;
  private readonly count: number;
  private cursor = 0;

  /** @param low first and @param high last ephemeral port (net.ipv4.ip_local_port_range) */
  constructor(low: number, high: number) {
    assert(low > 0 && high >= low && high < 65_536, 'ports: no such ephemeral range');
    this.low = low | 0;
    this.count = (high - low + 1) | 0;
  }

  /**
   * Whether bind() must say EADDRINUSE (inet_csk_bind_conflict): a port is shared only when all say SO_REUSEADDR and nobody
   * listens, or all say SO_REUSEPORT.
   */
  conflicts(port: number, by: Sharing): boolean {
    const b = this.buckets.get(port);
    if (b === undefined) return false;
    if (b.connected > 0) return true;
    if (b.bound === null) return false;
    const { accepted, binders } = b.bound;
    for (let i = 0; i < accepted.length; i++) {
      const other = { reuse: (i & 1) !== 0, reusePort: (i & 2) !== 0 };
      if (accepted[i]! > 0 && !mayShare(by, other, false)) return true;
    }
    return binders.some((s) => !mayShare(by, s, s.listening));
  }

  bind(port: number, s: S): void {
    this.bound(port).binders.push(s);
  }

  unbind(port: number, s: S): void {
    const b = this.bucket(port);
    const i = b.bound === null ? -1 : b.bound.binders.indexOf(s);
    assert(i >= 0, 'ports: unbound, but not bound');
    b.bound!.binders.splice(i, 1);
    this.tidy(port, b);
  }

  /** A connection takes (+1) or leaves (−1) its share of a port. @param how PORT_CONNECTED, or what portOfChild says */
  share(port: number, how: number, n: 1 | -1): void {
    if (how === PORT_NONE) return;
    const b = this.bucket(port);
    let left: number;
    if (how === PORT_CONNECTED) left = b.connected += n;
    else {
      const { accepted } = (b.bound ??= new Bound<S>());
      b.bound.children += n;
      left = accepted[how - PORT_ACCEPTED]! += n;
    }
    assert(left >= 0, 'ports: left more often than taken');
    if (n < 0) this.tidy(port, b);
  }

  /** May `s`, which is bound to `port`, listen there as well (inet_csk_listen_start asks inet_csk_get_port again)? */
  mayListen(port: number, s: Sharing): boolean {
    return this.listeners(port).every((l) => l.reusePort && s.reusePort);
  }

  /** Who listens on `port`, in the order in which a group is kept. */
  listeners(port: number): readonly S[] {
    return this.buckets.get(port)?.bound?.listeners ?? NOBODY;
  }

  /** reuseport_add_sock(): the last of its group. */
  listen(port: number, s: S): void {
    this.bound(port).listeners.push(s);
  }

  /** __reuseport_detach_sock(): the last of the group takes its place. */
  unlisten(port: number, s: S): void {
    const group = this.bound(port).listeners;
    const i = group.indexOf(s);
    assert(i >= 0, 'ports: listens no more, but never did');
    group[i] = group.at(-1)!;
    group.pop();
  }

  /**
   * The next ephemeral port that nobody bound and for which `free` holds.
   *
   * @param free whether the connection's 4-tuple with this port is unused
   * @returns 0 when there is none (EADDRNOTAVAIL)
   */
  ephemeral(free: (port: number) => boolean): number {
    for (let i = 0; i < this.count; i++) {
      const port = this.low + ((this.cursor + i) % this.count);
      const b = this.buckets.get(port);
      if (b !== undefined && b.bound !== null) continue;
      if (b !== undefined && !free(port)) continue;
      this.cursor = (port - this.low + 1) % this.count;
      return port;
    }
    return 0;
  }

  private bucket(port: number): Bucket<S> {
    let b = this.buckets.get(port);
    if (b === undefined) this.buckets.set(port, (b = new Bucket<S>()));
    return b;
  }

  private bound(port: number): Bound<S> {
    return (this.bucket(port).bound ??= new Bound<S>());
  }

  private tidy(port: number, b: Bucket<S>): void {
    const { bound } = b;
    if (bound !== null && bound.binders.length === 0 && bound.children === 0) b.bound = null;
    if (b.bound === null && b.connected === 0) this.buckets.delete(port);
  }
}
