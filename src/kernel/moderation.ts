/**
 * Interrupt moderation of one direction of one queue (ethtool -C): when what has been completed is to be told. An interrupt is a
 * deadline, computed from completions that are known beforehand: `usecs` after the first one, or number `frames`, whichever
 * is first. In CQE mode (cqe-mode-rx, cqe-mode-tx) each completion starts the wait anew, so that a pause of `usecs` ends it.
 *
 * With adaptive-rx or adaptive-tx the two numbers are those of a profile that lib/dim looks for (base/dim.ts).
 */
import {
  Dim,
  DIM_DEFAULT_PROFILE,
  type DimProfile,
  RX_CQE,
  RX_EQE,
  TX_CQE,
  TX_EQE,
} from '../base/dim.ts';
import { add, type Duration, earlier, type Instant, NEVER, us } from '../base/units.ts';
import type { CoalesceOptions } from './profile.ts';

/** What completes: frames received, skbs sent. */
export interface Completions {
  /** When the first of those not yet told completes; NEVER when there is none. */
  readonly first: Instant;
  /** When number n of those not yet told completes, n from 1; NEVER while that is not known. */
  nth(n: number): Instant;
}

export class Moderation {
  /** How long an interrupt may be held back, and how many completions end that; 0: does not matter. */
  delay: Duration = us(0);
  frames = 0;
  readonly dim: Dim | null;
  private readonly cqe: boolean;
  private readonly profiles: readonly DimProfile[];
  /** No more than there are descriptors can end a wait. */
  private readonly most: number;

  constructor(
    usecs: number,
    frames: number,
    most: number,
    cqe: boolean,
    profiles: readonly DimProfile[] | null,
  ) {
    this.cqe = cqe;
    this.most = most;
    this.profiles = profiles ?? [];
    this.dim = profiles === null ? null : new Dim();
    if (profiles === null) this.set(usecs, frames);
    else this.take(DIM_DEFAULT_PROFILE);
  }

  /** A completion may put the interrupt off. */
  get moves(): boolean {
    return this.cqe;
  }

  /** When the interrupt is due, for what is known now; NEVER: not for that. */
  deadline(of: Completions): Instant {
    const { first } = of;
    const { frames, delay } = this;
    if (first === NEVER || frames === 1) return first;
    if (this.cqe && delay > 0) return this.pause(of, first);
    const byTime = delay > 0 ? add(first, delay) : NEVER;
    return frames > 0 ? earlier(byTime, of.nth(frames)) : byTime;
  }

  /**
   * The end of a poll tells lib/dim (mlx5e_handle_rx_dim, mlx5e_handle_tx_dim).
   *
   * @param interrupts so far; frames and bytes so far
   */
  sample(interrupts: number, frames: number, bytes: number, now: Instant): void {
    const { dim } = this;
    if (dim !== null && dim.sample(interrupts, frames, bytes, now)) this.take(dim.profile);
  }

  /** The first completion after which none comes for `delay`. */
  private pause(of: Completions, first: Instant): Instant {
    let last = first;
    for (let n = 1; n !== this.frames; n++) {
      const end = add(last, this.delay);
      const next = of.nth(n + 1);
      // One that comes as the wait ends is too late, however long it has been known (NicQueue.onAppend).
      if (next >= end) return end;
      last = next;
    }
    return last;
  }

  private take(profile: number): void {
    const { usecs, frames } = this.profiles[profile]!;
    this.set(usecs, Math.min(frames, this.most));
  }

  /** Both 0 is at once, as in ethtool. */
  private set(usecs: number, frames: number): void {
    this.delay = us(usecs);
    this.frames = usecs === 0 && frames === 0 ? 1 : frames;
  }
}

export function rxModeration(c: CoalesceOptions, ring: number): Moderation {
  const cqe = c.cqeModeRx === true;
  const profiles = c.adaptiveRx === true ? (cqe ? RX_CQE : RX_EQE) : null;
  return new Moderation(c.rxUsecs, c.rxFrames, ring, cqe, profiles);
}

export function txModeration(c: CoalesceOptions, ring: number): Moderation {
  const cqe = c.cqeModeTx === true;
  const profiles = c.adaptiveTx === true ? (cqe ? TX_CQE : TX_EQE) : null;
  return new Moderation(c.txUsecs, c.txFrames, ring, cqe, profiles);
}

/** Without NAPI there is no moderation: each frame interrupts. */
export const unmoderated = (): Moderation => new Moderation(0, 1, 1, false, null);
