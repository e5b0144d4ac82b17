/**
 * BBR, version 1 (net/ipv4/tcp_bbr.c, draft-cardwell-iccrg-bbr-congestion-control-00): sends at the largest delivery rate of ten
 * round trips and keeps about that times the smallest RTT of ten seconds in flight. STARTUP doubles until the rate no longer
 * grows by a quarter in three rounds, DRAIN empties the queue that this made, PROBE_BW cycles its gain through 1.25, 0.75 and
 * six times 1, PROBE_RTT goes down to four segments for 200 ms when the smallest RTT has not been seen for ten seconds. Loss is
 * no signal; only in the first round of a recovery as much is sent as is delivered.
 *
 * The phase at which a gain cycle begins is an option, for TCP draws nothing.
 */
import type { Duration, Instant } from '../../base/units.ts';
import { add, NEVER } from '../../base/units.ts';
import { jiffiesNow, jiffiesOfMs, usOf } from '../clock.ts';
import {
  CA_LOSS,
  CA_OPEN,
  CA_RECOVERY,
  inFlight,
  INFINITE_SSTHRESH,
  type Connection,
} from '../connection.ts';
import type { RateSampler } from '../rate.ts';
import {
  AckAggregation,
  BW_UNIT,
  bytesPerSec,
  LongTermRate,
  UNIT,
  WindowedMax,
} from './bbr-model.ts';
import type { CcInfo } from './controller.ts';
import { Reno } from './reno.ts';

export type BbrMode = 'STARTUP' | 'DRAIN' | 'PROBE_BW' | 'PROBE_RTT';

/** 2/ln 2, and its reciprocal. */
const HIGH_GAIN = 739;
const DRAIN_GAIN = 88;
const CWND_GAIN = 512;
const CYCLE: readonly number[] = [320, 192, 256, 256, 256, 256, 256, 256];
const BW_ROUNDS = CYCLE.length + 2;
const MIN_RTT_WINDOW = 10_000_000_000;
const PROBE_RTT_MS = 200;
const MIN_CWND = 4;
/** Below 1.2 Mbit/s an offloaded send may be one segment. */
const MIN_TSO_BYTES = 1_200_000 >> 3;
/** Growth that says that the pipe is not full, and rounds without. */
const FULL_BW_THRESH = 320;
const FULL_BW_ROUNDS = 3;
const INIT_CWND = 10;
const NO_RTT = 0x7fffffff;
/** GSO_MAX_SIZE − 1 − MAX_TCP_HEADER. */
const TSO_MAX_BYTES = 65_536 - 1 - 256;

export class Bbr extends Reno {
  override readonly ownsWindow: boolean = true;

  mode: BbrMode = 'STARTUP';
  /** Gains of pacing rate and window, of 256. */
  pacingGain: number = HIGH_GAIN;
  cwndGain: number = HIGH_GAIN;
  minRttUs: number;
  private readonly rates: WindowedMax = new WindowedMax(BW_ROUNDS);
  private readonly longTerm: LongTermRate = new LongTermRate();
  private readonly aggregation: AckAggregation;
  // Rounds: one ends when what was delivered at its start has been out and back.
  private round = 0;
  private roundStart = false;
  private nextRoundDelivered = 0;
  private cycle = 0;
  private cycleUs = 0;
  // STARTUP
  private fullBw = 0;
  private fullBwRounds = 0;
  private pipeFull = false;
  // PROBE_RTT
  private minRttAt: Instant;
  private probeRttDone: Instant = NEVER;
  private probeRttRoundDone = false;
  private idleRestart = false;
  // Recovery
  private priorState: number = CA_OPEN;
  private priorCwnd = 0;
  private conserving = false;
  private hasSeenRtt = false;

  constructor(c: Connection, now: Instant) {
    super('bbr');
    c.ssthresh = INFINITE_SSTHRESH;
    this.minRttUs = c.minRttUs;
    this.minRttAt = jiffiesNow(c.context, now);
    this.aggregation = new AckAggregation(usOf(now));
    this.longTerm.reset(c, c.sender!.rate!);
    this.initPacingRate(c);
  }

  /** Estimated bandwidth of the path, in BW_UNIT (bbr_bw). */
  get bw(): number {
    return this.longTerm.inUse ? this.longTerm.bw : this.rates.max;
  }

  /** The bandwidth in bytes/s (bbr_get_info). */
  override info(c: Connection): CcInfo {
    const bytes = Math.floor((this.bw * c.mssCache * 1_000_000) / BW_UNIT);
    return {
      bbr_bw_lo: bytes % 0x1_0000_0000,
      bbr_bw_hi: Math.floor(bytes / 0x1_0000_0000),
      bbr_min_rtt: this.minRttUs,
      bbr_pacing_gain: this.pacingGain,
      bbr_cwnd_gain: this.cwndGain,
    };
  }

  /** A policer was found on the path, whose rate is kept for now. */
  get isPoliced(): boolean {
    return this.longTerm.inUse;
  }

  override ssthresh(c: Connection): number {
    this.saveCwnd(c);
    return c.ssthresh;
  }

  /** The loss was none: what made us slower is forgotten. */
  override undoCwnd(c: Connection): number {
    this.fullBw = 0;
    this.fullBwRounds = 0;
    this.longTerm.reset(c, c.sender!.rate!);
    return c.cwnd;
  }

  override setState(c: Connection, to: number): void {
    if (to !== CA_LOSS) return;
    this.priorState = CA_LOSS;
    this.fullBw = 0;
    this.roundStart = true;
    if (!this.longTerm.inUse) this.longTerm.sample(c, c.sender!.rate!, 1, true);
  }

  override onTxStart(c: Connection, now: Instant): void {
    if (c.sender!.rate!.appLimited === 0) return;
    this.idleRestart = true;
    this.aggregation.restart(usOf(now));
    // No burst into a pipe that has run empty: the estimated rate will do.
    if (this.mode === 'PROBE_BW') this.setPacingRate(c, this.bw, UNIT);
    else if (this.mode === 'PROBE_RTT') this.checkProbeRttDone(c, now);
  }

  override minTsoSegs(c: Connection): number {
    return c.sender!.pacing!.rate < MIN_TSO_BYTES ? 1 : 2;
  }

  /** bbr_main */
  override control(c: Connection, sample: RateSampler | null, now: Instant): void {
    const rs = sample!;
    this.updateBw(c, rs);
    this.aggregation.update(c, rs, this.bw, this.roundStart);
    if (this.mode === 'PROBE_BW' && this.phaseIsOver(c, rs, now)) this.nextPhase(rs);
    this.checkPipeFull(rs);
    this.checkDrain(c, rs, now);
    this.updateMinRtt(c, rs, now);
    this.updateGains();
    this.setPacingRate(c, this.bw, this.pacingGain);
    this.setCwnd(c, rs);
  }

  // ---- The model

  private updateBw(c: Connection, rs: RateSampler): void {
    this.roundStart = false;
    if (rs.delivered < 0 || rs.intervalUs <= 0) return;
    if (rs.priorDelivered >= this.nextRoundDelivered) {
      this.nextRoundDelivered = c.delivered;
      this.round++;
      this.roundStart = true;
      this.conserving = false;
    }
    this.sampleLongTerm(c, rs);
    const bw = Math.floor((rs.delivered * BW_UNIT) / rs.intervalUs);
    // What the application held back says nothing, unless it is more than was known.
    if (!rs.isAppLimited || bw >= this.rates.max) this.rates.add(this.round, bw);
  }

  private sampleLongTerm(c: Connection, rs: RateSampler): void {
    const lt = this.longTerm;
    if (!lt.inUse) lt.sample(c, rs, rs.losses, this.roundStart);
    else if (this.mode === 'PROBE_BW' && lt.expires(this.roundStart)) {
      lt.reset(c, rs);
      this.enterProbeBw(c, rs);
    }
  }

  private checkPipeFull(rs: RateSampler): void {
    if (this.pipeFull || !this.roundStart || rs.isAppLimited) return;
    if (this.rates.max >= Math.floor((this.fullBw * FULL_BW_THRESH) / UNIT)) {
      this.fullBw = this.rates.max;
      this.fullBwRounds = 0;
      return;
    }
    this.pipeFull = ++this.fullBwRounds >= FULL_BW_ROUNDS;
  }

  private checkDrain(c: Connection, rs: RateSampler, now: Instant): void {
    if (this.mode === 'STARTUP' && this.pipeFull) {
      this.mode = 'DRAIN';
      c.ssthresh = this.target(c, this.rates.max, UNIT);
    }
    if (this.mode !== 'DRAIN') return;
    if (this.inNetworkAtDeparture(c, inFlight(c), now) <= this.target(c, this.rates.max, UNIT))
      this.enterProbeBw(c, rs);
  }

  private updateMinRtt(c: Connection, rs: RateSampler, now: Instant): void {
    const t = jiffiesNow(c.context, now);
    const expired = t > this.minRttAt + MIN_RTT_WINDOW;
    if (rs.rttUs >= 0 && (rs.rttUs <= this.minRttUs || (expired && !rs.isAckDelayed))) {
      this.minRttUs = rs.rttUs;
      this.minRttAt = t;
    }
    if (expired && !this.idleRestart && this.mode !== 'PROBE_RTT') {
      this.mode = 'PROBE_RTT';
      this.saveCwnd(c);
      this.probeRttDone = NEVER;
    }
    if (this.mode === 'PROBE_RTT') this.probeRtt(c, rs, now);
    if (rs.delivered > 0) this.idleRestart = false;
  }

  /** Four segments in flight for 200 ms and a round trip at least. */
  private probeRtt(c: Connection, rs: RateSampler, now: Instant): void {
    // The low rates of this time say nothing of the path.
    rs.limitByApp(c);
    if (this.probeRttDone === NEVER) {
      if (inFlight(c) > MIN_CWND) return;
      const wait = jiffiesOfMs(c.context, PROBE_RTT_MS);
      this.probeRttDone = add(jiffiesNow(c.context, now), wait as Duration);
      this.probeRttRoundDone = false;
      this.nextRoundDelivered = c.delivered;
      return;
    }
    if (this.roundStart) this.probeRttRoundDone = true;
    if (this.probeRttRoundDone) this.checkProbeRttDone(c, now);
  }

  private checkProbeRttDone(c: Connection, now: Instant): void {
    const t = jiffiesNow(c.context, now);
    if (this.probeRttDone === NEVER || t <= this.probeRttDone) return;
    this.minRttAt = t;
    c.cwnd = Math.max(c.cwnd, this.priorCwnd);
    if (this.pipeFull) this.enterProbeBw(c, c.sender!.rate!);
    else this.mode = 'STARTUP';
  }

  // ---- The gain cycle

  private enterProbeBw(c: Connection, rs: RateSampler): void {
    this.mode = 'PROBE_BW';
    this.cycle = CYCLE.length - 1 - c.context.options.bbrPhase;
    this.nextPhase(rs);
  }

  private nextPhase(rs: RateSampler): void {
    this.cycle = (this.cycle + 1) % CYCLE.length;
    this.cycleUs = rs.deliveredAtUs;
  }

  /** A phase lasts an RTT; 1.25 until so much is in flight or something is lost, 0.75 until the queue is gone. */
  private phaseIsOver(c: Connection, rs: RateSampler, now: Instant): boolean {
    const whole = rs.deliveredAtUs - this.cycleUs > this.minRttUs;
    const gain = this.pacingGain;
    if (gain === UNIT) return whole;
    const bw = this.rates.max;
    const inflight = this.inNetworkAtDeparture(c, rs.priorInFlight, now);
    if (gain > UNIT) return whole && (rs.losses > 0 || inflight >= this.target(c, bw, gain));
    return whole || inflight <= this.target(c, bw, UNIT);
  }

  private updateGains(): void {
    switch (this.mode) {
      case 'STARTUP':
        this.pacingGain = HIGH_GAIN;
        this.cwndGain = HIGH_GAIN;
        return;
      case 'DRAIN':
        this.pacingGain = DRAIN_GAIN;
        this.cwndGain = HIGH_GAIN;
        return;
      case 'PROBE_BW':
        this.pacingGain = this.longTerm.inUse ? UNIT : CYCLE[this.cycle]!;
        this.cwndGain = CWND_GAIN;
        return;
      case 'PROBE_RTT':
        this.pacingGain = UNIT;
        this.cwndGain = UNIT;
    }
  }

  // ---- Pacing

  private initPacingRate(c: Connection): void {
    let rttUs = 1000;
    if (c.srttUs > 0) {
      rttUs = Math.max(c.srttUs >> 3, 1);
      this.hasSeenRtt = true;
    }
    const bw = Math.floor((c.cwnd * BW_UNIT) / rttUs);
    c.sender!.pacing!.setRate(bytesPerSec(c, bw, HIGH_GAIN));
  }

  private setPacingRate(c: Connection, bw: number, gain: number): void {
    const pacing = c.sender!.pacing!;
    if (!this.hasSeenRtt && c.srttUs > 0) this.initPacingRate(c);
    const rate = bytesPerSec(c, bw, gain);
    if (this.pipeFull || rate > pacing.rate) pacing.setRate(rate);
  }

  /** Segments of an offloaded send (bbr_tso_segs_goal). */
  private tsoGoal(c: Connection): number {
    const bytes = Math.min(Math.floor(c.sender!.pacing!.rate / 1024), TSO_MAX_BYTES);
    return Math.min(Math.max(Math.floor(bytes / c.mssCache), this.minTsoSegs(c)), 127);
  }

  // ---- The window

  /** Bandwidth times RTT with a gain, rounded up (bbr_bdp). */
  private bdp(bw: number, gain: number): number {
    if (this.minRttUs === NO_RTT) return INIT_CWND;
    return Math.ceil(Math.floor((bw * this.minRttUs * gain) / UNIT) / BW_UNIT);
  }

  /** Room for offloaded sends at both ends and for delayed ACKs (bbr_quantization_budget). */
  private withBudget(c: Connection, segs: number): number {
    const even = (segs + 3 * this.tsoGoal(c) + 1) & ~1;
    return this.mode === 'PROBE_BW' && this.cycle === 0 ? even + 2 : even;
  }

  /** What is to be in flight (bbr_inflight). */
  private target(c: Connection, bw: number, gain: number): number {
    return this.withBudget(c, this.bdp(bw, gain));
  }

  /** What will be in the network when the next segment may leave (bbr_packets_in_net_at_edt). */
  private inNetworkAtDeparture(c: Connection, flight: number, now: Instant): number {
    const waitUs = Math.max(Math.floor((c.sender!.pacing!.nextAt - now) / 1000), 0);
    const gone = Math.floor((this.bw * waitUs) / BW_UNIT);
    const then = this.pacingGain > UNIT ? flight + this.tsoGoal(c) : flight;
    return Math.max(then - gone, 0);
  }

  private setCwnd(c: Connection, rs: RateSampler): void {
    if (rs.ackedSacked > 0) c.cwnd = this.grownCwnd(c, rs);
    if (this.mode === 'PROBE_RTT') c.cwnd = Math.min(c.cwnd, MIN_CWND);
  }

  private grownCwnd(c: Connection, rs: RateSampler): number {
    const acked = rs.ackedSacked;
    let cwnd = this.recoveryCwnd(c, rs);
    if (this.conserving) return Math.max(cwnd, inFlight(c) + acked);
    let target = this.bdp(this.bw, this.cwndGain);
    if (this.pipeFull) target += this.aggregation.window(this.bw);
    target = this.withBudget(c, target);
    if (this.pipeFull) cwnd = Math.min(cwnd + acked, target);
    else if (cwnd < target || c.delivered < INIT_CWND) cwnd += acked;
    return Math.max(cwnd, MIN_CWND);
  }

  /** Packet conservation begins with a recovery; what was before comes back with its end (bbr_set_cwnd_to_recover_or_restore). */
  private recoveryCwnd(c: Connection, rs: RateSampler): number {
    const before = this.priorState;
    const state = c.caState;
    this.priorState = state;
    const cwnd = rs.losses > 0 ? Math.max(c.cwnd - rs.losses, 1) : c.cwnd;
    if (state === CA_RECOVERY && before !== CA_RECOVERY) {
      this.conserving = true;
      this.nextRoundDelivered = c.delivered;
      return inFlight(c) + rs.ackedSacked;
    }
    if (before >= CA_RECOVERY && state < CA_RECOVERY) {
      this.conserving = false;
      return Math.max(cwnd, this.priorCwnd);
    }
    return cwnd;
  }

  /** The last good window, for when recovery or PROBE_RTT is over. */
  private saveCwnd(c: Connection): void {
    const good = this.priorState < CA_RECOVERY && this.mode !== 'PROBE_RTT';
    this.priorCwnd = good ? c.cwnd : Math.max(this.priorCwnd, c.cwnd);
  }
}
