import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvariantError, ScenarioError } from '../../src/base/assert.ts';
import { add, LAST, NEVER, ns, type Instant } from '../../src/base/units.ts';
import {
  APP,
  CPU,
  DEVICE,
  Engine,
  TIMER,
  WIRE,
  type EngineOptions,
  type EventClass,
  type Kind,
} from '../../src/engine/engine.ts';
import { LivelockError } from '../../src/engine/livelock.ts';
import { prop } from '../support/prop.ts';

const t = (n: number): Instant => n as Instant;

/** An engine with one kind per class, which notes what ran. */
function noting(): { engine: Engine; kinds: Kind[]; log: string[] } {
  const engine = new Engine({ seed: '1' });
  const log: string[] = [];
  const classes: EventClass[] = [WIRE, DEVICE, CPU, TIMER, APP];
  const kinds = classes.map((c) =>
    engine.define(`class${c}`, c, (a) => log.push(`${c}:${a}@${engine.now}`)),
  );
  return { engine, kinds, log };
}

describe('order', () => {
  it('at one instant runs wire before device before CPU before timer before application, then as scheduled', () => {
    const { engine, kinds, log } = noting();
    for (const a of [1, 2]) for (const k of kinds.toReversed()) engine.at(t(5), k, a, 0);
    engine.at(t(4), kinds[4]!, 0, 0);
    expect(engine.run(t(10))).toBe('idle');
    expect(log).toEqual(['4:0@4', ...[0, 1, 2, 3, 4].flatMap((c) => [`${c}:1@5`, `${c}:2@5`])]);
  });

  it('does not depend on when the events of different classes were scheduled [mutant: one class for all]', () => {
    const run = (classes: readonly EventClass[], order: readonly number[]): string => {
      const engine = new Engine({ seed: '1' });
      let log = '';
      const kinds = classes.map((c, i) => engine.define('k', c, () => (log += String(i))));
      for (const i of order) engine.at(t(1), kinds[i]!, 0, 0);
      engine.run(NEVER);
      return log;
    };
    const orders = fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 });
    const holds = (classes: readonly EventClass[]): void =>
      prop([orders], (order) => run(classes, order) === '01234');
    holds([WIRE, DEVICE, CPU, TIMER, APP]);
    expect(() => holds([CPU, CPU, CPU, CPU, CPU])).toThrow(/Counterexample/);
  });

  it('lets a handler schedule for the same instant, of an earlier class too: it runs next', () => {
    const { engine, kinds, log } = noting();
    const app = engine.define('app', APP, () => {
      log.push('app');
      engine.at(engine.now, kinds[WIRE]!, 1, 0);
    });
    engine.at(t(3), app, 0, 0);
    engine.at(t(3), kinds[APP]!, 2, 0);
    engine.run(NEVER);
    expect(log).toEqual(['app', '0:1@3', '4:2@3']);
  });
});

describe('timers and one-shot events', () => {
  it('calls the handler once, with the timer disarmed, so that it may arm it again', () => {
    const engine = new Engine({ seed: '1' });
    const seen: number[] = [];
    const kind = engine.define('tick', TIMER, (a) => {
      expect(engine.deadline(timer)).toBe(NEVER);
      seen.push(engine.now);
      if (seen.length < 3) engine.arm(timer, add(engine.now, ns(a)));
    });
    const timer = engine.coldTimer(kind, 7, 0);
    engine.arm(timer, t(100));
    engine.arm(timer, t(50));
    engine.arm(timer, t(60));
    expect(engine.nextTime()).toBe(60);
    expect(engine.run(NEVER)).toBe('idle');
    expect(seen).toEqual([60, 67, 74]);
  });

  it('is idle when only disarmed timers are left', () => {
    const { engine, kinds, log } = noting();
    const timer = engine.timer(kinds[TIMER]!, 0, 0);
    engine.arm(timer, t(10));
    engine.arm(timer, NEVER);
    expect(engine.nextTime()).toBe(NEVER);
    expect(engine.run(t(100))).toBe('idle');
    expect(engine.step()).toBe(false);
    expect(log).toEqual([]);
    expect(engine.now).toBe(0);
  });

  it('cancels an event once; an id that has run or was cancelled is false, also when its row is used again', () => {
    const { engine, kinds, log } = noting();
    const first = engine.at(t(1), kinds[0]!, 1, 0);
    const second = engine.at(t(2), kinds[0]!, 2, 0);
    expect(engine.cancel(second)).toBe(true);
    expect(engine.cancel(second)).toBe(false);
    engine.run(t(1));
    const third = engine.at(t(3), kinds[0]!, 3, 0);
    expect(engine.cancel(first)).toBe(false);
    expect(engine.cancel(second)).toBe(false);
    engine.run(NEVER);
    expect(log).toEqual(['0:1@1', '0:3@3']);
    expect(engine.cancel(third)).toBe(false);
  });

  it('releases a timer, armed or not', () => {
    const { engine, kinds, log } = noting();
    const timer = engine.timer(kinds[3]!, 1, 0);
    engine.arm(timer, t(5));
    engine.release(timer);
    const next = engine.coldTimer(kinds[3]!, 2, 0);
    engine.arm(next, t(6));
    engine.run(NEVER);
    expect(log).toEqual(['3:2@6']);
  });
});

describe('running', () => {
  it('runs up to and including `until`, and tells why it ended', () => {
    const { engine, kinds, log } = noting();
    for (const at of [1, 5, 6]) engine.at(t(at), kinds[0]!, 0, 0);
    expect(engine.run(t(5))).toBe('until');
    expect(engine.now).toBe(5);
    expect(log).toEqual(['0:0@1', '0:0@5']);
    expect(engine.run(t(20))).toBe('idle');
    expect(engine.now).toBe(6);
  });

  it('stops after the handler that says so', () => {
    const { engine, kinds, log } = noting();
    const halt = engine.define('halt', CPU, () => {
      engine.stop();
      expect(engine.comesNext(t(6), CPU)).toBe(false);
    });
    engine.at(t(5), halt, 0, 0);
    engine.at(t(7), kinds[0]!, 0, 0);
    expect(engine.run(NEVER)).toBe('stopped');
    expect(engine.now).toBe(5);
    expect(log).toEqual([]);
    expect(engine.run(NEVER)).toBe('idle');
    expect(log).toEqual(['0:0@7']);
  });

  it('refuses to be run from a handler, and can be run again afterwards', () => {
    const engine = new Engine({ seed: '1' });
    const kinds = [
      engine.define('runs', CPU, () => engine.run(NEVER)),
      engine.define('steps', CPU, () => engine.step()),
    ];
    for (const k of kinds) {
      engine.at(add(engine.now, ns(1)), k, 0, 0);
      expect(() => engine.run(NEVER)).toThrow(/from a handler: (runs|steps)/);
    }
    expect(engine.run(NEVER)).toBe('idle');
  });

  it('refuses times that are past, fractional, or beyond 2^53 ns', () => {
    const { engine, kinds } = noting();
    engine.at(t(10), kinds[0]!, 0, 0);
    engine.run(NEVER);
    const timer = engine.timer(kinds[1]!, 0, 0);
    for (const bad of [9, 10.5, 2 ** 53, NaN]) {
      expect(() => engine.at(t(bad), kinds[0]!, 0, 0)).toThrow(InvariantError);
      expect(() => engine.arm(timer, t(bad))).toThrow(InvariantError);
    }
    expect(() => engine.at(NEVER, kinds[0]!, 0, 0)).toThrow(/past 2\^53/);
    expect(() => engine.run(t(9))).toThrow(InvariantError);
    expect(() => engine.at(t(11), kinds[0]!, 2 ** 31, 0)).toThrow(/32-bit/);
    expect(() => add(LAST, ns(1))).toThrow(/past 2\^53/);
    engine.at(LAST, kinds[0]!, 0, 0);
    expect(engine.run(NEVER)).toBe('idle');
    expect(engine.now).toBe(LAST);
  });

  it('may be told to stop at any number of times on the way without changing anything', () => {
    prop([fc.array(fc.nat(3000), { size: 'max', maxLength: 30 })], (cuts) => {
      const whole = tandem({ seed: '7' });
      whole.run(NEVER);
      const cut = tandem({ seed: '7' });
      for (const at of cuts.toSorted((x, y) => x - y)) if (at >= cut.now) cut.run(t(at));
      cut.run(NEVER);
      expect(cut.fingerprint()).toBe(whole.fingerprint());
    });
  });
});

/**
 * Cores that spend time in steps, poke one another, and are interrupted by timers: enough for every effect to depend on
 * the order of events. Steps run inline where the engine allows it.
 */
function tandem(
  options: EngineOptions,
  make: (o: EngineOptions) => Engine = (o) => new Engine(o),
): Engine {
  const engine = make(options);
  const lanes = [0, 1, 2].map((i) => engine.lane(`core${i}`));
  const work = [0, 0, 0];
  const random = engine.random.stream('cost');
  let left = 400;
  const effect = (core: number): void => {
    lanes[core]!.wide(engine.now);
    lanes[core]!.word(work[core]!--);
    if (left-- > 0) {
      const other = random.int(3);
      work[other]! += 1;
      if (other !== core && engine.deadline(timers[other]!) === NEVER) {
        engine.arm(timers[other]!, add(engine.now, ns(random.int(3))));
      }
      engine.arm(pokes[core]!, add(engine.now, ns(random.int(8))));
    }
  };
  const kick = (core: number): void => {
    while (work[core]! > 0) {
      if (!engine.tryAdvance(timers[core]!, 1 + random.int(4))) return;
      effect(core);
    }
  };
  const step = engine.define('step', CPU, (core) => {
    effect(core);
    kick(core);
  });
  const poke = engine.define('poke', TIMER, (core) => {
    lanes[core]!.word(engine.now);
    work[core]! += 1;
    if (engine.deadline(timers[core]!) === NEVER) kick(core);
  });
  const timers = [0, 1, 2].map((core) => engine.timer(step, core, 0));
  const pokes = [0, 1, 2].map((core) => engine.coldTimer(poke, core, 0));
  for (const core of [0, 1, 2]) engine.arm(pokes[core]!, t(core));
  return engine;
}

/** Goes through the queue for each step. */
class NeverInline extends Engine {
  override comesNext(): boolean {
    return false;
  }
}
/** Mutant: runs ahead although another event is due before. */
class Impatient extends Engine {
  override comesNext(): boolean {
    return true;
  }
}

describe('tryAdvance', () => {
  const fingerprintWith = (seed: number, make: (o: EngineOptions) => Engine): string => {
    const engine = tandem({ seed: String(seed) }, make);
    engine.run(NEVER);
    return engine.fingerprint();
  };

  it('changes nothing but the number of events [mutant: runs ahead of what is due before]', () => {
    const exact = (make: (o: EngineOptions) => Engine): void =>
      prop(
        [fc.nat()],
        (seed) => fingerprintWith(seed, make) === fingerprintWith(seed, (o) => new NeverInline(o)),
      );
    exact((o) => new Engine(o));
    expect(() => exact((o) => new Impatient(o))).toThrow(/Counterexample/);
    const engine = tandem({ seed: '1' });
    engine.run(NEVER);
    expect(engine.stats.elided).toBeGreaterThan(20);
  });

  it('steps one event at a time to the same end: nothing runs ahead in a step', () => {
    const engine = tandem({ seed: '3' });
    while (engine.step());
    expect(engine.stats.elided).toBe(0);
    expect(engine.fingerprint()).toBe(fingerprintWith(3, (o) => new Engine(o)));
  });

  it('is refused outside of a run, past its end, and when an event of its class is due at the same instant', () => {
    const { engine, kinds } = noting();
    expect(engine.comesNext(t(1), CPU)).toBe(false);
    const answers: boolean[] = [];
    const device = engine.timer(kinds[DEVICE]!, 0, 0);
    const ask = engine.define('ask', CPU, () => {
      answers.push(engine.comesNext(t(11), WIRE)); // past the end
      answers.push(engine.comesNext(t(5), CPU)); // ties with a CPU event
      answers.push(engine.comesNext(t(5), TIMER)); // comes after it
      answers.push(engine.tryAdvance(device, 3)); // comes before it
      answers.push(engine.now === 5);
    });
    engine.at(t(2), ask, 0, 0);
    engine.at(t(5), kinds[CPU]!, 0, 0);
    engine.run(t(10));
    expect(answers).toEqual([false, false, false, true, true]);
  });

  it('arms the timer when something else is due before', () => {
    const { engine, kinds, log } = noting();
    const timer = engine.timer(kinds[CPU]!, 1, 0);
    const ask = engine.define('ask', CPU, () => {
      expect(engine.tryAdvance(timer, 5)).toBe(false);
      expect(engine.deadline(timer)).toBe(7);
    });
    engine.at(t(2), ask, 0, 0);
    engine.at(t(6), kinds[APP]!, 0, 0);
    engine.run(NEVER);
    expect(log).toEqual(['4:0@6', '2:1@7']);
  });

  it('refuses a length of time that is negative, no whole number, or has no end', () => {
    const { engine, kinds } = noting();
    engine.at(t(2), kinds[CPU]!, 0, 0);
    engine.run(NEVER);
    const timer = engine.timer(kinds[CPU]!, 1, 0);
    for (const bad of [-1, 0.5, NEVER, NaN])
      expect(() => engine.tryAdvance(timer, bad)).toThrow(InvariantError);
  });

  it('looks past timers that were put off or disarmed', () => {
    const { engine, kinds } = noting();
    const put = engine.timer(kinds[TIMER]!, 1, 0);
    const gone = engine.coldTimer(kinds[TIMER]!, 2, 0);
    let ahead = false;
    const ask = engine.define('ask', CPU, () => {
      engine.arm(put, t(90));
      engine.arm(gone, NEVER);
      ahead = engine.tryAdvance(mine, 79);
    });
    const mine = engine.timer(ask, 0, 0);
    engine.arm(put, t(10));
    engine.arm(gone, t(20));
    engine.at(t(1), ask, 0, 0);
    engine.run(NEVER);
    expect(ahead).toBe(true);
    expect(engine.now).toBe(90);
  });
});

describe('livelock', () => {
  const never = (inline: boolean, max?: number): Engine => {
    const engine = new Engine({
      seed: '1',
      ...(max === undefined ? {} : { maxEventsPerInstant: max }),
    });
    const ping = engine.define('ping', CPU, () => {
      while (inline && engine.tryAdvance(again, 0));
      engine.at(engine.now, pong, 0, 0);
    });
    const pong = engine.define('pong', CPU, () => engine.at(engine.now, ping, 0, 0));
    const again = engine.timer(ping, 0, 0);
    engine.at(t(1_500_000), ping, 0, 0);
    return engine;
  };

  it('is the user’s error, and names the instant and the kinds that ran', () => {
    const engine = never(false);
    let error: unknown;
    try {
      engine.run(NEVER);
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(ScenarioError);
    expect((error as LivelockError).message).toBe(
      'the clock does not move: more than 1000000 events at 1.5 ms, the last of them ping, pong',
    );
    expect((error as LivelockError).at).toBe(1_500_000);
    expect(engine.stats.events).toBe(1_000_000);
  });

  it('is noticed as well when every step runs inline', () => {
    const engine = never(true, 5000);
    expect(() => engine.run(NEVER)).toThrow(LivelockError);
    expect(engine.stats.elided).toBe(5000 - 1);
  });

  it('is not a busy instant followed by another: the count starts again when the clock moves', () => {
    const engine = new Engine({ seed: '1', maxEventsPerInstant: 10 });
    const kind = engine.define('k', CPU, () => {});
    for (let i = 0; i < 100; i++) engine.at(t(Math.floor(i / 10)), kind, 0, 0);
    expect(engine.run(NEVER)).toBe('idle');
    for (let i = 0; i < 11; i++) engine.at(t(50), kind, 0, 0);
    expect(() => engine.run(NEVER)).toThrow(LivelockError);
  });
});

describe('fingerprint', () => {
  it('is equal for equal runs and differs with the seed', () => {
    const of = (seed: string): string => {
      const engine = tandem({ seed });
      engine.run(NEVER);
      return engine.fingerprint();
    };
    expect(of('1')).toBe(of('1'));
    expect(of('1')).not.toBe(of('2'));
  });

  it('does not depend on the order in which lanes were made [mutant: lanes chained in order]', () => {
    const names = ['a', 'b', 'c', 'link/x'];
    const lanesIn = (order: readonly string[]): Engine => {
      const engine = new Engine({ seed: '1' });
      for (const n of order) engine.lane(n);
      for (const n of names) engine.lane(n).word(n.length * 31 + n.charCodeAt(0));
      return engine;
    };
    const orders = fc.shuffledSubarray(names, { minLength: 4 });
    prop([orders], (o) => lanesIn(o).fingerprint() === lanesIn(names).fingerprint());
    const chained = (order: readonly string[]): number =>
      order.reduce((h, n) => Math.imul(h, 31) + lanesIn(order).lane(n).a, 0);
    expect(() => prop([orders], (o) => chained(o) === chained(names))).toThrow(/Counterexample/);
  });

  it('tells the same words in two lanes apart, and counts random draws', () => {
    const make = (a: number, b: number, draws: number): string => {
      const engine = new Engine({ seed: '1' });
      engine.lane('x').word(a);
      engine.lane('y').word(b);
      for (let i = 0; i < draws; i++) engine.random.stream('s').uniform();
      return engine.fingerprint();
    };
    const all = [make(1, 2, 0), make(2, 1, 0), make(1, 2, 1), make(1, 2, 2)];
    expect(new Set(all).size).toBe(4);
    expect(make(1, 2, 2)).toBe(all[3]);
    expect(all[0]).toMatch(/^[0-9a-f]{16}$/);
  });

  it('of events covers those that ran inline, and sees what the effects do not show', () => {
    const of = (name: string, eventHash: boolean): string => {
      const engine = new Engine({ seed: '1', eventHash });
      engine.at(
        t(1),
        engine.define(name, CPU, () => {}),
        1,
        2,
      );
      engine.run(NEVER);
      return `${engine.fingerprint()} ${engine.eventFingerprint() ?? ''}`;
    };
    expect(of('a', false)).toBe(of('b', false));
    expect(of('a', true)).not.toBe(of('b', true));
    expect(of('a', true).slice(0, 16)).toBe(of('a', false).slice(0, 16));
    const inline = tandem({ seed: '1', eventHash: true });
    inline.run(NEVER);
    expect(inline.stats.elided).toBeGreaterThan(0);
    const queued = tandem({ seed: '1', eventHash: true });
    expect(inline.eventFingerprint()).not.toBe(queued.eventFingerprint());
  });
});

describe('the hot path', () => {
  it('allocates no record per event: at most numbers that V8 boxes where it does not inline (a closure in checkTime costs 70 bytes)', () => {
    const engine = new Engine({ seed: '1' });
    let left = 0;
    const kind = engine.define('hold', CPU, (a, b) => {
      if (--left === 0) engine.stop();
      if (b === 0) engine.arm(timers[a]!, add(engine.now, ns(10_007)));
      else engine.at(add(engine.now, ns(9_973)), kind, a, b);
    });
    const timers = Array.from({ length: 50 }, (_, i) => engine.timer(kind, i, 0));
    for (let i = 0; i < 50; i++) {
      engine.arm(timers[i]!, t(i));
      engine.at(t(i), kind, i, 1);
    }
    const perEvent = (events: number): number => {
      left = events;
      const before = process.memoryUsage().heapUsed;
      engine.run(NEVER);
      return (process.memoryUsage().heapUsed - before) / events;
    };
    perEvent(1_500_000);
    // Far below the size of the young generation, so that seldom a collection hides what was allocated or compilers on
    // other threads add to it: the least of many.
    const least = Math.min(...Array.from({ length: 30 }, () => Math.abs(perEvent(50_000))));
    expect(least).toBeLessThan(50);
  });
});
