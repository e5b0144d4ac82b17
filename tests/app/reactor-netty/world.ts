/** A client and a server of one's own on two hosts, as the recorded runs had them on one: loopback is left out. */
import { app, type AppContext, type UserApps } from '../../../src/app/user.ts';
import type { Sys } from '../../../src/kernel/syscall.ts';
import type { TcpServer } from '../../../src/app/reactor-netty/tcp-server.ts';
import { runScenario } from '../../../src/sim/run/runner.ts';
import type { RunResult } from '../../../src/sim/run/result.ts';
import { describe } from '../../../src/sim/scenario/load.ts';

const TALK = { model: 'talk', host: 'a', connect: 'b:80', codec: 'none' };

/** @param load  keys of the client, over a `talk` that speaks raw bytes  @param server  keys of the server */
export function world(
  server: object,
  load: object,
  own?: (sys: Sys, context: AppContext) => TcpServer,
  options: { apps?: UserApps } = {},
): RunResult {
  // Loopback hands over 64 KiB at a time; so does a NIC that waits for as much.
  const host = { nic: { coalesce: { 'rx-usecs': 60, 'rx-frames': 64 } } };
  const [scenario] = describe('bridge', {
    seed: 1,
    shows: 'the bridge at work',
    hosts: { a: host, b: host },
    links: [{ between: ['a', 'b'], rate: '10 Gbit/s', delay: '20 us' }],
    apps: {
      server: { host: 'b', listen: 80, ...server },
      load: { ...TALK, ...load },
    },
    stop: { when: 'load.closed', limit: '100 s' },
  });
  const ours = app(function* (sys, context) {
    if (own !== undefined) yield* own(sys, context).bindNow();
  });
  return runScenario(scenario!, { apps: { './own.ts': ours, ...options.apps } });
}

export const OWN = { app: './own.ts' };

/** The laws that did not hold, with what was said. */
export function broken(r: RunResult): string[] {
  return r.invariants.filter((i) => !i.ok).map((i) => `${i.name}: ${i.message}`);
}
