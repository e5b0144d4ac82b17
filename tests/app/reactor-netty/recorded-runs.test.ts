/**
 * The 62 recorded runs of the real Reactor-Netty 1.2.2, over nio and over native epoll, beside the same runs here. How each is
 * compared follows from what a run can be held to (vectors.ts, Class).
 */
import { describe as group, expect, it } from 'vitest';
import { brokenForms, countsOf, recordedCounts, type Counts } from './counts.ts';
import type { LogEvent } from './recorder.ts';
import { collapse, sequenceOf } from './sequence.ts';
import { observe, type Observed } from './vector-world.ts';
import {
  AGAIN,
  classOf,
  hasLog,
  logOf,
  nameOf,
  VECTORS,
  type Class,
  type Vector,
} from './vectors.ts';
import { broken } from './world.ts';

const runs = new Map<string, Observed>();

/** Each run once: tests look at it from several sides. */
function run(v: Vector): Observed {
  const known = runs.get(nameOf(v));
  if (known !== undefined) return known;
  const fresh = observe(v);
  runs.set(nameOf(v), fresh);
  return fresh;
}

const of = (...classes: Class[]): [string, Vector][] =>
  VECTORS.filter((v) => classes.includes(classOf(v))).map((v) => [nameOf(v), v]);

const counted = (v: Vector): Counts => countsOf(run(v).recorder.events);

/** Relative to the recorded number; few are compared as they are. */
function within(percent: number, recorded: number, ours: number): boolean {
  return Math.abs(ours - recorded) <= (recorded * percent) / 100;
}

const SWITCHES = ['reads', 'on', 'off'] as const;

/** Of reads and autoRead, what is not within 15 %. */
function outside(recorded: Counts, ours: Counts): string[] {
  return SWITCHES.filter((key) => !within(15, recorded[key], ours[key])).map(
    (key) => `${key}: ${recorded[key]} recorded, ${ours[key]} here`,
  );
}

it('all 62 runs are compared, 30 of them with their logs', () => {
  expect([VECTORS.length, VECTORS.filter(hasLog).length]).toEqual([62, 30]);
});

group('nothing that must hold is broken', () => {
  it.each(of('order', 'cycles', 'totals', 'forms', 'edge'))('%s', (_, v) => {
    const { result } = run(v);
    expect(broken(result)).toEqual([]);
    expect(result.stop.reason).toBe('when');
    expect(brokenForms(v, recordedCounts(v))).toEqual([]);
    expect(brokenForms(v, counted(v))).toEqual([]);
  });
});

group('the same happens in the same order', () => {
  it.each(of('order'))('%s', (_, v) => {
    expect(sequenceOf(run(v).recorder.events)).toEqual(sequenceOf(logOf(v)));
  });

  /** Depth of the queue, demand, autoRead and writability at each event, and reads of each loop. */
  const detailed = (events: readonly LogEvent[]): LogEvent[] =>
    events.map((e) =>
      Object.fromEntries(
        ['ev', 'to', 's', 'conn', 'q', 'dem', 'auto', 'wr', 'reads'].flatMap((key) =>
          key in e ? [[key, e[key]]] : [],
        ),
      ),
    );

  it.each(of('order').filter(([, v]) => !v.scenario.startsWith('s7')))(
    '%s: with the state at each event',
    (_, v) => {
      const theirs = logOf(v).filter((e) => !String(e['ev']).startsWith('client.'));
      expect(detailed(run(v).recorder.events)).toEqual(detailed(theirs));
    },
  );
});

group('the same cycles, in the same order', () => {
  it.each(of('cycles').filter(([, v]) => v.handler !== 'sendManyConcat20'))('%s', (_, v) => {
    const ours = collapse(sequenceOf(run(v).recorder.events));
    expect(ours).toEqual(collapse(sequenceOf(logOf(v))));
  });

  it.each(of('cycles'))('%s: reads and switches of autoRead within 15 %%', (_, v) => {
    expect(outside(recordedCounts(v), counted(v))).toEqual([]);
  });

  /** Cycles of `sendMany(concatMap)`, each from one onNext of MonoSendMany to the next. */
  function cyclesOf(events: readonly LogEvent[]): Map<string, number> {
    const cycles = new Map<string, number>();
    const all = sequenceOf(events).join(', ').split('tx.onNext, ').slice(1, -1);
    for (const cycle of all) cycles.set(cycle, (cycles.get(cycle) ?? 0) + 1);
    return cycles;
  }

  // Two threads race in it: one asks for the next message, the other writes and flushes the last one.
  it.each(of('cycles').filter(([, v]) => v.handler === 'sendManyConcat20'))(
    '%s: the cycle that the recorded run has but for two of them',
    (_, v) => {
      const theirs = [...cyclesOf(logOf(v))].toSorted((a, b) => b[1] - a[1]);
      const ours = [...cyclesOf(run(v).recorder.events)];
      const before = (tokens: string[]): string[] => tokens.slice(0, tokens.indexOf('tx.onNext'));
      expect(before(sequenceOf(run(v).recorder.events))).toEqual(before(sequenceOf(logOf(v))));
      expect(theirs.slice(1).reduce((n, [, times]) => n + times, 0)).toBeLessThanOrEqual(4);
      expect(ours.map(([cycle]) => cycle)).toContain(theirs[0]![0]);
      expect(ours.toSorted((a, b) => b[1] - a[1])[0]![0]).toBe(theirs[0]![0]);
    },
  );

  it('[mutant] another order within a cycle, a cycle more or less often are told apart and are not', () => {
    const cycle = ['rx.onNext', 'write', 'flush', 'rx.request 1'];
    const other = ['rx.onNext', 'flush', 'write', 'rx.request 1'];
    const log = ['autoRead on', ...cycle, ...cycle, ...cycle, 'channelInactive'];
    expect(collapse(log)).toEqual(['autoRead on', ...cycle, 'channelInactive']);
    expect(collapse(['autoRead on', ...cycle, 'channelInactive'])).toEqual(collapse(log));
    const wrong = ['autoRead on', ...cycle, ...other, ...cycle, 'channelInactive'];
    expect(collapse(wrong)).not.toEqual(collapse(log));
    expect(collapse(['a', 'b', 'b', 'c', 'b', 'c', 'd'])).toEqual(['a', 'b', 'c', 'd']);
  });

  it.each([
    ['unbounded-receiver-queue', 's2-slow-seedConcat20.nio'],
    ['request-ignored', 's2-slow-seedConcat20.nio'],
    ['late-refill', 's3-slowpeer-sendMany.nio'],
  ])('[mutant] %s is found in %s', (mutant, name) => {
    const v = VECTORS.find((other) => nameOf(other) === name)!;
    const { recorder } = observe(v, { mutant });
    expect(collapse(sequenceOf(recorder.events))).not.toEqual(collapse(sequenceOf(logOf(v))));
  });
});

group('as many reads and switches of autoRead within 15 %', () => {
  // Two recordings of these are as far apart as 174 reads and 399, no switch and 16.
  const scattered = (v: Vector): boolean => v.scenario.startsWith('s3b');

  it.each(of('totals').filter(([, v]) => !scattered(v)))('%s', (_, v) => {
    expect(outside(recordedCounts(v), counted(v))).toEqual([]);
  });

  const runsAgain = (jvm: string, v: Vector): readonly (readonly [number, number])[] =>
    AGAIN.find((a) => a.jvm === jvm && a.handler === v.handler)!.readsAndOff;
  const median = (xs: readonly number[]): number =>
    xs.toSorted((a, b) => a - b)[Math.floor(xs.length / 2)]!;

  // Missed. No model is within 15 % of both runs of the second, which differ by the transport alone; how far two runs of the
  // real one are apart is in recorded/README.md.
  it('s3b is outside by so much: reads here, and over nio and epoll there', () => {
    const rows = of('totals')
      .filter(([, v]) => scattered(v))
      .map(([name, v]) => {
        const both = VECTORS.filter((other) => other.scenario === v.scenario);
        return [name, counted(v).reads, ...both.map((other) => recordedCounts(other).reads)];
      });
    expect(rows).toEqual([
      ['s3b-slowpeer-sendMany-small.nio', 516, 220, 285],
      ['s3b-slowpeer-seedFlatMap-small.nio', 1062, 399, 174],
      ['s3b-slowpeer-sendMany-small.epoll', 516, 220, 285],
      ['s3b-slowpeer-seedFlatMap-small.epoll', 1063, 399, 174],
    ]);
  });

  it.each(of('totals').filter(([, v]) => scattered(v)))(
    '%s: reads and switches of autoRead as in warm JVMs that run it again',
    (_, v) => {
      const again = runsAgain('warm', v);
      const { reads, off } = counted(v);
      expect(within(15, median(again.map(([n]) => n)), reads)).toBe(true);
      const switches = again.map(([, n]) => n);
      expect(off).toBeGreaterThanOrEqual(Math.min(...switches));
      expect(off).toBeLessThanOrEqual(Math.max(...switches));
    },
  );

  it('s2b and s2c: every number is the recorded one', () => {
    const same = of('totals').filter(([name]) => /^s2[bc]/.test(name));
    expect(same).toHaveLength(6);
    for (const [, v] of same) {
      const { requests, requested, writes, flushes, pending, largest, queue, ...theirs } =
        recordedCounts(v);
      expect(counted(v)).toMatchObject({ requests, requested, writes, flushes, queue });
      expect(counted(v)).toMatchObject({ pending, largest, reads: theirs.reads, off: theirs.off });
    }
  });

  it('[mutant] 16 % more reads are found', () => {
    const c = recordedCounts(VECTORS[0]!);
    expect(outside({ ...c, reads: 100 }, { ...c, reads: 115 })).toEqual([]);
    expect(outside({ ...c, reads: 100 }, { ...c, reads: 116 })).toEqual([
      'reads: 100 recorded, 116 here',
    ]);
  });
});

group('closed forms', () => {
  it.each(of('forms').filter(([name]) => !name.startsWith('s4')))(
    '%s: autoRead as often on and off',
    (_, v) => {
      const { on, off } = recordedCounts(v);
      expect(counted(v)).toMatchObject({ on, off });
    },
  );

  it.each(of('forms').filter(([name]) => name.startsWith('s4')))(
    '%s: what lines ask for, and what waits at most',
    (_, v) => {
      const { requests, requested, sendRequests, sendRequested, writes, pending } =
        recordedCounts(v);
      const same = { requests, requested, sendRequests, sendRequested, writes, pending };
      expect(counted(v)).toMatchObject(same);
      expect(run(v).bytesReceived).toBe(v.bytesReceived);
    },
  );

  it('concatMap with a prefetch of 1 asks when it takes a message: one more is under way', () => {
    for (const v of VECTORS.filter((other) => other.handler === 'seedConcat20p1')) {
      if (classOf(v) === 'edge') continue;
      for (const c of [recordedCounts(v), counted(v)])
        expect([c.requests, c.requested]).toEqual([1 + c.reads, 1 + c.reads]);
    }
  });

  it.each([
    ['requests', 1],
    ['requested', -1],
    ['flushes', 1],
    ['loop', 16],
    ['largest', 65_537],
    ['off', 2],
    ['queue', 2],
    ['pending', 20_000_000],
    ['sendRequests', 2],
    ['sendRequested', 64],
  ] as const)('[mutant] %s off by %d is found', (key, by) => {
    const name = key.startsWith('send') ? 's1-fast-sendMany' : 's1-fast-seedFlatMap';
    const v = VECTORS.find((other) => other.scenario === name)!;
    const c = recordedCounts(v);
    expect(brokenForms(v, { ...c, [key]: c[key] + by })).toHaveLength(1);
  });
});

group('how a stream ends', () => {
  const edge = (name: string): Vector => VECTORS.find((v) => nameOf(v) === name)!;

  it.each(['nio', 'epoll'])('%s: a second subscriber is refused, the first one completes', (t) => {
    const v = edge(`s6-twoSubscribers.${t}`);
    const signals = sequenceOf(run(v).recorder.events).filter((ev) => /^(first|second)/.test(ev));
    expect(signals.filter((ev) => ev === 'second.onError')).toHaveLength(1);
    expect(signals.filter((ev) => ev === 'first.onComplete')).toHaveLength(1);
    const reads = counted(v).reads;
    expect(signals.filter((ev) => ev === 'first.onNext')).toHaveLength(reads);
    expect(v.counts['first.onNext']).toBe(recordedCounts(v).reads);
  });

  it('epoll: FIN behind a backlog, 180 224 of 524 288 B come back and 4 messages are lost', () => {
    const v = edge('s9-halfclose-slow.epoll');
    expect(run(v).bytesReceived).toBe(v.bytesReceived);
    expect(v.bytesReceived).toBe(180_224);
    expect(counted(v)).toEqual({ ...recordedCounts(v), loop: 3 });
  });

  it('nio: the FIN is noticed when all has been read: what was at work then is lost, and what follows it', () => {
    const v = edge('s9-halfclose-slow.nio');
    const ours = counted(v);
    // 11 of 12 messages had been taken, 10 answered, when the recorded run saw the end.
    const theirs = recordedCounts(v);
    expect([theirs.reads - theirs.writes, ours.reads - ours.writes]).toEqual([2, 2]);
    expect(run(v).bytesReceived).toBeLessThan(524_288);
    expect(run(v).bytesReceived).toBeGreaterThan(180_224);
  });

  it.each(['nio', 'epoll'])('%s: a fast consumer has answered everything before', (t) => {
    const v = edge(`s9-halfclose-fast.${t}`);
    expect([run(v).bytesReceived, v.bytesReceived]).toEqual([524_288, 524_288]);
  });
});
