/**
 * A socket asks for the earliest deadline of its connection only when TCP says that one of them has moved. Whatever it is told, its
 * timer is armed for that deadline after every call into TCP.
 */
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { NEVER } from '../../src/base/units.ts';
import { isClosed } from '../../src/kernel/closed.ts';
import { Sock } from '../../src/kernel/socket.ts';
import type { KernelTimer } from '../../src/kernel/timer.ts';
import { runScenario } from '../../src/sim/run/runner.ts';
import { describe as read } from '../../src/sim/scenario/load.ts';
import { DEADLINE, nextDeadline, type Connection } from '../../src/tcp/index.ts';
import { scenarios, type WorldObject } from '../../src/testing/index.ts';
import { prop } from '../support/prop.ts';

const { settle, onTimer } = Sock.prototype;

afterEach(() => {
  Sock.prototype.settle = settle;
  Sock.prototype.onTimer = onTimer;
});

const world = scenarios();

/** What was seen at every call: how many there were, how many moved a deadline, and a timer that is not armed as it should be. */
interface Seen {
  calls: number;
  moved: number;
  wrong: string | null;
}

interface Looks {
  readonly c: Connection | null;
  readonly timer: KernelTimer | null;
}

/**
 * Looks at every timer after every call into TCP, on whatever is run from now on. Now and then it lets one expire while a system
 * call owns the socket: too early, so that nothing is due and all that is left to do is to arm it again.
 */
function watchTimers(): Seen {
  const seen: Seen = { calls: 0, moved: 0, wrong: null };
  Sock.prototype.settle = function (core): void {
    seen.calls++;
    if ((this.c!.events & DEADLINE) !== 0) seen.moved++;
    const looks = this as unknown as Looks;
    if (this.owner !== null && looks.timer !== null && seen.calls % 3 === 0) {
      looks.timer.cancel();
      this.onTimer();
    }
    settle.call(this, core);
    const { c, timer } = looks;
    if (c === null || isClosed(c)) return;
    const armed = timer === null ? NEVER : timer.expires;
    if (armed !== nextDeadline(c)) seen.wrong ??= `armed for ${armed}, due at ${nextDeadline(c)}`;
  };
  return seen;
}

const runIt = (w: WorldObject): void => void runScenario(read('generated', w)[0]!);
const runFew = (): void => fc.sample(world, { numRuns: 10, seed: 11 }).forEach(runIt);

describe('the timer of a socket', () => {
  it('is armed for the earliest deadline of its connection after every call into TCP', () => {
    const seen = watchTimers();
    prop(
      [world],
      (w) => {
        runIt(w);
        expect(seen.wrong).toBeNull();
      },
      { numRuns: 60 },
    );
    expect(seen.moved).toBeGreaterThan(1000);
    expect(seen.calls).toBeGreaterThan(seen.moved);
  });

  it('[mutant] is not where a deadline moves and nothing is said of it', () => {
    const seen = watchTimers();
    const watched = Sock.prototype.settle;
    Sock.prototype.settle = function (core): void {
      if (seen.calls % 7 === 0) this.c!.events &= ~DEADLINE;
      watched.call(this, core);
    };
    runFew();
    expect(seen.wrong).not.toBeNull();
  });

  it('[mutant] is not where it has expired while a call owned the socket, and nothing is said of it', () => {
    const seen = watchTimers();
    Sock.prototype.onTimer = function (): void {
      const before = this.c!.events;
      onTimer.call(this);
      if (this.owner !== null) this.c!.events = before;
    };
    runFew();
    expect(seen.wrong).not.toBeNull();
  });
});
