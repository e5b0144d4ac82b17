/**
 * Tomcat: a connector that accepts as many connections as it may, and hands requests (`nio`) or connections (`bio`) to a pool of
 * threads in front of which a queue waits. Each of its limits does something else when it is reached: maxThreads makes requests
 * wait, maxConnections leaves connections in the kernel, acceptCount lets SYNs drop, maxQueueSize closes.
 */
import type { Sys, ThreadBody } from '../../kernel/syscall.ts';
import type { AppEnv } from '../env.ts';
import type { TomcatOptions } from '../options.ts';
import type { Probe } from '../probe.ts';
import { openListener } from '../setup.ts';
import { bioEndpoint } from './bio-endpoint.ts';
import { LimitLatch } from './limit-latch.ts';
import { TomcatMeters } from './meters.ts';
import { nioEndpoint } from './nio-endpoint.ts';

export function* tomcat(sys: Sys, o: TomcatOptions, probe: Probe, env: AppEnv): ThreadBody {
  const listener = yield* openListener(sys, { ...o, backlog: o.acceptCount }, 0);
  const meters = new TomcatMeters(o, probe);
  const limit = env.mutant === 'unlatched-acceptor' ? null : o.maxConnections;
  const latch = new LimitLatch(limit);
  const endpoint = o.protocol === 'nio' ? nioEndpoint : bioEndpoint;
  yield* endpoint(sys, o, listener, latch, meters, env);
}
