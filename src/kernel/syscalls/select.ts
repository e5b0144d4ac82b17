/**
 * pselect6(2) (fs/select.c do_select): poll by bit sets. On success the sets hold what is ready; an error leaves them as
 * they were. The time that is left is not given back (Linux's select does, pselect does not).
 */
import { EBADF, EINVAL } from '../../base/errno.ts';
import { FD_SETSIZE, type FdSets } from '../fd-set.ts';
import type { File } from '../file.ts';
import { pollFile } from '../poll.ts';
import {
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDNORM,
  EPOLLWRNORM,
  type Trap,
} from '../syscall.ts';
import { DONE, type Thread } from '../thread.ts';

// POLLIN_SET, POLLOUT_SET, POLLEX_SET: the end of a stream and an error are readable, an error is writable.
const IN = EPOLLIN | EPOLLRDNORM | EPOLLHUP | EPOLLERR;
const OUT = EPOLLOUT | EPOLLWRNORM | EPOLLERR;
const EX = EPOLLPRI;

const START = 0;
const PAID = 1;

/** `a`: one more than the highest descriptor, `b`: timeout. */
export function sysSelect(t: Thread, trap: Trap): number {
  const nfds = trap.a;
  const sets = trap.obj as FdSets;
  // Linux looks at no more descriptors than the process has; beyond FD_SETSIZE it would read past the sets.
  if (!(nfds >= 0) || nfds > FD_SETSIZE) return t.done(-EINVAL);
  if (trap.phase === START) {
    trap.phase = PAID;
    let asked = 0;
    for (let fd = 0; fd < nfds; fd++) if (wants(sets, fd) !== 0) asked++;
    const cost = t.host.costs.pollFd * asked;
    if (cost > 0) return cost;
  }
  const ready: number[] = [];
  let bits = 0;
  for (let fd = 0; fd < nfds; fd++) {
    const asked = wants(sets, fd);
    if (asked === 0) continue;
    const file = t.process.fds.get(fd);
    if (file === null) return t.done(-EBADF);
    const found = pollFile(file) & asked;
    if (found === 0) continue;
    ready.push(fd, found);
    bits += count(sets, fd, found);
  }
  if (bits > 0 || trap.b === 0 || t.timedOut) return finish(t, sets, ready, bits);
  t.startTimeout(trap.b);
  for (let fd = 0; fd < nfds; fd++) {
    const asked = wants(sets, fd);
    if (asked !== 0) t.addWait((t.process.fds.get(fd) as File).wait, false, asked);
  }
  return t.sleep();
}

/** The events that descriptor `fd` is asked about, as bits of poll. */
function wants(sets: FdSets, fd: number): number {
  return (
    (sets.read?.has(fd) === true ? IN : 0) |
    (sets.write?.has(fd) === true ? OUT : 0) |
    (sets.except?.has(fd) === true ? EX : 0)
  );
}

/** In how many sets `fd` stands with what was found. */
function count(sets: FdSets, fd: number, found: number): number {
  let n = 0;
  if (sets.read?.has(fd) === true && (found & IN) !== 0) n++;
  if (sets.write?.has(fd) === true && (found & OUT) !== 0) n++;
  if (sets.except?.has(fd) === true && (found & EX) !== 0) n++;
  return n;
}

/** @param ready descriptors, each with what was found */
function finish(t: Thread, sets: FdSets, ready: readonly number[], bits: number): number {
  for (const [set, mask] of [
    [sets.read, IN],
    [sets.write, OUT],
    [sets.except, EX],
  ] as const) {
    if (set === null) continue;
    const stay: number[] = [];
    for (let i = 0; i < ready.length; i += 2)
      if (set.has(ready[i]!) && (ready[i + 1]! & mask) !== 0) stay.push(ready[i]!);
    set.clear();
    for (const fd of stay) set.add(fd);
  }
  t.result = bits;
  return DONE;
}
