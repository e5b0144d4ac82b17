import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventQueue } from '../../src/engine/event-queue.ts';
import { CLASS_SPAN, Slots } from '../../src/engine/slots.ts';
import { prop } from '../support/prop.ts';

/** What the queue promises, done in the plainest way: all that is pending, searched each time. */
class ReferenceQueue {
  private pending: { time: number; cls: number; order: number; what: string }[] = [];
  private scheduled = 0;

  schedule(what: string, time: number, cls: number): void {
    this.pending.push({ time, cls, order: this.scheduled++, what });
  }
  remove(what: string): boolean {
    const n = this.pending.length;
    this.pending = this.pending.filter((e) => e.what !== what);
    return this.pending.length < n;
  }
  timeOf(what: string): number {
    return this.pending.find((e) => e.what === what)?.time ?? Infinity;
  }
  first(): { time: number; what: string } | undefined {
    return this.pending.toSorted(
      (x, y) => x.time - y.time || x.cls - y.cls || x.order - y.order,
    )[0];
  }
  noneBefore(time: number, cls: number): boolean {
    return !this.pending.some((e) => e.time < time || (e.time === time && e.cls <= cls));
  }
}

type Op =
  | { op: 'add'; delay: number; cls: number }
  | { op: 'cancel'; nth: number }
  | { op: 'arm'; timer: number; delay: number }
  | { op: 'disarm'; timer: number }
  | { op: 'replace'; timer: number; cold: boolean }
  | { op: 'advance'; delay: number; cls: number }
  | { op: 'next' };

const TIMERS = 6;
/** Few classes, so that timers tie with one another. */
const classOf = (t: number): number => 2 + (t % 2);
const timer = fc.nat(TIMERS - 1);
const cls = fc.nat(4);
// Few different delays: ties are where orders go wrong.
const delay = fc.oneof({ weight: 4, arbitrary: fc.nat(3) }, fc.nat(40));
const op: fc.Arbitrary<Op> = fc.oneof(
  fc.record({ op: fc.constant('add' as const), delay, cls }),
  fc.record({ op: fc.constant('cancel' as const), nth: fc.nat(30) }),
  fc.record({ op: fc.constant('arm' as const), timer, delay }),
  fc.record({ op: fc.constant('disarm' as const), timer }),
  fc.record({ op: fc.constant('replace' as const), timer, cold: fc.boolean() }),
  fc.record({ op: fc.constant('advance' as const), delay, cls }),
  fc.record({ op: fc.constant('next' as const) }),
  fc.record({ op: fc.constant('next' as const) }),
);
const program = fc.tuple(
  fc.array(fc.boolean(), { minLength: TIMERS, maxLength: TIMERS }),
  fc.array(op, { maxLength: 120, size: 'max' }),
);

/** Runs a program on a queue; what the queue answered, word for word. */
function play(queue: EventQueue, cold: readonly boolean[], ops: readonly Op[]): string[] {
  const said: string[] = [];
  const ids: number[] = [];
  // The kind of a row says whose it is: timers 0 .. TIMERS − 1, events above.
  const rows = cold.map((c, i) => queue.addTimer(i, 0, 0, c));
  let now = 0;
  const next = (): void => {
    const row = queue.first();
    if (row < 0) {
      said.push('idle');
      return;
    }
    now = queue.slots.due[row]!;
    said.push(`${queue.slots.kind[row]!} at ${now}`);
    queue.take(row);
  };
  for (const o of ops) {
    if (o.op === 'add') {
      const row = queue.add(now + o.delay, o.cls, TIMERS + ids.length, 0, 0);
      ids.push(queue.slots.idOf(row));
    } else if (o.op === 'cancel') {
      said.push(`cancelled ${o.nth < ids.length && queue.cancel(ids[o.nth]!)}`);
    } else if (o.op === 'arm') {
      queue.arm(rows[o.timer]!, now + o.delay, classOf(o.timer));
    } else if (o.op === 'disarm') {
      queue.disarm(rows[o.timer]!);
    } else if (o.op === 'replace') {
      queue.release(rows[o.timer]!);
      rows[o.timer] = queue.addTimer(o.timer, 0, 0, o.cold);
    } else if (o.op === 'advance') {
      const ahead = queue.noneBefore(now + o.delay, o.cls);
      if (ahead) now += o.delay;
      said.push(`advanced ${ahead}`);
    } else {
      next();
    }
    said.push(rows.map((r) => queue.slots.due[r]!).join(' '));
  }
  while (queue.first() >= 0) next();
  return said;
}

/** The same program on the reference. */
function playReference(ops: readonly Op[]): string[] {
  const queue = new ReferenceQueue();
  const said: string[] = [];
  let events = 0;
  let now = 0;
  const next = (): void => {
    const e = queue.first();
    if (e === undefined) {
      said.push('idle');
      return;
    }
    now = e.time;
    said.push(`${e.what} at ${now}`);
    queue.remove(e.what);
  };
  for (const o of ops) {
    if (o.op === 'add') {
      queue.schedule(String(TIMERS + events++), now + o.delay, o.cls);
    } else if (o.op === 'cancel') {
      said.push(`cancelled ${o.nth < events && queue.remove(String(TIMERS + o.nth))}`);
    } else if (o.op === 'arm') {
      const name = String(o.timer);
      if (queue.timeOf(name) !== now + o.delay) {
        queue.remove(name);
        queue.schedule(name, now + o.delay, classOf(o.timer));
      }
    } else if (o.op === 'disarm' || o.op === 'replace') {
      queue.remove(String(o.timer));
    } else if (o.op === 'advance') {
      const ahead = queue.noneBefore(now + o.delay, o.cls);
      if (ahead) now += o.delay;
      said.push(`advanced ${ahead}`);
    } else {
      next();
    }
    said.push(Array.from({ length: TIMERS }, (_, i) => queue.timeOf(String(i))).join(' '));
  }
  while (queue.first() !== undefined) next();
  return said;
}

function checkAgainstReference(make: () => EventQueue): void {
  prop(
    [program],
    ([cold, ops]) => {
      expect(play(make(), cold, ops)).toEqual(playReference(ops));
    },
    { numRuns: 1500 },
  );
}

class GenerationIgnored extends Slots {
  protected override isCurrent(): boolean {
    return true;
  }
}
class ClassIgnored extends Slots {
  override schedule(row: number, t: number): void {
    super.schedule(row, t, 0);
  }
}
class OrderIgnored extends Slots {
  override schedule(row: number, t: number, c: number): void {
    super.schedule(row, t, c);
    this.order[row] = c * CLASS_SPAN;
  }
}
class StrictTie extends EventQueue {
  override noneBefore(t: number, c: number): boolean {
    return super.noneBefore(t, c - 1);
  }
}
class DisarmForgotten extends EventQueue {
  override disarm(): void {}
}
class EarlierForgotten extends EventQueue {
  override arm(row: number, t: number, c: number): void {
    if (this.slots.position[row]! >= 0) this.slots.schedule(row, t, c);
    else super.arm(row, t, c);
  }
}
class ReleaseForgotten extends EventQueue {
  override release(row: number): void {
    this.slots.free(row);
  }
}
class RearmKeepsNoPlace extends EventQueue {
  override arm(row: number, t: number, c: number): void {
    if (this.slots.due[row] === t) this.disarm(row);
    super.arm(row, t, c);
  }
}
class QuietForever extends EventQueue {
  override place(row: number): void {
    const { quietUntil } = this;
    super.place(row);
    this.quietUntil = quietUntil;
  }
}

class QuietWhateverComes extends EventQueue {
  override add(t: number, c: number, kind: number, a: number, b: number): number {
    const { quietUntil } = this;
    const row = super.add(t, c, kind, a, b);
    this.quietUntil = quietUntil;
    return row;
  }
}

describe('event queue', () => {
  it('does what a list searched for its least element does, whatever is scheduled, cancelled, armed, disarmed, released or run ahead', () => {
    checkAgainstReference(() => new EventQueue());
  });

  const mutants: Record<string, () => EventQueue> = {
    'ignores generations, so that a stale id cancels somebody else’s event': () =>
      new EventQueue(new GenerationIgnored()),
    'ignores classes': () => new EventQueue(new ClassIgnored()),
    'ignores the order of scheduling': () => new EventQueue(new OrderIgnored()),
    'runs ahead of events of its own class at the same instant': () => new StrictTie(),
    'forgets to disarm': () => new DisarmForgotten(),
    'forgets to move a timer that is armed to an earlier time': () => new EarlierForgotten(),
    'leaves a released timer in the heap': () => new ReleaseForgotten(),
    'runs ahead of a timer that was armed after it had looked': () => new QuietForever(),
    'runs ahead of an event that was scheduled after it had looked': () => new QuietWhateverComes(),
    'gives a timer a new place when it is armed to the time it has': () => new RearmKeepsNoPlace(),
  };
  it.each(Object.keys(mutants))('is caught when it %s', (name) => {
    expect(() => checkAgainstReference(mutants[name]!)).toThrow(/Counterexample/);
  });

  it('gives the same order with two heaps as with one', () => {
    prop([program], ([cold, ops]) => {
      const oneHeap = ops.map((o) => (o.op === 'replace' ? { ...o, cold: false } : o));
      expect(play(new EventQueue(), cold, ops)).toEqual(
        play(
          new EventQueue(),
          cold.map(() => false),
          oneHeap,
        ),
      );
    });
  });

  it('keeps a timer that is put off again and again in one place: no entry is added', () => {
    const queue = new EventQueue();
    const row = queue.addTimer(0, 0, 0, true);
    for (let t = 1; t <= 1000; t++) queue.arm(row, t, 3);
    expect(queue.peak).toBe(1);
    expect(queue.slots.due[queue.first()]).toBe(1000);
  });

  it('retires a row whose generations are used up, so that no id is ever given twice', () => {
    class NearlyUsedUp extends Slots {
      override allocate(kind: number, a: number, b: number, mode: number): number {
        const row = super.allocate(kind, a, b, mode);
        this.generation[row] = 0x1fff_ffff;
        return row;
      }
    }
    const queue = new EventQueue(new NearlyUsedUp());
    const id = queue.slots.idOf(queue.add(1, 0, 0, 0, 0));
    expect(queue.cancel(id)).toBe(true);
    const other = queue.slots.idOf(queue.add(1, 0, 0, 0, 0));
    expect(other % 0x100_0000).not.toBe(id % 0x100_0000);
    expect(Number.isSafeInteger(other)).toBe(true);
    expect(queue.cancel(id)).toBe(false);
  });
});
