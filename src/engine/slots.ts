/**
 * What is to happen, in columns: one row per pending one-shot event or owned timer. Rows are used again; the generation in
 * an id tells the uses of a row apart.
 */
import { assert, InvariantError } from '../base/assert.ts';

/** How a row is used. */
export const ONE_SHOT = 0; // freed when it runs or is cancelled
export const HOT_TIMER = 1; // owned, in the hot heap
export const COLD_TIMER = 2; // owned, in the cold heap: kernel timers

/** A row with this kind is free. */
const FREE = -1;
/** An id is generation·2^24 + row, below 2^53. */
const ROWS = 0x100_0000;
const GENERATIONS = 0x2000_0000;
/** Orders of one class are consecutive, so that (time, order) sorts by class first: class·2^44 + a counter. */
export const CLASS_SPAN = 0x1000_0000_0000;
/** The order of what is not scheduled: equal to none, not even to itself. */
export const NO_ORDER: number = NaN;

export class Slots {
  /** The kind of event, an index into the engine's handlers; FREE when the row is not in use. */
  kind: Int32Array = new Int32Array(16).fill(FREE);
  /** The handler's two arguments. */
  a: Int32Array = new Int32Array(16);
  b: Int32Array = new Int32Array(16);
  mode: Uint8Array = new Uint8Array(16);
  /**
   * When it is to happen, and its place among equal times, which it has anew each time it is scheduled; Infinity and
   * NO_ORDER: disarmed.
   */
  due: Float64Array = new Float64Array(16).fill(Infinity);
  order: Float64Array = new Float64Array(16).fill(NO_ORDER);
  /** Its index in its heap, or −1. */
  position: Int32Array = new Int32Array(16).fill(-1);
  protected generation: Int32Array = new Int32Array(16).fill(1);
  private freeRows: Int32Array = new Int32Array(16);
  private freeCount = 0;
  /** Rows ever used. */
  private used = 0;
  private scheduled = 0;

  /** Takes a row, disarmed and in no heap. */
  allocate(kind: number, a: number, b: number, mode: number): number {
    if ((a | 0) !== a || (b | 0) !== b) refuseArguments(a, b);
    const row = this.freeCount > 0 ? this.freeRows[--this.freeCount]! : this.fresh();
    this.kind[row] = kind;
    this.a[row] = a;
    this.b[row] = b;
    this.mode[row] = mode;
    return row;
  }

  /** Gives a row back, disarmed and out of its heap; ids of its last use are stale from now on. */
  free(row: number): void {
    this.kind[row] = FREE;
    this.unschedule(row);
    const generation = this.generation[row]! + 1;
    this.generation[row] = generation;
    // A row whose generations are used up is never used again, so that no id ever means two events.
    if (generation < GENERATIONS) this.freeRows[this.freeCount++] = row;
  }

  /** The row is due at t, after all of its class that are due then already. */
  schedule(row: number, t: number, cls: number): void {
    const n = this.scheduled++;
    if (n >= CLASS_SPAN) assert(false, 'engine: more than 2^44 events');
    this.due[row] = t;
    this.order[row] = cls * CLASS_SPAN + n;
  }

  /** The row is due never. */
  unschedule(row: number): void {
    this.due[row] = Infinity;
    this.order[row] = NO_ORDER;
  }

  /** Is the row due before (t, order)? */
  isBefore(row: number, t: number, order: number): boolean {
    const due = this.due[row]!;
    return due < t || (due === t && this.order[row]! < order);
  }

  /** Is the row due before an event of that class that is scheduled now for t? */
  isDueBy(row: number, t: number, cls: number): boolean {
    return this.isBefore(row, t, (cls + 1) * CLASS_SPAN);
  }

  /** The id of the row's present use; never 0. */
  idOf(row: number): number {
    return this.generation[row]! * ROWS + row;
  }

  /** The row an id stands for, or −1 when that use is over. */
  rowOf(id: number): number {
    const generation = Math.floor(id / ROWS);
    const row = id - generation * ROWS;
    if (!(row < this.used) || this.kind[row] === FREE) return -1;
    return this.isCurrent(row, generation) ? row : -1;
  }

  /** Is this generation of the row the one in use? A method, so that a test can break it. */
  protected isCurrent(row: number, generation: number): boolean {
    return this.generation[row] === generation;
  }

  private fresh(): number {
    if (this.used === this.kind.length) this.grow();
    return this.used++;
  }

  private grow(): void {
    const n = this.used * 2;
    assert(n <= ROWS, 'engine: more than 2^24 pending events and timers');
    this.kind = extend(this.kind, new Int32Array(n).fill(FREE));
    this.a = extend(this.a, new Int32Array(n));
    this.b = extend(this.b, new Int32Array(n));
    this.mode = extend(this.mode, new Uint8Array(n));
    this.due = extend(this.due, new Float64Array(n).fill(Infinity));
    this.order = extend(this.order, new Float64Array(n).fill(NO_ORDER));
    this.position = extend(this.position, new Int32Array(n).fill(-1));
    this.generation = extend(this.generation, new Int32Array(n).fill(1));
    this.freeRows = extend(this.freeRows, new Int32Array(n));
  }
}

function refuseArguments(a: number, b: number): never {
  throw new InvariantError('engine: an event carries two 32-bit integers', `${a}, ${b}`);
}

/** `into`, which is longer, with the contents of `from` at its start. */
export function extend<C extends Int32Array | Uint8Array | Float64Array>(from: C, into: C): C {
  into.set(from);
  return into;
}
