/**
 * Smoothed round-trip time and the retransmission timeout. By default as tcp_rtt_estimator: SRTT·8, mean deviation·4, and
 * the largest deviation of each round trip, with rto_min as the floor of the variance term, not of the sum; RFC 6298 §2.4
 * asks for a floor of 1 s on the sum, which is what `rtoEstimator: 'rfc'` does.
 */
import { violated } from '../base/assert.ts';
import type { Duration } from '../base/units.ts';
import { jiffiesOfUs } from './clock.ts';
import type { Connection } from './connection.ts';
import { seqGt } from './seq.ts';

/** RFC 6298 §2.1: before the first sample. */
export const INITIAL_RTO_US = 1_000_000;

/**
 * Takes one more round-trip sample. RFC 6298 §2.2–2.3; net/ipv4/tcp_input.c tcp_rtt_estimator().
 *
 * @param sampleUs from sending to ACK, µs; never of a segment that was sent twice (Karn; RFC 6298 §3)
 * @throws InvariantError when `sampleUs` is negative: the clock ran backwards
 */
export function rttSample(c: Connection, sampleUs: number): void {
  if (!(sampleUs >= 0)) violated('tcp: negative round-trip sample', String(sampleUs));
  const floorUs = c.context.options.rtoMinUs;
  if (c.srttUs === 0) {
    c.srttUs = Math.max(1, sampleUs * 8);
    c.mdevUs = sampleUs * 2;
    c.rttvarUs = Math.max(c.mdevUs, floorUs);
    c.mdevMaxUs = c.rttvarUs;
    c.rttSeq = c.sndNxt;
    return;
  }
  const error = sampleUs - (c.srttUs >> 3);
  c.srttUs = Math.max(1, c.srttUs + error);
  let change = (error < 0 ? -error : error) - (c.mdevUs >> 2);
  // A falling RTT must not raise the deviation as fast as a rising one (one of the findings of Eifel).
  if (error < 0 && change > 0 && c.context.options.rtoEstimator === 'linux') change >>= 3;
  c.mdevUs += change;
  if (c.mdevUs > c.mdevMaxUs) {
    c.mdevMaxUs = c.mdevUs;
    if (c.mdevMaxUs > c.rttvarUs) c.rttvarUs = c.mdevMaxUs;
  }
  if (seqGt(c.sndUna, c.rttSeq)) {
    if (c.mdevMaxUs < c.rttvarUs) c.rttvarUs -= (c.rttvarUs - c.mdevMaxUs) >> 2;
    c.rttSeq = c.sndNxt;
    c.mdevMaxUs = floorUs;
  }
}

/** The timeout that follows from the estimate, before the RFC's floor and the ceiling: ns, with Linux's rounding. */
export function rawRto(c: Connection): Duration {
  const rfc = c.context.options.rtoEstimator === 'rfc';
  const variance = rfc ? c.mdevUs : c.rttvarUs;
  // Linux drops the eighths of a microsecond; without ticks they are kept.
  if (c.context.jiffyNs === 0) return (c.srttUs * 125 + variance * 1000) as Duration;
  return jiffiesOfUs(c.context, (c.srttUs >> 3) + variance);
}

/** @returns the RTO: at most rto_max; RFC 6298 §2.4: at least 1 s, in the rfc profile */
export function computeRto(c: Connection): Duration {
  let rto = rawRto(c);
  if (c.context.options.rtoEstimator === 'rfc')
    rto = Math.max(rto, INITIAL_RTO_US * 1000) as Duration;
  return Math.min(rto, rtoMax(c)) as Duration;
}

export const rtoMax = (c: Connection): Duration => c.context.rtoMax;
export const rtoMin = (c: Connection): Duration => c.context.rtoMin;

/** Smallest RTT seen in the last 300 s, µs (tcp_min_rtt; Linux keeps three candidates, here the newer minimum replaces an old one). */
export function updateMinRtt(c: Connection, us: number, nowUs: number): void {
  if (us <= c.minRttUs || nowUs - c.minRttAtUs > 300_000_000) {
    c.minRttUs = us > 0 ? us : 1;
    c.minRttAtUs = nowUs;
  }
}
