/**
 * What a request costs the server that answers it: user CPU time, the same for each or drawn.
 *
 * A draw belongs to the n-th request of the i-th connection, in order of accept(): whichever thread works on it and when,
 * it asks for the same. Draws are made only for what is drawn, so a server of fixed work has no stream.
 */
import type { Keyed } from '../base/random.ts';
import { type Amount, draw, type Draws, isDrawn } from '../base/distribution.ts';
import type { AppEnv } from './env.ts';
import type { ServeOptions } from './options.ts';
import { about } from './spread.ts';

/** Of one application. */
export class Work {
  readonly times: Amount;
  /** Null: nothing is drawn. */
  readonly draws: Keyed | null;

  constructor(o: Pick<ServeOptions, 'workNs' | 'work'>, env: AppEnv) {
    this.times = o.workNs > 0 ? about(o.work ?? 'fixed', o.workNs) : 0;
    this.draws = isDrawn(this.times) ? env.random.keyed(`app/${env.name}/work`) : null;
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
    this.drawn = 0;
    const ns = draw(this.work.times, this);
    this.requests++;
    return ns;
  }

  uniform(): number {
    return this.work.draws!.at(this.connection, this.requests, this.drawn++);
  }
}
