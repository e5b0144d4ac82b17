/**
 * Reno: slow start and additive increase (RFC 5681 §3.1, tcp_cong.c), windows in segments. It keeps nothing of its own; the
 * other controls extend it by what they do differently.
 */
import type { Instant } from '../../base/units.ts';
import type { Connection } from '../connection.ts';
import type { CongestionName } from '../options.ts';
import type { RateSampler } from '../rate.ts';
import type { CcInfo, CongestionControl } from './controller.ts';

/**
 * Grows the window by one for every one acknowledged, up to ssthresh and up to the limit of an ACK (RFC 3465 §2.2).
 *
 * @returns what is left of `acked` for congestion avoidance (tcp_slow_start)
 */
export function slowStart(c: Connection, acked: number): number {
  const counted = Math.min(acked, Math.max(c.context.options.abc, 1));
  const next = Math.min(c.cwnd + counted, c.ssthresh);
  const left = counted - (next - c.cwnd);
  c.cwnd = next;
  return left;
}

/** One more for every `w` acknowledged (tcp_cong_avoid_ai). */
export function additiveIncrease(c: Connection, w: number, acked: number): void {
  const snd = c.sender!;
  if (snd.cwndCnt >= w) {
    snd.cwndCnt = 0;
    c.cwnd++;
  }
  snd.cwndCnt += acked;
  if (snd.cwndCnt >= w) {
    const more = Math.floor(snd.cwndCnt / w);
    snd.cwndCnt -= more * w;
    c.cwnd += more;
  }
}

/** Was the window the limit lately? In slow start it may also be twice what was out (tcp_is_cwnd_limited). */
export function isCwndLimited(c: Connection): boolean {
  const snd = c.sender!;
  if (snd.isCwndLimited) return true;
  return c.cwnd < c.ssthresh && c.cwnd < 2 * snd.maxPacketsOut;
}

export class Reno implements CongestionControl {
  readonly name: CongestionName;
  readonly ownsWindow: boolean = false;

  constructor(name: CongestionName = 'reno') {
    this.name = name;
  }

  ssthresh(c: Connection): number {
    return Math.max(c.cwnd >> 1, 2);
  }

  congAvoid(c: Connection, acked: number, now: Instant): void {
    if (!isCwndLimited(c)) return;
    // Without byte counting a delayed ACK is one ACK: half a segment for each round trip (RFC 5681 §3.1, equation 3).
    let left = c.context.options.abc === 0 ? Math.min(acked, 1) : acked;
    if (c.cwnd < c.ssthresh) {
      left = slowStart(c, left);
      if (left === 0) return;
    }
    this.increase(c, left, now);
  }

  /** What congestion avoidance makes of segments that were acknowledged. */
  protected increase(c: Connection, acked: number, _now: Instant): void {
    additiveIncrease(c, c.cwnd, acked);
  }

  undoCwnd(c: Connection): number {
    return Math.max(c.cwnd, c.sender!.priorCwnd);
  }

  setState(_c: Connection, _to: number, _now: Instant): void {}
  onTxStart(_c: Connection, _now: Instant): void {}
  onAcked(_c: Connection, _acked: number, _rttUs: number, _now: Instant): void {}
  onAck(_c: Connection): void {}
  onLoss(_c: Connection): void {}
  onEcnMark(_c: Connection, _ce: boolean): void {}
  control(_c: Connection, _sample: RateSampler | null, _now: Instant): void {}
  minTsoSegs(c: Connection): number {
    return c.context.options.minTsoSegs;
  }
  info(_c: Connection): CcInfo {
    return {};
  }
}

/** Reno keeps nothing of its own: one object serves every connection. */
export const RENO: CongestionControl = Object.freeze(new Reno());
/** Stands for any control until the first data is sent, which starts it: not RENO, so that Reno is started too, with its pacing. */
export const NOT_STARTED: CongestionControl = Object.freeze(new Reno());
