/**
 * Reno as RFC 5681 has it, with fractions of a segment: one more segment per window in avoidance, no rounding when it is
 * halved. Linux (reno.ts) counts whole segments, begins to count anew after a loss, and halves an odd window downwards.
 */
import type { Connection } from '../connection.ts';
import { ExactWindow } from './exact-window.ts';
import { Reno } from './reno.ts';

export class RfcReno extends Reno {
  readonly window: ExactWindow = new ExactWindow();

  /** Half the window, RFC 5681 §3.1 eq. 4: with the window used, what is in flight is what of it is whole. */
  override ssthresh(c: Connection): number {
    return this.window.cut(c, 0.5);
  }

  /**
   * RFC 5681 §3.1 eq. 3: 1/cwnd for each segment acknowledged. The divisor is what of the window is whole, for that is what a
   * round trip acknowledges: it then adds the one segment that eq. 3 stands for.
   */
  protected override increase(c: Connection, acked: number): void {
    const w = this.window;
    w.take(c);
    w.put(c, w.segments + acked / c.cwnd);
  }
}
