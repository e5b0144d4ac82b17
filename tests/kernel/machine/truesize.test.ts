/** What a packet is charged for: as SK_MEMINFO_RMEM_ALLOC showed it on 6.18 [tests/packetdrill/scripts/README.md]. */
import { expect, it } from 'vitest';
import { nicTruesize, tailroomOf, tunTruesize } from '../../../src/kernel/truesize.ts';
import { linearTruesize } from '../../../src/tcp/truesize.ts';

it.each([
  [1, 832],
  [500, 1280],
  [1000, 2304],
  [1500, 2304],
  [4000, 8448],
  [10_000, 12_544],
])('%i bytes of payload from a tun device cost %i', (payload, truesize) => {
  expect(tunTruesize(40 + payload)).toBe(truesize);
});
it('would cost 16,640 for 10,000 if all of it lay in one piece (mutant)', () => {
  expect(linearTruesize(64 + 10_040)).toBe(16_640);
});
it('is half a page for every frame of a NIC with an MTU of 1500', () => {
  expect(nicTruesize(1500)).toBe(2304);
});
it('leaves room behind a packet that lies in one piece, and none behind one in pages', () => {
  expect(tailroomOf(832, 41)).toBe(832 - 256 - 320 - 64 - 41);
  expect(tailroomOf(12_544, 10_040)).toBe(0);
});
