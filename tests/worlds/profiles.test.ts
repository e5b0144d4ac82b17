/** A profile reaches the TCP of its hosts. */
import { expect, it } from 'vitest';
import { run } from '../../src/sim/run/runner.ts';
import { World } from '../../src/sim/run/world.ts';
import { load } from '../../src/sim/scenario/load.ts';
import { Cubic } from '../../src/tcp/congestion/cubic.ts';
import { RfcCubic } from '../../src/tcp/congestion/rfc-cubic.ts';

function world(scenario: string, client: string): World {
  const text = `version: 1
scenarios:
  small:
    shows: A transfer.
    ${scenario}
    hosts: { client: { ${client} }, server: {} }
    links: [ { between: [client, server], rate: 100 Mbit/s, delay: 5 ms } ]
    apps:
      server: { host: server, model: blocking, listen: 80 }
      upload: { host: client, model: bulk, connect: server:80, bytes: 1 MB }
    stop: { when: upload.closed, limit: 100 s }
`;
  return new World(load(text, { file: 'small.yaml' })[0]!);
}
const rules = (w: World): string[] =>
  ['client', 'server'].map((name) => {
    const { congestionWindow, rtoEstimator } = w.host(name).stack.tcp.options;
    return `${congestionWindow} ${rtoEstimator}`;
  });

it('`profile: rfc` of a scenario is that of its hosts, a host’s own is its own', () => {
  expect(rules(world('', ''))).toEqual(['linux linux', 'linux linux']);
  expect(rules(world('profile: rfc', ''))).toEqual(['rfc rfc', 'rfc rfc']);
  expect(rules(world('', 'profile: rfc'))).toEqual(['rfc rfc', 'linux linux']);
  expect(rules(world('profile: rfc', 'profile: linux-6.18'))).toEqual(['linux linux', 'rfc rfc']);
});

it('its connections have windows with fractions', () => {
  for (const [profile, control] of [
    ['rfc', RfcCubic],
    ['linux-6.18', Cubic],
  ] as const) {
    const w = world('', `profile: ${profile}`);
    const { observer } = w.host('client').stack.tcp;
    const seen = new Set<unknown>();
    const onSent = observer!.onSent.bind(observer);
    observer!.onSent = (c, seg, again) => {
      if (seg.len > 0) seen.add(c.congestion.constructor);
      onSent(c, seg, again);
    };
    run(w);
    expect([...seen]).toEqual([control]);
  }
});
