/** TCP_CC_INFO: what a congestion control says of itself (linux/inet_diag.h union tcp_cc_info). */
import { expect, it } from 'vitest';
import type { CongestionName } from '../../../src/tcp/index.ts';
import { MS, Pair, reads, SEC, writes } from '../pair.ts';

const infoOf = (congestionControl: CongestionName): Readonly<Record<string, number>> => {
  const p = new Pair({
    client: { congestionControl },
    server: { congestionControl },
    wire: { delayNs: 10 * MS, nsPerByte: 400 },
  });
  p.client.app = writes(1e9, 65_536, false);
  p.server.app = reads();
  p.establish();
  p.run(2 * SEC);
  return p.client.c!.congestion.info(p.client.c!);
};

it('shows the bandwidth and the round trip that BBR has measured', () => {
  const info = infoOf('bbr');
  // 20 Mbit/s are 2.5 MB/s, headers included.
  expect(info['bbr_bw_lo']! / 2.5e6).toBeGreaterThan(0.9);
  expect(info['bbr_bw_lo']! / 2.5e6).toBeLessThan(1.05);
  expect(info['bbr_bw_hi']).toBe(0);
  expect(info['bbr_min_rtt']! / 20_000).toBeCloseTo(1, 1);
});
it("shows DCTCP's share of marks, 0 on a link that marks nothing", () => {
  const { dctcp_enabled, dctcp_alpha, dctcp_ab_ecn } = infoOf('dctcp');
  expect([dctcp_enabled, dctcp_ab_ecn]).toEqual([1, 0]);
  expect(dctcp_alpha).toBeLessThan(1024);
});
it('is empty for CUBIC and Reno', () =>
  expect([infoOf('cubic'), infoOf('reno')]).toEqual([{}, {}]));
