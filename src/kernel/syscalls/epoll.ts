/** epoll_create1, epoll_ctl, epoll_pwait2 (fs/eventpoll.c). */
import { EBADF, EINVAL, EPERM } from '../../base/errno.ts';
import { Epoll } from '../epoll.ts';
import {
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EPOLLWAKEUP,
  type EpollEvents,
  type Trap,
} from '../syscall.ts';
import { DONE, type Thread } from '../thread.ts';
import { fileAt } from './at.ts';

const START = 0;
const PAID = 1;
const SPIN = 2;

/** net.core.busy_poll, where looking costs something. */
const busyPollOf = (t: Thread): number => (t.host.costs.busyPoll > 0 ? t.host.softnet.busyPoll : 0);

export function sysEpollCreate(t: Thread, trap: Trap): number {
  if (trap.phase === START) {
    trap.phase = PAID;
    return t.host.costs.epollCtl;
  }
  const name = `${t.host.name}/${t.process.name}/epoll`;
  return t.done(t.process.fds.install(new Epoll(name, t.host.engine, busyPollOf(t))));
}

/** The instance at `trap.fd`; null after the call was ended with −EBADF or −EINVAL. */
function epollAt(t: Thread, trap: Trap): Epoll | null {
  const file = fileAt(t, trap);
  if (file instanceof Epoll) return file;
  t.done(file === null ? -EBADF : -EINVAL);
  return null;
}

/** `a`: the operation, `b`: the descriptor, `c`: events, `d`: data. What is wrong is found in the order of do_epoll_ctl. */
export function sysEpollCtl(t: Thread, trap: Trap): number {
  if (trap.phase === START) {
    trap.phase = PAID;
    return t.host.costs.epollCtl;
  }
  const { fds } = t.process;
  const fd = trap.b;
  const [ep, file] = [fds.get(trap.fd), fds.get(fd)];
  if (ep === null || file === null) return t.done(-EBADF);
  if (file.kind === 'file') return t.done(-EPERM); // it is always ready: nothing to wait for (file_can_poll)
  if (ep === file || !(ep instanceof Epoll)) return t.done(-EINVAL);
  const events = trap.c & ~EPOLLWAKEUP;
  switch (trap.a) {
    case EPOLL_CTL_ADD:
      return t.done(ep.add(fd, file, events, trap.d));
    case EPOLL_CTL_MOD:
      return t.done(ep.modify(fd, events, trap.d));
    case EPOLL_CTL_DEL:
      return t.done(ep.remove(fd));
    default:
      return t.done(-EINVAL);
  }
}

/** Pays for each event that it may report, then reports those that still hold; with none left it polls the device, and sleeps on. */
export function sysEpollWait(t: Thread, trap: Trap): number {
  const ep = epollAt(t, trap);
  if (ep === null) return DONE;
  const out = trap.obj as EpollEvents;
  const max = trap.a;
  if (!(max > 0) || max > out.max) return t.done(-EINVAL);
  for (;;) {
    if (trap.phase === SPIN) {
      const cost = t.busyPoll.next(t);
      if (cost >= 0) return cost;
      trap.phase = START;
      // Its time is up: the queue is forgotten until one of its sockets is ready again.
      if (!ep.anyReady) ep.napi = null;
    }
    if (trap.phase === START && ep.anyReady) {
      trap.phase = PAID;
      trap.x = Math.min(max, ep.ready.depth);
      const cost = t.host.costs.epollEvent * trap.x;
      if (cost > 0) return cost;
    }
    if (trap.phase === PAID) {
      const n = ep.collect(out, trap.x);
      if (n > 0) return t.done(n);
    }
    // Nothing held: collect() has emptied the ready list.
    if (trap.b === 0 || t.timedOut) return t.done(0);
    t.startTimeout(trap.b);
    if (ep.napi === null) return t.waitOn(ep.wq, true);
    t.busyPoll.start(ep.napi, ep, 0, false);
    trap.phase = SPIN;
  }
}
