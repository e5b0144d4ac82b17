/** open(2) of a file of pattern, and sendfile(2) from it to a socket (fs/read_write.c do_sendfile). */
import { EBADF, EINVAL } from '../../base/errno.ts';
import { PatternFile } from '../file-pattern.ts';
import type { Trap } from '../syscall.ts';
import { DONE, type Thread } from '../thread.ts';
import { otherAt, sockAt } from './at.ts';
import { tcpSendmsg } from './send.ts';

export function sysOpen(t: Thread, trap: Trap): number {
  if (!(trap.a >= 0)) return t.done(-EINVAL);
  return t.done(t.process.fds.install(new PatternFile(trap.a)));
}

/** `fd`: the socket, `a`: the file, `b`: where to begin, or −1, `c`: bytes. What is sent is the socket's own pattern. */
export function sysSendfile(t: Thread, trap: Trap): number {
  const s = sockAt(t, trap);
  if (s === null) return DONE;
  const file = otherAt(t, trap);
  if (file === null) return t.done(-EBADF);
  if (!(file instanceof PatternFile)) return t.done(-EINVAL);
  const n = Math.min(trap.c, file.size - (trap.b < 0 ? file.position : trap.b));
  if (n <= 0) return t.done(0);
  const r = tcpSendmsg(s, t, trap, n, 0);
  if (r === DONE && t.result > 0 && trap.b < 0) file.position += t.result;
  return r;
}
