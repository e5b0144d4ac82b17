/** Offloaded sends wait for an ACK that lets them be larger: what that does to the ACK clock was recorded. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { mean, rowsOf, scenarioOf } from '../../fidelity/transfers.ts';
import { runScenario } from '../../src/sim/run/runner.ts';
import { load } from '../../src/sim/scenario/load.ts';
import { SenderEnd } from './sender-end.ts';

const vectors = new URL('../vectors/linux-transfers.jsonl', import.meta.url);
const row = rowsOf(readFileSync(vectors, 'utf8')).find((r) => r.name === 'rcvbuf-8192-rtt20')!;
const recorded = mean(row.recorded.goodput);

/** A window of six segments over 20 ms, and a sender whose records are worth two. */
function transfer(divisor: number): { acks: number; goodput: number } {
  const yaml = scenarioOf(row).replaceAll(
    'sysctl: {',
    `sysctl: { net.ipv4.tcp_tso_win_divisor: ${divisor},`,
  );
  const [scenario] = load(yaml, { file: 'row.yaml', seed: '1' });
  const { metrics } = runScenario(scenario!);
  return { acks: metrics['server.tcp.acks_sent']!, goodput: metrics['goodput']! / 1e6 };
}

describe('a record of two segments and a window of six [tcp_tso_should_defer; recorded: 143 and 139 ACKs, 3.40 Mbit/s]', () => {
  it('waits for the second segment, so that pairs stay pairs and each is acknowledged once', () => {
    const { acks, goodput } = transfer(3);
    expect(Math.abs(acks - 141)).toBeLessThanOrEqual(3);
    expect(Math.abs(goodput / recorded - 1)).toBeLessThan(0.02);
  });

  it('[mutant] that never waits is broken into single segments, and the last of a window stays unacknowledged', () => {
    const { acks, goodput } = transfer(1000);
    expect(acks).toBeGreaterThan(160);
    expect(goodput / recorded).toBeLessThan(0.95);
  });
});

it('waits for less than a millisecond after the last transmission [tcp_tso_should_defer, delta]', () => {
  /** Room for one segment of two, `ms` after the nine before them; an ACK is due 1.9 ms after these. */
  const sent = (ms: number): string[] => {
    const path = { gsoMaxSegs: 65_535, gsoMaxSize: 65_536 };
    const e = new SenderEnd({ rttMs: 1.9, path }).write(9000);
    e.take();
    return e.pass(ms).write(2000).sent();
  };
  expect([sent(0.999999), sent(1)]).toEqual([[], ['9001:10001']]);
});
