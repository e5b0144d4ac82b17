/**
 * poll(2) (fs/select.c do_sys_poll). POLLERR and POLLHUP are reported whether asked for or not; an entry with a negative
 * descriptor says nothing.
 *
 * With net.core.busy_poll each round lets sockets with SO_BUSY_POLL look at their device queue once, before they are asked, for as
 * long as that says; then it sleeps.
 */
import { EINVAL } from '../../base/errno.ts';
import { busyTime } from '../busy-poll.ts';
import { pollFile } from '../poll.ts';
import { Sock } from '../socket.ts';
import { EPOLLERR, EPOLLHUP, POLLNVAL, type PollFd, type Trap } from '../syscall.ts';
import type { Thread } from '../thread.ts';

const START = 0;
const PAID = 1;
const SPIN = 2;

/** Each try asks every descriptor, and pays for it. */
export function sysPoll(t: Thread, trap: Trap): number {
  const fds = trap.obj as readonly PollFd[];
  if (fds.length > t.process.fds.limit) return t.done(-EINVAL);
  const busy = t.host.softnet.busyPoll;
  for (;;) {
    if (trap.phase === START && busy > 0 && !trap.spun) {
      trap.phase = SPIN;
      trap.x = -1; // before the first descriptor
    }
    if (trap.phase === SPIN) {
      const cost = spin(t, trap, fds);
      if (cost >= 0) return cost;
      trap.phase = START;
    }
    if (trap.phase === START) {
      trap.phase = PAID;
      const cost = t.host.costs.pollFd * fds.length;
      if (cost > 0) return cost;
    }
    const n = ask(t, fds);
    if (n > 0 || trap.a === 0 || t.timedOut) return t.done(n);
    t.startTimeout(trap.a);
    if (!spinsOn(t, trap, busy)) break;
    trap.phase = START;
  }
  for (const p of fds) {
    const file = t.process.fds.get(p.fd);
    if (file !== null) t.addWait(file.wait, false, p.events | EPOLLERR | EPOLLHUP);
  }
  return t.sleep();
}

function ask(t: Thread, fds: readonly PollFd[]): number {
  let n = 0;
  for (const p of fds) {
    const file = t.process.fds.get(p.fd);
    if (file !== null) p.revents = pollFile(file) & (p.events | EPOLLERR | EPOLLHUP);
    else p.revents = p.fd < 0 ? 0 : POLLNVAL;
    if (p.revents !== 0) n++;
  }
  return n;
}

/** Every socket that polls its device does so once; `trap.x` is the one whose turn it is. @returns ns; −1: all have */
function spin(t: Thread, trap: Trap, fds: readonly PollFd[]): number {
  for (;;) {
    if (trap.x >= 0) {
      const cost = t.busyPoll.next(t);
      if (cost >= 0) return cost;
    }
    const i = fds.findIndex((p, k) => k > trap.x && socketOf(t, p) !== null);
    if (i < 0) return -1;
    trap.x = i;
    socketOf(t, fds[i]!)!.startBusyPoll(t, true);
  }
}

function socketOf(t: Thread, p: PollFd): Sock | null {
  const file = t.process.fds.get(p.fd);
  return file instanceof Sock && file.mayBusyPoll ? file : null;
}

/** Another round before it sleeps: there is something to poll, nobody wants the core, and time is left. */
function spinsOn(t: Thread, trap: Trap, busy: number): boolean {
  if (busy === 0 || trap.spun) return false;
  const fds = trap.obj as readonly PollFd[];
  const now = busyTime(t.host.engine.now);
  if (trap.y === 0) trap.y = now + 1; // when it began; 0 is "not yet"
  const more = now <= trap.y - 1 + busy;
  const any = fds.some((p) => socketOf(t, p) !== null);
  if (any && more && !t.core.rq.resched()) return true;
  trap.spun = true;
  return false;
}
