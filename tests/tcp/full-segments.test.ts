/** What goes on the wire fits the path, whatever its options: SACK blocks and a D-SACK take room from the payload. */
import { expect, it } from 'vitest';
import type { Segment } from '../../src/tcp/index.ts';
import { both, MS, Pair, reads, SEC, writes } from './pair.ts';

const MTU = 1500;

/**
 * Two streams at once over wires that lose: what is sent again carries a newer ACK, so that the other end answers with new
 * data and a D-SACK in one segment.
 */
function exchange(): { largest: number; withSacks: number } {
  let largest = 0;
  let withSacks = 0;
  const path = { gsoMaxSegs: 44 };
  const lossy = (every: number) => (_: Segment, n: number) =>
    n % every === 0 ? { drop: true } : null;
  const p = new Pair({
    clientPath: path,
    serverPath: path,
    wire: { delayNs: 5 * MS, nsPerByte: 80, fate: lossy(13) },
    back: { delayNs: 5 * MS, nsPerByte: 80, fate: lossy(7) },
  });
  p.client.app = both(writes(300_000, 65_536), reads());
  p.server.app = both(writes(300_000, 65_536), reads());
  p.onWire = (_from, s: Segment) => {
    if (s.segs < 2) return;
    largest = Math.max(largest, s.headerLen + s.segSize);
    if (s.nsack > 0) withSacks++;
  };
  p.open();
  p.run(100 * SEC);
  expect(p.client.received).toBe(300_000);
  return { largest, withSacks };
}

it('no frame of an offloaded send is larger than the MTU when it carries a D-SACK [tcp_current_mss]', () => {
  const { largest, withSacks } = exchange();
  expect(withSacks).toBeGreaterThan(10);
  expect(largest).toBeLessThanOrEqual(MTU);
});
