/** read, write, close, fcntl on any descriptor; recv, send, shutdown on sockets. */
import { EBADF } from '../../base/errno.ts';
import type { File } from '../file.ts';
import { POLLFREE } from '../poll.ts';
import { DONE, type Thread } from '../thread.ts';
import type { Trap } from '../syscall.ts';
import { tcpShutdown } from './close.ts';
import { tcpRecvmsg } from './recv.ts';
import { tcpSendmsg } from './send.ts';
import { fileAt, sockAt } from './at.ts';

export function sysRead(t: Thread, trap: Trap): number {
  const file = fileAt(t, trap);
  return file === null ? t.done(-EBADF) : file.read(t, trap);
}

export function sysWrite(t: Thread, trap: Trap): number {
  const file = fileAt(t, trap);
  return file === null ? t.done(-EBADF) : file.write(t, trap);
}

export function sysRecv(t: Thread, trap: Trap): number {
  const s = sockAt(t, trap);
  return s === null ? DONE : tcpRecvmsg(s, t, trap, trap.a, trap.b);
}

export function sysSend(t: Thread, trap: Trap): number {
  const s = sockAt(t, trap);
  return s === null ? DONE : tcpSendmsg(s, t, trap, trap.a, trap.b);
}

export function sysShutdown(t: Thread, trap: Trap): number {
  const s = sockAt(t, trap);
  return s === null ? DONE : tcpShutdown(s, t, trap);
}

/** The descriptor goes first; the file's own close may take time, or linger. */
export function sysClose(t: Thread, trap: Trap): number {
  let file = trap.ref as File | null;
  if (file === null) {
    file = t.process.fds.remove(trap.fd);
    if (file === null) return t.done(-EBADF);
    trap.ref = file;
    file.wait.wake(POLLFREE, 0, false);
  }
  return file.close(t, trap);
}

/** F_SETFL with or without O_NONBLOCK. */
export function sysFcntl(t: Thread, trap: Trap): number {
  const file = t.process.fds.get(trap.fd);
  if (file === null) return t.done(-EBADF);
  file.nonblock = trap.a !== 0;
  return t.done(0);
}
