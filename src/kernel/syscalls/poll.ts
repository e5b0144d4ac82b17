/**
 * poll(2) (fs/select.c do_sys_poll). POLLERR and POLLHUP are reported whether asked for or not; an entry with a negative
 * descriptor says nothing.
 */
import { EINVAL } from '../../base/errno.ts';
import { pollFile } from '../poll.ts';
import { EPOLLERR, EPOLLHUP, POLLNVAL, type PollFd, type Trap } from '../syscall.ts';
import type { Thread } from '../thread.ts';

const START = 0;
const PAID = 1;

/** Each try asks every descriptor, and pays for it. */
export function sysPoll(t: Thread, trap: Trap): number {
  const fds = trap.obj as readonly PollFd[];
  if (fds.length > t.process.fds.limit) return t.done(-EINVAL);
  if (trap.phase === START) {
    trap.phase = PAID;
    const cost = t.host.costs.pollFd * fds.length;
    if (cost > 0) return cost;
  }
  let n = 0;
  for (const p of fds) {
    const file = t.process.fds.get(p.fd);
    if (file !== null) p.revents = pollFile(file) & (p.events | EPOLLERR | EPOLLHUP);
    else p.revents = p.fd < 0 ? 0 : POLLNVAL;
    if (p.revents !== 0) n++;
  }
  if (n > 0 || trap.a === 0 || t.timedOut) return t.done(n);
  t.startTimeout(trap.a);
  for (const p of fds) {
    const file = t.process.fds.get(p.fd);
    if (file !== null) t.addWait(file.wait, false, p.events | EPOLLERR | EPOLLHUP);
  }
  return t.sleep();
}
