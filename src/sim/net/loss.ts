/**
 * Which frames meet a fault: `Picker`, one class per kind of rule. Loss, duplication, corruption and reordering all ask
 * one of these; each has its own stream of draws, so switching one on moves no draw of another.
 *
 * What happens to a frame is drawn by its name (connection, n-th frame of it in this direction), not by when it comes: the
 * same connection loses the same frames whatever the others do. A Gilbert–Elliott chain is the exception (options.ts).
 */
import type { Keyed, Random, Stream } from '../../base/random.ts';
import type { GilbertElliott, Pick } from './options.ts';

export interface Picker {
  /**
   * To be asked once per frame, in the order in which the link takes them.
   *
   * @param flow     the connection
   * @param ordinal  the frame's place among those of its connection in this direction, from 0
   * @param place    its place among those that the link has taken, from 0
   * @param salt     tells a frame from a copy of it
   */
  picks(flow: number, ordinal: number, place: number, salt: number): boolean;
}

/** @param name  of the stream of draws */
export function makePicker(rule: Pick | GilbertElliott, name: string, random: Random): Picker {
  switch (rule.kind) {
    case 'random':
      return new Bernoulli(rule.probability, random.keyed(name));
    case 'gemodel':
      return new GilbertElliottChain(rule, random.stream(name));
    case 'every':
      return rule.per === 'link' ? new EveryOfLink(rule.every) : new EveryOfFlow(rule.every);
    case 'list':
      return new Listed(rule.frames, rule.per === 'link');
  }
}

class Bernoulli implements Picker {
  private readonly probability: number;
  private readonly draws: Keyed;
  constructor(probability: number, draws: Keyed) {
    this.probability = probability;
    this.draws = draws;
  }
  picks(flow: number, ordinal: number, _place: number, salt: number): boolean {
    return this.draws.at(flow, ordinal, salt) < this.probability;
  }
}

/** Starts in the good state. Two draws per frame, whatever the probabilities, so that they do not shift the chain. */
class GilbertElliottChain implements Picker {
  private readonly rule: GilbertElliott;
  private readonly draws: Stream;
  private bad = false;
  constructor(rule: GilbertElliott, draws: Stream) {
    this.rule = rule;
    this.draws = draws;
  }
  picks(): boolean {
    const { p, r, lossInBad, lossInGood } = this.rule;
    const wasBad = this.bad;
    if (this.draws.uniform() < (wasBad ? r : p)) this.bad = !wasBad;
    return this.draws.uniform() < (wasBad ? lossInBad : lossInGood);
  }
}

class EveryOfLink implements Picker {
  private readonly every: number;
  constructor(every: number) {
    this.every = every;
  }
  picks(_flow: number, _ordinal: number, place: number): boolean {
    return (place + 1) % this.every === 0;
  }
}

class EveryOfFlow implements Picker {
  private readonly every: number;
  constructor(every: number) {
    this.every = every;
  }
  picks(_flow: number, ordinal: number): boolean {
    return (ordinal + 1) % this.every === 0;
  }
}

class Listed implements Picker {
  private readonly frames: ReadonlySet<number>;
  private readonly ofLink: boolean;
  constructor(frames: readonly number[], ofLink: boolean) {
    this.frames = new Set(frames);
    this.ofLink = ofLink;
  }
  picks(_flow: number, ordinal: number, place: number): boolean {
    return this.frames.has((this.ofLink ? place : ordinal) + 1);
  }
}
