/** Tasks for later, the earliest first and equal times in order of submission (AbstractScheduledEventExecutor). */
import { NEVER, type Instant } from '../../base/units.ts';
import { DueHeap } from '../load/due.ts';
import type { Cancellable, Task } from '../worker.ts';

export class ScheduledTasks {
  private readonly due = new DueHeap();
  private readonly tasks = new Map<number, Task>();
  private order = 0;

  /** @returns what takes it back */
  add(task: Task, at: Instant): Cancellable {
    const id = this.order++;
    this.due.push(at, id);
    this.tasks.set(id, task);
    return { cancel: () => void this.tasks.delete(id) };
  }

  /** When the first one is due; NEVER when there is none. */
  next(): Instant {
    while (this.due.next() !== NEVER && !this.tasks.has(this.due.first())) this.due.pop(NEVER);
    return this.due.next();
  }

  /** Takes the first one that is due by `now`. */
  poll(now: Instant): Task | null {
    if (this.next() > now) return null;
    const id = this.due.pop(now);
    if (id < 0) return null;
    const task = this.tasks.get(id)!;
    this.tasks.delete(id);
    return task;
  }
}
