/**
 * A congestion window with fractions of a segment. The connection sends whole segments, so c.cwnd is what is below it, and
 * all that moves c.cwnd by itself (slow start, PRR, time-outs, idle times) goes on to count in whole ones: before the window is
 * used it takes over what they have made of it.
 */
import type { Connection } from '../connection.ts';

export class ExactWindow {
  /** Segments, above 0. */
  segments = 0;
  /** What the last cut left, before it was rounded down to c.ssthresh. */
  private threshold = 0;

  /** Where others have moved c.cwnd it counts; where they have moved it to ssthresh, its fraction too. */
  take(c: Connection): void {
    if (Math.floor(this.segments) === c.cwnd) return;
    this.segments = Math.floor(this.threshold) === c.cwnd ? this.threshold : c.cwnd;
  }

  put(c: Connection, segments: number): void {
    this.segments = segments;
    c.cwnd = Math.floor(segments);
  }

  /** A slow-start threshold of `share` of the window, at least 2 segments; what of it is whole. */
  cut(c: Connection, share: number): number {
    this.take(c);
    this.threshold = Math.max(this.segments * share, 2);
    return Math.floor(this.threshold);
  }
}
