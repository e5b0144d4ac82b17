/**
 * Sequence numbers modulo 2^32 (RFC 9293 §3.4). At run time a `Seq` is a signed 32-bit number, so that it always fits a
 * small integer of the engine; on the wire it is printed unsigned (`seqRaw`). The brand sits on `symbol`, the one type on
 * which TypeScript refuses `<`, `+` and `-`.
 */
declare const seqTag: unique symbol;

export type Seq = symbol & { readonly [seqTag]: true };

const raw = (a: Seq): number => a as unknown as number;

/** The sequence number `n` modulo 2^32; `n` any integer. */
export const seq = (n: number): Seq => (n | 0) as unknown as Seq;
/** As on the wire: 0 … 2^32 − 1. */
export const seqRaw = (a: Seq): number => raw(a) >>> 0;
/** a + n; `n` may be negative. */
export const seqAdd = (a: Seq, n: number): Seq => ((raw(a) + n) | 0) as unknown as Seq;
/** How far `a` lies after `b`: −2^31 … 2^31 − 1. */
export const seqDiff = (a: Seq, b: Seq): number => (raw(a) - raw(b)) | 0;
export const seqLt = (a: Seq, b: Seq): boolean => ((raw(a) - raw(b)) | 0) < 0;
export const seqLe = (a: Seq, b: Seq): boolean => ((raw(a) - raw(b)) | 0) <= 0;
export const seqGt = (a: Seq, b: Seq): boolean => ((raw(a) - raw(b)) | 0) > 0;
export const seqGe = (a: Seq, b: Seq): boolean => ((raw(a) - raw(b)) | 0) >= 0;
export const seqEq = (a: Seq, b: Seq): boolean => a === b;
export const seqMax = (a: Seq, b: Seq): Seq => (seqLt(a, b) ? b : a);
export const seqMin = (a: Seq, b: Seq): Seq => (seqLt(a, b) ? a : b);

export const SEQ_ZERO: Seq = seq(0);
