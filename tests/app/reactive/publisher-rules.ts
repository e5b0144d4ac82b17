// The rules for publishers and subscriptions, each as a check of one publisher. The ideas of what to look at are those of
// the specification's own verification (PublisherVerification); time is virtual, so "never" means: nothing can run any more.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { UNBOUNDED } from '../../../src/app/reactive/demand.ts';
import type { Sub } from '../../../src/app/setup.ts';
import type { Worker } from '../../../src/app/worker.ts';
import { Checked, Findings, Recorder, type Behaviour } from './checked.ts';
import { Machine } from './machine.ts';
import type { Source } from './streams.ts';

/** One subscriber of one publisher. */
class Trial {
  readonly machine: Machine;
  readonly recorder: Recorder<number>;
  private readonly findings = new Findings();

  constructor(s: Source, n: number, behaviour: Behaviour<number>, machine = new Machine()) {
    this.machine = machine;
    this.recorder = new Recorder(behaviour);
    const checked = new Checked(s.make(Math.min(n, s.most), machine), this.findings, s.name);
    machine.go((on) => checked.subscribe(this.recorder, on));
    this.sound();
  }

  request(...ns: number[]): void {
    this.machine.go((on) => this.all(ns, on));
    this.sound();
  }

  private *all(ns: number[], on: Worker): Sub<void> {
    for (const n of ns) yield* this.recorder.request(n, on);
  }

  cancel(): void {
    this.machine.go((on) => this.recorder.cancel(on));
    this.sound();
  }

  get count(): number {
    return this.recorder.values.length;
  }

  get end(): string | null {
    return this.recorder.end;
  }

  sound(): void {
    deepEqual(this.findings.broken, []);
  }
}

export interface Rule {
  readonly rule: string;
  readonly says: string;
  readonly check: (s: Source) => void;
}

const SILENT: Behaviour<number> = { first: 0 };
const upTo = (n: number): number[] => [...Array(n).keys()];

export const PUBLISHER_RULES: readonly Rule[] = [
  {
    rule: '§1.1',
    says: 'gives no more than has been requested, at any time',
    check(s) {
      const t = new Trial(s, 20, SILENT);
      equal(t.count, 0);
      t.request(1);
      equal(t.count, 1);
      t.request(1, 2);
      equal(t.count, Math.min(4, s.most));
    },
  },
  {
    rule: '§1.2',
    says: 'may give fewer than requested, and end',
    check(s) {
      const t = new Trial(s, 3, { first: 10 });
      equal(t.count, Math.min(3, s.most));
      equal(t.end, 'complete');
    },
  },
  {
    rule: '§1.3',
    says: 'gives one signal at a time, whoever requests meanwhile',
    check(s) {
      for (let seed = 1; seed <= 5; seed++) {
        let x = seed;
        const machine = new Machine((n) => (x = (x * 48_271) % 2_147_483_647) % n);
        const findings = new Findings();
        const slow: Behaviour<number> = {
          first: 1,
          *next(v, _r, on) {
            yield on.sys.compute(v % 3);
          },
        };
        const recorder = new Recorder(slow);
        const n = Math.min(12, s.most);
        machine.go((on) =>
          new Checked(s.make(n, machine), findings, s.name).subscribe(recorder, on),
        );
        for (let i = 0; i < 3; i++)
          machine.start(`asks-${i}`, function* (on) {
            for (let j = 0; j < 4; j++) {
              yield* recorder.request(1, on);
              yield on.sys.compute(i + j);
            }
          });
        machine.run();
        deepEqual(findings.broken, []);
        equal(recorder.values.length, n);
        equal(recorder.end, 'complete');
      }
    },
  },
  {
    rule: '§1.5',
    says: 'ends with onComplete, needing no demand for it, with or without elements',
    check(s) {
      const t = new Trial(s, 5, { first: Math.min(5, s.most) });
      // generate learns that it has ended when it is asked for one more (FluxGenerate).
      equal(t.end, s.name.startsWith('generate') ? null : 'complete');
      t.request(1);
      equal(t.end, 'complete');
      const none = new Trial(s, 0, { first: 1 });
      deepEqual([none.count, none.end], [0, 'complete']);
    },
  },
  {
    rule: '§1.6, §1.7',
    says: 'gives nothing after the end, whatever is requested or cancelled',
    check(s) {
      const t = new Trial(s, 3, { first: 10 });
      t.request(10);
      t.cancel();
      t.request(10);
      deepEqual([t.count, t.end], [Math.min(3, s.most), 'complete']);
    },
  },
  {
    rule: '§1.8, §3.12',
    says: 'stops when it is cancelled',
    check(s) {
      const behaviour: Behaviour<number> = {
        first: UNBOUNDED,
        *next(_v, r, on) {
          if (r.values.length === 1) yield* r.cancel(on);
        },
      };
      const t = new Trial(s, 1_000, behaviour);
      ok(t.count < 10);
      equal(t.end, null);
    },
  },
  {
    rule: '§1.9',
    says: 'gives onSubscribe first, within subscribe',
    check(s) {
      ok(new Trial(s, 3, SILENT).recorder.subscription !== null);
      ok(new Trial(s, 0, SILENT).recorder.subscription !== null);
    },
  },
  {
    rule: '§1.11',
    says: 'gives each of two subscribers the whole stream',
    check(s) {
      // Who comes later to a hot stream misses what came before (processors.test.ts).
      if (s.hot === true) return;
      const machine = new Machine();
      const publisher = s.make(Math.min(6, s.most), machine);
      const both = [new Recorder<number>({ first: 1, each: 1 }), new Recorder<number>()];
      for (const r of both) machine.start('main', (on) => publisher.subscribe(r, on));
      machine.run();
      for (const r of both) {
        const values = s.reorders === true ? r.values.toSorted((a, b) => a - b) : r.values;
        deepEqual([values, r.end], [upTo(Math.min(6, s.most)), 'complete']);
      }
    },
  },
  {
    rule: '§3.2',
    says: 'may be asked from within onSubscribe and onNext',
    check(s) {
      const t = new Trial(s, 20, { first: 1, each: 1 });
      deepEqual([t.count, t.end], [Math.min(20, s.most), 'complete']);
    },
  },
  {
    rule: '§3.3',
    says: 'does not go deeper with each request that is made in onNext',
    check(s) {
      let [depth, deepest] = [0, 0];
      const behaviour: Behaviour<number> = {
        first: 1,
        *next(_v, r, on) {
          deepest = Math.max(deepest, ++depth);
          yield* r.request(1, on);
          depth--;
        },
      };
      const t = new Trial(s, 300, behaviour);
      equal(t.count, Math.min(300, s.most));
      equal(deepest, 1);
    },
  },
  {
    rule: '§3.6',
    says: 'gives nothing to a request that comes after cancel',
    check(s) {
      const t = new Trial(s, 20, SILENT);
      t.cancel();
      t.request(1, 2);
      deepEqual([t.count, t.end], [0, null]);
    },
  },
  {
    rule: '§3.5, §3.7',
    says: 'takes cancel more than once, and from two threads',
    check(s) {
      const t = new Trial(s, 20, { first: 1 });
      t.cancel();
      t.machine.start('a', (on) => t.recorder.cancel(on));
      t.machine.start('b', (on) => t.recorder.cancel(on));
      t.machine.run();
      t.sound();
    },
  },
  {
    rule: '§3.8',
    says: 'adds requests up',
    check(s) {
      const t = new Trial(s, 20, SILENT);
      t.request(2, 3, 1);
      equal(t.count, Math.min(6, s.most));
    },
  },
  {
    rule: '§3.9',
    says: 'fails with an error that says so when n is not a whole number > 0',
    check(s) {
      for (const n of [0, -1, 1.5, NaN]) {
        const t = new Trial(s, 20, SILENT);
        t.request(n);
        match(t.end ?? 'nothing', /error: .*§3\.9/);
        t.request(1);
        equal(t.count, 0);
      }
    },
  },
  {
    rule: '§3.17',
    says: 'takes any amount of demand, and any number of requests',
    check(s) {
      const half = Math.floor(UNBOUNDED / 2);
      for (const ns of [[UNBOUNDED], [half, half, 1], Array<number>(10).fill(UNBOUNDED - 1)]) {
        const t = new Trial(s, 20, SILENT);
        t.request(...ns);
        deepEqual([t.count, t.end], [Math.min(20, s.most), 'complete']);
      }
      const inOnNext = new Trial(s, 20, { first: 1, each: UNBOUNDED - 1 });
      deepEqual([inOnNext.count, inOnNext.end], [Math.min(20, s.most), 'complete']);
    },
  },
];
