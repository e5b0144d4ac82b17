/**
 * What event loops and channels tell the probe. One for an application, shared by its loops: counters and queues are sums
 * over them.
 */
import type { QueueMeter } from '../../base/queue-meter.ts';
import type { Probe } from '../probe.ts';

export class LoopMeters {
  readonly probe: Probe;
  /** Tasks that wait in the task queues. */
  readonly tasks: QueueMeter;
  /** Entries of all outbound buffers. */
  readonly outbound: QueueMeter;

  constructor(probe: Probe) {
    this.probe = probe;
    this.tasks = probe.queue('tasks', Infinity);
    this.outbound = probe.queue('outbound', Infinity);
  }
}
