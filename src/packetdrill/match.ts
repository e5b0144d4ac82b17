/**
 * What a line says the host sends, against what it sent: every field, in the order in which packetdrill looks at them. The
 * first that differs is told.
 */
import {
  FLAG_CWR,
  FLAG_FIN,
  FLAG_PSH,
  FLAG_SYN,
  FLAGS,
  type Ecn,
  type TcpOption,
  type TcpPacket,
} from './ast.ts';
import { formatOption } from './notation.ts';
import type { Sighting } from './sighting.ts';

/** Where the last piece of a burst may differ from the first. */
const OF_ONE_PIECE = FLAG_FIN | FLAG_PSH | FLAG_CWR;

/**
 * Two packets of one burst as the one packet that a line speaks of (TSO, GSO); a string says why they do not belong
 * together.
 *
 * @param size payload of the piece before
 * @param isLast with it the burst is as long as the line says
 */
export function joined(
  burst: Sighting,
  next: Sighting,
  size: number,
  isLast: boolean,
): Sighting | string {
  if (next.seq !== (burst.seq + burst.len) >>> 0)
    return 'the next packet is not the next in sequence';
  if (((next.flags ^ burst.flags) & ~OF_ONE_PIECE) !== 0 || next.ecn !== burst.ecn)
    return 'the packets of a burst have different flags';
  const header =
    fieldDifference('ack', burst.ack, next.ack) ?? fieldDifference('win', burst.win, next.win);
  if (header !== null) return `the packets of a burst differ in ${header}`;
  if (!isLast && next.len !== size)
    return `the packets of a burst have payloads of ${size} and ${next.len} bytes`;
  return {
    ...next,
    flags: (next.flags & ~FLAG_CWR) | (burst.flags & FLAG_CWR),
    seq: burst.seq,
    len: burst.len + next.len,
    offset: burst.offset,
  };
}

export interface TsCheck {
  /** µs of one tick of the host's TS val; 0: the values are not compared. */
  readonly tickUs: number;
  /** By how many µs they may be off. */
  readonly slackUs: number;
}

/** The first difference; null: none. Payload lengths are equal already. */
export function difference(expected: TcpPacket, actual: TcpPacket, ts: TsCheck): string | null {
  return (
    ecnDifference(expected.ip.ecn, actual.ip.ecn) ??
    (expected.ip.tos === null ? null : fieldDifference('TOS', expected.ip.tos, actual.ip.tos!)) ??
    flagDifference(expected.flags, actual.flags) ??
    fieldDifference('sequence number', expected.seq, actual.seq) ??
    fieldDifference('acknowledgment', expected.ack, actual.ack) ??
    (expected.win === null ? null : fieldDifference('window', expected.win, actual.win!)) ??
    fieldDifference('urgent pointer', expected.urg, actual.urg) ??
    optionsDifference(expected.options, actual.options, ts)
  );
}

/**
 * Payload is zeros in packetdrill; here the bytes know where in the stream they belong, which tells more.
 *
 * @param offset of the first byte in what the application wrote
 */
export function payloadDifference(actual: TcpPacket, offset: number): string | null {
  if (actual.len === 0) return null;
  const expected = (actual.flags & FLAG_SYN) !== 0 ? 0 : (actual.seq - 1) | 0;
  if ((offset | 0) === expected) return null;
  return `payload: bytes from ${offset} of what was written stand at ${actual.seq}`;
}

function fieldDifference(name: string, expected: number, actual: number): string | null {
  return expected === actual ? null : `${name}: expected ${expected}, was ${actual}`;
}

function ecnDifference(expected: Ecn | null, actual: Ecn | null): string | null {
  if (expected === null || expected === actual) return null;
  if (expected === 'ect01' && (actual === 'ect0' || actual === 'ect1')) return null;
  return `ECN bits: expected ${expected}, was ${actual}`;
}

function flagDifference(expected: number, actual: number): string | null {
  for (const [bit, , name] of FLAGS) {
    if (((expected ^ actual) & bit) === 0) continue;
    return (expected & bit) !== 0 ? `flag ${name} is missing` : `flag ${name} is not expected`;
  }
  return null;
}

function optionsDifference(
  expected: TcpPacket['options'],
  actual: TcpPacket['options'],
  ts: TsCheck,
): string | null {
  if (expected === 'any' || actual === 'any') return null;
  const n = Math.max(expected.length, actual.length);
  for (let i = 0; i < n; i++) {
    const [e, a] = [expected[i], actual[i]];
    if (e === undefined) return `option ${a!.kind} is not expected`;
    if (a === undefined) return `option ${e.kind} is missing`;
    const wrong = optionDifference(e, a, ts);
    if (wrong !== null) return wrong;
  }
  return null;
}

function optionDifference(e: TcpOption, a: TcpOption, ts: TsCheck): string | null {
  if (e.kind !== a.kind) return `options: expected ${e.kind}, was ${a.kind}`;
  if (e.kind === 'TS' && a.kind === 'TS') {
    const off = Math.abs((a.val - e.val) | 0) * ts.tickUs;
    if (off > ts.slackUs) return `option TS: expected val ${e.val}, was ${a.val}`;
    return e.ecr === a.ecr ? null : `option TS: expected ecr ${e.ecr}, was ${a.ecr}`;
  }
  // Equal in words exactly when their bytes are.
  const [es, as] = [valueOf(e), valueOf(a)];
  return es === as ? null : `option ${e.kind}: expected ${es}, was ${as}`;
}

const valueOf = (o: TcpOption): string => formatOption(o).slice(o.kind.length + 1);
