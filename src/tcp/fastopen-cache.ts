/**
 * What a host remembers for Fast Open between connections: for each peer its cookie and MSS (RFC 7413 §4.1.3; Linux keeps both
 * in tcp_metrics), and whether paths seem to swallow SYNs with data (tcp_fastopen_active_disable).
 */
import type { Instant } from '../base/units.ts';
import type { FastOpenOption } from './fastopen-option.ts';

/** What is known of one peer. */
export class FastOpenPeer {
  /** From its last SYN-ACK; 0: unknown. */
  mss = 0;
  /** Null: none. */
  cookie: FastOpenOption | null = null;
  /** It answered a request without a cookie: 1, the experimental option is tried next; 2, that was tried too. */
  tryExp = 0;
}

/** Disabled for 2^6 times the configured time at most. */
const MOST_DOUBLINGS = 6;

export class FastOpenCache {
  private readonly peers = new Map<number, FastOpenPeer>();
  /** How often Fast Open was disabled in a row, and when last. */
  private disables = 0;
  private disabledAt = 0;

  lookup(addr: number): FastOpenPeer | null {
    return this.peers.get(addr) ?? null;
  }

  /** What a SYN-ACK of `addr` has said (tcp_fastopen_cache_set). @param tryExp what to try if there is no cookie yet */
  learn(addr: number, mss: number, cookie: FastOpenOption | null, tryExp: number): void {
    let p = this.peers.get(addr);
    if (p === undefined) this.peers.set(addr, (p = new FastOpenPeer()));
    if (mss > 0) p.mss = mss;
    if (cookie !== null && cookie.cookie.length > 0) p.cookie = cookie;
    else if (tryExp > p.tryExp && p.cookie === null) p.tryExp = tryExp;
  }

  /** `ip tcp_metrics flush` */
  flush(): void {
    this.peers.clear();
  }

  // ---- black holes

  /** @param timeoutS net.ipv4.tcp_fastopen_blackhole_timeout_sec; 0: never */
  disabled(timeoutS: number, now: Instant): boolean {
    if (timeoutS === 0 || this.disables === 0) return false;
    const times = 1 << Math.min(this.disables - 1, MOST_DOUBLINGS);
    return now < this.disabledAt + times * timeoutS * 1_000_000_000;
  }

  /** A connection that used Fast Open looks as if the path had swallowed it. @returns whether that has a consequence */
  disable(timeoutS: number, now: Instant): boolean {
    if (timeoutS === 0) return false;
    this.disables++;
    this.disabledAt = now;
    return true;
  }

  /** One that was tried after a pause got through. */
  worksAgain(): void {
    this.disables = 0;
  }

  get wasDisabled(): boolean {
    return this.disables > 0;
  }
}
