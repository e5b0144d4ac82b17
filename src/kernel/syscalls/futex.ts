/** futex(2), eventfd2(2), pipe2(2): hand-overs between threads. */
import { EINVAL } from '../../base/errno.ts';
import { EventFd, pay } from '../eventfd.ts';
import { futexWait, futexWake } from '../futex.ts';
import { makePipe } from '../pipe.ts';
import { NONBLOCK, type Futex, type Trap } from '../syscall.ts';
import type { Thread } from '../thread.ts';

export function sysFutexWait(t: Thread, trap: Trap): number {
  if (trap.x === 0) return pay(trap, t.host.costs.futex);
  return futexWait(t, trap.obj as Futex, trap.a, trap.b);
}

export function sysFutexWake(t: Thread, trap: Trap): number {
  if (trap.x === 0) return pay(trap, t.host.costs.futex);
  return t.done(futexWake(trap.obj as Futex, trap.a));
}

export function sysEventfd(t: Thread, trap: Trap): number {
  if (trap.a < 0) return t.done(-EINVAL);
  return t.done(t.process.fds.install(new EventFd(trap.a, trap.b)));
}

/** The lower of the two descriptors is the reading end's. */
export function sysPipe(t: Thread, trap: Trap): number {
  const { fds } = t.process;
  const ends = makePipe(-t.host.nextId(), (trap.a & NONBLOCK) !== 0);
  const read = fds.install(ends.read);
  const write = read < 0 ? read : fds.install(ends.write);
  if (write < 0) {
    if (read >= 0) fds.remove(read);
    return t.done(write);
  }
  const into = trap.obj as Int32Array | number[];
  into[0] = read;
  into[1] = write;
  return t.done(0);
}
