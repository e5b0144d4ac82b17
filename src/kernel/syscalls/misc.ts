/** clone, exit, sched_yield: calls about threads. */
import { type ThreadStart, type Trap } from '../syscall.ts';
import { DONE, type Thread } from '../thread.ts';
import { pay } from '../eventfd.ts';

/** A thread of the same process; it may run on the same cores. */
export function sysSpawn(t: Thread, trap: Trap): number {
  if (trap.x === 0) return pay(trap, t.host.costs.clone);
  const { start, name } = trap.obj as { start: ThreadStart; name: string };
  return t.done(t.process.spawn(start, name, t.affinity).tid);
}

/**
 * Ends the thread. The last one of a process closes what is open, in order of descriptor, each as close(2) would
 * (do_exit, exit_files). The trap frame is scratch for the closing.
 */
export function sysExit(t: Thread, trap: Trap): number {
  const { process } = t;
  if (trap.c === 0) {
    trap.c = 1;
    process.alive--;
    return t.host.costs.exit;
  }
  if (process.alive > 0) return t.done(0);
  for (;;) {
    if (process.closing === null) {
      const fd = process.fds.nextOpen(0);
      if (fd < 0) return t.done(0);
      process.closing = process.fds.remove(fd);
      trap.fd = fd;
      trap.restart();
    }
    const r = process.closing!.close(t, trap);
    if (r !== DONE) return r;
    process.closing = null;
  }
}

export function sysSchedYield(t: Thread): number {
  t.core.rq.yieldCurrent();
  return t.done(0);
}
