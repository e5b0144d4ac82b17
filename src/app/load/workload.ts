/**
 * What a client asks for and when, which no answer's being late or early changes: how many users there are, when each of
 * them comes, the sizes of each request and of its answer, how long each pause is. Both of the client's forms (a thread for
 * each user, one loop for all) take it from here, so every server is asked for the same.
 *
 * Draws belong to a user, or in an open loop to the request, which is nobody's in particular: sharing the same requests out
 * over more connections changes none of them.
 */
import { type Amount, draw, type Draws, isDrawn } from '../../base/distribution.ts';
import { ln } from '../../base/math.ts';
import type { Keyed, Stream } from '../../base/random.ts';
import { add, instant, type Duration, type Instant } from '../../base/units.ts';
import { SIZED_HEADER } from '../codec/frame-options.ts';
import type { AppEnv } from '../env.ts';
import type { ClientOptions, Trace } from '../options.ts';
import { about } from '../spread.ts';
import { IntendedTimes } from './arrivals.ts';

/** Which draw of a request is which: an amount takes two at most. */
const ANSWER = 2;

export class Workload {
  readonly o: ClientOptions;
  readonly env: AppEnv;
  /** Users, each with one request at a time. `pipeline` of them share a connection. */
  readonly users: number;
  /** Times that users take from together: of requests, or of their coming; null in a closed loop. */
  readonly times: IntendedTimes | null;
  readonly trace: Trace | null;
  /** Of a trace that says whose each request is: each user's, in order. */
  private readonly owned: readonly number[][] | null;
  private readonly sizes: RequestDraws | null;
  private readonly sessions: Keyed | null;

  constructor(o: ClientOptions, env: AppEnv) {
    const { load } = o;
    this.o = o;
    this.env = env;
    this.users = o.connections * (o.pipeline ?? 1);
    this.trace = 'trace' in load ? load.trace : null;
    const stream = `app/${env.name}/arrivals`;
    this.times =
      'ratePerSec' in load
        ? new IntendedTimes(instant(o.startNs), load.ratePerSec, load.arrivals, env.random, stream)
        : null;
    this.owned =
      this.trace?.users == null ? null : ownedBy(this.trace.users, o.requests, this.users);
    const drawn = isDrawn(o.request) || isDrawn(o.response);
    this.sizes = drawn ? new RequestDraws(env.random.keyed(`app/${env.name}/sizes`)) : null;
    this.sessions =
      load.mode === 'partly-open' ? env.random.keyed(`app/${env.name}/sessions`) : null;
  }

  /** @param i from 0; each may be asked for once */
  user(i: number): UserTimes {
    return new UserTimes(this, i);
  }

  /** The connection of user i. */
  connectionOf(i: number): number {
    return i % this.o.connections;
  }

  /** When user i comes and connects. */
  startOf(i: number): Instant {
    const { o, times } = this;
    if (o.load.mode === 'partly-open') return times!.at(i);
    return instant(o.startNs + this.connectionOf(i) * o.staggerNs);
  }

  /** How many requests user i makes. */
  requestsOf(i: number): number {
    const { requests, load } = this.o;
    if (load.mode === 'partly-open') {
      // Geometric, by inversion: it goes on with probability 1 − leave after each.
      if (load.leave >= 1) return 1;
      return 1 + Math.floor(ln(1 - this.sessions!.at(i, 0)) / ln(1 - load.leave));
    }
    if (this.owned !== null) return this.owned[i]!.length;
    return i < requests ? Math.ceil((requests - i) / this.users) : 0;
  }

  /** The n-th request of user i, counted over all users. */
  indexOf(i: number, n: number): number {
    return this.owned === null ? i + n * this.users : this.owned[i]![n]!;
  }

  /** When request k of an open loop is meant to be sent; each may be asked for once. */
  at(k: number): Instant {
    if (this.trace === null) return this.times!.at(k);
    return instant(this.o.startNs + this.trace.timesNs[k]!);
  }

  /** Bytes of the n-th request of user i. */
  requestSize(i: number, n: number): number {
    return this.size(this.o.request, this.trace?.requests ?? null, i, n, 0);
  }

  answerSize(i: number, n: number): number {
    return this.size(this.o.response, this.trace?.answers ?? null, i, n, ANSWER);
  }

  private size(a: Amount, given: Float64Array | null, i: number, n: number, which: number): number {
    if (given !== null) return given[this.indexOf(i, n)]!;
    if (!isDrawn(a)) return a;
    const open = this.o.load.mode === 'open';
    const draws = this.sizes!;
    draws.flow = open ? 0 : i;
    draws.item = open ? this.indexOf(i, n) : n;
    draws.salt = which;
    const bytes = draw(a, draws);
    const least = which === ANSWER || this.o.codec === 'http' ? 1 : SIZED_HEADER;
    return bytes > MOST ? MOST : bytes < least ? least : bytes;
  }
}

/** Keyed draws of one request, one after the other. */
class RequestDraws implements Draws {
  private readonly keyed: Keyed;
  flow = 0;
  item = 0;
  salt = 0;

  constructor(keyed: Keyed) {
    this.keyed = keyed;
  }

  uniform(): number {
    return this.keyed.at(this.flow, this.item, this.salt++);
  }
}

/** What a drawn size is at most: a GiB. (At least it is an answer of a byte, or a request with its header.) */
const MOST = 1_073_741_824;

function ownedBy(users: Float64Array, requests: number, n: number): number[][] {
  const owned: number[][] = Array.from({ length: n }, () => []);
  for (let k = 0; k < requests; k++) owned[users[k]!]!.push(k);
  return owned;
}

/** One user: its requests, one after the other. */
export class UserTimes {
  /** When the user comes and connects. */
  readonly start: Instant;
  /** Requests that the user has still to make. */
  left: number;
  /** Bytes of the request that `next` gave the time of, and of its answer. */
  request = 0;
  answer = 0;
  private readonly all: Workload;
  private readonly user: number;
  private readonly think: Amount;
  private readonly thinkStream: Stream | null;
  private n = 0;

  constructor(all: Workload, user: number) {
    const { load } = all.o;
    this.all = all;
    this.user = user;
    this.start = all.startOf(user);
    this.left = all.requestsOf(user);
    this.think = load.mode === 'open' ? 0 : about(load.think ?? 'fixed', load.thinkNs);
    this.thinkStream = isDrawn(this.think)
      ? all.env.random.stream(`app/${all.env.name}/user/${user}`)
      : null;
  }

  /** When the next request is meant to be sent. @param done when the one before was over: a closed loop thinks from there */
  next(done: Instant): Instant {
    const { all, user } = this;
    const n = this.n++;
    this.left--;
    this.request = all.requestSize(user, n);
    this.answer = all.answerSize(user, n);
    if (all.o.load.mode === 'open') return all.at(all.indexOf(user, n));
    if (n === 0) return this.start;
    const { think, thinkStream } = this;
    return add(done, (isDrawn(think) ? draw(think, thinkStream!) : think) as Duration);
  }
}
