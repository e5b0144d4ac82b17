import { describe, expect, it } from 'vitest';
import {
  type WaitEntry,
  type Waiter,
  WaiterEntry,
  WaitQueue,
} from '../../../src/kernel/wait-queue.ts';

class Named implements Waiter {
  readonly entry: WaitEntry = new WaiterEntry(this);
  readonly name: string;
  private readonly log: string[];
  private readonly wakes: boolean;
  constructor(name: string, log: string[], wakes = true) {
    this.name = name;
    this.log = log;
    this.wakes = wakes;
  }
  onWake(e: WaitEntry): boolean {
    this.log.push(this.name);
    if (this.wakes) e.queue!.remove(e);
    return this.wakes;
  }
}

function filled(log: string[]): WaitQueue {
  const q = new WaitQueue();
  q.add(new Named('first', log).entry);
  q.addExclusive(new Named('x1', log).entry);
  q.add(new Named('second', log).entry);
  q.addExclusive(new Named('busy', log, false).entry);
  q.addExclusive(new Named('x2', log).entry);
  q.addExclusive(new Named('x3', log).entry);
  return q;
}

describe('a wait queue [include/linux/wait.h]', () => {
  it('calls all that are not exclusive, newest first, and then exclusive ones, oldest first, up to n', () => {
    const log: string[] = [];
    expect(filled(log).wake(0, 1, false)).toBe(3);
    expect(log).toEqual(['second', 'first', 'x1']);
  });

  it('an exclusive entry that wakes nobody uses up no wake-up', () => {
    const log: string[] = [];
    const q = filled(log);
    q.wake(0, 2, false);
    expect(log).toEqual(['second', 'first', 'x1', 'busy', 'x2']);
    log.length = 0;
    q.wake(0, 1, false);
    expect(log).toEqual(['busy', 'x3']);
  });

  it('0 wakes all', () => {
    const log: string[] = [];
    const q = filled(log);
    expect(q.wake(0, 0, false)).toBe(5);
    log.length = 0;
    q.wake(0, 0, false);
    expect(log).toEqual(['busy']);
  });

  it('an entry stands in one queue only', () => {
    const [a, b] = [new WaitQueue(), new WaitQueue()];
    const { entry } = new Named('n', []);
    a.add(entry);
    expect(() => b.add(entry)).toThrow(/stands in two/);
    b.remove(entry); // not there: nothing
    expect(a.empty).toBe(false);
    a.remove(entry);
    expect(a.empty).toBe(true);
  });
});
