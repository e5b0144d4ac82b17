/**
 * Dynamic interrupt moderation (lib/dim: net_dim.c, dim.c): finds how long a device is to hold back its interrupts by trying. There
 * are five profiles, the shortest wait on the left. After every 64 interrupts the last period is compared with the one before: if
 * more bytes came, or as many bytes in more packets, or as many of both with fewer interrupts, the search goes on in its
 * direction, else it turns round. It parks on the best profile and leaves it when the traffic changes; a search that finds
 * no best gets tired and rests for a while.
 *
 * Left out: the profiles that `ethtool -C rx-profile` sets, and the work queue: a new profile holds at once.
 */
import { assert } from './assert.ts';
import type { Instant } from './units.ts';

/** One profile: an interrupt comes `usecs` after the first completion, or with completion number `frames` (struct dim_cq_moder). */
export interface DimProfile {
  readonly usecs: number;
  readonly frames: number;
}

const profiles = (usecs: readonly number[], frames: readonly number[]): readonly DimProfile[] =>
  usecs.map((u, i) => ({ usecs: u, frames: frames[i]! }));

/** rx_profile and tx_profile, where the wait is counted from the first completion (EQE) … */
export const RX_EQE: readonly DimProfile[] = profiles(
  [1, 8, 64, 128, 256],
  [256, 256, 256, 256, 256],
);
export const TX_EQE: readonly DimProfile[] = profiles(
  [1, 8, 32, 64, 128],
  [128, 128, 128, 128, 128],
);
/** … and where each completion starts it anew (CQE). */
export const RX_CQE: readonly DimProfile[] = profiles([2, 8, 16, 32, 64], [256, 128, 64, 64, 64]);
export const TX_CQE: readonly DimProfile[] = profiles([5, 8, 16, 32, 64], [128, 64, 32, 32, 32]);

/** NET_DIM_DEF_PROFILE_EQE, …_CQE: what the device has until the first decision. */
export const DIM_DEFAULT_PROFILE = 1;

/** Interrupts from one decision to the next (DIM_NEVENTS). */
export const DIM_NEVENTS = 64;
const PROFILES = 5;
/** Steps after which a search rests. */
const TIRED = 2 * PROFILES;

// enum dim_tune_state.
export const PARKING_ON_TOP = 0;
export const PARKING_TIRED = 1;
export const GOING_RIGHT = 2;
export const GOING_LEFT = 3;

/** What came in one period, each per millisecond and rounded up (struct dim_stats). */
export interface DimStats {
  readonly bpms: number;
  readonly ppms: number;
  readonly epms: number;
}

export const WORSE = 0;
export const SAME = 1;
export const BETTER = 2;

/** IS_SIGNIFICANT_DIFF: by more than 10 %, in whole percent. */
const differs = (value: number, from: number): boolean =>
  Math.floor((100 * Math.abs(value - from)) / from) > 10;

/** net_dim_stats_compare() */
export function compareDim(now: DimStats, before: DimStats): number {
  if (before.bpms === 0) return now.bpms > 0 ? BETTER : SAME;
  if (differs(now.bpms, before.bpms)) return now.bpms > before.bpms ? BETTER : WORSE;
  if (before.ppms === 0) return now.ppms > 0 ? BETTER : SAME;
  if (differs(now.ppms, before.ppms)) return now.ppms > before.ppms ? BETTER : WORSE;
  if (before.epms === 0) return SAME;
  if (differs(now.epms, before.epms)) return now.epms < before.epms ? BETTER : WORSE;
  return SAME;
}

const perMs = (n: number, us: number): number => Math.ceil((n * 1000) / us);

/** struct dim: one direction of one queue. */
export class Dim {
  /** The profile that it is on, 0 to 4. */
  profile = 0;
  tune: number = PARKING_ON_TOP;
  tired = 0;
  private stepsRight = 0;
  private stepsLeft = 0;
  private previous: DimStats = { bpms: 0, ppms: 0, epms: 0 };
  private measuring = false;
  // Where the period began.
  private events = 0;
  private packets = 0;
  private bytes = 0;
  private since = 0;

  /**
   * net_dim(), at the end of a poll.
   *
   * @param events interrupts so far; packets and bytes so far
   * @returns whether there is a new profile; it is taken to hold from now on
   */
  sample(events: number, packets: number, bytes: number, now: Instant): boolean {
    if (this.measuring) {
      assert(events >= this.events, 'dim: interrupts that were not');
      if (events - this.events < DIM_NEVENTS) return false;
      const us = Math.floor((now - this.since) / 1000);
      if (us === 0) return false;
      const changed = this.decide({
        bpms: perMs(bytes - this.bytes, us),
        ppms: perMs(packets - this.packets, us),
        epms: perMs(DIM_NEVENTS, us),
      });
      if (changed) {
        // The period after a change begins with the next poll (DIM_APPLY_NEW_PROFILE, then DIM_START_MEASURE).
        this.measuring = false;
        return true;
      }
    }
    this.measuring = true;
    this.events = events;
    this.packets = packets;
    this.bytes = bytes;
    this.since = now;
    return false;
  }

  /** net_dim_decision(). @returns whether the profile is another */
  decide(now: DimStats): boolean {
    const { tune, profile } = this;
    if (tune === PARKING_TIRED) {
      if (--this.tired === 0) this.exitParking();
    } else if (tune === PARKING_ON_TOP) {
      if (compareDim(now, this.previous) !== SAME) this.exitParking();
    } else {
      if (compareDim(now, this.previous) !== BETTER) this.turn();
      if (this.onTop()) this.parkOnTop();
      else this.goOn();
    }
    // While it stays parked it is compared with what it was when it parked, so that a slow drift is noticed.
    if (tune !== PARKING_ON_TOP || this.tune !== PARKING_ON_TOP) this.previous = now;
    return this.profile !== profile;
  }

  private goOn(): void {
    if (this.tired === TIRED) {
      this.stepsRight = 0;
      this.stepsLeft = 0;
      this.tune = PARKING_TIRED;
    } else if (!this.step()) this.parkOnTop();
  }

  /** net_dim_step(). @returns false on the edge */
  private step(): boolean {
    if (this.tune === GOING_RIGHT) {
      if (this.profile === PROFILES - 1) return false;
      this.profile++;
      this.stepsRight++;
    } else {
      if (this.profile === 0) return false;
      this.profile--;
      this.stepsLeft++;
    }
    this.tired++;
    return true;
  }

  /** net_dim_exit_parking() */
  private exitParking(): void {
    this.tune = this.profile > 0 ? GOING_LEFT : GOING_RIGHT;
    this.step();
  }

  /** dim_turn() */
  private turn(): void {
    if (this.tune === GOING_RIGHT) {
      this.tune = GOING_LEFT;
      this.stepsLeft = 0;
    } else {
      this.tune = GOING_RIGHT;
      this.stepsRight = 0;
    }
  }

  /** dim_on_top(): it has come here by several steps, and one step further was worse. */
  private onTop(): boolean {
    return this.tune === GOING_RIGHT
      ? this.stepsLeft > 1 && this.stepsRight === 1
      : this.stepsRight > 1 && this.stepsLeft === 1;
  }

  private parkOnTop(): void {
    this.stepsRight = 0;
    this.stepsLeft = 0;
    this.tired = 0;
    this.tune = PARKING_ON_TOP;
  }
}
