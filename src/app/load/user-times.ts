/** When one user of a client asks: what both of its forms (a thread each, one loop for all) have in common. */
import type { Stream } from '../../base/random.ts';
import { add, instant, type Duration, type Instant } from '../../base/units.ts';
import type { AppEnv } from '../env.ts';
import type { ClientOptions } from '../options.ts';
import { IntendedTimes } from './arrivals.ts';

export class UserTimes {
  /** When the user comes and connects. */
  readonly start: Instant;
  /** Requests that the user has still to make. */
  left: number;
  private readonly open: IntendedTimes | null;
  private readonly think: number;
  private readonly thinkStream: Stream | null;
  private first = true;

  /** @param user from 0; request k of all belongs to user k mod connections */
  constructor(o: ClientOptions, env: AppEnv, user: number) {
    const { connections, load } = o;
    const stream = `app/${env.name}/user/${user}`;
    this.start = instant(o.startNs + user * o.staggerNs);
    this.left = user < o.requests ? Math.ceil((o.requests - user) / connections) : 0;
    this.open =
      load.mode === 'open'
        ? new IntendedTimes(
            this.start,
            load.ratePerSec,
            load.arrivals,
            user,
            connections,
            env.random,
            stream,
          )
        : null;
    this.think = load.mode === 'closed' ? load.thinkNs : 0;
    this.thinkStream =
      load.mode === 'closed' && load.think === 'exponential' ? env.random.stream(stream) : null;
  }

  /** When the next request is meant to be sent. @param done when the one before was over: a closed loop thinks from there */
  next(done: Instant): Instant {
    this.left--;
    if (this.open !== null) return this.open.next();
    if (this.first) {
      this.first = false;
      return this.start;
    }
    const think =
      this.thinkStream === null ? this.think : Math.round(this.thinkStream.exponential(this.think));
    return add(done, think as Duration);
  }
}
