/**
 * Property tests of servers, protocols and worlds: `hostwire/testing`. fast-check, a peer dependency, draws worlds; hostwire
 * runs each of them; what does not hold is made small and told as a file that `hostwire run` takes.
 *
 *     import { check, invariants, requests, scenarios } from 'hostwire/testing';
 *     import myServer from './my-server.ts';
 *
 *     test('every answer arrives, whatever the network does', () => {
 *       const worlds = scenarios({ server: './my-server.ts', workload: requests() });
 *       check(worlds, invariants.all, { apps: { './my-server.ts': myServer } });
 *     });
 *
 * Nothing here opens a file or waits: it runs wherever fast-check does.
 */
export {
  assertInvariants,
  BrokenInvariant,
  check,
  CheckError,
  type CheckOptions,
  type Demand,
} from './check.ts';
export { invariant, type Invariant, invariants, type Invariants } from './invariants.ts';
export { run, runEach } from './run.ts';
export { type WorldObject, type Written, yaml } from './world.ts';

export { bufferSizes, hosts, sockopts } from './arbitrary/hosts.ts';
export {
  between,
  faults,
  FAULTS_END,
  type LinkBody,
  type LinkChoices,
  links,
} from './arbitrary/links.ts';
export { PORT, type ScenarioChoices, scenarios } from './arbitrary/scenarios.ts';
export { type ServerChoices, type ServerModel, serverModels } from './arbitrary/servers.ts';
export {
  type MessageChoices,
  messages,
  type RequestChoices,
  requests,
  uploads,
  type WorkChoices,
  type WorkKind,
  type Workload,
  workloads,
} from './arbitrary/workloads.ts';
export type { RunOptions, RunResult } from '../sim/run/result.ts';
