/**
 * Latencies of one kind, in an HDR histogram: three significant digits from 1 ns to 104 days, the same numbers on every
 * machine. Sum, least and greatest are kept exactly beside it.
 */
import { build, type Histogram } from 'hdr-histogram-js';
import type { HistogramSummary } from './result.ts';

/** So many values are kept as they are; a histogram takes 64 KiB, and most worlds of a property test record few. */
const FEW = 64;

export class Latencies {
  readonly name: string;
  private few: number[] = [];
  private histogram: Histogram | null = null;
  private count = 0;
  private sum = 0;
  private least = Infinity;
  private most = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** @param ns  an integer ≥ 0 */
  record(ns: number): void {
    const value = ns > 1 ? ns : 1;
    if (this.histogram !== null) this.histogram.recordValue(value);
    else if (this.few.push(value) > FEW) this.histogram = this.makeHistogram();
    this.count++;
    this.sum += ns;
    if (ns < this.least) this.least = ns;
    if (ns > this.most) this.most = ns;
  }

  get empty(): boolean {
    return this.count === 0;
  }

  /** Nanoseconds; only when not empty. */
  summary(): HistogramSummary {
    const h = (this.histogram ??= this.makeHistogram());
    const at = (p: number): number =>
      Math.min(Math.max(h.getValueAtPercentile(p), this.least), this.most);
    return {
      name: this.name,
      count: this.count,
      min: this.least,
      mean: this.sum / this.count,
      p50: at(50),
      p75: at(75),
      p90: at(90),
      p99: at(99),
      p999: at(99.9),
      p9999: at(99.99),
      max: this.most,
    };
  }

  private makeHistogram(): Histogram {
    const h = build({ bitBucketSize: 32, numberOfSignificantValueDigits: 3, autoResize: true });
    for (const value of this.few) h.recordValue(value);
    this.few = [];
    return h;
  }
}
