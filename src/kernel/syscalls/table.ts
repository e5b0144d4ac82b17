/** Which function is which system call: the index is the number of syscall.ts. */
import { ENOSYS } from '../../base/errno.ts';
import * as nr from '../syscall.ts';
import type { Syscall, Thread } from '../thread.ts';
import { sysEventfd, sysFutexWait, sysFutexWake, sysPipe } from './futex.ts';
import { sysExit, sysSchedYield, sysSpawn } from './misc.ts';
import { sysClockGettime, sysNanosleep, sysTimerfd, sysTimerfdSettime } from './time.ts';

const noSuchCall: Syscall = (t: Thread) => t.done(-ENOSYS);

/** The calls of the machine itself, by number; sockets and files add theirs. */
export const MACHINE_CALLS: readonly (readonly [number, Syscall])[] = [
  [nr.NR_FUTEX_WAIT, sysFutexWait],
  [nr.NR_FUTEX_WAKE, sysFutexWake],
  [nr.NR_EVENTFD, sysEventfd],
  [nr.NR_TIMERFD, sysTimerfd],
  [nr.NR_TIMERFD_SETTIME, sysTimerfdSettime],
  [nr.NR_PIPE, sysPipe],
  [nr.NR_NANOSLEEP, sysNanosleep],
  [nr.NR_CLOCK_GETTIME, sysClockGettime],
  [nr.NR_SPAWN, sysSpawn],
  [nr.NR_EXIT, sysExit],
  [nr.NR_SCHED_YIELD, sysSchedYield],
];

/** A table in which every number has a function; what nobody provides answers −ENOSYS. */
export function syscallTable(...parts: (readonly (readonly [number, Syscall])[])[]): Syscall[] {
  const table = nr.SYSCALL_NAMES.map(() => noSuchCall);
  for (const part of parts) for (const [n, call] of part) table[n] = call;
  return table;
}
