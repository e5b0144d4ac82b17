/** For how much one ACK counts: net.ipv4.tcp_abc (RFC 3465). */
import { describe, expect, it } from 'vitest';
import { MS } from '../../validation/dumbbell.ts';
import { Law } from '../../validation/law.ts';
import { run } from '../../packetdrill/support.ts';
import { sending, windowIs } from './script.ts';

/** The window after one ACK for each of `acked` segments of 1000 bytes, from an initial window of 10. */
function windows(acked: readonly number[], expected: readonly number[], sysctl: string): string {
  const lines = sending(sysctl);
  let ack = 1;
  acked.forEach((n, i) => {
    lines.push(`+.01 < . 1:1(0) ack ${(ack += 1000 * n)} win 1000`);
    lines.push(windowIs(expected[i]!));
  });
  return run(lines.join('\n'), {}).verdict;
}

describe.each(['reno', 'cubic'])('slow start of %s [RFC 3465 §2.2]', (control) => {
  const cc = `net.ipv4.tcp_congestion_control=${control}`;
  const acked = [1, 2, 4, 3];

  it('grows by what is acknowledged, as Linux has done since 3.9', () => {
    expect(windows(acked, [11, 13, 17, 20], cc)).toBe('pass');
  });
  it('grows by one for each ACK without byte counting, and with a limit of one segment [RFC 5681 §3.1]', () => {
    expect(windows(acked, [11, 12, 13, 14], `${cc} net.ipv4.tcp_abc=0`)).toBe('pass');
    expect(windows(acked, [11, 12, 13, 14], `${cc} net.ipv4.tcp_abc=1`)).toBe('pass');
  });
  it('grows by two at most with a limit of two', () => {
    expect(windows(acked, [11, 13, 15, 17], `${cc} net.ipv4.tcp_abc=2`)).toBe('pass');
  });
  it('[mutant] the limit is seen: a delayed ACK does not count for two', () => {
    expect(windows(acked, [11, 13, 17, 20], `${cc} net.ipv4.tcp_abc=1`)).toBe('fail');
  });
});

describe.each([
  ['reno', 'linux'],
  ['reno', 'rfc'],
  ['cubic', 'linux'],
  ['cubic', 'rfc'],
] as const)('congestion avoidance of %s (%s) [RFC 5681 §3.1, equation 3]', (control, window) => {
  /** What 30 ACKs for `segments` each make of a window of 20. */
  const after = (abc: number, segments: number): number => {
    const options = { congestionControl: control, congestionWindow: window, abc } as const;
    const l = new Law(10 * MS, options);
    l.begin(20);
    for (let i = 0; i < 30; i++) l.ack(segments, 10 * MS);
    return l.c.cwnd;
  };
  it('counts an ACK for two segments like one for one without byte counting', () => {
    expect(after(0, 2)).toBe(after(0, 1));
    expect(after(0, 1)).toBeGreaterThan(20);
  });
  it('[mutant] and for two with it, whatever the limit in slow start', () => {
    for (const abc of [1, 2]) expect(after(abc, 2)).toBeGreaterThan(after(abc, 1));
  });
});
