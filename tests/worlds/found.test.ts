/** Worlds that were found by chance and once broke a law: each has a name, and holds now. */
import { describe, expect, it } from 'vitest';
import { runScenario } from '../../src/sim/run/runner.ts';
import { load } from '../../src/sim/scenario/load.ts';

/** What once broke, and the world in which it did. */
const FOUND: Readonly<Record<string, string>> = {
  'DCTCP: an ACK that goes late has the window of now, and its right edge lies before the last one': `
    hosts:
      client: { sysctl: { net.ipv4.tcp_congestion_control: dctcp, net.ipv4.tcp_window_scaling: 0 } }
      server: { sysctl: { net.ipv4.tcp_congestion_control: dctcp } }
    links:
      - { between: [ client, server ], rate: 10 Mbit/s, delay: 1 ms, codel: { ce_threshold: 200 us }, faults: { until: 5 s }, client->server: { corrupt: 8 % } }
    apps:
      server: { host: server, model: reactive, listen: 80, codec: line, reply: upper-case }
      client: { host: client, model: talk, connect: server:80, messages: 34, codec: line, text: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa#, answer: upper-case, gap: 1 ms, connections: 2, start: 1 ms }
    stop: { when: client.closed, limit: 3000 s }
`,
};

describe('every law holds in', () => {
  it.each(Object.entries(FOUND))('%s', (_name, body) => {
    const yaml = `version: 1\nscenarios:\n  found:\n    shows: A world that once failed.${body}`;
    const [scenario] = load(yaml, { file: 'found.yaml', seed: '1' });
    const { invariants } = runScenario(scenario!);
    expect(invariants.length).toBeGreaterThan(10);
    expect(invariants.filter((i) => !i.ok)).toEqual([]);
  });
});
