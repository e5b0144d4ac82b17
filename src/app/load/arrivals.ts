/**
 * When load is meant to come. Intended times belong to a user and are drawn from that user's own stream, never from the
 * moment a draw happens at: two variants of a scenario see the same load, however late one of them serves it.
 */
import type { Random, Stream } from '../../base/random.ts';
import { add, type Duration, type Instant } from '../../base/units.ts';

/** `fixed`: evenly spaced; `poisson`: independent exponential gaps. */
export type Arrivals = 'fixed' | 'poisson';

/**
 * The intended times of one of `users` who together ask for `rate` things a second from `start` on. Fixed: user i's k-th
 * time is start + (i + k·users)/rate, rounded once, so that the users take turns and no rounding adds up. Poisson: each
 * user is an independent process of rate/users, whose sum is a Poisson process of `rate` again.
 */
export class IntendedTimes {
  private readonly start: Instant;
  private readonly users: number;
  private readonly rate: number;
  private readonly stream: Stream | null;
  private k: number;
  private at: Instant;

  /** @param rate of all users together, per second */
  constructor(
    start: Instant,
    rate: number,
    arrivals: Arrivals,
    user: number,
    users: number,
    random: Random,
    name: string,
  ) {
    this.start = start;
    this.users = users;
    this.rate = rate;
    this.k = user;
    this.at = start;
    this.stream = arrivals === 'poisson' ? random.stream(name) : null;
  }

  next(): Instant {
    if (this.stream === null) {
      const t = add(this.start, Math.round((this.k * 1e9) / this.rate) as Duration);
      this.k += this.users;
      return t;
    }
    this.at = add(
      this.at,
      Math.round(this.stream.exponential((this.users * 1e9) / this.rate)) as Duration,
    );
    return this.at;
  }
}
