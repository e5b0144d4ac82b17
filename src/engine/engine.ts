/**
 * The virtual clock and what happens on it: the ground that every simulated thing stands on.
 *
 * An event is a registered kind, a time and two integers; nothing is allocated for it. Whoever schedules again and again
 * owns a timer. At one instant events run by class, then in the order they were scheduled: plain scheduling order would
 * make a result depend on when an optimisation happens to schedule.
 *
 * The engine does not own the loop: `step` and `run` are the caller's, nothing is asynchronous, and a handler may not call
 * them.
 */
import { assert, InvariantError } from '../base/assert.ts';
import { fingerprintOf, hashName, Lane } from '../base/hash.ts';
import { Random } from '../base/random.ts';
import { NO_TRACE, type TraceSink } from '../base/trace.ts';
import { LAST, NEVER, START, type Instant } from '../base/units.ts';
import { EventQueue } from './event-queue.ts';
import { LivelockError } from './livelock.ts';

/** The classes of events, in the order in which they run at one instant. */
export const WIRE = 0;
export const DEVICE = 1;
export const CPU = 2;
export const TIMER = 3;
export const APP = 4;
export type EventClass = 0 | 1 | 2 | 3 | 4;

declare const kindTag: unique symbol;
declare const timerTag: unique symbol;
declare const eventTag: unique symbol;
/** A registered kind of event. */
export type Kind = number & { readonly [kindTag]: true };
/** An owned timer. */
export type Timer = number & { readonly [timerTag]: true };
/** One scheduled event; never 0, and never used for another. */
export type EventId = number & { readonly [eventTag]: true };

/** Whose events they are; a and b are those of the event. */
export interface Handler {
  onEvent(a: number, b: number): void;
}

export interface EngineOptions {
  /** Of all random streams. */
  readonly seed: string;
  readonly trace?: TraceSink;
  /** Adds a hash over all events, dispatched and elided, to the fingerprint (`--fingerprint=events`). */
  readonly eventHash?: boolean;
  /** How many events may run at one instant before the run is given up; 1 000 000 when left out. */
  readonly maxEventsPerInstant?: number;
}

/** Counts that do not depend on the machine the simulation runs on. */
export interface EngineStats {
  /** Events that went through the queue. */
  readonly events: number;
  /** Events that `tryAdvance` spared it. */
  readonly elided: number;
  /** Most entries in the queue at once, disarmed timers not yet dropped included. */
  readonly peakPending: number;
}

/** How many events before the limit the livelock guard begins to note their kinds. */
const NOTED = 1000;
/** The horizon outside of a run: nothing may be run ahead. */
const NO_RUN = -1;

/** A handler that is a function. */
class Calling implements Handler {
  readonly onEvent: Handler['onEvent'];

  constructor(onEvent: Handler['onEvent']) {
    this.onEvent = onEvent;
  }
}

export class Engine {
  /** The simulated time. Only the engine writes it. */
  now: Instant = NEVER;
  readonly random: Random;
  trace: TraceSink;
  private readonly queue = new EventQueue();
  private readonly handlers: Handler[] = [];
  private readonly names: string[] = [];
  private readonly nameHashes: number[] = [];
  private readonly classes: EventClass[] = [];
  private readonly lanes = new Map<string, Lane>();
  private readonly eventLane: Lane | null;
  private readonly maxPerInstant: number;
  private readonly noteFrom: number;
  private readonly noted = new Map<number, number>();
  private running = false;
  private stopped = false;
  /** Events up to here may happen. */
  private horizon: number = NO_RUN;
  /** The kind being handled. */
  private current = 0;
  private atThisInstant = 0;
  private dispatched = 0;
  private elided = 0;

  constructor(options: EngineOptions) {
    // The first value was no small integer, so V8 gives the field a double from the start.
    this.now = START;
    this.random = new Random(options.seed);
    this.trace = options.trace ?? NO_TRACE;
    this.eventLane = options.eventHash === true ? new Lane('engine/events') : null;
    this.maxPerInstant = options.maxEventsPerInstant ?? 1_000_000;
    this.noteFrom = Math.max(1, this.maxPerInstant - NOTED);
  }

  /**
   * Registers a kind of event. Several may have one name (one per host); the name is for people and for the event hash.
   *
   * A handler may be a function. What has events for every packet is an object of its own class: V8 inlines a method that it
   * finds in up to four classes, and calls every function.
   */
  define(name: string, cls: EventClass, handler: Handler | Handler['onEvent']): Kind {
    this.names.push(name);
    this.nameHashes.push(hashName(name));
    this.classes.push(cls);
    const target = typeof handler === 'function' ? new Calling(handler) : handler;
    return (this.handlers.push(target) - 1) as Kind;
  }

  /**
   * Schedules an event that happens once; a and b are 32-bit integers.
   *
   * @throws InvariantError when t is before now, no integer, or past 2^53 ns
   */
  at(t: Instant, kind: Kind, a: number, b: number): EventId {
    this.checkTime(t, kind);
    return this.queue.slots.idOf(this.queue.add(t, this.classes[kind]!, kind, a, b)) as EventId;
  }

  /** Takes back a scheduled event; false when it has run or was cancelled before. */
  cancel(id: EventId): boolean {
    return this.queue.cancel(id);
  }

  /** An owned timer, disarmed, for what happens per packet: one per core, device, port. */
  timer(kind: Kind, a: number, b: number): Timer {
    return this.queue.addTimer(kind, a, b, false) as Timer;
  }

  /** An owned timer, disarmed, for what is armed often and runs seldom: one per connection, one per sleeping thread. */
  coldTimer(kind: Kind, a: number, b: number): Timer {
    return this.queue.addTimer(kind, a, b, true) as Timer;
  }

  /**
   * Sets a timer to t, whether it was armed or not; NEVER disarms it. It is disarmed when its handler is called. To arm it
   * to the time it is armed to already changes nothing: it keeps its place among equals.
   *
   * @throws InvariantError when t is before now, no integer, or past 2^53 ns
   */
  arm(timer: Timer, t: Instant): void {
    if (t === NEVER) {
      this.queue.disarm(timer);
      return;
    }
    const kind = this.queue.slots.kind[timer]!;
    this.checkTime(t, kind);
    this.queue.arm(timer, t, this.classes[kind]!);
  }

  /** When the timer is due; NEVER when it is disarmed. */
  deadline(timer: Timer): Instant {
    return this.queue.slots.due[timer]! as Instant;
  }

  /** Gives a timer back, armed or not; its owner must forget it. */
  release(timer: Timer): void {
    this.queue.release(timer);
  }

  /**
   * A disarmed timer is to be due in `ns`. If its event would be the next one to run, makes that the time and returns true:
   * the caller does what the event would have done. Otherwise arms it, and returns false. Exact by construction. Only in tail
   * position of a handler: it must touch nothing of the earlier time afterwards.
   *
   * It is given a length of time, not a point in it: one is most often a small integer, the other a double on the heap.
   *
   * @throws InvariantError when `ns` is below 0, no integer, or leads past 2^53 ns
   */
  tryAdvance(timer: Timer, ns: number): boolean {
    const { queue } = this;
    const kind = queue.slots.kind[timer]!;
    const cls = this.classes[kind]!;
    const t = (this.now + ns) as Instant;
    if (ns !== 0) this.checkTime(t, kind);
    if (!this.comesNext(t, cls)) {
      queue.slots.schedule(timer, t, cls);
      queue.place(timer);
      return false;
    }
    this.moveTo(t, kind);
    this.elided++;
    if (this.eventLane !== null) this.hashEvent(this.eventLane, cls, t, 0, 0);
    return true;
  }

  /**
   * Would an event of that class, scheduled now for t, be the next one to run? False outside of `run`, past its end, and once
   * `stop` was called. A method, so that a test can break it.
   */
  comesNext(t: Instant, cls: EventClass): boolean {
    return t <= this.horizon && this.queue.noneBefore(t, cls);
  }

  /** When the next event is due; NEVER when there is none. */
  nextTime(): Instant {
    const row = this.queue.first();
    return row < 0 ? NEVER : (this.queue.slots.due[row]! as Instant);
  }

  /** Runs the next event and nothing ahead of it; false when there is none. */
  step(): boolean {
    this.enter();
    try {
      const row = this.queue.first();
      if (row < 0) return false;
      this.dispatch(row);
      return true;
    } finally {
      this.running = false;
    }
  }

  /**
   * Runs all events up to and including `until`.
   *
   * @returns 'idle' when no event is left (the time stays that of the last one), 'until' when the next is later than
   *   `until` (the time is `until`), 'stopped' when a handler called `stop`
   */
  run(until: Instant): 'idle' | 'until' | 'stopped' {
    assert(
      until >= this.now,
      'engine: run until a time that is past',
      () => `${until} < ${this.now}`,
    );
    this.enter();
    this.stopped = false;
    this.horizon = until < LAST ? until : LAST;
    try {
      const queue = this.queue;
      const slots = queue.slots;
      for (;;) {
        const row = queue.first();
        if (row < 0 || slots.due[row]! > this.horizon) return this.leave(row, until);
        this.dispatch(row);
      }
    } finally {
      this.running = false;
      this.horizon = NO_RUN;
    }
  }

  /** Ends the present `run` after the handler that calls it. */
  stop(): void {
    this.stopped = true;
    this.horizon = NO_RUN;
  }

  /** The strand of the fingerprint with that name: the same one each time. */
  lane(name: string): Lane {
    let lane = this.lanes.get(name);
    if (lane === undefined) this.lanes.set(name, (lane = new Lane(name)));
    return lane;
  }

  /** The hash of all that the lanes and the random streams have seen so far. */
  fingerprint(): string {
    return fingerprintOf([...this.lanes.values(), ...this.random.lanes()]);
  }

  /** The hash of all events, in their order; null without `eventHash`. It moves when an optimisation spares one. */
  eventFingerprint(): string | null {
    return this.eventLane === null ? null : fingerprintOf([this.eventLane]);
  }

  get stats(): EngineStats {
    return { events: this.dispatched, elided: this.elided, peakPending: this.queue.peak };
  }

  /** Nothing is left, the next event is later than the end, or `stop` was called. */
  private leave(row: number, until: Instant): 'idle' | 'until' | 'stopped' {
    if (this.stopped) return 'stopped';
    if (row < 0) return 'idle';
    if (until > this.now) {
      this.now = until;
      this.atThisInstant = 0;
    }
    return 'until';
  }

  private dispatch(row: number): void {
    const { queue } = this;
    const { slots } = queue;
    const kind = slots.kind[row]!;
    const a = slots.a[row]!;
    const b = slots.b[row]!;
    this.moveTo(slots.due[row]! as Instant, kind);
    this.current = kind;
    // Before the handler runs: what that schedules may use the row again.
    queue.take(row);
    this.dispatched++;
    if (this.eventLane !== null)
      this.hashEvent(this.eventLane, this.nameHashes[kind]!, this.now, a, b);
    this.handlers[kind]!.onEvent(a, b);
  }

  /** An event of that kind happens at t. */
  private moveTo(t: Instant, kind: number): void {
    if (t !== this.now) {
      this.now = t;
      this.atThisInstant = 1;
    } else if (++this.atThisInstant > this.noteFrom) this.note(kind);
  }

  private enter(): void {
    assert(
      !this.running,
      'engine: step or run called from a handler',
      () => this.names[this.current]!,
    );
    this.running = true;
  }

  private checkTime(t: number, kind: number): void {
    if (!(t >= this.now && t <= LAST && Math.floor(t) === t)) this.refuseTime(t, kind);
  }

  private refuseTime(t: number, kind: number): never {
    const what = `${this.names[kind]} at ${t}, now ${this.now}`;
    if (t < this.now) throw new InvariantError('engine: an event in the past', what);
    if (t > LAST) throw new InvariantError('clock: past 2^53 ns (104 days)', what);
    throw new InvariantError('engine: a time is a whole number of nanoseconds', what);
  }

  /** The clock has stood still for suspiciously many events: counts their kinds, and gives up at the limit. */
  private note(kind: number): void {
    if (this.atThisInstant === this.noteFrom + 1) this.noted.clear();
    this.noted.set(kind, (this.noted.get(kind) ?? 0) + 1);
    if (this.atThisInstant <= this.maxPerInstant) return;
    const kinds = [...this.noted].sort((x, y) => y[1] - x[1]).map(([k]) => this.names[k]!);
    throw new LivelockError(this.now, this.maxPerInstant, [...new Set(kinds)]);
  }

  private hashEvent(lane: Lane, what: number, t: number, a: number, b: number): void {
    lane.word(what);
    lane.wide(t);
    lane.word(a);
    lane.word(b);
  }
}
