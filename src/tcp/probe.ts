/** Zero-window probes (RFC 9293 §3.8.6.1), keepalive (§3.8.4), and the FIN-WAIT-2 timer of an orphan. */
import { ETIMEDOUT } from '../base/errno.ts';
import { add, NEVER, type Duration, type Instant } from '../base/units.ts';
import { jiffiesNow, jiffiesOfMs } from './clock.ts';
import {
  TIMER_NONE,
  TIMER_PROBE0,
  WORK_RST,
  WORK_WAKEUP,
  WORK_PROBE,
  type Connection,
} from './connection.ts';
import { done, endForMemory, enterTimeWait, fail, finTime } from './done.ts';
import { OOM_RESET, outOfResources } from './memory.ts';

import { windowEnd } from './mss.ts';
import { lastReceived } from './receiver.ts';
import { orphanRetries } from './rto.ts';
import { rtoMax } from './rtt.ts';
import { seqGt, seqLt } from './seq.ts';
import {
  armTimer,
  clampToUserTimeout,
  moveKeepalive,
  probe0When,
  RESOURCE_PROBE_MS,
  stopTimer,
} from './timers.ts';

const hasUnsent = (c: Connection): boolean => c.sendQueue !== null && c.sendQueue.unsent > 0;

/**
 * The probe timer fired (tcp_probe_timer). Answered probes go on for ever; unanswered ones, an orphan, and a user timeout
 * end the connection.
 */
export function onProbeTimer(c: Connection, now: Instant): void {
  const snd = c.sender!;
  if (c.packetsOut > 0 || !hasUnsent(c)) {
    c.probesOut = 0;
    snd.probesStamp = NEVER;
    return;
  }
  const t = jiffiesNow(c.context, now);
  if (snd.probesStamp === NEVER) snd.probesStamp = t;
  else if (
    c.settings.userTimeoutMs > 0 &&
    t - snd.probesStamp >= jiffiesOfMs(c.context, c.settings.userTimeoutMs)
  ) {
    fail(c, ETIMEDOUT, now);
    return;
  }
  let most = c.context.options.retries2;
  if (c.orphan) {
    const alive = c.rto * (1 << Math.min(c.backoff, 20)) < rtoMax(c);
    most = orphanRetries(c, alive);
    if (!alive && c.backoff >= most) {
      fail(c, ETIMEDOUT, now);
      return;
    }
    const verdict = outOfResources(c, true, now);
    if (verdict !== 0) {
      endForMemory(c, verdict === OOM_RESET, now);
      return;
    }
  }
  if (c.probesOut >= most) fail(c, ETIMEDOUT, now);
  else sendProbe0(c, now);
}

/** tcp_send_probe0. A probe that can carry data is a segment like any other, and starts the retransmission timer. */
function sendProbe0(c: Connection, now: Instant): void {
  c.context.mib.TCPWinProbe++;
  const head = c.sendQueue!.records.at(c.sendQueue!.sent);
  if (seqLt(head.seq, windowEnd(c))) {
    const snd = c.sender!;
    c.work |= WORK_WAKEUP;
    snd.wakeupProbes = c.probesOut + 1;
    snd.wakeupStamp = snd.probesStamp;
    c.probesOut = 0;
    c.backoff = 0;
    snd.probesStamp = NEVER;
    return;
  }
  c.work |= WORK_PROBE;
  c.probesOut++;
  if (c.backoff < c.context.options.retries2) c.backoff++;
  armTimer(c, TIMER_PROBE0, probe0When(c, now), now);
}

/** The probe has not left the host: the next one comes soon, whatever the back-off (TCP_RESOURCE_PROBE_INTERVAL). */
export function probeDropped(c: Connection, now: Instant): void {
  const snd = c.sender!;
  if (snd.wakeup) {
    c.probesOut = snd.wakeupProbes;
    snd.probesStamp = snd.wakeupStamp;
  } else if (c.backoff > 0) c.backoff--;
  const soon = jiffiesOfMs(c.context, RESOURCE_PROBE_MS);
  armTimer(c, TIMER_PROBE0, clampToUserTimeout(c, soon, now), now);
}

/** An ACK came while nothing was out (tcp_ack_probe): the window is open, or the wait begins anew. */
export function ackProbe(c: Connection, now: Instant): void {
  if (!hasUnsent(c)) return;
  const head = c.sendQueue!.records.at(c.sendQueue!.sent);
  if (!seqGt(head.end, windowEnd(c))) {
    c.backoff = 0;
    c.sender!.probesStamp = NEVER;
    stopTimer(c, TIMER_PROBE0);
  } else if (c.timer === TIMER_NONE || c.timer === TIMER_PROBE0)
    armTimer(c, TIMER_PROBE0, probe0When(c, now), now);
}

// ---- Keepalive

const seconds = (c: Connection, own: number, sysctl: number): Duration =>
  jiffiesOfMs(c.context, (own > 0 ? own : sysctl) * 1000);
const idleTime = (c: Connection): Duration =>
  seconds(c, c.settings.keepIdleS, c.context.options.keepaliveTimeS);

/** Starts the keepalive timer, if the socket wants it. */
export function startKeepalive(c: Connection, now: Instant): void {
  if (c.settings.keepAlive) moveKeepalive(c, add(now, idleTime(c)));
}

export function onKeepaliveTimer(c: Connection, now: Instant): void {
  if (c.state === 'FIN-WAIT-2' && c.orphan) {
    const left = finTime(c) - jiffiesOfMs(c.context, c.context.options.timeWaitS * 1000);
    if (c.settings.linger2S >= 0 && left > 0) enterTimeWait(c, left as Duration);
    else {
      c.work |= WORK_RST;
      done(c, now);
    }
    return;
  }
  if (!c.settings.keepAlive || c.state === 'CLOSED' || c.state === 'SYN-SENT') return;
  const idle = idleTime(c);
  if (c.packetsOut > 0 || hasUnsent(c)) {
    moveKeepalive(c, add(now, idle));
    return;
  }
  const t = jiffiesNow(c.context, now);
  const quiet = Math.min(t - lastReceived(c), t - jiffiesNow(c.context, c.rcvTstamp));
  if (quiet < idle) {
    moveKeepalive(c, add(now, (idle - quiet) as Duration));
    return;
  }
  const o = c.context.options;
  const most = c.settings.keepCount > 0 ? c.settings.keepCount : o.keepaliveProbes;
  const dead =
    c.settings.userTimeoutMs > 0
      ? quiet >= jiffiesOfMs(c.context, c.settings.userTimeoutMs) && c.probesOut > 0
      : c.probesOut >= most;
  if (dead) {
    c.work |= WORK_RST;
    fail(c, ETIMEDOUT, now);
    return;
  }
  c.context.mib.TCPKeepAlive++;
  c.work |= WORK_PROBE;
  c.probesOut++;
  moveKeepalive(c, add(now, seconds(c, c.settings.keepIntvlS, o.keepaliveIntvlS)));
}
