/** The congestion window outside of losses: was it used, and how it decays when nothing is sent. */
import type { Instant } from '../base/units.ts';
import { CHRONO_SNDBUF, startChrono } from './chrono.ts';
import { jiffiesNow } from './clock.ts';
import { isCwndLimited } from './congestion/reno.ts';
import { CA_CWR, CA_OPEN, CA_RECOVERY, type Connection } from './connection.ts';
import { seqGe } from './seq.ts';
import { sends } from './state.ts';

export const inCwndReduction = (c: Connection): boolean =>
  c.caState === CA_CWR || c.caState === CA_RECOVERY;

/** ssthresh as it would be if the window were cut now and it had not been yet (tcp_current_ssthresh). */
export const currentSsthresh = (c: Connection): number =>
  inCwndReduction(c) ? c.ssthresh : Math.max(c.ssthresh, (c.cwnd >> 1) + (c.cwnd >> 2));

/** Was the window used? If not it may not grow, and after an RTO it shrinks (tcp_cwnd_validate, RFC 7661's idea). */
export function validateCwnd(c: Connection, limited: boolean, now: Instant): void {
  const snd = c.sender!;
  if (
    seqGe(c.sndUna, snd.cwndUsageSeq) ||
    limited ||
    (!snd.isCwndLimited && c.packetsOut > snd.maxPacketsOut)
  ) {
    snd.isCwndLimited = limited;
    snd.maxPacketsOut = c.packetsOut;
    snd.cwndUsageSeq = c.sndNxt;
  }
  const t = jiffiesNow(c.context, now);
  if (isCwndLimited(c)) {
    snd.cwndUsed = 0;
    snd.cwndStamp = t;
    return;
  }
  if (c.packetsOut > snd.cwndUsed) snd.cwndUsed = c.packetsOut;
  const decays = c.context.options.slowStartAfterIdle && !c.congestion.ownsWindow;
  if (decays && t - snd.cwndStamp >= c.rto) applicationLimited(c, t);
  // Something was sent, nothing is left, and the writer was refused: it is the send buffer that is too small.
  if (c.noSpace && c.sendQueue !== null && c.sendQueue.unsent === 0 && sends(c.state))
    startChrono(c, CHRONO_SNDBUF, now);
}

export function applicationLimited(c: Connection, t: Instant): void {
  const snd = c.sender!;
  if (c.caState === CA_OPEN && !c.noSpace) {
    const used = Math.max(snd.cwndUsed, c.path.initCwnd);
    if (used < c.cwnd) {
      c.ssthresh = currentSsthresh(c);
      c.cwnd = (c.cwnd + used) >> 1;
    }
    snd.cwndUsed = 0;
  }
  snd.cwndStamp = t;
}

/** After an idle time of more than an RTO the window decays to the initial one (RFC 2861; tcp_slow_start_after_idle_check). */
export function slowStartAfterIdle(c: Connection, now: Instant): void {
  const snd = c.sender!;
  if (!c.context.options.slowStartAfterIdle || c.packetsOut > 0) return;
  if (c.congestion.ownsWindow) return;
  const t = jiffiesNow(c.context, now);
  let idle = t - snd.lsndTime;
  if (idle <= c.rto) return;
  const floor = Math.min(c.path.initCwnd, c.cwnd);
  c.ssthresh = currentSsthresh(c);
  idle -= c.rto;
  while (idle > 0 && c.cwnd > floor) {
    c.cwnd >>= 1;
    idle -= c.rto;
  }
  c.cwnd = Math.max(c.cwnd, floor);
  snd.cwndStamp = t;
  snd.cwndUsed = 0;
}
