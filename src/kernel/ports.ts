/**
 * Local ports of one host: who is bound where, who listens, and which port a connect() without bind() gets
 * (net/ipv4/inet_connection_sock.c inet_csk_get_port, inet_hashtables.c __inet_hash_connect).
 *
 * Ephemeral ports are handed out in order from the low end of the range, so that a world can be read; Linux starts at a
 * keyed hash of the destination and prefers even ports. A host has one address, so binding is by port alone. SO_REUSEPORT
 * groups are not modelled.
 */
import { assert } from '../base/assert.ts';

/** What holds a port by bind(): a socket. `reuse` is SO_REUSEADDR. */
export interface PortOwner {
  readonly reuse: boolean;
  readonly listening: boolean;
}

/** One port (struct inet_bind_bucket). */
class Bucket<S extends PortOwner> {
  /** Sockets that called bind() or listen(). */
  binders: S[] | null = null;
  /** Connections that came from a listener here, TIME_WAIT included, by the listener's SO_REUSEADDR. */
  reusable = 0;
  plain = 0;
  /** Connections that chose this port themselves, TIME_WAIT included. */
  connected = 0;
}

/** How a connection came to its port; it gives it back the same way. */
export const PORT_NONE = 0;
export const PORT_REUSABLE = 1;
export const PORT_PLAIN = 2;
export const PORT_CONNECTED = 3;

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

  /** Whether bind() must say EADDRINUSE: a port is shared only when all say SO_REUSEADDR and nobody listens. */
  conflicts(port: number, reuse: boolean): boolean {
    const b = this.buckets.get(port);
    if (b === undefined) return false;
    if (b.plain > 0 || b.connected > 0 || (b.reusable > 0 && !reuse)) return true;
    return b.binders !== null && b.binders.some((s) => !reuse || !s.reuse || s.listening);
  }

  bind(port: number, s: S): void {
    (this.bucket(port).binders ??= []).push(s);
  }

  unbind(port: number, s: S): void {
    const b = this.buckets.get(port);
    const i = b?.binders?.indexOf(s) ?? -1;
    assert(b !== undefined && i >= 0, 'ports: unbound, but not bound');
    b.binders!.splice(i, 1);
    if (b.binders!.length === 0) b.binders = null;
    this.tidy(port, b);
  }

  /** A connection takes (+1) or leaves (−1) its share of a port. @param how PORT_… */
  share(port: number, how: number, n: 1 | -1): void {
    if (how === PORT_NONE) return;
    const b = this.bucket(port);
    if (how === PORT_REUSABLE) b.reusable += n;
    else if (how === PORT_PLAIN) b.plain += n;
    else b.connected += n;
    assert(
      b.reusable >= 0 && b.plain >= 0 && b.connected >= 0,
      'ports: left more often than taken',
    );
    if (n < 0) this.tidy(port, b);
  }

  /** Who listens on `port`, or null. */
  listener(port: number): S | null {
    const b = this.buckets.get(port);
    return b?.binders?.find((s) => s.listening) ?? null;
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
      if (b !== undefined && (b.binders !== null || b.reusable > 0 || b.plain > 0)) continue;
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

  private tidy(port: number, b: Bucket<S>): void {
    if (b.binders === null && b.reusable === 0 && b.plain === 0 && b.connected === 0)
      this.buckets.delete(port);
  }
}
