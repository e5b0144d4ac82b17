/** What a Tomcat counts of itself beside its requests: how full each of its limits is. */
import type { QueueMeter } from '../../base/queue-meter.ts';
import type { TomcatOptions } from '../options.ts';
import type { Probe } from '../probe.ts';

export class TomcatMeters {
  readonly probe: Probe;
  /** Sockets that have been accepted and not closed. */
  readonly connections: QueueMeter;
  /** Threads of the executor, and those of them that run a task. */
  readonly threads: QueueMeter;
  readonly busy: QueueMeter;
  /** Tasks in the executor's queue. */
  readonly queue: QueueMeter;

  constructor(o: TomcatOptions, probe: Probe) {
    this.probe = probe;
    this.connections = probe.queue('connections', o.maxConnections ?? Infinity);
    this.threads = probe.queue('threads', o.maxThreads);
    this.busy = probe.queue('busy_threads', o.maxThreads);
    this.queue = probe.queue('executor', o.maxQueueSize ?? Infinity);
  }
}
