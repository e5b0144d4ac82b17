/**
 * A host's clocks: CLOCK_MONOTONIC counts from boot, CLOCK_REALTIME is an epoch plus an offset plus drift. Kernel timers do
 * not drift: what a host does at an instant never depends on what its clock reads.
 *
 * Left out: steps and slewing while the host runs (adjtimex).
 */
import type { Instant } from '../base/units.ts';

export interface ClockOptions {
  /** What CLOCK_REALTIME reads at boot, µs since 1970: as ns it would be more than a number holds exactly. */
  readonly epochUs: number;
  /** How much faster it runs than true time, parts per billion. */
  readonly driftPpb: number;
}

/** Wall time begins at 2025-01-01T00:00:00Z, and does not drift. */
export const CLOCK_DEFAULTS: ClockOptions = { epochUs: 1_735_689_600_000_000, driftPpb: 0 };

export class HostClock {
  private readonly options: ClockOptions;
  private readonly boot: Instant;

  constructor(options: ClockOptions, boot: Instant) {
    this.options = options;
    this.boot = boot;
  }

  /** CLOCK_MONOTONIC, ns since boot. */
  monotonic(now: Instant): number {
    return now - this.boot;
  }

  /** CLOCK_REALTIME, µs since 1970. */
  realtimeUs(now: Instant): number {
    const up = Math.floor((now - this.boot) / 1000);
    return this.options.epochUs + up + Math.floor((up / 1e9) * this.options.driftPpb);
  }
}
