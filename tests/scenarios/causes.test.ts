/**
 * Each scenario of scenarios.yaml shows a mechanism, and says so in an expectation. Here the cause of the mechanism is taken
 * away, and that expectation must fail: an expectation that holds without its cause shows nothing. (scenarios.test.ts sees
 * that it holds with its cause.)
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { judge } from '../../src/sim/run/judge.ts';
import { runScenario } from '../../src/sim/run/runner.ts';
import { load } from '../../src/sim/scenario/load.ts';

const file = 'scenarios.yaml';
const text = readFileSync(new URL('../../scenarios.yaml', import.meta.url), 'utf8');

/** Scenario, what removes the cause, and the metric whose expectation must fail then. */
const CAUSES: readonly (readonly [scenario: string, set: readonly string[], that: string])[] = [
  ['bulk-transfer', ['links.0.client->server.loss=1 %'], 'client.tcp.retransmitted'],
  [
    'small-receive-buffer',
    ['apps.server.sockopt.SO_RCVBUF=1048576'],
    'server.receive_buffer.bound',
  ],
  ['rough-path', ['links.0.client->server.loss=0 %'], 'link.client->server.drops.loss'],
  ['stalled-reader', ['apps.server.stall=0 ms'], 'client.tcp.probes_sent'],
  ['slow-reader', ['apps.server.pause=0 ms'], 'server.receive_buffer.peak'],
  ['accept-queue-overflow', ['apps.server.backlog=128'], 'server.drops.ListenOverflows'],
  ['open-loop', ['apps.clients.arrivals=fixed'], 'server.ctxt.voluntary'],
  ['coordinated-omission', ['apps.server.start=0 s'], 'load.latency.mean'],
  ['slow-loris', ['apps.loris.connections=39'], 'askers.latency.max'],
  [
    'thousand-clients',
    ['apps.clients.connections=10', 'apps.clients.requests=10'],
    'server.ctxt.voluntary',
  ],
  ['read-already-there', ['apps.server.start=0 ms'], 'server.wakeups'],
  [
    'read-as-it-comes',
    ['hosts.server.nic.coalesce.rx-usecs=0', 'hosts.server.nic.coalesce.rx-frames=1'],
    'server.wakeups',
  ],
  [
    'read-small-request',
    ['apps.server.request=100 kB', 'apps.asker.request=100 kB'],
    'server.syscalls.read',
  ],
  ['read-large-request', ['apps.server.sockopt.SO_RCVBUF=4194304'], 'goodput'],
  ['read-late', ['apps.server.pause=0 ms'], 'goodput'],
  ['read-many-clients', ['apps.askers.connections=1'], 'server.wakeups'],
  ['slow-logic', ['apps.server.delay=0 ms'], 'server.auto_read_off'],
  [
    'slow-network',
    ['links.0.server->client.rate=1 Gbit/s', 'apps.server.response=2 KiB'],
    'server.outbound.peak',
  ],
  ['upper-case', ['apps.talker.messages=100'], 'server.request_calls'],
  ['event-loop-blocking', ['apps.server.pause=0 ms'], 'askers.latency.max'],
  ['fin-with-backlog', ['apps.server.operator=flatMap'], 'server.requests'],
  ['decoder-defeats-limit', ['apps.sender.messages=20'], 'server.receiver_queue.peak'],
  ['full-accept-queue', ['apps.server.backlog=128'], 'clients.latency.max'],
  ['same-arrivals', ['apps.server.work=1 us'], 'latency.mean'],
  ['tomcat-thread-starvation', ['apps.server.maxThreads=60'], 'server.executor.peak'],
  ['tomcat-nio-and-bio', ['apps.users.think=0 ms'], 'users.latency.max'],
  ['interrupt-coalescing', ['apps.asker.rate=1000 /s'], 'server.irq'],
  ['receive-livelock', ['hosts.host.costs.irq=0 ns'], 'host.softnet.processed'],
];

describe('without its cause', () => {
  it.each(CAUSES)('%s with --set %j fails what it expects of %s', (name, set, that) => {
    const runs = load(text, { file, set, names: [name] }).map((scenario) => ({
      scenario,
      result: runScenario(scenario),
    }));
    judge(runs);
    const about = runs.flatMap((r) => r.result.expectations.filter((e) => e.text.startsWith(that)));
    expect(about.filter((e) => e.ok === false)).not.toEqual([]);
  });
});

it('every scenario is here', () => {
  const names = new Set(load(text, { file }).map((s) => s.name));
  expect(CAUSES.map(([name]) => name)).toEqual([...names]);
});
