/** One flow that loses a segment now and then, and the window that it has on the way: connection, SACK, RACK and PRR as they are. */
import { CA_RECOVERY, type TcpOptions } from '../../src/tcp/index.ts';
import { Dumbbell, randoms } from './dumbbell.ts';

export interface Losses {
  /** One segment in 1/p is lost. */
  readonly p: number;
  readonly rttNs: number;
  readonly options: Partial<TcpOptions>;
  /** Window at the first loss: near the steady state, or the run would have to find it first. */
  readonly peak: number;
  /**
   * Which segments are counted, for p and for the mean. `avoidance`: those sent in congestion avoidance, and its time: the
   * sawtooth that closed forms are about. `all`: those of recoveries too, and their time.
   */
  readonly count: 'avoidance' | 'all';
  /** The receiver acknowledges every second segment. */
  readonly delayedAcks?: boolean;
  /** Losses that are let pass before, and that are counted. Default: by p. */
  readonly warm?: number;
  readonly cycles?: number;
  /** Losses are drawn with probability p, instead of every 1/p-th segment. */
  readonly seed?: number;
}

/** Segments sent per round trip, from one loss to another one many cycles later. */
export function meanWindow(o: Losses): number {
  const every = Math.round(1 / o.p);
  const random = o.seed === undefined ? null : randoms(o.seed);
  const { warm = o.p > 5e-5 ? 3 : 1 } = o;
  const { cycles = o.p > 5e-3 ? 100 : o.p > 5e-4 ? 20 : o.p > 5e-5 ? 10 : o.p > 5e-6 ? 2 : 1 } = o;
  let counted = 0;
  let due = 0;
  let losses = 0;
  let outside = 0; // ns that count
  /** At the first and the last loss that count: ns and segments. */
  const marks: { readonly at: number; readonly segments: number }[] = [];
  const lose = (): boolean => {
    const c = d.flows[0]!.c!;
    if (o.count === 'avoidance' && c.caState === CA_RECOVERY) return false;
    counted++;
    if (losses === 0) {
      if (c.cwnd < o.peak) return false;
    } else if (random === null ? counted < due : random() >= o.p) return false;
    due = counted + every;
    losses++;
    if (losses === warm || losses === warm + cycles)
      marks.push({ at: outside + d.now - last, segments: counted });
    return true;
  };
  const { rttNs, options, delayedAcks = false } = o;
  const d: Dumbbell = new Dumbbell({ lose }, [{ rttNs, options, delayedAcks }]);
  d.run(1.5 * o.rttNs);
  const c = d.flows[0]!.c!;
  c.ssthresh = Math.floor(o.peak * 0.99);
  let last = d.now;
  let counts = true;
  const look = (): void => {
    if (counts) outside += d.now - last;
    last = d.now;
    counts = o.count === 'all' || c.caState !== CA_RECOVERY;
  };
  while (marks.length < 2) d.run(d.now + o.rttNs, look);
  const [from, to] = marks as [(typeof marks)[number], (typeof marks)[number]];
  return ((to.segments - from.segments) * o.rttNs) / (to.at - from.at);
}
