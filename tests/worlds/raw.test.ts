/** Raw frames into a host whose softirq is too slow for them: where each of them is in the end. */
import { expect, it } from 'vitest';
import { runScenario } from '../../src/sim/run/runner.ts';
import type { RunResult } from '../../src/sim/run/result.ts';
import { load } from '../../src/sim/scenario/load.ts';

const COUNT = 100_000;

function flood(rate: number): RunResult {
  const text = `version: 1
scenarios:
  flood:
    shows: Frames without TCP, and a core that takes 350 000 of them a second.
    hosts: { src: {}, dst: { costs: { rxFrame: 2857 ns, rxSkb: 0 ns, softirq: 0 ns, irq: 0 ns, rxComplete: 0 ns } } }
    links: [ { between: [src, dst], rate: 1 Gbit/s, delay: 50 us } ]
    apps: { frames: { host: src, model: raw, to: dst, bytes: 60 B, rate: ${rate} /s, count: ${COUNT}, arrivals: fixed } }
    stop: { limit: 10 s }
`;
  return runScenario(load(text, { file: 'flood.yaml' })[0]!);
}

const delivered = (r: RunResult): number => r.counters['dst']!['InUnknownProtos']!;

it('a frame is delivered, dropped at the ring, or still to come [validation/napi.test.ts: how many of which]', () => {
  const over = flood(890_000);
  // The run ends when the source does: a ring of 1024 and what is on the wire (50 us) are still to come.
  const left = COUNT - delivered(over) - over.metrics['dst.drops.rx_missed_errors']!;
  expect(left).toBeGreaterThanOrEqual(1024);
  expect(left).toBeLessThanOrEqual(1024 + 50);
  expect(over.invariants.filter((i) => !i.ok)).toEqual([]);
  expect(flood(200_000).metrics['dst.drops.rx_missed_errors']).toBe(0);
});

it('draws no answer', () => {
  expect(flood(232_666).metrics['dst.tcp.resets_sent']).toBe(0);
});
