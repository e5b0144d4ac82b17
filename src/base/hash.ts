/**
 * The 64-bit rolling hash behind fingerprints: two 32-bit lanes in integer arithmetic (Math.imul), so that it is equal on
 * every engine. It only tells runs apart; it is not cryptographic.
 */

/** One strand of a fingerprint: what one link, thread or random stream did, in its own order. */
export class Lane {
  readonly name: string;
  a: number = 0x9e3779b9 | 0;
  b: number = 0x7f4a7c15 | 0;
  /** How many words went in. */
  words = 0;
  constructor(name: string) {
    this.name = name;
  }

  /** Mixes in one 32-bit word. */
  word(x: number): void {
    this.a = turn(this.a, x);
    this.b = fold(this.b, x, this.a);
    this.words++;
  }

  /** Mixes in an integer of up to 53 bits, such as an Instant. */
  wide(x: number): void {
    this.word(x | 0);
    this.word((x / 0x1_0000_0000) | 0);
  }

  /**
   * As `wide(t)`, `word(i)`, `wide(u)`, `word(j)`, `word(k)`, `word(l)`: one entry of a link, for each packet. Not loading and
   * storing the state between words takes half the time.
   */
  entry(t: number, i: number, u: number, j: number, k: number, l: number): void {
    let x = t | 0;
    let a = turn(this.a, x);
    let b = fold(this.b, x, a);
    a = turn(a, (x = (t / 0x1_0000_0000) | 0));
    b = fold(b, x, a);
    a = turn(a, i);
    b = fold(b, i, a);
    a = turn(a, (x = u | 0));
    b = fold(b, x, a);
    a = turn(a, (x = (u / 0x1_0000_0000) | 0));
    b = fold(b, x, a);
    a = turn(a, j);
    b = fold(b, j, a);
    a = turn(a, k);
    b = fold(b, k, a);
    this.a = a = turn(a, l);
    this.b = fold(b, l, a);
    this.words += 8;
  }
}

// The two halves of the state, one step on.
function turn(a: number, x: number): number {
  const m = Math.imul(a ^ x, 0x85ebca6b);
  return m ^ (m >>> 15);
}
const fold = (b: number, x: number, a: number): number => (Math.imul(b, 0x01000193) + (x ^ a)) | 0;

/** A 32-bit hash of a name (FNV-1a, with a final mix). */
export function hashName(name: string): number {
  let h = 0x811c9dc5 | 0;
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193);
  return mix32(h);
}

/** A full-avalanche 32-bit finaliser (the constants of MurmurHash3's fmix32). */
export function mix32(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) | 0;
}

/** Lanes combined by name, whatever the order they were made in; 16 hexadecimal digits. */
export function fingerprintOf(lanes: Iterable<Lane>): string {
  let a = 0;
  let b = 0;
  for (const lane of lanes) {
    if (lane.words === 0) continue;
    const n = hashName(lane.name);
    // A sum commutes, so no sort is needed; each term depends on its lane's name and on all that the lane saw.
    a = (a + mix32(lane.a ^ Math.imul(n, 0x27d4eb2f))) | 0;
    b = (b + mix32(lane.b ^ n ^ mix32(lane.a))) | 0;
  }
  return (a >>> 0).toString(16).padStart(8, '0') + (b >>> 0).toString(16).padStart(8, '0');
}
