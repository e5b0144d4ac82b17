/** What event loops and channels tell the probe: counters over all of them, and a queue meter for each queue. */
import type { QueueMeter } from '../../base/queue-meter.ts';
import type { Probe } from '../probe.ts';
import { StreamLaws } from '../reactive/laws.ts';

export class LoopMeters {
  readonly probe: Probe;
  /** Of streams that are subscribed to on these loops. */
  readonly laws: StreamLaws;
  /** Meters of channels that are closed: used again, so that there are as many as channels at once. */
  private readonly idle: QueueMeter[] = [];

  /** @param mutant how the application is to break on purpose (AppEnv.mutant) */
  constructor(probe: Probe, mutant: string | null = null) {
    this.probe = probe;
    this.laws = new StreamLaws(probe, mutant);
  }

  /** Tasks that wait for one event loop. */
  taskQueue(): QueueMeter {
    return this.probe.queue('tasks', Infinity);
  }

  /** Entries of one outbound buffer. */
  outboundBuffer(): QueueMeter {
    return this.idle.pop() ?? this.probe.queue('outbound', Infinity);
  }

  /** The buffer is empty, and its channel closed. */
  release(outbound: QueueMeter): void {
    this.idle.push(outbound);
  }
}
