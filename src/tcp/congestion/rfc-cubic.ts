/**
 * CUBIC as RFC 9438 §4 has it: windows with fractions of a segment, time in nanoseconds, the curve asked on every ACK. What
 * Linux (cubic.ts) does otherwise in its integers: it looks at most every 1/32 s while the window stands, needs the curve or
 * Reno's estimate to be a whole segment ahead before it moves, and takes 15/8 windows for a segment of Reno's estimate, where
 * 1/α is 17/9; it never returns to α = 1. Slow start with HyStart (§4.10) is Linux's.
 */
import { jiffiesNow } from '../clock.ts';
import { cbrt } from '../../base/math.ts';
import type { Instant } from '../../base/units.ts';
import { CA_LOSS, type Connection } from '../connection.ts';
import { Cubic } from './cubic.ts';
import { ExactWindow } from './exact-window.ts';

/** Segments per s³ (§5.1). */
const C = 0.4;
/** What is kept after a loss (§4.6). */
const BETA = 0.7;
/** Segments per round trip that Reno with this β may grow by to send as much as Reno (§4.3). */
const ALPHA = (3 * (1 - BETA)) / (1 + BETA);

/** One stage of avoidance, from a loss or from slow start to the next loss. */
interface Stage {
  /** t = 0; −1: it begins with the next ACK. */
  epoch: number;
  /** W_max, segments; 0: nothing has been lost since the beginning or since a time-out. */
  max: number;
  /** K, seconds. */
  k: number;
  /** W_est, segments. */
  reno: number;
  /** cwnd_prior: the window that the last loss cut, segments. */
  readonly prior: number;
}

export class RfcCubic extends Cubic {
  readonly window: ExactWindow = new ExactWindow();
  private stage: Stage = { epoch: -1, max: 0, k: 0, reno: 0, prior: 0 };
  /** The stage that the last loss ended: a loss that was none goes back to it (§4.9). */
  private before: Stage = this.stage;

  /** §4.6, §4.7. */
  override ssthresh(c: Connection): number {
    const w = this.window;
    w.take(c);
    const cwnd = w.segments;
    const yields = cwnd < this.stage.max && c.context.options.cubicFastConvergence;
    this.before = this.stage;
    const max = yields ? (cwnd * (1 + BETA)) / 2 : cwnd;
    this.stage = { epoch: -1, max, k: 0, reno: 0, prior: cwnd };
    return w.cut(c, BETA);
  }

  override undoCwnd(c: Connection): number {
    const undone = super.undoCwnd(c);
    if (undone > c.cwnd) this.stage = this.before;
    return undone;
  }

  override setState(c: Connection, to: number, now: Instant): void {
    super.setState(c, to, now);
    // After a time-out W_max is where avoidance begins anew, and K is 0 (§4.8).
    if (to === CA_LOSS) this.stage = { ...this.stage, epoch: -1, max: 0, k: 0, reno: 0 };
  }

  /** t does not count while nothing is sent (§5.8). */
  override onTxStart(c: Connection, now: Instant): void {
    const idle = jiffiesNow(c.context, now) - c.sender!.lsndTime;
    if (this.stage.epoch >= 0 && idle > 0)
      this.stage.epoch = Math.min(this.stage.epoch + idle, now);
  }

  protected override get began(): number {
    return this.stage.epoch;
  }

  protected override increase(c: Connection, acked: number, now: Instant): void {
    const w = this.window;
    w.take(c);
    const cwnd = w.segments;
    const s = this.stage;
    if (s.epoch < 0) this.begin(cwnd, now);
    const t = (now - s.epoch) / 1e9;
    if (c.context.options.cubicFriendliness) {
      s.reno += ((s.reno < s.prior ? ALPHA : 1) * acked) / cwnd;
      if (this.wCubic(t) < s.reno) {
        w.put(c, Math.max(cwnd, s.reno));
        return;
      }
    }
    // §4.4, §4.5; the smoothed RTT is kept in eighths of a microsecond.
    const ahead = this.wCubic(t + c.srttUs / 8e6);
    const target = Math.min(Math.max(ahead, cwnd), 1.5 * cwnd);
    w.put(c, cwnd + ((target - cwnd) * acked) / cwnd);
  }

  private begin(cwnd: number, now: Instant): void {
    const s = this.stage;
    s.epoch = now;
    s.reno = cwnd;
    if (s.max <= cwnd) s.max = cwnd;
    s.k = cbrt((s.max - cwnd) / C);
  }

  /** W_cubic at t seconds, segments (eq. 1). */
  private wCubic(t: number): number {
    const d = t - this.stage.k;
    return C * d * d * d + this.stage.max;
  }
}
