/** The options of Fast Open (net/ipv4/tcp.c do_tcp_setsockopt). Left out: a second key for a time of transition. */
import { EINVAL, EOPNOTSUPP } from '../../base/errno.ts';
import { KEY_SIZE, TFO_CLIENT } from '../../tcp/index.ts';
import { isClosed } from '../closed.ts';
import { fastOpenOf, setQueueLength } from '../fastopen.ts';
import * as o from '../socket-options.ts';
import type { Sock } from '../socket.ts';

export const isFastOpenOption = (opt: number): boolean =>
  opt === o.TCP_FASTOPEN ||
  opt === o.TCP_FASTOPEN_CONNECT ||
  opt === o.TCP_FASTOPEN_KEY ||
  opt === o.TCP_FASTOPEN_NO_COOKIE;

/** @param bytes the value of TCP_FASTOPEN_KEY @returns 0 or −errno */
export function setFastOpen(s: Sock, opt: number, value: number, bytes: Uint8Array | null): number {
  const idle = s.c === null || isClosed(s.c);
  switch (opt) {
    case o.TCP_FASTOPEN:
      if (value < 0 || !idle) return -EINVAL;
      setQueueLength(s, value);
      return 0;
    case o.TCP_FASTOPEN_KEY:
      if (bytes === null || bytes.length !== KEY_SIZE) return -EINVAL;
      fastOpenOf(s).queue.key = bytes.slice();
      return 0;
    case o.TCP_FASTOPEN_CONNECT:
      if (value !== 0 && value !== 1) return -EINVAL;
      if ((s.stack.tcp.options.fastopen & TFO_CLIENT) === 0) return -EOPNOTSUPP;
      if (!idle || s.listener !== null) return -EINVAL;
      fastOpenOf(s).connect = value !== 0;
      return 0;
    default:
      if ((value !== 0 && value !== 1) || !idle) return -EINVAL;
      fastOpenOf(s).noCookie = value !== 0;
      return 0;
  }
}

/** @returns the value, or −errno */
export function getFastOpen(s: Sock, opt: number): number {
  const f = s.fastOpen;
  switch (opt) {
    case o.TCP_FASTOPEN:
      return f === null ? 0 : f.queue.maxLength;
    case o.TCP_FASTOPEN_CONNECT:
      return f !== null && f.connect ? 1 : 0;
    case o.TCP_FASTOPEN_NO_COOKIE:
      return f !== null && f.noCookie ? 1 : 0;
    default:
      return -EINVAL; // a key is more than a number
  }
}
