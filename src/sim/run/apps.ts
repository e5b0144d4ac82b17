/**
 * Applications of a scenario as processes of its hosts, and what they tell: latencies, counts, queues, and that they are
 * through. An application counts as closed when all threads of its process have ended.
 */
import { QueueMeter } from '../../base/queue-meter.ts';
import { NEVER, type Instant } from '../../base/units.ts';
import type { AppLaw, Probe } from '../../app/probe.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Host } from '../../kernel/host.ts';
import type { Process } from '../../kernel/process.ts';
import type { ThreadStart } from '../../kernel/syscall.ts';
import type { AppSpec } from '../scenario/types.ts';
import { Latencies } from './latencies.ts';
import type { Ledger } from './ledger.ts';

/** One application while it runs. */
export class AppRun implements Probe {
  readonly name: string;
  readonly model: string;
  readonly host: Host;
  readonly latencies: Latencies;
  /** The same from when a client turned to the request. */
  readonly serviceLatencies: Latencies;
  readonly counts: Map<string, number> = new Map();
  readonly queues: QueueMeter[] = [];
  process: Process | null = null;
  closedAt: Instant = NEVER;
  private readonly engine: Engine;
  /** Its connections are those of its host with this port: its own when it listens, the other end's when it connects. */
  private readonly port: { readonly local: number } | { readonly remote: number } | null;
  private readonly all: Latencies;
  /** Null: nobody checks laws. */
  private readonly ledger: Ledger | null;
  private readonly ends: { readonly law: AppLaw; readonly broken: () => string | null }[] = [];
  private readonly onClosed: (app: AppRun) => void;

  /** @param all  the run's own latencies, which take every application's as well */
  constructor(
    spec: AppSpec,
    host: Host,
    all: Latencies,
    ledger: Ledger | null,
    onClosed: (app: AppRun) => void,
  ) {
    this.name = spec.name;
    this.model = spec.model;
    this.host = host;
    this.engine = host.engine;
    this.port =
      'listen' in spec
        ? { local: spec.listen }
        : 'connect' in spec
          ? { remote: spec.connect.port }
          : null;
    this.latencies = new Latencies(`${spec.name}.latency`);
    this.serviceLatencies = new Latencies(`${spec.name}.service_latency`);
    this.all = all;
    this.ledger = ledger;
    this.onClosed = onClosed;
  }

  /** Whether a connection of `host` between these ports is this application's. */
  owns(host: string, local: number, remote: number): boolean {
    const port = this.port;
    if (port === null || host !== this.host.name) return false;
    return 'local' in port ? port.local === local : port.remote === remote;
  }

  now(): Instant {
    return this.engine.now;
  }

  latency(intended: Instant, done: Instant, begun?: Instant): void {
    if (begun !== undefined) this.serviceLatencies.record(done - begun);
    this.latencies.record(done - intended);
    this.all.record(done - intended);
  }

  count(name: string, n: number): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + n);
  }

  queue(name: string, bound: number): QueueMeter {
    const meter = new QueueMeter(`${this.name}.${name}`, bound);
    this.queues.push(meter);
    return meter;
  }

  require(law: AppLaw, holds: boolean, detail: () => string): void {
    const ledger = this.ledger;
    if (ledger === null) return;
    ledger.checks[law]++;
    if (!holds) ledger.fail(law, this.engine.now, `${this.name}: ${detail()}`);
  }

  atEnd(law: AppLaw, broken: () => string | null): void {
    this.ends.push({ law, broken });
  }

  get tracing(): boolean {
    return this.engine.trace.on;
  }

  trace(lane: string, what: string, fields: Readonly<Record<string, number | string>>): void {
    this.engine.trace.record(
      this.engine.now,
      `${this.host.name}/${this.name}/${lane}`,
      what,
      fields,
    );
  }

  /** The run has ended: what was left for then. */
  audit(): void {
    for (const { law, broken } of this.ends) {
      const what = broken();
      this.require(law, what === null, () => what!);
    }
  }

  closed(at: Instant): void {
    if (this.closedAt !== NEVER) return;
    this.closedAt = at;
    this.onClosed(this);
  }
}

/** Starts the application's first thread; its process is named after it. */
export function launch(app: AppRun, start: ThreadStart, nofile: number): void {
  const process = app.host.process(app.name, nofile);
  app.process = process;
  process.spawn(start);
}
