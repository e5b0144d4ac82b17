/**
 * CUBIC (RFC 9438) with HyStart, in the integer arithmetic of net/ipv4/tcp_cubic.c: time in 1/1024 s, the window curve
 * scaled by 2^40, one update of the curve per tick. Where they differ, Linux is followed: β is 717/1024, and a timeout
 * forgets everything.
 */
import { icbrt } from '../../base/math.ts';
import { DOUBLE_0, type Instant, START } from '../../base/units.ts';
import { pacingRate } from '../mss.ts';
import { jiffiesNow, jiffiesOfUs, usOf } from '../clock.ts';
import { CA_LOSS, type Connection } from '../connection.ts';
import { SEQ_ZERO, seqGt, type Seq } from '../seq.ts';
import { additiveIncrease, Reno } from './reno.ts';

const BETA = 717; // of 1024: what is kept after a loss
/** C = 410/1024 segments/s³ (bic_scale · 10). */
const CUBE_SCALE = 410;
const TWO_40 = 1_099_511_627_776;
const CUBE_FACTOR = Math.floor(TWO_40 / CUBE_SCALE);
/** Eighths of a window that Reno with our β needs per segment of growth: 8·(1024+β)/3/(1024−β). */
const BETA_SCALE = 15;

const HYSTART_ACK_TRAIN = 1;
const HYSTART_DELAY = 2;
const HYSTART_LOW_WINDOW = 16;
const HYSTART_ACK_DELTA_US = 2000;
const HYSTART_MIN_SAMPLES = 8;
const HYSTART_DELAY_MIN_US = 4000;
const HYSTART_DELAY_MAX_US = 16_000;

const NO_RTT = 0x7fffffff;

export class Cubic extends Reno {
  private cnt = 0;
  private lastMax = 0;
  private lastCwnd = 0;
  private lastTime: Instant = DOUBLE_0;
  private origin = 0;
  private k = 0;
  private delayMinUs = 0;
  /** Start of the curve; −1: none. */
  private epoch = -1;
  private ackCnt = 0;
  private renoCwnd = 0;
  // HyStart: a round ends when endSeq is acknowledged.
  private found = false;
  private roundStartUs = 0;
  private lastAckUs = 0;
  private endSeq: Seq = SEQ_ZERO;
  private currRttUs: number = NO_RTT;
  private samples = 0;

  /** When the first data is about to leave (Linux: when the connection is established, bictcp_init). */
  constructor(c: Connection, now: Instant) {
    super('cubic');
    this.resetRound(c, now);
  }

  override ssthresh(c: Connection): number {
    this.epoch = -1;
    // Fast convergence, RFC 9438 §4.7.
    const yields = c.cwnd < this.lastMax && c.context.options.cubicFastConvergence;
    this.lastMax = yields ? Math.floor((c.cwnd * (1024 + BETA)) / 2048) : c.cwnd;
    return Math.max(Math.floor((c.cwnd * BETA) / 1024), 2);
  }

  protected override increase(c: Connection, acked: number, now: Instant): void {
    this.update(c, acked, now);
    additiveIncrease(c, this.cnt, acked);
  }

  /** When the curve began, ns; −1: there is none. */
  protected get began(): number {
    return this.epoch;
  }

  override setState(c: Connection, to: number, now: Instant): void {
    if (to !== CA_LOSS) return;
    this.cnt = 0;
    this.lastMax = 0;
    this.lastCwnd = 0;
    this.lastTime = START;
    this.origin = 0;
    this.k = 0;
    this.delayMinUs = 0;
    this.epoch = -1;
    this.ackCnt = 0;
    this.renoCwnd = 0;
    this.found = false;
    this.resetRound(c, now);
  }

  /** Idle time does not count on the curve. */
  override onTxStart(c: Connection, now: Instant): void {
    const idle = jiffiesNow(c.context, now) - c.sender!.lsndTime;
    if (this.epoch < 0 || idle <= 0) return;
    this.epoch = Math.min(this.epoch + idle, jiffiesNow(c.context, now));
  }

  override onAcked(c: Connection, _acked: number, rttUs: number, now: Instant): void {
    if (rttUs < 0) return;
    // The queue that a recovery leaves behind says nothing of the path.
    if (this.began >= 0 && jiffiesNow(c.context, now) - this.began < 1_000_000_000) return;
    const delay = rttUs === 0 ? 1 : rttUs;
    if (this.delayMinUs === 0 || this.delayMinUs > delay) this.delayMinUs = delay;
    if (!this.found && c.cwnd < c.ssthresh && c.context.options.hystart)
      this.hystart(c, delay, now);
  }

  /** How many segments must be acknowledged for one more in the window (bictcp_update). */
  private update(c: Connection, acked: number, now: Instant): void {
    const cwnd = c.cwnd;
    const t = jiffiesNow(c.context, now);
    this.ackCnt += acked;
    if (this.lastCwnd === cwnd && t - this.lastTime <= 31_250_000) return;
    if (this.epoch < 0 || t !== this.lastTime) this.curve(c, cwnd, acked, t);
    if (c.context.options.cubicFriendliness) this.renoFriendly(cwnd);
    this.cnt = Math.max(this.cnt, 2);
  }

  private curve(c: Connection, cwnd: number, acked: number, now: Instant): void {
    this.lastCwnd = cwnd;
    this.lastTime = now;
    if (this.epoch < 0) {
      this.epoch = now;
      this.ackCnt = acked;
      this.renoCwnd = cwnd;
      if (this.lastMax <= cwnd) {
        this.k = 0;
        this.origin = cwnd;
      } else {
        this.k = icbrt(CUBE_FACTOR * (this.lastMax - cwnd));
        this.origin = this.lastMax;
      }
    }
    const elapsedNs = now - this.epoch + jiffiesOfUs(c.context, this.delayMinUs);
    const t = Math.floor((elapsedNs * 1024) / 1_000_000_000);
    const off = t < this.k ? this.k - t : t - this.k;
    const delta = Math.floor((CUBE_SCALE * off * off * off) / TWO_40);
    const target = t < this.k ? this.origin - delta : this.origin + delta;
    this.cnt = target > cwnd ? Math.floor(cwnd / (target - cwnd)) : 100 * cwnd;
    // Nothing is known of the path yet: 5 % per round trip at least.
    if (this.lastMax === 0 && this.cnt > 20) this.cnt = 20;
  }

  /** Never slower than Reno with the same β would be (RFC 9438 §4.3). */
  private renoFriendly(cwnd: number): void {
    const per = (cwnd * BETA_SCALE) >> 3;
    while (this.ackCnt > per) {
      this.ackCnt -= per;
      this.renoCwnd++;
    }
    if (this.renoCwnd > cwnd)
      this.cnt = Math.min(this.cnt, Math.floor(cwnd / (this.renoCwnd - cwnd)));
  }

  private resetRound(c: Connection, now: Instant): void {
    this.roundStartUs = usOf(now);
    this.lastAckUs = this.roundStartUs;
    this.endSeq = c.sndNxt;
    this.currRttUs = NO_RTT;
    this.samples = 0;
  }

  /** Leaves slow start when a round's ACKs take longer than half an RTT, or when the RTT grows (hystart_update). */
  private hystart(c: Connection, delayUs: number, now: Instant): void {
    if (seqGt(c.sndUna, this.endSeq)) this.resetRound(c, now);
    if (c.cwnd < HYSTART_LOW_WINDOW) return;
    const detect = c.context.options.hystartDetect;
    if (detect & HYSTART_ACK_TRAIN) this.watchTrain(c, usOf(now));
    if (detect & HYSTART_DELAY) this.watchDelay(c, delayUs);
  }

  private watchTrain(c: Connection, t: number): void {
    if (t - this.lastAckUs > HYSTART_ACK_DELTA_US) return;
    this.lastAckUs = t;
    const whole = this.delayMinUs + ackTrainSlackUs(c);
    // Pacing spreads what is sent over half an RTT.
    const most = c.sender!.pacing === null ? whole >> 1 : whole;
    if (t - this.roundStartUs > most) this.leaveSlowStart(c);
  }

  private watchDelay(c: Connection, delayUs: number): void {
    if (this.currRttUs > delayUs) this.currRttUs = delayUs;
    if (this.samples < HYSTART_MIN_SAMPLES) {
      this.samples++;
      return;
    }
    const eighth = this.delayMinUs >> 3;
    const slack = Math.min(Math.max(eighth, HYSTART_DELAY_MIN_US), HYSTART_DELAY_MAX_US);
    if (this.currRttUs > this.delayMinUs + slack) this.leaveSlowStart(c);
  }

  private leaveSlowStart(c: Connection): void {
    this.found = true;
    c.ssthresh = c.cwnd;
  }
}

/** What four full offload sends take at the pacing rate, at most 1 ms (hystart_ack_delay). */
function ackTrainSlackUs(c: Connection): number {
  if (c.srttUs === 0) return 0;
  const rate = pacingRate(c);
  return Math.min(1000, Math.floor((c.path.gsoMaxSize * 4 * 1_000_000) / rate));
}
