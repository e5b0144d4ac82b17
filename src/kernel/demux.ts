/**
 * Which socket a segment is for: the established hash and the listening hash of one host (net/ipv4/inet_hashtables.c
 * __inet_lookup). Connections, half-open requests and TIME_WAIT records share the established hash, as they share
 * `struct sock_common`; a full match wins over a listener.
 *
 * The key mixes both addresses and ports into one small integer; entries with equal keys are chained and compared in
 * full, so a collision costs time and never the wrong socket.
 */
import { assert } from '../base/assert.ts';
import { mix32 } from '../base/hash.ts';

export const SOCK = 0;
export const REQUEST = 1;
export const TIMEWAIT = 2;

/** What the established hash holds (struct sock_common): addresses are this host's (s) and the peer's (d). */
export abstract class SockCommon {
  /** SOCK, REQUEST or TIMEWAIT. */
  abstract readonly role: number;
  saddr = 0;
  sport = 0;
  daddr = 0;
  dport = 0;
  /** Next with the same key. */
  hashNext: SockCommon | null = null;
  hashed = false;
}

function keyOf(saddr: number, sport: number, daddr: number, dport: number): number {
  return mix32(Math.imul(saddr, 0x9e3779b1) ^ mix32(daddr) ^ ((sport << 16) | dport)) >> 1;
}

/** The established hash (ehash). */
export class EstablishedHash {
  private readonly heads = new Map<number, SockCommon>();
  size = 0;

  lookup(saddr: number, sport: number, daddr: number, dport: number): SockCommon | null {
    let s = this.heads.get(keyOf(saddr, sport, daddr, dport)) ?? null;
    while (
      s !== null &&
      (s.sport !== sport || s.dport !== dport || s.daddr !== daddr || s.saddr !== saddr)
    )
      s = s.hashNext;
    return s;
  }

  insert(s: SockCommon): void {
    assert(!s.hashed, 'ehash: inserted twice');
    const key = keyOf(s.saddr, s.sport, s.daddr, s.dport);
    s.hashNext = this.heads.get(key) ?? null;
    s.hashed = true;
    this.heads.set(key, s);
    this.size++;
  }

  remove(s: SockCommon): void {
    assert(s.hashed, 'ehash: removed, but not in it');
    const key = keyOf(s.saddr, s.sport, s.daddr, s.dport);
    const head = this.heads.get(key)!;
    if (head === s) {
      if (s.hashNext === null) this.heads.delete(key);
      else this.heads.set(key, s.hashNext);
    } else {
      let p = head;
      while (p.hashNext !== s) p = p.hashNext!;
      p.hashNext = s.hashNext;
    }
    s.hashNext = null;
    s.hashed = false;
    this.size--;
  }

  /** Puts `by` in the place of `s`: a request becomes a connection, a connection a TIME_WAIT record. */
  replace(s: SockCommon, by: SockCommon): void {
    this.remove(s);
    this.insert(by);
  }

  /** Every entry, in no order that means anything to the model. */
  *all(): Generator<SockCommon> {
    for (const head of this.heads.values())
      for (let s: SockCommon | null = head; s !== null; s = s.hashNext) yield s;
  }
}
