// Cookies, the option that carries them, and what a host remembers of its peers.
import { describe, expect, it } from 'vitest';
import type { Instant } from '../../src/base/units.ts';
import { FastOpenQueue } from '../../src/kernel/fastopen.ts';
import { FastOpenCache } from '../../src/tcp/fastopen-cache.ts';
import * as tcp from '../../src/tcp/index.ts';

const hex = (b: Uint8Array): string => [...b].map((x) => x.toString(16).padStart(2, '0')).join('');
const address = (a: number, b: number, c: number, d: number): number =>
  (a << 24) | (b << 16) | (c << 8) | d;
const at = (s: number): Instant => (s * 1e9) as Instant;
const option = (length: number, exp = false): tcp.FastOpenOption => ({
  exp,
  cookie: Uint8Array.from({ length }, (_, i) => i + 1),
});

describe('the cookie of a server', () => {
  const client = address(192, 0, 2, 1);
  const server = address(192, 168, 0, 1);
  const cookie = (key: string, from = client): string =>
    hex(tcp.fastOpenCookie(tcp.fastOpenKey(key), from, server));

  it('is SipHash of both addresses under the key, as Linux since 5.4 makes it [measured]', () => {
    expect(cookie('a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4')).toBe('3021b9d889017eeb');
    expect(cookie('00000000-00000000-00000000-00000000')).toBe('b7c12350a90dc8f5');
  });
  it('is another one for another client, and under another key', () => {
    const key = 'a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4';
    expect(cookie(key, client + 1)).not.toBe(cookie(key));
    expect(cookie('a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d5')).not.toBe(cookie(key));
  });
  it('has a key of four little-endian words', () => {
    expect(hex(tcp.fastOpenKey('a0bf63f7-00000001-00000000-cebc4a90'))).toBe(
      'f763bfa00100000000000000904abcce',
    );
  });
});

describe('the option', () => {
  it('counts with an even cookie of 4 to 16 bytes, or with none: a request [RFC 7413 §4.1.1]', () => {
    const taken = [0, 1, 2, 3, 4, 5, 8, 15, 16, 17, 18].filter(
      (n) => tcp.takeFastOpen(option(n)) !== null,
    );
    expect(taken).toEqual([0, 4, 8, 16]);
    expect(tcp.takeFastOpen(null)).toBe(null);
  });
  it('takes its bytes in words of four', () => {
    expect([0, 4, 6, 8, 16].map((n) => tcp.fastOpenBytes(option(n)))).toEqual([4, 8, 8, 12, 20]);
    expect([0, 4, 8].map((n) => tcp.fastOpenBytes(option(n, true)))).toEqual([4, 8, 12]);
    expect(tcp.fastOpenBytes(null)).toBe(0);
  });
});

describe('what a host remembers', () => {
  it('is the last cookie and MSS of each peer; a SYN-ACK without either leaves them', () => {
    const cache = new FastOpenCache();
    expect(cache.lookup(7)).toBe(null);
    cache.learn(7, 1000, option(8), 0);
    cache.learn(7, 0, null, 1);
    expect(cache.lookup(7)).toMatchObject({ mss: 1000, cookie: option(8), tryExp: 0 });
    cache.learn(7, 900, option(4), 0);
    expect(cache.lookup(7)).toMatchObject({ mss: 900, cookie: option(4) });
    cache.flush();
    expect(cache.lookup(7)).toBe(null);
  });
  it('is that a peer did not answer a request: first the experimental option is tried, then the other for ever [Linux try_exp]', () => {
    const cache = new FastOpenCache();
    const tried = [1, 2, 1].map((tryExp) => {
      cache.learn(7, 1000, null, tryExp);
      return cache.lookup(7)!.tryExp;
    });
    expect(tried).toEqual([1, 2, 2]);
  });
  it('is that SYNs with data were swallowed: it keeps from them for the time given, doubled each time, 64-fold at most', () => {
    const cache = new FastOpenCache();
    expect(cache.disable(0, at(0))).toBe(false);
    const pauses = Array.from({ length: 8 }, () => {
      cache.disable(10, at(0));
      let s = 0;
      while (cache.disabled(10, at(s))) s += 10;
      return s;
    });
    expect(pauses).toEqual([10, 20, 40, 80, 160, 320, 640, 640]);
    cache.worksAgain();
    expect(cache.disabled(10, at(0))).toBe(false);
  });
});

describe('the queue of a listener', () => {
  it('counts a connection that was reset for another minute, so that forged SYNs use it up [RFC 7413 §5.1]', () => {
    const queue = new FastOpenQueue();
    queue.maxLength = 2;
    queue.length = 2;
    expect(queue.admits(at(0))).toBe(false);
    queue.leave(false, at(0));
    expect(queue.admits(at(0))).toBe(true);
    queue.length++;
    queue.leave(true, at(1));
    expect([queue.admits(at(1)), queue.admits(at(60))]).toEqual([false, false]);
    expect(queue.admits(at(61))).toBe(true);
    expect(queue.length).toBe(1);
  });
});
