/**
 * Which socket a segment is for: the established hash and the listening hash of one host (net/ipv4/inet_hashtables.c
 * __inet_lookup). Connections, half-open requests and TIME_WAIT records share the established hash, as they share
 * `struct sock_common`; a full match wins over a listener.
 *
 * The key mixes both addresses and ports into one small integer; entries under one head are chained and compared in full, so
 * a collision costs time and never the wrong socket.
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

function matches(
  s: SockCommon,
  saddr: number,
  sport: number,
  daddr: number,
  dport: number,
): boolean {
  return s.sport === sport && s.dport === dport && s.daddr === daddr && s.saddr === saddr;
}

const FEWEST_HEADS = 16;

const noHeads = (n: number): (SockCommon | null)[] => new Array<SockCommon | null>(n).fill(null);

/** The established hash (ehash). It doubles where Linux's has one size from boot on; it does not shrink. */
export class EstablishedHash {
  /** First entry by the low bits of the key; a power of two of them. */
  private heads: (SockCommon | null)[] = noHeads(FEWEST_HEADS);
  size = 0;
  /** What was found last: segments come in bursts, and the next one is for it most of the time. Null: look. */
  private latest: SockCommon | null = null;

  lookup(saddr: number, sport: number, daddr: number, dport: number): SockCommon | null {
    const { latest } = this;
    if (latest !== null && matches(latest, saddr, sport, daddr, dport)) return latest;
    let s: SockCommon | null = this.heads[this.headOf(saddr, sport, daddr, dport)]!;
    while (s !== null && !matches(s, saddr, sport, daddr, dport)) s = s.hashNext;
    if (s !== null) this.latest = s;
    return s;
  }

  insert(s: SockCommon): void {
    assert(!s.hashed, 'ehash: inserted twice');
    if (this.size === this.heads.length) this.grow();
    this.link(s);
    s.hashed = true;
    this.size++;
  }

  remove(s: SockCommon): void {
    assert(s.hashed, 'ehash: removed, but not in it');
    const i = this.headOf(s.saddr, s.sport, s.daddr, s.dport);
    let p = this.heads[i]!;
    if (p === s) {
      this.heads[i] = s.hashNext;
    } else {
      while (p.hashNext !== s) p = p.hashNext!;
      p.hashNext = s.hashNext;
    }
    this.latest = null;
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
  all(): SockCommon[] {
    const all: SockCommon[] = [];
    for (const head of this.heads)
      for (let s: SockCommon | null = head; s !== null; s = s.hashNext) all.push(s);
    return all;
  }

  private headOf(saddr: number, sport: number, daddr: number, dport: number): number {
    return keyOf(saddr, sport, daddr, dport) & (this.heads.length - 1);
  }

  private link(s: SockCommon): void {
    const i = this.headOf(s.saddr, s.sport, s.daddr, s.dport);
    s.hashNext = this.heads[i]!;
    this.heads[i] = s;
  }

  /** For tests, too. */
  protected grow(): void {
    const all = this.all();
    this.heads = noHeads(2 * this.heads.length);
    for (const s of all) this.link(s);
  }
}
