/**
 * Named streams of randomness, made by seedrandom's `alea` from the scenario's seed. A stream is made on its first draw,
 * so a name that draws nothing costs nothing and a new draw in one place moves no other.
 *
 * A draw belongs to a thing, not to a moment. What a user or a request needs comes from a `Stream` of its own. What happens
 * to a frame comes from a `Keyed` stream: an integer hash of the stream's seed and of the frame's name (connection, n-th
 * frame), which is the same whatever else was drawn before. Two variants of a scenario so see the same workload, and the
 * same network up to each connection's first difference.
 *
 * Every draw enters its stream's lane of the fingerprint. Not here: the normal distribution, which nothing needs.
 */
import seedrandom from 'seedrandom';
import { InvariantError } from './assert.ts';
import { Lane, mix32 } from './hash.ts';
import { ln, pow } from './math.ts';

const TWO_32 = 0x1_0000_0000;

/** Told of every draw: the stream's name, which draw of it ("7" for the eighth, "flow/n/salt" when keyed), its value. */
export type DrawLog = (name: string, key: string, value: number) => void;

/** All streams of one run. */
export class Random {
  readonly seed: string;
  /** Set it to see every draw; it changes none. */
  log: DrawLog | null = null;
  private readonly streams = new Map<string, Stream>();
  private readonly keyedStreams = new Map<string, Keyed>();

  /** @param seed the scenario's seed as text: seedrandom treats 1 and "1" differently for some generators */
  constructor(seed: string) {
    this.seed = seed;
  }

  /** The stream of that name: the same one each time. */
  stream(name: string): Stream {
    let s = this.streams.get(name);
    if (s === undefined) this.streams.set(name, (s = new Stream(this, name)));
    return s;
  }

  /** The keyed stream of that name: the same one each time. It shares nothing with `stream(name)`. */
  keyed(name: string): Keyed {
    let k = this.keyedStreams.get(name);
    if (k === undefined) this.keyedStreams.set(name, (k = new Keyed(this, name)));
    return k;
  }

  /** The lanes of all streams, for the fingerprint. */
  *lanes(): Generator<Lane, void, undefined> {
    for (const s of this.streams.values()) yield s.lane;
    for (const k of this.keyedStreams.values()) yield k.lane;
  }
}

/** What a uniform draw `u` from [0, 1) says of an exponential with that mean, in the mean's unit; not rounded. */
export const exponential = (mean: number, u: number): number => -mean * ln(1 - u);

/** Draws in sequence. */
export class Stream {
  readonly name: string;
  readonly lane: Lane;
  private readonly random: Random;
  private prng: seedrandom.PRNG | null = null;
  private draws = 0;

  constructor(random: Random, name: string) {
    this.random = random;
    this.name = name;
    this.lane = new Lane(`random/${name}`);
  }

  /** Uniform in [0, 1), a multiple of 2^-53. */
  uniform(): number {
    this.prng ??= seedrandom.alea(`${this.random.seed}/${this.name}`);
    const u = this.prng.double();
    this.lane.word((u * TWO_32) | 0);
    const log = this.random.log;
    if (log !== null) log(this.name, String(this.draws), u);
    this.draws++;
    return u;
  }

  /** A uniform integer in [0, n); n from 1 to 2^53 − 1. For n ≤ 2^32 no value is favoured by more than 2^-21 of its share. */
  int(n: number): number {
    if (!(n >= 1 && Number.isSafeInteger(n))) {
      throw new InvariantError('random: int() of no integer ≥ 1', String(n));
    }
    return Math.floor(this.uniform() * n);
  }

  /** True with probability p. It draws even when p is 0 or 1, so that p does not shift the draws that follow. */
  chance(p: number): boolean {
    return this.uniform() < p;
  }

  /** Exponential with the given mean, in the mean's unit; not rounded. */
  exponential(mean: number): number {
    return exponential(mean, this.uniform());
  }

  /** Pareto: at least `scale`, P(X > x) = (scale/x)^shape; its mean is scale·shape/(shape − 1) for shape > 1. */
  pareto(scale: number, shape: number): number {
    return scale * pow(1 - this.uniform(), -1 / shape);
  }
}

/** Draws by name of the thing, in any order. Each one counts in the fingerprint: draw once for each thing. */
export class Keyed {
  readonly name: string;
  readonly lane: Lane;
  private readonly random: Random;
  private seeded = false;
  private seedA = 0;
  private seedB = 0;

  constructor(random: Random, name: string) {
    this.random = random;
    this.name = name;
    this.lane = new Lane(`random/keyed/${name}`);
  }

  /**
   * The draw for item `n` of `flow`: uniform in [0, 1), a multiple of 2^-53, always the same for the same three integers.
   *
   * @param n     0 ≤ n < 2^53
   * @param salt  tells several draws about one item apart: lost? corrupted? delayed by how much?
   */
  at(flow: number, n: number, salt = 0): number {
    if (!this.seeded) this.seedFromName();
    // Two words of state that feed each other between inputs: were they independent, the draws of two flows would be the
    // same sequence permuted by an exclusive or.
    let a = mix32(this.seedA ^ flow);
    let b = mix32((this.seedB + Math.imul(flow, 0x9e3779b1)) | 0);
    a = mix32((a + b) ^ n);
    b = mix32((b ^ a) + Math.imul((n / TWO_32) | 0, 0x85ebca77));
    a = mix32((a + b) ^ Math.imul(salt + 1, 0x27d4eb2f));
    b = mix32(b ^ a);
    // The lane is a sum, because draws have no order.
    const lane = this.lane;
    lane.a = (lane.a + a) | 0;
    lane.b = (lane.b + b) | 0;
    lane.words++;
    const u = (a >>> 0) / TWO_32 + (b >>> 11) / 0x20_0000_0000_0000;
    const log = this.random.log;
    if (log !== null) log(this.name, salt === 0 ? `${flow}/${n}` : `${flow}/${n}/${salt}`, u);
    return u;
  }

  private seedFromName(): void {
    const prng = seedrandom.alea(`${this.random.seed}/keyed/${this.name}`);
    this.seedA = prng.int32();
    this.seedB = prng.int32();
    this.seeded = true;
  }
}
