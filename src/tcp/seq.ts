/**
 * Sequence numbers modulo 2^32 (RFC 9293 §3.4). At run time a `Seq` is a signed 32-bit number, so that it always fits a
 * small integer of the engine; on the wire it is printed unsigned (`seqRaw`). The brand sits on `symbol`, the one type on
 * which TypeScript refuses `<`, `+` and `-`.
 */
declare const seqTag: unique symbol;

export type Seq = symbol & { readonly [seqTag]: true };

// What is computed with them is written for the numbers that they are.
type Moves = (a: Seq, n: number) => Seq;
type Measures = (a: Seq, b: Seq) => number;
type Compares = (a: Seq, b: Seq) => boolean;

/** The sequence number `n` modulo 2^32; `n` any integer. */
export const seq = (n: number): Seq => (n | 0) as unknown as Seq;
/** As on the wire: 0 … 2^32 − 1. */
export const seqRaw = ((a: number) => a >>> 0) as unknown as (a: Seq) => number;
/** a + n; `n` may be negative. */
export const seqAdd = ((a: number, n: number) => (a + n) | 0) as unknown as Moves;
/** How far `a` lies after `b`: −2^31 … 2^31 − 1. */
export const seqDiff = ((a: number, b: number) => (a - b) | 0) as unknown as Measures;
export const seqLt = ((a: number, b: number) => ((a - b) | 0) < 0) as unknown as Compares;
export const seqLe = ((a: number, b: number) => ((a - b) | 0) <= 0) as unknown as Compares;
export const seqGt = ((a: number, b: number) => ((a - b) | 0) > 0) as unknown as Compares;
export const seqGe = ((a: number, b: number) => ((a - b) | 0) >= 0) as unknown as Compares;
export const seqEq = (a: Seq, b: Seq): boolean => a === b;
export const seqMax = (a: Seq, b: Seq): Seq => (seqLt(a, b) ? b : a);
export const seqMin = (a: Seq, b: Seq): Seq => (seqLt(a, b) ? a : b);

export const SEQ_ZERO: Seq = seq(0);
