/** What a call's descriptor points to. */
import { EBADF, ENOTSOCK } from '../../base/errno.ts';
import { Sock } from '../socket.ts';
import type { Stack } from '../stack.ts';
import type { Trap } from '../syscall.ts';
import type { Thread } from '../thread.ts';

/** The network stack of the thread's host. */
export function stackOf(t: Thread): Stack {
  return t.host.handler as Stack;
}

/** The socket at `trap.fd`; null after the call was ended with −EBADF or −ENOTSOCK. */
export function sockAt(t: Thread, trap: Trap): Sock | null {
  const file = t.process.fds.get(trap.fd);
  if (file instanceof Sock) return file;
  t.done(file === null ? -EBADF : -ENOTSOCK);
  return null;
}
