// The rules for subscribers, each as a check of one operator, whose upstream is the test (SubscriberWhiteboxVerification's
// ideas).
import { deepEqual, equal, ok } from 'node:assert/strict';
import type { Publisher, Subscription } from '../../../src/app/reactive/streams.ts';
import type { Sub } from '../../../src/app/setup.ts';
import type { Worker } from '../../../src/app/worker.ts';
import { Checked, Findings, Recorder } from './checked.ts';
import { Hand } from './hand.ts';
import { Machine } from './machine.ts';
import type { Operator } from './streams.ts';

class Trial {
  readonly machine = new Machine();
  readonly hand = new Hand();
  readonly recorder: Recorder<number>;
  private readonly findings = new Findings();

  constructor(o: Operator, first: number) {
    this.recorder = new Recorder({ first });
    const checked: Publisher<number> = new Checked(
      o.on(this.hand, this.machine),
      this.findings,
      o.name,
    );
    this.go((on) => checked.subscribe(this.recorder, on));
  }

  go(part: (on: Worker) => Sub<void>): void {
    this.machine.go(part);
    deepEqual(this.findings.broken, []);
  }

  complete(): void {
    this.go((on) => this.hand.subscriber!.onComplete(on));
  }

  fail(): void {
    this.go((on) => this.hand.subscriber!.onError(new Error('upstream'), on));
  }

  next(v: number): void {
    this.go((on) => this.hand.subscriber!.onNext(v, on));
  }

  /** How often upstream has been called. */
  get calls(): number {
    return this.hand.asked.length + this.hand.cancelled;
  }
}

export interface Rule {
  readonly rule: string;
  readonly says: string;
  readonly check: (o: Operator) => void;
}

export const SUBSCRIBER_RULES: readonly Rule[] = [
  {
    rule: '§2.1',
    says: 'asks its upstream for what it is asked for',
    check(o) {
      const t = new Trial(o, 0);
      t.go((on) => t.recorder.request(1, on));
      ok(t.hand.total >= 1);
    },
  },
  {
    rule: '§2.3',
    says: 'leaves its upstream alone within onComplete and onError',
    check(o) {
      for (const end of ['complete', 'fail'] as const) {
        const t = new Trial(o, 1);
        let [before, after] = [0, -1];
        t.go(function* (on) {
          before = t.calls;
          const s = t.hand.subscriber!;
          if (end === 'complete') yield* s.onComplete(on);
          else yield* s.onError(new Error('upstream'), on);
          after = t.calls;
        });
        equal(after, before);
      }
    },
  },
  {
    rule: '§2.5',
    says: 'cancels a second subscription, and goes on with the first',
    check(o) {
      const t = new Trial(o, 2);
      let cancelled = 0;
      let asked = 0;
      const second: Subscription = {
        *request(_n, on) {
          asked++;
          yield on.sys.schedYield();
        },
        *cancel(on) {
          cancelled++;
          yield on.sys.schedYield();
        },
      };
      t.go((on) => t.hand.subscriber!.onSubscribe(second, on));
      deepEqual([cancelled, asked, t.hand.cancelled], [1, 0, 0]);
      t.next(7);
      deepEqual(t.recorder.values, [7]);
    },
  },
  {
    rule: '§2.6, §1.8',
    says: 'cancels its upstream when it is cancelled',
    check(o) {
      const t = new Trial(o, 1);
      t.go((on) => t.recorder.cancel(on));
      ok(t.hand.cancelled >= 1);
    },
  },
  {
    rule: '§2.8',
    says: 'takes an element that comes after it has cancelled',
    check(o) {
      const t = new Trial(o, 1);
      t.go((on) => t.recorder.cancel(on));
      t.next(7);
      equal(t.recorder.end, null);
    },
  },
  {
    rule: '§2.9',
    says: 'takes onComplete whether or not it has asked for something, and passes it on',
    check(o) {
      for (const first of o.late === true ? [1] : [0, 1]) {
        const t = new Trial(o, first);
        t.complete();
        equal(t.recorder.end, 'complete');
      }
    },
  },
  {
    rule: '§2.10, §4.2',
    says: 'takes onError whether or not it has asked for something, and passes it on',
    check(o) {
      for (const first of o.late === true ? [1] : [0, 1]) {
        const t = new Trial(o, first);
        t.fail();
        equal(t.recorder.end, 'error: upstream');
      }
    },
  },
  {
    rule: '§1.7',
    says: 'says nothing after the end, though upstream does',
    check(o) {
      const t = new Trial(o, 10);
      t.complete();
      t.go(function* (on) {
        yield* t.hand.subscriber!.onError(new Error('late'), on);
        yield* t.hand.subscriber!.onComplete(on);
      });
      equal(t.recorder.end, 'complete');
    },
  },
  {
    rule: '§3.8',
    says: 'passes on as many elements as were asked for in several requests',
    check(o) {
      const t = new Trial(o, 1);
      t.go((on) => t.recorder.request(2, on));
      // One after the other: some ask for the next one only when the last is through.
      for (const v of [1, 2, 3]) if (t.hand.total >= v) t.next(v);
      deepEqual(t.recorder.values, [1, 2, 3]);
    },
  },
];
