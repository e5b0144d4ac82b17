/** HyStart on a whole host: where slow start ends, as Linux 6.18 does it. */
import { describe, expect, it } from 'vitest';
import { run } from '../../packetdrill/support.ts';
import { sending, windowIs } from './script.ts';

/**
 * A path that delivers two segments of 1000 bytes every 100 ms: each ACK comes 100 ms after the one before, so that the round trip
 * grows by 100 ms for every two segments in flight. After each fifth ACK the window must be what `windows` says next.
 */
function twoSegmentsEvery100ms(windows: readonly number[], setup: string): string {
  const lines = sending(`net.ipv4.tcp_congestion_control=cubic\n${setup}`);
  let acked = 1;
  for (const window of windows) {
    for (let k = 0; k < 5; k++) lines.push(`+.1 < . 1:1(0) ack ${(acked += 2000)} win 1000`);
    lines.push(windowIs(window));
  }
  return lines.join('\n');
}

const verdict = (windows: readonly number[], setup: string): string =>
  run(twoSegmentsEvery100ms(windows, setup)).verdict;

const detect = (mode: number): string =>
  `echo ${mode} > /sys/module/tcp_cubic/parameters/hystart_detect`;

describe('a path of two segments every 100 ms [T9]', () => {
  it('has windows of 10, 20, 30, 36: rising delay ends slow start at the ninth sample of a round', () => {
    expect(verdict([20, 30, 36], detect(3))).toBe('pass');
    expect(verdict([20, 30, 36], detect(2))).toBe('pass');
  });
  it('[mutant] goes on to 40 and 50 where delay is not looked at', () => {
    expect(verdict([20, 30, 36], detect(1))).toBe('fail');
    expect(verdict([20, 30, 40, 50], detect(1))).toBe('pass');
  });
});
