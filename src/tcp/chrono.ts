/**
 * How long a connection had something to send, and how much of that time the peer's window or the send buffer held it back
 * (tcp_chrono_start, tcp_chrono_stop): tcpi_busy_time, tcpi_rwnd_limited, tcpi_sndbuf_limited. One thing is timed at once, the
 * tightest; in ticks, as Linux does.
 */
import type { Instant } from '../base/units.ts';
import { jiffiesNow } from './clock.ts';
import type { Connection } from './connection.ts';
import type { Sender } from './sender.ts';

// What is timed; a tighter limit has the higher number.
export const CHRONO_NONE = 0;
export const CHRONO_BUSY = 1;
export const CHRONO_RWND = 2;
export const CHRONO_SNDBUF = 3;

/** This limit holds from now on, unless a tighter one does. */
export function startChrono(c: Connection, what: number, now: Instant): void {
  const snd = c.sender!;
  if (what > snd.chrono) change(c, snd, what, now);
}

/** This limit holds no longer. Nothing is timed once everything is acknowledged. */
export function stopChrono(c: Connection, what: number, now: Instant): void {
  const snd = c.sender!;
  if (c.sendQueue === null) change(c, snd, CHRONO_NONE, now);
  else if (what === snd.chrono) change(c, snd, CHRONO_BUSY, now);
}

function change(c: Connection, snd: Sender, what: number, now: Instant): void {
  const t = jiffiesNow(c.context, now);
  if (snd.chrono !== CHRONO_NONE) snd.chronoTimes[snd.chrono - 1]! += t - snd.chronoSince;
  snd.chronoSince = t;
  snd.chrono = what;
}

/**
 * Time so far, ns: `CHRONO_BUSY` without the limited times, which tcpi_busy_time adds (tcp_get_info_chrono_stats). A send queue
 * that was thrown away, with the connection, is not timed any more.
 */
export function chronoTime(c: Connection, what: number, now: Instant): number {
  const snd = c.sender;
  if (snd === null) return 0;
  const running = snd.chrono === what && c.sendQueue !== null;
  return snd.chronoTimes[what - 1]! + (running ? jiffiesNow(c.context, now) - snd.chronoSince : 0);
}
