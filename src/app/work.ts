/**
 * What a request costs the server that answers it: user CPU time, the same for each or drawn.
 *
 * A draw belongs to the n-th request of the i-th connection, in order of accept(): whichever thread works on it and when,
 * it asks for the same. Draws are made only for what is drawn, so a server of fixed work has no stream.
 */
import type { Keyed } from '../base/random.ts';
import type { AppEnv } from './env.ts';
import type { ServeOptions, Spread } from './options.ts';
import { type Draws, spread } from './spread.ts';

/** Of one application. */
export class Work {
  readonly meanNs: number;
  readonly times: Spread;
  /** Null: nothing is drawn. */
  readonly draws: Keyed | null;

  constructor(o: Pick<ServeOptions, 'workNs' | 'work'>, env: AppEnv) {
    this.meanNs = o.workNs;
    this.times = o.work ?? 'fixed';
    const drawn = this.meanNs > 0 && this.times !== 'fixed';
    this.draws = drawn ? env.random.keyed(`app/${env.name}/work`) : null;
  }

  /** @param connection from 0, in order of accept() */
  of(connection: number): ConnectionWork {
    return new ConnectionWork(this, connection);
  }
}

/** Of one connection. */
export class ConnectionWork implements Draws {
  private readonly work: Work;
  private readonly connection: number;
  private requests = 0;
  /** Draws made for the request at hand. */
  private drawn = 0;

  constructor(work: Work, connection: number) {
    this.work = work;
    this.connection = connection;
  }

  /** User CPU time of the next request, ns; 0: none. */
  next(): number {
    const { draws, meanNs, times } = this.work;
    if (draws === null) return meanNs;
    this.drawn = 0;
    const ns = spread(times, meanNs, this);
    this.requests++;
    return ns;
  }

  uniform(): number {
    return this.work.draws!.at(this.connection, this.requests, this.drawn++);
  }
}
