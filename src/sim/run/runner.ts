/** Runs a world to its end and makes the result. */
import { ScenarioError } from '../../base/assert.ts';
import { LAST, type Instant } from '../../base/units.ts';
import { SLEEPING } from '../../kernel/sched.ts';
import { SYSCALL_NAMES } from '../../kernel/syscall.ts';
import type { Sock } from '../../kernel/socket.ts';
import { fillTcpInfo, TcpInfo } from '../../kernel/tcp-info.ts';
import { focusOf, type Scenario } from '../scenario/types.ts';
import { audit, conserved } from './audit.ts';
import { tapWires } from './capture-taps.ts';
import { measure } from './measure.ts';
import { isMutant, MUTANT_NAMES } from './mutant-names.ts';
import { MUTANTS } from './mutants.ts';
import type {
  ConnectionSummary,
  HistogramSummary,
  RunOptions,
  RunResult,
  StopOutcome,
  WaitingThread,
} from './result.ts';
import { VERSION } from './version.ts';
import { World } from './world.ts';

/** Connections whose tcp_info a result holds; all of them count in its metrics. */
const CONNECTIONS_SHOWN = 100;
/** Times that `onProgress` is asked between start and limit. */
const SLICES = 500;
/** … and at least so often, ns: a world that moves much in little time can be stopped as well. */
const LONGEST_SLICE = 100_000_000;
/** When what is conserved is looked at for the first time, ns; then whenever the time has doubled, and at the end. */
const FIRST_LOOK = 1_000_000;

/**
 * One scenario, one run.
 *
 * @throws ScenarioError when the world cannot be built, LivelockError when its clock stops moving, InvariantError when
 *   hostwire itself is broken
 */
export function runScenario(scenario: Scenario, options: RunOptions = {}): RunResult {
  const world = new World(scenario, {
    ...(options.trace === undefined ? {} : { trace: options.trace }),
    ...(options.invariants === undefined ? {} : { invariants: options.invariants }),
    ...(options.eventHash === undefined ? {} : { eventHash: options.eventHash }),
    ...(options.mutant === undefined ? {} : { mutant: options.mutant }),
    ...(options.apps === undefined ? {} : { apps: options.apps }),
    ...(options.watch === undefined ? {} : { watch: options.watch }),
  });
  if (options.mutant !== undefined) mutate(world, options.mutant);
  if (options.capture !== undefined) tapWires(world, options.capture);
  return finish(world, run(world, options), options);
}

/** @throws ScenarioError when there is no such mutant */
function mutate(world: World, name: string): void {
  if (!isMutant(name))
    throw new ScenarioError(
      `there is no mutant \`${name}\``,
      [],
      `there are: ${MUTANT_NAMES.join(', ')}`,
    );
  MUTANTS[name].apply(world);
}

/** Runs to `stop.when`, to the limit, to the first broken law, or until nothing is left to happen. */
export function run(world: World, options: Pick<RunOptions, 'onProgress'> = {}): StopOutcome {
  const { engine } = world;
  const limit = Math.min(world.scenario.stop.limitNs, LAST);
  const slice =
    options.onProgress === undefined ? limit : Math.min(Math.ceil(limit / SLICES), LONGEST_SLICE);
  let reason: StopOutcome['reason'] = 'limit';
  let look = world.guarded ? FIRST_LOOK : Infinity;
  let asked = Math.min(limit, engine.now + slice);
  for (;;) {
    const until = Math.min(asked, look) as Instant;
    const outcome = engine.run(until);
    if (outcome === 'idle') reason = 'idle';
    if (outcome === 'stopped') reason = world.stoppedAt === null ? 'stopped' : 'when';
    if (outcome !== 'until' || until >= limit) break;
    if (until === look) {
      look *= 2;
      conserved(world);
      if (!world.ledger.holds) reason = 'stopped';
    }
    if (until === asked) {
      if (options.onProgress?.({ nowNs: engine.now, limitNs: limit }) === false) reason = 'stopped';
      asked = Math.min(limit, engine.now + slice);
    }
    if (reason === 'stopped') break;
  }
  if (world.missing.size === 0 && world.scenario.stop.when.length > 0) reason = 'when';
  // Without `when` a scenario runs until nothing is left to happen.
  if (reason === 'idle' && world.scenario.stop.when.length === 0) reason = 'when';
  return { reason, atNs: engine.now, missing: [...world.missing] };
}

function finish(world: World, stop: StopOutcome, options: RunOptions): RunResult {
  const { scenario, engine, ledger } = world;
  const guarded = options.invariants !== false;
  if (guarded) audit(world, stop);
  const measured = measure(world);
  return {
    scenario: scenario.name,
    shows: scenario.shows,
    label: scenario.label,
    variant: scenario.variant,
    settings: scenario.settings,
    seed: scenario.seed,
    profile: scenario.profile,
    version: VERSION,
    hosts: scenario.hosts.map((h) => h.name),
    focus: focusOf(scenario),
    simulatedNs: engine.now,
    wallMs: 0,
    stop,
    metrics: measured.metrics,
    histograms: histograms(world),
    counters: measured.counters,
    drops: measured.drops,
    queues: measured.queues,
    connections: connections(world),
    invariants: guarded ? ledger.verdicts() : [],
    mutant: options.mutant ?? null,
    firstBroken: ledger.first,
    compare: scenario.compare,
    expectations: [],
    fingerprint: engine.fingerprint(),
    eventFingerprint: engine.eventFingerprint(),
    waiting: stop.reason === 'when' ? [] : waiting(world),
  };
}

function histograms(world: World): HistogramSummary[] {
  const all = [
    world.latencies,
    ...[...world.apps.values()].flatMap((a) => [a.latencies, a.serviceLatencies]),
  ];
  return all.filter((l) => !l.empty).map((l) => l.summary());
}

function connections(world: World): ConnectionSummary[] {
  const names = new Map<number, string>();
  for (const [name, run] of world.hosts) names.set(run.host.addr, name);
  return world.flows.ends.slice(0, CONNECTIONS_SHOWN).map((e) => ({
    name: `${e.host.name}:${e.c.sport}->${names.get(e.c.dst) ?? e.c.dst}:${e.c.dport}`,
    host: e.host.name,
    info: { ...tcpInfo(e.c.owner as Sock | null), bytes_read: e.read, bytes_written: e.written },
  }));
}

/** What getsockopt(TCP_INFO) would show; nothing of a connection without a socket. */
function tcpInfo(sock: Sock | null): Record<string, number> {
  if (sock === null || sock.c === null) return {};
  const into = new TcpInfo();
  fillTcpInfo(sock, into);
  return Object.fromEntries(Object.entries(into));
}

function waiting(world: World): WaitingThread[] {
  const out: WaitingThread[] = [];
  for (const [host, run] of world.hosts) {
    for (const t of run.host.threads()) {
      if (t.state !== SLEEPING) continue;
      const fd = t.process.fds.get(t.trap.fd);
      const call = `${SYSCALL_NAMES[t.trap.nr] ?? 'exit'}${fd === null ? '' : `(${t.trap.fd})`}`;
      out.push({ host, thread: t.name, call, sinceNs: t.asleepSince });
    }
  }
  return out;
}
