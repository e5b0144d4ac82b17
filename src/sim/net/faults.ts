/**
 * What the wire does to one frame besides carrying it: loses, copies, corrupts, displaces it, or varies its delay. Decided
 * when the link takes the frame. Each mechanism that is on has a stream of its own, `link/<name>/<mechanism>`.
 */
import { exponential, type Keyed, type Random } from '../../base/random.ts';
import { MARK_CORRUPT, MARK_DUPLICATE, MARK_UNDETECTED } from '../../base/train.ts';
import { type Picker, makePicker } from './loss.ts';
import type { Corrupt, GilbertElliott, Jitter, LinkOptions, Pick, Reorder } from './options.ts';

/** Bits of a fate, beside MARK_CORRUPT and MARK_UNDETECTED. */
export const LOST = 16;
export const COPIED = 32;
/** Picked by `reorder` … */
export const DISPLACED = 64;
/** … to skip the delay. */
export const EARLY = 128;
export const FATE_MARKS: number = MARK_CORRUPT | MARK_UNDETECTED;

const MECHANISMS = ['loss', 'duplicate', 'corrupt', 'reorder', 'jitter'] as const;

export class Faults {
  /** What the frame last asked about has on top of the link's delay, ns. */
  extraDelay = 0;
  /** Every frame has a delay of its own. */
  readonly jitters: boolean;
  private readonly name: string;
  private readonly random: Random;
  private readonly loss: Picker | null;
  private readonly duplicate: Picker | null;
  private readonly corrupt: Picker | null;
  private readonly corruptMark: number;
  private readonly reorder: Picker | null;
  private readonly reorderRule: Reorder | null;
  private readonly jitter: Jitter | null;
  private readonly jitterDraws: Keyed | null;
  /** Frames since one was displaced (netem's counter). */
  private inOrder = 0;

  constructor(name: string, options: LinkOptions, random: Random) {
    this.name = name;
    this.random = random;
    this.loss = this.picker(options.loss, 'loss');
    this.duplicate = this.picker(options.duplicate, 'duplicate');
    const corrupt: Corrupt | null = options.corrupt;
    this.corrupt = this.picker(corrupt?.pick ?? null, 'corrupt');
    this.corruptMark = corrupt?.undetected === true ? MARK_UNDETECTED : MARK_CORRUPT;
    this.reorderRule = options.reorder;
    this.reorder = this.picker(options.reorder?.pick ?? null, 'reorder');
    this.jitter = options.jitter;
    this.jitterDraws = options.jitter === null ? null : random.keyed(`link/${name}/jitter`);
    this.jitters = options.jitter !== null;
  }

  /** Null when no mechanism is on: the link need not ask then. */
  static of(name: string, o: LinkOptions, random: Random): Faults | null {
    return MECHANISMS.every((m) => o[m] === null) ? null : new Faults(name, o, random);
  }

  static differ(a: LinkOptions, b: LinkOptions): boolean {
    return MECHANISMS.some((m) => a[m] !== b[m]);
  }

  /**
   * The fate of a frame, as bits; `extraDelay` holds its delay.
   *
   * @param mark   of the frame as it came: a copy made by an earlier wire draws for itself
   * @param place  among the frames that the link has taken, from 0
   */
  fate(flow: number, ordinal: number, place: number, mark: number): number {
    const salt = (mark & MARK_DUPLICATE) === 0 ? 0 : 1;
    this.extraDelay = 0;
    if (this.loss !== null && this.loss.picks(flow, ordinal, place, salt)) return LOST;
    let fate = 0;
    if (this.corrupt !== null && this.corrupt.picks(flow, ordinal, place, salt)) {
      fate |= this.corruptMark;
    }
    if (this.duplicate !== null && this.duplicate.picks(flow, ordinal, place, salt)) fate |= COPIED;
    if (this.jitter !== null) this.extraDelay = this.jitterOf(this.jitter, flow, ordinal, salt);
    const rule = this.reorderRule;
    if (rule !== null && this.displaces(rule, flow, ordinal, place, salt)) {
      fate |= DISPLACED;
      if (rule.extra === null) fate |= EARLY;
      else this.extraDelay += rule.extra;
    }
    return fate;
  }

  private displaces(
    rule: Reorder,
    flow: number,
    ordinal: number,
    place: number,
    salt: number,
  ): boolean {
    const picked = this.reorder!.picks(flow, ordinal, place, salt);
    if (picked && this.inOrder >= rule.gap - 1) {
      this.inOrder = 0;
      return true;
    }
    this.inOrder++;
    return false;
  }

  private jitterOf(jitter: Jitter, flow: number, ordinal: number, salt: number): number {
    const u = this.jitterDraws!.at(flow, ordinal, salt);
    if (jitter.distribution === 'exponential') return Math.floor(exponential(jitter.amount, u));
    return Math.floor(u * (2 * jitter.amount + 1)) - jitter.amount;
  }

  private picker(rule: Pick | GilbertElliott | null, mechanism: string): Picker | null {
    return rule === null ? null : makePicker(rule, `link/${this.name}/${mechanism}`, this.random);
  }
}
