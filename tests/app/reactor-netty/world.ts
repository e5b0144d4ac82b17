/** A client and a server of one's own on one host, over loopback, as in the recorded runs. */
import { app, type AppContext, type UserApps } from '../../../src/app/user.ts';
import type { Sys } from '../../../src/kernel/syscall.ts';
import type { TcpServer } from '../../../src/app/reactor-netty/tcp-server.ts';
import { runScenario } from '../../../src/sim/run/runner.ts';
import type { MutantName } from '../../../src/sim/run/mutant-names.ts';
import type { RunResult } from '../../../src/sim/run/result.ts';
import { describe } from '../../../src/sim/scenario/load.ts';

const TALK = { model: 'talk', host: 'b', connect: 'b:80', codec: 'none' };

/** @param load  keys of the client, over a `talk` that speaks raw bytes  @param server  keys of the server */
export function world(
  server: object,
  load: object,
  own?: (sys: Sys, context: AppContext) => TcpServer,
  options: { apps?: UserApps; mutant?: MutantName } = {},
): RunResult {
  const [scenario] = describe('bridge', {
    seed: 1,
    shows: 'the bridge at work',
    // The recorded machine had BBR: its send buffers begin with 3.9 MB.
    hosts: { b: { cpus: 2, sysctl: { 'net.ipv4.tcp_congestion_control': 'bbr' } } },
    apps: {
      server: { host: 'b', listen: 80, ...server },
      load: { ...TALK, ...load },
    },
    stop: { when: 'load.closed', limit: '100 s' },
  });
  const ours = app(function* (sys, context) {
    if (own !== undefined) yield* own(sys, context).bindNow();
  });
  return runScenario(scenario!, { ...options, apps: { './own.ts': ours, ...options.apps } });
}

export const OWN = { app: './own.ts' };

/** The laws that did not hold, with what was said. */
export function broken(r: RunResult): string[] {
  return r.invariants.filter((i) => !i.ok).map((i) => `${i.name}: ${i.message}`);
}
