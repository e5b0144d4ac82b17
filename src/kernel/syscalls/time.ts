/** nanosleep, clock_gettime, timerfd: calls about time. They read the host's clocks; sleeping is exact. */
import { EBADF, EINVAL } from '../../base/errno.ts';
import { CLOCK_MONOTONIC, CLOCK_REALTIME, type Trap } from '../syscall.ts';
import type { Thread } from '../thread.ts';
import { TimerFd } from '../timerfd.ts';

/** Sleeps `a` ns from the first try; being woken early (by nobody, here) it would sleep on. */
export function sysNanosleep(t: Thread, trap: Trap): number {
  if (!(trap.a >= 0)) return t.done(-EINVAL);
  t.startTimeout(trap.a);
  return t.timedOut ? t.done(0) : t.sleep();
}

export function sysClockGettime(t: Thread, trap: Trap): number {
  const { clock, engine } = t.host;
  if (trap.a === CLOCK_MONOTONIC) return t.done(clock.monotonic(engine.now));
  if (trap.a === CLOCK_REALTIME) return t.done(clock.realtimeUs(engine.now));
  return t.done(-EINVAL);
}

export function sysTimerfd(t: Thread, trap: Trap): number {
  const { fds } = t.process;
  return t.done(fds.refusal || fds.install(new TimerFd(t.host, trap.a)));
}

export function sysTimerfdSettime(t: Thread, trap: Trap): number {
  const file = t.process.fds.get(trap.fd);
  if (file === null) return t.done(-EBADF);
  if (!(file instanceof TimerFd) || !(trap.a >= 0) || !(trap.b >= 0)) return t.done(-EINVAL);
  file.settime(trap.a, trap.b);
  return t.done(0);
}
