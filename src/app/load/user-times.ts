/** When one user of a client asks: what both of its forms (a thread each, one loop for all) have in common. */
import type { Stream } from '../../base/random.ts';
import { add, instant, type Duration, type Instant } from '../../base/units.ts';
import type { AppEnv } from '../env.ts';
import type { ClientOptions, Spread } from '../options.ts';
import { spread } from '../spread.ts';
import { IntendedTimes } from './arrivals.ts';

/** The times of an open loop, which all users of one client take from; null in a closed loop. */
export function openTimes(o: ClientOptions, env: AppEnv): IntendedTimes | null {
  const load = o.load;
  if (load.mode !== 'open') return null;
  return new IntendedTimes(
    instant(o.startNs),
    load.ratePerSec,
    load.arrivals,
    env.random,
    `app/${env.name}/arrivals`,
  );
}

export class UserTimes {
  /** When the user comes and connects. */
  readonly start: Instant;
  /** Requests that the user has still to make. */
  left: number;
  private readonly connections: number;
  private readonly open: IntendedTimes | null;
  /** The user's next request, counted over all users. */
  private k: number;
  private readonly think: number;
  private readonly thinkTimes: Spread;
  private readonly thinkStream: Stream | null;
  private first = true;

  /** @param user from 0; request k of all belongs to user k mod connections */
  constructor(o: ClientOptions, env: AppEnv, open: IntendedTimes | null, user: number) {
    const { connections, load } = o;
    this.start = instant(o.startNs + user * o.staggerNs);
    this.left = user < o.requests ? Math.ceil((o.requests - user) / connections) : 0;
    this.connections = connections;
    this.open = open;
    this.k = user;
    const thinks = load.mode === 'closed' ? load : null;
    this.think = thinks?.thinkNs ?? 0;
    this.thinkTimes = thinks?.think ?? 'fixed';
    this.thinkStream =
      this.thinkTimes === 'fixed' ? null : env.random.stream(`app/${env.name}/user/${user}`);
  }

  /** When the next request is meant to be sent. @param done when the one before was over: a closed loop thinks from there */
  next(done: Instant): Instant {
    this.left--;
    if (this.open !== null) {
      const t = this.open.at(this.k);
      this.k += this.connections;
      return t;
    }
    if (this.first) {
      this.first = false;
      return this.start;
    }
    const stream = this.thinkStream;
    const think = stream === null ? this.think : spread(this.thinkTimes, this.think, stream);
    return add(done, think as Duration);
  }
}
