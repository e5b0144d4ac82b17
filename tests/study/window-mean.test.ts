/** `<host>.tcp.window.mean` against windows that are known from elsewhere. */
import { expect, test } from 'vitest';
import { runScenario } from '../../src/sim/run/runner.ts';
import { load } from '../../src/sim/scenario/load.ts';

function metrics(reader: string, bytes: string, rmem: string): Readonly<Record<string, number>> {
  const text = `version: 1
scenarios:
  fixed-window:
    shows: A window that cannot grow.
    hosts:
      client: { machine: ideal }
      server: { machine: ideal, sysctl: { net.ipv4.tcp_window_scaling: 0, net.ipv4.tcp_rmem: ${rmem} } }
    links: [{ between: [client, server], rate: 10 Gbit/s, delay: 5 ms }]
    apps:
      server: { host: server, listen: 80, ${reader} }
      upload: { host: client, model: bulk, connect: server:80, bytes: ${bytes} }
    stop: { when: upload.closed, limit: 100 s }
`;
  return runScenario(load(text, { file: 'fixed.yaml' })[0]!).metrics;
}

test('without window scaling it is 65 535 B, less what the buffer grows through at first; goodput is that / RTT', () => {
  // Broken once: the room in memory, and not what 16 bits can say of it, would be 2.6 MB here.
  const m = metrics('model: blocking', '20 MB', '4096 4194304 6291456');
  expect(m['server.tcp.window.mean']! / 65_535).toBeGreaterThan(0.99);
  expect(m['server.tcp.window.mean']!).toBeLessThanOrEqual(65_535);
  expect(m['goodput']! / ((65_535 * 8) / 0.01)).toBeGreaterThan(0.97);
  expect(m['goodput']! / ((65_535 * 8) / 0.01)).toBeLessThanOrEqual(1);
});

test('a window that is closed for most of the time weighs in with the time that it is closed', () => {
  const m = metrics('model: stalled, after: 100 kB, stall: 5 s', '1 MB', '4096 65536 65536');
  const open = metrics('model: blocking', '1 MB', '4096 65536 65536')['server.tcp.window.mean']!;
  expect(m['server.tcp.zero_window_time']! / 1e9).toBeGreaterThan(4.5);
  // Broken once: a mean over segments, or one that stops its clock at zero, would be near that of the open window.
  expect(m['server.tcp.window.mean']!).toBeLessThan(0.1 * open);
});

test('it is 0 where no data came', () => {
  const m = metrics('model: blocking', '20 MB', '4096 4194304 6291456');
  expect(m['client.tcp.window.mean']).toBe(0);
});
