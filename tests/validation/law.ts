/**
 * A congestion control by itself: an established connection whose ACKs and losses the test makes up, in the deterministic model
 * that closed forms are about (RFC 9438 §5.1). A round trip acknowledges one window, evenly; a loss is known and the window cut
 * at once; nothing is repeated. No segment is sent, so windows of 200,000 cost as little as those of 10.
 */
import type { Instant } from '../../src/base/units.ts';
import type { CongestionControl } from '../../src/tcp/congestion/controller.ts';
import type { Connection, TcpOptions } from '../../src/tcp/index.ts';
import { Dumbbell } from './dumbbell.ts';

export class Law {
  readonly c: Connection;
  readonly control: CongestionControl;
  now: number;
  private readonly rttNs: number;

  /** @param control  in place of what the options say */
  constructor(
    rttNs: number,
    options: Partial<TcpOptions>,
    control?: (c: Connection, now: Instant) => CongestionControl,
  ) {
    const d = new Dumbbell({}, [{ rttNs, options }]);
    d.run(1.2 * rttNs);
    this.c = d.flows[0]!.c!;
    this.now = d.now;
    this.rttNs = rttNs;
    this.control = control?.(this.c, d.now as Instant) ?? this.c.congestion;
    this.c.congestion = this.control;
    this.c.srttUs = (rttNs / 1000) * 8;
    this.c.sender!.isCwndLimited = true;
  }

  /** In avoidance with a window of so many segments, as if nothing had ever been lost. */
  begin(cwnd: number): void {
    this.c.cwnd = cwnd;
    this.c.ssthresh = cwnd;
  }

  /** So many segments are acknowledged, in the time that they take of a round trip; `ns`: in that time. */
  ack(segments: number, ns: number = (this.rttNs * segments) / this.c.cwnd): void {
    this.now += ns;
    this.control.congAvoid(this.c, segments, Math.floor(this.now) as Instant);
  }

  /** A round trip in sixteen ACKs, or one for each segment of a smaller window. */
  round(): void {
    const { cwnd } = this.c;
    for (let left = cwnd; left > 0;) {
      const n = Math.min(left, Math.max(1, Math.floor(cwnd / 16)));
      left -= n;
      this.ack(n, (this.rttNs * n) / cwnd);
    }
  }

  lose(): void {
    const { c } = this;
    c.sender!.priorCwnd = c.cwnd;
    c.ssthresh = this.control.ssthresh(c);
    c.cwnd = c.ssthresh;
    c.sender!.cwndCnt = 0;
  }

  /** Segments per round trip over `cycles`, each 1/p segments and a loss; the first at a window of `peak`, three left out. */
  mean(p: number, peak: number, cycles: number): number {
    const every = Math.round(1 / p);
    this.begin(peak);
    let since = 0;
    for (let k = -3; k < cycles; k++) {
      if (k === 0) since = this.now;
      this.lose();
      for (let left = every; left > 0;) {
        const n = Math.min(left, Math.max(1, Math.floor(this.c.cwnd / 16)));
        left -= n;
        this.ack(n);
      }
    }
    return (cycles * every * this.rttNs) / (this.now - since);
  }
}
