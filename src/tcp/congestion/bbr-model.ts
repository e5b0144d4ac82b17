/**
 * What BBR knows of the path, in the integer arithmetic of net/ipv4/tcp_bbr.c: bandwidth in segments per µs scaled by 2^24, gains
 * of 256. The largest delivery rate of ten round trips, the rate of a token-bucket policer, and how many ACKs come in clumps.
 */
import type { Connection } from '../connection.ts';
import type { RateSampler } from '../rate.ts';

/** Segments per µs = 1. */
export const BW_UNIT = 16_777_216;
/** A gain of 1. */
export const UNIT = 256;

/** Bytes/s of a bandwidth with a gain, less the 1 % that leaves room for the queue to drain (bbr_rate_bytes_per_sec). */
export const bytesPerSec = (c: Connection, bw: number, gain: number): number =>
  Math.floor((Math.floor((bw * c.mssCache * gain) / UNIT) * 990_000) / BW_UNIT);

/** The largest value of a sliding window, by the three best of its parts (lib/win_minmax.c, after Kathleen Nichols). */
export class WindowedMax {
  private readonly window: number;
  private readonly t: [number, number, number] = [0, 0, 0];
  private readonly v: [number, number, number] = [0, 0, 0];

  constructor(window: number) {
    this.window = window;
  }

  get max(): number {
    return this.v[0];
  }

  /** @param t not before that of the last call */
  add(t: number, v: number): void {
    if (v >= this.v[0] || t - this.t[2] > this.window) {
      this.put(0, t, v);
      return;
    }
    if (v >= this.v[1]) this.put(1, t, v);
    else if (v >= this.v[2]) this.put(2, t, v);
    this.age(t, v);
  }

  /** The best one leaves the window, or no second or third best has been found for a quarter, or half, of it. */
  private age(t: number, v: number): void {
    const since = t - this.t[0];
    if (since > this.window) {
      this.shift(t, v);
      if (t - this.t[0] > this.window) this.shift(t, v);
    } else if (this.t[1] === this.t[0] && since > this.window >> 2) this.put(1, t, v);
    else if (this.t[2] === this.t[1] && since > this.window >> 1) this.put(2, t, v);
  }

  /** From place `i` on. */
  private put(i: 0 | 1 | 2, t: number, v: number): void {
    for (let k = i as number; k < 3; k++) {
      this.t[k] = t;
      this.v[k] = v;
    }
  }

  private shift(t: number, v: number): void {
    this.t[0] = this.t[1];
    this.v[0] = this.v[1];
    this.t[1] = this.t[2];
    this.v[1] = this.v[2];
    this.put(2, t, v);
  }
}

const LT_MIN_ROUNDS = 4;
/** 20 % lost, of 256: the path may be policed. */
const LT_LOSS_THRESH = 50;
/** Two rates an eighth, or 4 kbit/s, apart are the same. */
const LT_RATIO = UNIT / 8;
const LT_DIFF_BYTES = 4000 / 8;
const LT_MAX_ROUNDS = 48;

/** Long-term sampling: two intervals of equal rate and much loss mean a policer, whose rate is then kept for 48 rounds. */
export class LongTermRate {
  /** Its rate is used. */
  inUse = false;
  bw = 0;
  private isSampling = false;
  private stampMs = 0;
  private delivered = 0;
  private lost = 0;
  private rounds = 0;

  reset(c: Connection, rs: RateSampler): void {
    this.bw = 0;
    this.inUse = false;
    this.isSampling = false;
    this.beginInterval(c, rs);
  }

  private beginInterval(c: Connection, rs: RateSampler): void {
    this.stampMs = Math.floor(rs.deliveredAtUs / 1000);
    this.delivered = c.delivered;
    this.lost = c.sender!.lost;
    this.rounds = 0;
  }

  /** In use: has it been for long enough? Then the gain cycle begins anew. */
  expires(roundStart: boolean): boolean {
    return roundStart && ++this.rounds >= LT_MAX_ROUNDS;
  }

  /** Not in use: one more ACK (bbr_lt_bw_sampling). */
  sample(c: Connection, rs: RateSampler, losses: number, roundStart: boolean): void {
    // From a loss to a loss: the tokens are used up at both ends.
    if (!this.isSampling) {
      if (losses === 0) return;
      this.beginInterval(c, rs);
      this.isSampling = true;
    }
    if (rs.isAppLimited) {
      this.reset(c, rs);
      return;
    }
    if (roundStart) this.rounds++;
    if (this.rounds < LT_MIN_ROUNDS) return;
    if (this.rounds > 4 * LT_MIN_ROUNDS) {
      this.reset(c, rs);
      return;
    }
    if (losses === 0) return;
    const lost = c.sender!.lost - this.lost;
    const delivered = c.delivered - this.delivered;
    if (delivered === 0 || lost * UNIT < LT_LOSS_THRESH * delivered) return;
    const ms = Math.floor(rs.deliveredAtUs / 1000) - this.stampMs;
    if (ms >= 1) this.intervalDone(c, rs, Math.floor((delivered * BW_UNIT) / (ms * 1000)));
  }

  private intervalDone(c: Connection, rs: RateSampler, bw: number): void {
    if (this.bw > 0) {
      const diff = Math.abs(bw - this.bw);
      if (diff * UNIT <= LT_RATIO * this.bw || bytesPerSec(c, diff, UNIT) <= LT_DIFF_BYTES) {
        this.bw = (bw + this.bw) >>> 1;
        this.inUse = true;
        this.rounds = 0;
        return;
      }
    }
    this.bw = bw;
    this.beginInterval(c, rs);
  }
}

const AGG_ROUNDS = 5;
const AGG_MAX_US = 100_000;
const AGG_EPOCH_MAX = 1 << 20;

/** ACKs beyond what the bandwidth explains: the largest number of 5 to 10 round trips (bbr_update_ack_aggregation). */
export class AckAggregation {
  private epochUs: number;
  private acked = 0;
  private rounds = 0;
  private slot: 0 | 1 = 0;
  private readonly extra: [number, number] = [0, 0];

  constructor(nowUs: number) {
    this.epochUs = nowUs;
  }

  restart(nowUs: number): void {
    this.epochUs = nowUs;
    this.acked = 0;
  }

  update(c: Connection, rs: RateSampler, bw: number, roundStart: boolean): void {
    if (rs.ackedSacked <= 0 || rs.delivered < 0 || rs.intervalUs <= 0) return;
    if (roundStart && ++this.rounds >= AGG_ROUNDS) {
      this.rounds = 0;
      this.slot = this.slot === 0 ? 1 : 0;
      this.extra[this.slot] = 0;
    }
    let expected = Math.floor((bw * Math.max(rs.deliveredAtUs - this.epochUs, 0)) / BW_UNIT);
    if (this.acked <= expected || this.acked + rs.ackedSacked >= AGG_EPOCH_MAX) {
      this.restart(rs.deliveredAtUs);
      expected = 0;
    }
    this.acked = Math.min(AGG_EPOCH_MAX - 1, this.acked + rs.ackedSacked);
    const extra = Math.min(this.acked - expected, c.cwnd);
    if (extra > this.extra[this.slot]) this.extra[this.slot] = extra;
  }

  /** What the window may be larger by, at most 100 ms of the bandwidth (bbr_ack_aggregation_cwnd). */
  window(bw: number): number {
    return Math.min(
      Math.max(this.extra[0], this.extra[1]),
      Math.floor((bw * AGG_MAX_US) / BW_UNIT),
    );
  }
}
