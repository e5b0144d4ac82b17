/** What a call's descriptor points to. */
import { EBADF, ENOTSOCK } from '../../base/errno.ts';
import type { File } from '../file.ts';
import { Sock } from '../socket.ts';
import type { Stack } from '../stack.ts';
import type { Trap } from '../syscall.ts';
import type { Thread } from '../thread.ts';

/** The network stack of the thread's host. */
export function stackOf(t: Thread): Stack {
  return t.host.handler as Stack;
}

/**
 * fdget(): the file at `trap.fd`. A call that is under way keeps it, though another thread has closed the descriptor by now:
 * it may own the socket. One that slept looks again.
 */
export function fileAt(t: Thread, trap: Trap): File | null {
  if (trap.phase === 0) trap.file = t.process.fds.get(trap.fd);
  return trap.file as File | null;
}

/** The same for the descriptor in `trap.a`. */
export function otherAt(t: Thread, trap: Trap): File | null {
  if (trap.phase === 0) trap.other = t.process.fds.get(trap.a);
  return trap.other as File | null;
}

/** The socket at `trap.fd`; null after the call was ended with −EBADF or −ENOTSOCK. */
export function sockAt(t: Thread, trap: Trap): Sock | null {
  const file = fileAt(t, trap);
  if (file instanceof Sock) return file;
  t.done(file === null ? -EBADF : -ENOTSOCK);
  return null;
}
