/**
 * A raw frame source: frames at given or drawn times, without TCP, a socket or a thread. It is plugged in as a device that
 * sends, so that queues, rings and drops can be held against closed forms. What it does not model: any answer.
 */
import { ScenarioError } from '../../base/assert.ts';
import { instant, NEVER, type Instant } from '../../base/units.ts';
import type { AppEnv } from '../env.ts';
import type { RawOptions } from '../options.ts';
import { IntendedTimes } from './arrivals.ts';

/** Frames and when they are sent. Whoever plugs it in asks for the next time once the one before has been used. */
export interface FrameSource {
  /** The host they go to. */
  readonly to: string;
  /** IP bytes of every frame. */
  readonly bytes: number;
  /** When the next frame is handed to the wire, never going back; NEVER when all have been. */
  next(): Instant;
}

/** @throws ScenarioError when given times go back */
export function rawSource(o: RawOptions, env: AppEnv): FrameSource {
  const when = o.when;
  if (when.kind === 'times') return new GivenTimes(o.to, o.bytes, when.timesNs);
  const start = instant(when.startNs);
  const times = new IntendedTimes(
    start,
    when.ratePerSec,
    when.arrivals,
    env.random,
    `app/${env.name}/arrivals`,
  );
  return new DrawnTimes(o.to, o.bytes, times, when.count);
}

class GivenTimes implements FrameSource {
  readonly to: string;
  readonly bytes: number;
  private readonly times: readonly number[];
  private n = 0;

  constructor(to: string, bytes: number, times: readonly number[]) {
    for (let i = 1; i < times.length; i++) {
      if (times[i]! < times[i - 1]!)
        throw new ScenarioError('times of a raw source go back', ['times', i]);
    }
    this.to = to;
    this.bytes = bytes;
    this.times = times;
  }

  next(): Instant {
    return this.n === this.times.length ? NEVER : instant(this.times[this.n++]!);
  }
}

class DrawnTimes implements FrameSource {
  readonly to: string;
  readonly bytes: number;
  private readonly times: IntendedTimes;
  private readonly count: number;
  private n = 0;

  constructor(to: string, bytes: number, times: IntendedTimes, count: number) {
    this.to = to;
    this.bytes = bytes;
    this.times = times;
    this.count = count;
  }

  next(): Instant {
    return this.n === this.count ? NEVER : this.times.at(this.n++);
  }
}
