/**
 * Users who ask, wait and think, and one server: the closed queueing network of mean value analysis, as a scenario through the
 * whole machine. Hosts are ideal and the wire takes 16 ns, so that what is left is users, queue and server.
 */
import { afterEach, describe as group, expect, it, vi } from 'vitest';
import { UserTimes } from '../../src/app/load/workload.ts';
import { spread } from '../../src/app/spread.ts';
import { ConnectionWork } from '../../src/app/work.ts';
import { Random } from '../../src/base/random.ts';
import type { Instant } from '../../src/base/units.ts';
import { BILL_USER } from '../../src/kernel/step.ts';
import { run } from '../../src/sim/run/runner.ts';
import { World } from '../../src/sim/run/world.ts';
import { describe } from '../../src/sim/scenario/load.ts';
import { CERTAIN, type Estimate, mean, mva, off, outside, regression, SEEDS } from './queueing.ts';

const SEC = 1e9;
const Z = 1;
const S = 0.1;

interface Loop {
  readonly users: number;
  readonly seed?: number;
  readonly requests?: number;
  /** When it is cut off, s; null: when all requests are answered. */
  readonly limit: number | null;
  readonly server?: object;
  readonly invariants?: boolean;
}

interface Answered {
  readonly intended: number;
  readonly done: number;
}

/** All answers, the server's busy time, ns, and the mean of what it was to draw, 1 but for luck. */
function play(o: Loop): { answers: Answered[]; busy: number; luck: number } {
  const { users, seed = 1, requests = 1e9, limit, server = {}, invariants = false } = o;
  const [scenario] = describe('closed-loop', {
    seed,
    shows: 'users who think, and a server that they share',
    hosts: { a: { machine: 'ideal' }, b: { machine: 'ideal' } },
    links: [{ between: ['a', 'b'], rate: '100 Gbit/s', delay: '1 ns' }],
    apps: {
      server: {
        host: 'b',
        listen: 80,
        model: 'epoll',
        request: '10 B',
        response: '10 B',
        work: `${S} s`,
        'work-times': 'exponential',
        ...server,
      },
      load: {
        host: 'a',
        connect: 'b:80',
        model: 'client',
        io: 'epoll',
        connections: users,
        stagger: `${Math.round((1000 * Z) / users)} ms`,
        requests,
        request: '10 B',
        response: '10 B',
        think: `${Z} s`,
        'think-times': 'exponential',
      },
    },
    stop: limit === null ? { when: 'load.closed', limit: '100000 s' } : { limit: `${limit} s` },
  });
  const world = new World(scenario!, { invariants });
  const answers: Answered[] = [];
  const load = world.apps.get('load')!;
  load.latency = (intended, done) => void answers.push({ intended, done });
  const draws = world.engine.random.keyed('app/server/work');
  const at = draws.at.bind(draws);
  let sum = 0;
  let count = 0;
  draws.at = (...name) => {
    const u = at(...name);
    sum -= Math.log(1 - u);
    count++;
    return u;
  };
  run(world);
  const { host } = world.hosts.get('b')!;
  return { answers, busy: host.cores[0]!.spent(BILL_USER), luck: count > 0 ? sum / count : 1 };
}

group('N users, one exponential server [validation Q7; exact MVA]', () => {
  const WARM_UP = 50;
  const TOLERANCE = 0.01;
  const cases: [users: number, x: number, r: number, answers: number][] = [
    [1, 0.9091, 0.1, 5000],
    [5, 4.36, 0.1467, 8000],
    [10, 7.854, 0.2732, 12_000],
    [20, 9.981, 1.004, 10_000],
    [50, 10, 4, 5000],
  ];
  /** Means over the seeds, less what was luck in the draws of the work. */
  function measured(users: number, span: number, server = {}): { x: Estimate; r: Estimate } {
    const seen = SEEDS.map((seed) => {
      const { answers, luck } = play({ users, seed, limit: Math.ceil(WARM_UP + span), server });
      const some = answers.filter(
        (a) => a.done >= WARM_UP * SEC && a.done < (WARM_UP + span) * SEC,
      );
      return { luck, x: some.length / span, r: mean(some.map((a) => (a.done - a.intended) / SEC)) };
    });
    const luck = seen.map((s) => s.luck);
    return {
      x: regression(
        seen.map((s) => s.x),
        luck,
        1,
      ),
      r: regression(
        seen.map((s) => s.r),
        luck,
        1,
      ),
    };
  }
  /** Share of a check's answers that shows a mutant. */
  const FEW = 1 / 4;

  it.each(cases)(
    'N = %i: X = %d/s, R = %d s',
    (users, x, r, answers) => {
      expect(off(mva(users, S, Z).x, x)).toBeLessThan(0.001);
      expect(off(mva(users, S, Z).r, r)).toBeLessThan(0.001);
      const got = measured(users, answers / x);
      expect(off(got.x.value, x)).toBeLessThan(TOLERANCE);
      expect(off(got.r.value, r)).toBeLessThan(TOLERANCE);
      // The asymptotes, which cross at N* = (Z + S)/S = 11 users.
      expect(got.x.value).toBeLessThan((1 + TOLERANCE) * Math.min(users / (Z + S), 1 / S));
    },
    300_000,
  );

  it.each(cases)(
    '[mutant] N = %i (%d/s, %d s) with a server that takes a tenth more',
    (users, x, r, answers) => {
      const got = measured(users, (FEW * answers) / x, { work: '110 ms' });
      const both = [outside(got.x, x, TOLERANCE), outside(got.r, r, TOLERANCE)];
      expect(Math.max(...both)).toBeGreaterThan(CERTAIN);
    },
  );

  it.each(cases.slice(1, 3))(
    '[mutant] N = %i (%d/s, %d s) with the same work for each request',
    (users, x, r, answers) => {
      const got = measured(users, (FEW * answers) / x, { 'work-times': 'fixed' });
      expect(outside(got.r, r, 10 * TOLERANCE)).toBeGreaterThan(CERTAIN);
    },
  );
});

group('operational laws, of what was counted [validation Q9]', () => {
  const REQUESTS = 20;
  afterEach(() => void vi.restoreAllMocks());

  /** Of `users` with twenty requests each: what each law leaves over, ns. 0: it holds exactly. */
  function leftOver(users: number, seed: number): { interactive: number; utilisation: number } {
    const requests = users * REQUESTS;
    const { answers, busy } = play({ users, seed, requests, limit: null, invariants: true });
    expect(answers).toHaveLength(requests);
    // What the users thought and what the server was asked for, drawn again by name.
    const random = new Random(String(seed));
    const thinks = Array.from({ length: users }, (_, u) => {
      const stream = random.stream(`app/load/user/${u}`);
      return Array.from({ length: REQUESTS }, () => spread('exponential', Z * SEC, stream));
    });
    const work = random.keyed('app/server/work');
    let asked = 0;
    for (let u = 0; u < users; u++)
      for (let n = 0; n < REQUESTS; n++)
        asked += spread('exponential', S * SEC, { uniform: () => work.at(u, n) });
    // N·T = Σ R + Σ Z: a user answers, thinks, and asks again at that nanosecond, from its start to its last answer.
    const next = new Map<number, { user: number; n: number }>();
    const start = (u: number): number => u * Math.round((1000 * Z) / users) * 1e6;
    for (let u = 0; u < users; u++) next.set(start(u), { user: u, n: 0 });
    let response = 0;
    let thought = 0;
    let present = 0;
    for (const { intended, done } of answers) {
      const who = next.get(intended);
      if (who === undefined) throw new Error(`nobody was to ask at ${intended}`);
      next.delete(intended);
      response += done - intended;
      const { user, n } = who;
      if (n === REQUESTS - 1) {
        present += done - start(user);
        continue;
      }
      thought += thinks[user]![n]!;
      next.set(done + thinks[user]![n]!, { user, n: n + 1 });
    }
    return {
      interactive: present - response - thought,
      utilisation: busy - asked,
    };
  }

  it.each([1, 5, 10, 20, 50])('N = %i: R = N/X − Z and U = X·S, to the nanosecond', (users) => {
    for (const seed of SEEDS.slice(0, 3))
      expect(leftOver(users, seed)).toEqual({ interactive: 0, utilisation: 0 });
  });

  it('[mutant] a user who thinks a nanosecond more than it drew is found', () => {
    // oxlint-disable-next-line typescript/unbound-method -- called with `this` below
    const { next } = UserTimes.prototype;
    vi.spyOn(UserTimes.prototype, 'next').mockImplementation(function (this: UserTimes, done) {
      return (next.call(this, done) + 1) as Instant;
    });
    expect(() => leftOver(5, 1)).toThrow('nobody was to ask');
  });

  it('[mutant] so is a server that works a nanosecond more on each request', () => {
    // oxlint-disable-next-line typescript/unbound-method -- called with `this` below
    const { next } = ConnectionWork.prototype;
    vi.spyOn(ConnectionWork.prototype, 'next').mockImplementation(function (this: ConnectionWork) {
      return next.call(this) + 1;
    });
    expect(leftOver(5, 1)).toEqual({ interactive: 0, utilisation: 5 * REQUESTS });
  });
});
