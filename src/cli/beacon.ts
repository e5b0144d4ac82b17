/**
 * How far a run is, and whose code it runs, in memory that two threads share: the worker that simulates writes and never
 * waits, the main thread looks now and then. That is how it notices an application of the user's own that never yields:
 * nothing inside the worker's thread could.
 */
import type { AppWatch } from '../app/user.ts';
import type { Instant } from '../base/units.ts';
import { threadName } from './fault-text.ts';

// Places in `numbers`.
const SHARE = 0; // of the run, 0 to 1
const INSIDE = 1; // 1: code of the user's own runs
const ENTRIES = 2; // how often it has been entered
const WHO = 3; // the thread's number; LOADING − i: module number i is being loaded
const AT = 4; // simulated time
const WORKER = 5; // threadId of the worker
const NUMBERS = 8;
const LOADING = -1;

/** Names of so many threads are kept, in so many bytes each; a thread beyond that is called by its number. */
const NAMES = 1024;
const NAME_BYTES = 64;

/** What the user's code is doing. */
export interface Inside {
  /** Grows with every entry: as long as it stays, nothing has returned. */
  readonly entries: number;
  /** `server/connection-3`; null while a module is being loaded. */
  readonly thread: string | null;
  /** Simulated time, ns. */
  readonly at: number;
}

export class Beacon implements AppWatch {
  readonly buffer: SharedArrayBuffer;
  private readonly numbers: Float64Array;
  private readonly names: Uint8Array;
  private threads = 0;

  /** @param buffer  that of the other thread; left out: a new one */
  constructor(
    names: boolean,
    buffer: SharedArrayBuffer = new SharedArrayBuffer(
      8 * NUMBERS + (names ? NAMES * NAME_BYTES : 0),
    ),
  ) {
    this.buffer = buffer;
    this.numbers = new Float64Array(buffer, 0, NUMBERS);
    this.names = new Uint8Array(buffer, 8 * NUMBERS);
  }

  get share(): number {
    return this.numbers[SHARE]!;
  }
  set share(share: number) {
    this.numbers[SHARE] = share;
  }
  /** The worker's threadId. */
  get worker(): number {
    return this.numbers[WORKER]!;
  }
  set worker(id: number) {
    this.numbers[WORKER] = id;
  }

  // ---- the worker's side -------------------------------------------------------------------------------------------

  /** Loads modules: their code runs, and belongs to no thread. */
  loading<T>(load: () => T): T {
    this.enter(LOADING, 0);
    try {
      return load();
    } finally {
      this.leave();
    }
  }

  thread(app: string, name: string): number {
    const number = this.threads++;
    if (number < NAMES) {
      const slot = this.names.subarray(number * NAME_BYTES, (number + 1) * NAME_BYTES);
      // TextEncoder will not write into shared memory.
      slot.set(new TextEncoder().encode(threadName(app, name)).subarray(0, NAME_BYTES));
    }
    return number;
  }

  enter(thread: number, at: Instant | 0): void {
    const { numbers } = this;
    numbers[WHO] = thread;
    numbers[AT] = at;
    numbers[ENTRIES] = numbers[ENTRIES]! + 1;
    numbers[INSIDE] = 1;
  }

  leave(): void {
    this.numbers[INSIDE] = 0;
  }

  // ---- the main thread's side --------------------------------------------------------------------------------------

  /** Null: no code of the user's own runs just now. */
  inside(): Inside | null {
    const { numbers } = this;
    if (numbers[INSIDE] !== 1) return null;
    const who = numbers[WHO]!;
    return {
      entries: numbers[ENTRIES]!,
      thread: who === LOADING ? null : this.nameOf(who),
      at: numbers[AT]!,
    };
  }

  private nameOf(number: number): string {
    if (number >= NAMES) return `thread number ${number}`;
    const slot = this.names.slice(number * NAME_BYTES, (number + 1) * NAME_BYTES);
    const end = slot.indexOf(0);
    return new TextDecoder().decode(Uint8Array.from(end < 0 ? slot : slot.subarray(0, end)));
  }
}
