/**
 * When load is meant to come. Request k of an application is meant for t(k), whoever makes it: the times are drawn in the
 * order of k, never from the moment a draw happens at, so two variants of a scenario see the same load, however late one of
 * them serves it.
 */
import type { Random, Stream } from '../../base/random.ts';
import { instant, type Instant } from '../../base/units.ts';

/** `fixed`: evenly spaced; `poisson`: independent exponential gaps. */
export type Arrivals = 'fixed' | 'poisson';

/** The intended times of one application, `rate` a second from `start` on: t(k) = start + k/rate, or a Poisson process. */
export class IntendedTimes {
  private readonly start: Instant;
  private readonly rate: number;
  private readonly stream: Stream | null;
  /** Times drawn that nobody has asked for yet: users are never quite in step. */
  private readonly ahead = new Map<number, Instant>();
  private drawn = 0;
  private last: Instant;

  /** @param rate per second */
  constructor(start: Instant, rate: number, arrivals: Arrivals, random: Random, name: string) {
    this.start = start;
    this.rate = rate;
    this.last = start;
    this.stream = arrivals === 'poisson' ? random.stream(name) : null;
  }

  /** t(k), k from 0. Each may be asked for once, in any order. */
  at(k: number): Instant {
    // Rounded once for each k: no rounding adds up.
    if (this.stream === null) return notBeyond(this.start + Math.round((k * 1e9) / this.rate));
    while (this.drawn <= k) {
      this.last = notBeyond(this.last + Math.round(this.stream.exponential(1e9 / this.rate)));
      this.ahead.set(this.drawn++, this.last);
    }
    const t = this.ahead.get(k)!;
    this.ahead.delete(k);
    return t;
  }
}

/** 104 days, beyond every limit of a run (`stop.limit`): who waits for that, or a little longer, has an exact time to wait for. */
const FAR = 9e15;
const notBeyond = (ns: number): Instant => instant(Math.min(FAR, ns));
