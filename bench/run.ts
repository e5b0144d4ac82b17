/** One world, run and counted: what every bench does. */
import { run } from '../src/sim/run/runner.ts';
import { World } from '../src/sim/run/world.ts';
import type { Scenario } from '../src/sim/scenario/types.ts';
import { cpuSeconds, type Row } from './measure.ts';

export interface Ran {
  /** User and system CPU time from the first event (the first SYN is among the first) to the last byte read. */
  readonly cpu: number;
  /** Frames with payload that were put on the wire for the first time. */
  readonly segments: number;
  /** Events that went through the queue, and CPU steps that did not have to. */
  readonly events: number;
  readonly elided: number;
  /** Bits per simulated second, from the first event to the last. */
  readonly goodput: number;
  /** Frames with payload sent again. */
  readonly retransmitted: number;
}

/** Builds a world, runs it to its end and counts. @throws Error when it does not end as its `stop:` says */
export function runWorld(scenario: Scenario, invariants: boolean): Ran {
  const world = new World(scenario, { invariants });
  let reason = '';
  const cpu = cpuSeconds(() => {
    reason = run(world).reason;
  });
  if (reason !== 'when') throw new Error(`${scenario.name}: ended by ${reason}`);
  let segments = 0;
  let retransmitted = 0;
  for (const { meter } of world.hosts.values()) {
    segments += meter.newDataSegmentsSent;
    retransmitted += meter.dataSegmentsSent - meter.newDataSegmentsSent;
  }
  const { events, elided } = world.engine.stats;
  let bytes = 0;
  for (const end of world.flows.ends) bytes += end.read;
  return {
    cpu,
    segments,
    events,
    elided,
    goodput: (bytes * 8e9) / world.engine.now,
    retransmitted,
  };
}

/**
 * Worlds that are run before anything is measured. V8 fixes the layout of a class at its eighth instance, and drops the code
 * it had made for the old one: without these, that happens in the middle of the fourth large run.
 */
const SETTLING = 10;

export function settle(small: Scenario, invariants: boolean): void {
  for (let i = 0; i < SETTLING; i++) runWorld(small, invariants);
}

/** What does not depend on the machine. */
export function perSegment(r: Ran): Row {
  return {
    'data segments': r.segments,
    'events / segment': r.events / r.segments,
    'steps elided / segment': r.elided / r.segments,
    retransmitted: r.retransmitted,
  };
}
