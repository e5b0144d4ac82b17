/**
 * A scenario's description as a world that can run: hosts with their stacks and devices, links and routers, applications.
 * The only file where machines and wires meet: a device's wire is a link, a link's receiver is a device.
 *
 * Each end of a link is an interface of its own (eth0, eth1, … in the order of the links; tun0 … for a tun). Addresses are
 * 10.0.0.1 and up, in the order of the hosts.
 */
import { assert, ScenarioError } from '../../base/assert.ts';
import type { Random } from '../../base/random.ts';
import type { TraceSink } from '../../base/trace.ts';
import type { Ingress } from '../../base/train.ts';
import type { Instant } from '../../base/units.ts';
import { APP, Engine } from '../../engine/engine.ts';
import type { AppEnv } from '../../app/env.ts';
import { startApp } from '../../app/models.ts';
import { rawSource, type FrameSource } from '../../app/load/raw.ts';
import { type AppWatch, mainOf, type UserApps, UserRun } from '../../app/user.ts';
import type { Costs } from '../../kernel/costs.ts';
import { Host } from '../../kernel/host.ts';
import { Lo } from '../../kernel/lo.ts';
import type { NetDevice } from '../../kernel/netdev.ts';
import { Nic } from '../../kernel/nic.ts';
import { IDEAL_NIC, NIC_DEFAULTS, type NicOptions, PROFILES } from '../../kernel/profile.ts';
import { SkbPool } from '../../kernel/skb.ts';
import { Stack } from '../../kernel/stack.ts';
import { softnetOptionsOf, stackOptionsOf } from '../../kernel/sysctl.ts';
import { SOCKET_CALLS } from '../../kernel/syscalls/sockets.ts';
import { MACHINE_CALLS, syscallTable } from '../../kernel/syscalls/table.ts';
import { Tun, type TunOptions } from '../../kernel/tun.ts';
import { CodelLink } from '../net/codel-link.ts';
import { Link } from '../net/link.ts';
import { PORT_LIMIT, type LinkOptions } from '../net/options.ts';
import { Router, type Port } from '../net/router.ts';
import { eachMask, queuesOf } from '../scenario/check-nic.ts';
import { defaultQdisc, sysctlNumber } from '../scenario/sysctl.ts';
import type {
  AppSpec,
  FaultSpec,
  HostSpec,
  LinkDirection,
  RawApp,
  Scenario,
  UserApp,
} from '../scenario/types.ts';
import { AppRun, launch } from './apps.ts';
import { HostGuard } from './flow-guard.ts';
import { Flows, HostMeter, type FlowEnd } from './flow-meter.ts';
import { Latencies } from './latencies.ts';
import { Ledger } from './ledger.ts';
import { Pauses, stolen, stopped, type Victim } from './pauses.ts';
import { RawSender } from './raw-sender.ts';
import { mustReach, routesOf, type Edge } from './routes.ts';

const FIRST_ADDRESS = 0x0a00_0001; // 10.0.0.1
/** Descriptors a process may hold, beside one for each connection of the scenario. */
const NOFILE_SPARE = 64;

export interface WorldOptions {
  readonly trace?: TraceSink;
  /** Default true. */
  readonly invariants?: boolean;
  /** Breaks the applications on purpose in this way (mutants.ts). */
  readonly mutant?: string;
  readonly eventHash?: boolean;
  readonly apps?: UserApps;
  readonly watch?: AppWatch;
}

/** One host with what belongs to it. */
export interface HostRun {
  readonly spec: HostSpec;
  readonly host: Host;
  readonly stack: Stack;
  readonly meter: HostMeter;
  readonly devices: readonly Interface[];
}

/** One direction of a link. */
export interface WireRun {
  readonly spec: LinkDirection;
  readonly link: Link;
  /** The interface that sends, and the one that receives; null at a router. */
  readonly from: Interface | null;
  readonly to: Interface | null;
}

/** A host's end of a link. */
export type Interface = Nic | Tun;

/** As captures name it: `server:eth0`. */
export const interfaceName = (d: Interface): string => d.name.replace('/', ':');

export class World {
  readonly scenario: Scenario;
  readonly engine: Engine;
  readonly pool: SkbPool = new SkbPool();
  readonly hosts: Map<string, HostRun> = new Map();
  readonly routers: Map<string, Router> = new Map();
  readonly wires: WireRun[] = [];
  readonly apps: Map<string, AppRun> = new Map();
  readonly raws: RawSender[] = [];
  readonly flows: Flows = new Flows();
  readonly latencies: Latencies = new Latencies('latency');
  readonly ledger: Ledger;
  /** What `stop.when` still waits for. */
  readonly missing: Set<string> = new Set();
  stoppedAt: Instant | null = null;
  private readonly pauses: Pauses;
  private readonly mutant: string | null;
  private readonly userApps: UserApps;
  private readonly watch: AppWatch | undefined;
  /** Invariants are checked. */
  readonly guarded: boolean;

  constructor(scenario: Scenario, options: WorldOptions = {}) {
    this.scenario = scenario;
    this.mutant = options.mutant ?? null;
    this.userApps = options.apps ?? {};
    this.watch = options.watch;
    this.engine = new Engine({
      seed: scenario.seed,
      ...(options.trace === undefined ? {} : { trace: options.trace }),
      ...(options.eventHash === undefined ? {} : { eventHash: options.eventHash }),
    });
    this.pauses = new Pauses(this.engine);
    this.ledger = new Ledger(() => this.engine.stop());
    this.flows.onLatency = (ns) => this.latencies.record(ns);
    this.flows.isBulk = (e) => !this.ofRequests(e);
    this.guarded = options.invariants !== false;
    for (const spec of scenario.hosts) this.addHost(spec, this.guarded);
    for (const spec of scenario.routers)
      this.routers.set(spec.name, new Router(this.engine, spec.name));
    this.connect();
    for (const e of scenario.stop.when) this.missing.add(`${e.app}.${e.event}`);
    for (const spec of scenario.apps) this.addApp(spec);
    for (const spec of scenario.faults) this.pauses.add(spec, this.victimOf(spec));
  }

  private victimOf(spec: FaultSpec): Victim {
    if (spec.kind === 'steal') return stolen(this.host(spec.target).host, spec.cores);
    const process = this.apps.get(spec.target)?.process ?? null;
    assert(process !== null, 'world: a fault of no process', () => spec.target);
    return stopped(process);
  }

  host(name: string): HostRun {
    const h = this.hosts.get(name);
    assert(h !== undefined, 'world: no such host', () => name);
    return h;
  }

  private addHost(spec: HostSpec, guarded: boolean): void {
    const index = this.hosts.size;
    const sysctl = spec.sysctl;
    const syscalls = syscallTable(MACHINE_CALLS, SOCKET_CALLS);
    const host = new Host(
      this.engine,
      {
        name: spec.name,
        addr: FIRST_ADDRESS + index,
        cpus: spec.cpus,
        machine: spec.machine,
        hz: spec.hz,
        costs: spec.costs as Partial<Costs>,
        sched: spec.sched,
        idle: spec.idle,
        fileMax: sysctlNumber(sysctl, 'fs.file-max'),
        softnet: softnetOptionsOf(sysctl, spec.hz as number | 'exact'),
      },
      syscalls,
    );
    const stack = new Stack(host, {
      index,
      pool: this.pool,
      ...stackOptionsOf(sysctl, { hz: spec.hz as 250 | 'exact', ...PROFILES[spec.profile] }),
    });
    new Lo(host);
    const meter = guarded
      ? new HostGuard(spec.name, this.flows, this.engine, this.ledger)
      : new HostMeter(spec.name, this.flows, this.engine);
    stack.tcp.observer = meter;
    this.hosts.set(spec.name, { spec, host, stack, meter, devices: [] });
  }

  /** Devices and ports at both ends of every link, the links between them, and the routes over them. */
  private connect(): void {
    const edges: Edge[] = [];
    const senders: (NetDevice | Port)[] = [];
    for (const spec of this.scenario.links) {
      const ends = spec.between.map((name) =>
        this.addInterface(name, spec.directions[0].options.mtu),
      );
      spec.directions.forEach((d, i) => {
        const [from, to] = [ends[i]!, ends[1 - i]!];
        const router = this.routers.get(d.from);
        const limit =
          d.options.limit ??
          this.routerLimit(d.from) ??
          (router === undefined && d.options.codel === null ? null : PORT_LIMIT);
        const link = makeLink(this.engine, d.name, { ...d.options, limit }, to.ingress);
        if (router !== undefined) router.connect(from.sender as Port, link);
        else plug(from.sender as Interface, link);
        edges.push({ from: d.from, to: d.to, index: edges.length });
        senders.push(from.sender);
        this.wires.push({ spec: d, link, from: from.device, to: to.device });
      });
    }
    this.route(edges, senders);
  }

  private route(edges: readonly Edge[], senders: readonly (NetDevice | Port)[]): void {
    const routes = routesOf(edges, new Set(this.routers.keys()));
    for (const [from, table] of routes) {
      for (const [to, edge] of table) {
        const target = this.hosts.get(to);
        if (target === undefined) continue;
        const router = this.routers.get(from);
        if (router !== undefined) router.route(target.host.addr, senders[edge] as Port);
        else this.host(from).stack.addRoute(target.host.addr, senders[edge] as NetDevice);
      }
    }
    for (const app of this.scenario.apps) {
      const to = app.model === 'raw' ? app.to : 'connect' in app ? app.connect.host : app.host;
      mustReach(routes, app.host, to, app.path);
    }
  }

  private routerLimit(name: string): LinkOptions['limit'] {
    return this.scenario.routers.find((r) => r.name === name)?.limit ?? null;
  }

  private addInterface(
    name: string,
    mtu: number,
  ): { ingress: Ingress; sender: NetDevice | Port; device: Interface | null } {
    const router = this.routers.get(name);
    if (router !== undefined) {
      const port = router.addPort();
      return { ingress: port, sender: port, device: null };
    }
    const run = this.host(name);
    const device = makeDevice(run, mtu);
    (run.devices as Interface[]).push(device);
    return { ingress: device.ingress, sender: device, device };
  }

  private addApp(spec: AppSpec): void {
    const { host, spec: hostSpec } = this.host(spec.host);
    const nofile = this.nofile(hostSpec);
    const app = new AppRun(spec, host, this.latencies, this.guarded ? this.ledger : null, (a) =>
      this.onClosed(a),
    );
    this.apps.set(spec.name, app);
    const env: AppEnv = {
      name: spec.name,
      random: this.random,
      cpus: host.cores.length,
      mutant: this.mutant,
      resolve: (name) => this.host(name).host.addr,
    };
    if (spec.model === 'raw') this.addRaw(spec, app, rawSource(spec, env));
    else if (spec.model === 'user') {
      const own = this.userRun(spec, app, env);
      launch(app, (sys) => own.start(sys), nofile);
    } else launch(app, (sys) => startApp(sys, spec, app, env), nofile);
  }

  private userRun(spec: UserApp, app: AppRun, env: AppEnv): UserRun {
    const path = [...spec.path, 'app'];
    if (!Object.hasOwn(this.userApps, spec.app))
      throw new ScenarioError(
        `${spec.app} has not been loaded`,
        path,
        `from code: \`run(scenario, { apps: { '${spec.app}': … } })\``,
      );
    const main = mainOf({ default: this.userApps[spec.app] });
    if (typeof main !== 'function')
      throw new ScenarioError(`${spec.app}: ${main.wrong}`, path, main.hint);
    return new UserRun(spec, spec.host, main, app, env, this.watch);
  }

  private get random(): Random {
    return this.engine.random;
  }

  /** A raw source sends on the wire by itself: the machine it stands on is not part of what it shows. */
  private addRaw(spec: RawApp, app: AppRun, source: FrameSource): void {
    const to = this.host(spec.to).host.addr;
    const from = this.host(spec.host);
    const device = from.stack.route(to);
    const wire = this.wires.find((w) => w.from !== null && w.from === device);
    assert(wire !== undefined, 'world: no wire for a raw source', () => spec.name);
    const kind = this.engine.define(`app/${spec.name}/frame`, APP, () => sender.onTimer());
    const sender = new RawSender(
      this.engine,
      kind,
      this.pool,
      source,
      from.host.addr,
      to,
      wire.link,
      () => app.closed(this.engine.now),
    );
    this.raws.push(sender);
  }

  /** RLIMIT_NOFILE of processes on a host: as written, or as many as the scenario has connections, at least what Linux has. */
  private nofile(host: HostSpec): number {
    if (host.nofile !== null) return host.nofile;
    let connections = 0;
    for (const a of this.scenario.apps) if ('connections' in a) connections += a.connections;
    return Math.max(1024, connections + NOFILE_SPARE);
  }

  /** Whether a connection is one of a request client's: seen from either end. */
  private ofRequests({ host, c }: FlowEnd): boolean {
    for (const spec of this.scenario.apps) {
      if (spec.model !== 'client' && spec.model !== 'slow-loris') continue;
      const { connect } = spec;
      const [near, far] = [this.host(spec.host).host, this.host(connect.host).host];
      if (host.name === near.name && c.dst === far.addr && c.dport === connect.port) return true;
      if (host.name === far.name && c.dst === near.addr && c.sport === connect.port) return true;
    }
    return false;
  }

  private onClosed(app: AppRun): void {
    if (!this.missing.delete(`${app.name}.closed`) || this.missing.size > 0) return;
    this.stoppedAt = this.engine.now;
    this.engine.stop();
  }
}

function plug(device: Interface, link: Link): void {
  device.wire = link;
  link.sender = device;
}

function makeDevice(run: HostRun, mtu: number): Interface {
  const { spec, host } = run;
  const n = run.devices.length;
  if (spec.device === 'tun') {
    const changes: Partial<TunOptions> = {
      mtu,
      ...(spec.nic.txqueuelen === null ? {} : { txqueuelen: spec.nic.txqueuelen }),
      qdisc: spec.nic.qdisc ?? defaultQdisc(spec.sysctl),
    };
    return new Tun(host, `tun${n}`, changes);
  }
  if (spec.device === 'lo')
    throw new ScenarioError(
      `host ${spec.name} has only lo, and lo takes no link`,
      ['hosts', spec.name, 'device'],
      'use nic or tun',
    );
  return new Nic(host, `eth${n}`, nicOptions(spec, mtu));
}

function makeLink(engine: Engine, name: string, options: LinkOptions, to: Ingress): Link {
  return options.codel === null
    ? new Link(engine, name, options, to)
    : new CodelLink(engine, name, options, to);
}

/** What the scenario writes, over what the machine has. */
export function nicOptions(spec: HostSpec, mtu: number): NicOptions {
  const base = spec.machine === 'ideal' ? IDEAL_NIC : NIC_DEFAULTS;
  const n = spec.nic;
  const queues = queuesOf(n);
  return {
    ...base,
    mtu,
    queues: queues.rx,
    txQueues: queues.tx,
    ...(n.irqAffinity === null ? {} : { irqAffinity: n.irqAffinity }),
    ...(n.rps === null ? {} : { rps: eachMask(n.rps, queues.rx), rpsFlows: n.rpsFlows }),
    ...(n.xps === null ? {} : { xps: n.xps === 'off' ? null : eachMask(n.xps, queues.tx) }),
    rxRing: n.ring.rx ?? base.rxRing,
    txRing: n.ring.tx ?? base.txRing,
    coalesce: {
      ...n.coalesce,
      rxUsecs: n.coalesce.rxUsecs ?? base.coalesce.rxUsecs,
      rxFrames: n.coalesce.rxFrames ?? Math.min(base.coalesce.rxFrames, n.ring.rx ?? base.rxRing),
      txUsecs: n.coalesce.txUsecs ?? base.coalesce.txUsecs,
      txFrames: n.coalesce.txFrames ?? Math.min(base.coalesce.txFrames, n.ring.tx ?? base.txRing),
    },
    napi: n.napi ?? base.napi,
    threaded: n.threaded ?? base.threaded,
    groFlushTimeout: n.groFlushTimeout ?? base.groFlushTimeout,
    deferHardIrqs: n.deferHardIrqs ?? base.deferHardIrqs,
    tso: n.features.tso ?? base.tso,
    gso: n.features.gso ?? base.gso,
    gro: n.features.gro ?? base.gro,
    txqueuelen: n.txqueuelen ?? base.txqueuelen,
    bql: n.bql === 'off' ? null : (n.bql ?? base.bql),
    qdisc: n.qdisc ?? defaultQdisc(spec.sysctl),
  };
}
