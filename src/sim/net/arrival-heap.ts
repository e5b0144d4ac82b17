/**
 * Which port's first frame arrives next: an indexed binary heap over (arrival, number of the port). A port that waits for
 * nothing is not in it.
 */
import { type Instant, NEVER } from '../../base/units.ts';

export class ArrivalHeap {
  size = 0;
  /** Ports, as a heap. */
  private readonly heap: number[] = [];
  /** Place of each port in the heap; −1: not in it. */
  private readonly place: number[] = [];
  protected readonly arrival: number[] = [];

  /** From now on there are ports 0 … ports − 1. */
  grow(ports: number): void {
    while (this.place.length < ports) {
      this.place.push(-1);
      this.arrival.push(NEVER);
      this.heap.push(-1);
    }
  }

  /** The port whose frame arrives first; only when size > 0. */
  first(): number {
    return this.heap[0]!;
  }

  /** NEVER when no port waits for anything. */
  firstArrival(): Instant {
    return this.size === 0 ? NEVER : (this.arrival[this.heap[0]!]! as Instant);
  }

  arrivalOf(port: number): Instant {
    return this.arrival[port]! as Instant;
  }

  /** @param arrival  NEVER: the port waits for nothing */
  set(port: number, arrival: Instant): void {
    this.arrival[port] = arrival;
    let at = this.place[port]!;
    if (at < 0) {
      if (arrival === NEVER) return;
      at = this.size++;
      this.put(at, port);
    } else if (arrival === NEVER) {
      this.place[port] = -1;
      this.size--;
      if (at === this.size) return;
      const moved = this.heap[this.size]!;
      this.put(at, moved);
      this.down(at);
      this.up(this.place[moved]!);
      return;
    }
    this.down(at);
    this.up(this.place[port]!);
  }

  private up(from: number): void {
    const port = this.heap[from]!;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const other = this.heap[parent]!;
      if (this.before(other, port)) break;
      this.put(at, other);
      at = parent;
    }
    this.put(at, port);
  }

  private down(from: number): void {
    const port = this.heap[from]!;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.size) break;
      if (child + 1 < this.size && this.before(this.heap[child + 1]!, this.heap[child]!)) child++;
      const other = this.heap[child]!;
      if (this.before(port, other)) break;
      this.put(at, other);
      at = child;
    }
    this.put(at, port);
  }

  protected before(a: number, b: number): boolean {
    const difference = this.arrival[a]! - this.arrival[b]!;
    return difference < 0 || (difference === 0 && a < b);
  }

  private put(at: number, port: number): void {
    this.heap[at] = port;
    this.place[port] = at;
  }
}
