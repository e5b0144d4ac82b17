/**
 * What a packetdrill script says, as plain data: names of constants are numbers already, times are microseconds. The
 * parser makes it, the interpreter runs it, `notation.ts` prints packets back.
 *
 * A construct of the language that nothing here models is an event of kind 'unsupported', not an error: such a script was
 * not understood, which is another thing than a script that is wrong.
 */

export interface Script {
  readonly options: readonly ScriptOption[];
  /** Before the first event and not timed. */
  readonly init: Shell | null;
  readonly events: readonly Event[];
  /** After the last event of a script that has not failed before. */
  readonly cleanup: Shell | null;
}

/** `--name` or `--name=value`, before everything else. */
export interface ScriptOption {
  readonly name: string;
  readonly value: string | null;
  readonly line: number;
}

/** What stood between back quotes, as written; `line` is where its first line stands. */
export interface Shell {
  readonly text: string;
  readonly line: number;
}

export type Event = InPacket | OutPacket | Call | Command | Code | Unsupported;

interface Timed {
  readonly time: TimeSpec;
  /** Where its time stands, 1-based. */
  readonly line: number;
}

/** When an event happens, µs ≥ 0: since the event before it ended (relative) or since the script began (absolute). */
export type TimeSpec =
  | { readonly kind: 'relative' | 'absolute'; readonly us: number }
  /** `*`: outbound packets only. */
  | { readonly kind: 'any' }
  /** `a~b`: outbound packets only; fromUs ≤ toUs. */
  | {
      readonly kind: 'window';
      readonly relative: boolean;
      readonly fromUs: number;
      readonly toUs: number;
    };

/** `<`: put on the wire towards the host under test. A TCP packet's window and options are given. */
export interface InPacket extends Timed {
  readonly kind: 'in';
  readonly packet: Packet;
}

/** `>`: expected from the host under test. */
export interface OutPacket extends Timed {
  readonly kind: 'out';
  readonly packet: Packet;
}

export interface Call extends Timed {
  readonly kind: 'call';
  readonly name: string;
  readonly args: readonly Expr[];
  /** Where the call blocks: when it must return, µs, from the same base as its time; never before that. */
  readonly untilUs: number | null;
  readonly result: number;
  readonly errno: Errno | null;
}

export interface Errno {
  readonly name: string;
  readonly value: number;
}

/** A shell text in its place among the events; `line` is where the text begins, not its time. */
export interface Command extends Timed, Shell {
  readonly kind: 'command';
}

/** `%{ … }%`; `text` begins on `codeLine`. */
export interface Code extends Timed {
  readonly kind: 'code';
  readonly text: string;
  readonly codeLine: number;
}

/** A legal event that is not understood, and why: "UDP packets". */
export interface Unsupported extends Timed {
  readonly kind: 'unsupported';
  readonly reason: string;
}

export type Packet = TcpPacket | IcmpPacket;

/** What is said about the IP header; null: nothing, which outbound means "not looked at" and inbound 0 or the default. */
export interface IpInfo {
  readonly ecn: Ecn | null;
  /** The whole byte. */
  readonly tos: number | null;
  readonly flowLabel: number | null;
  readonly ttl: number | null;
}

/** The two ECN bits of the IP header (RFC 3168 §5); `ect01`, outbound only: one of ECT(0) and ECT(1). */
export type Ecn = 'noecn' | 'ect0' | 'ect1' | 'ce' | 'ect01';

export const NO_IP_INFO: IpInfo = Object.freeze({
  ecn: null,
  tos: null,
  flowLabel: null,
  ttl: null,
});

/** Bits of `TcpPacket.flags`; RFC 9293 §3.1 and AE of RFC 9768 §3.2.1. A digit in a script is AE, CWR and ECE. */
export const FLAG_FIN = 0x001;
export const FLAG_SYN = 0x002;
export const FLAG_RST = 0x004;
export const FLAG_PSH = 0x008;
export const FLAG_ACK = 0x010;
export const FLAG_URG = 0x020;
export const FLAG_ECE = 0x040;
export const FLAG_CWR = 0x080;
export const FLAG_AE = 0x100;

/** Every flag, in the order in which packetdrill looks at them: its bit, its letter in a script, its name. */
export const FLAGS: readonly (readonly [bit: number, letter: string, name: string])[] = [
  [FLAG_FIN, 'F', 'FIN'],
  [FLAG_SYN, 'S', 'SYN'],
  [FLAG_RST, 'R', 'RST'],
  [FLAG_PSH, 'P', 'PSH'],
  [FLAG_ACK, '.', 'ACK'],
  [FLAG_URG, 'U', 'URG'],
  [FLAG_ECE, 'E', 'ECE'],
  [FLAG_CWR, 'W', 'CWR'],
  [FLAG_AE, 'A', 'AE'],
];

export interface TcpPacket {
  readonly kind: 'tcp';
  readonly ip: IpInfo;
  readonly ports: Ports | null;
  readonly flags: number;
  /** The script's own numbers, in [0, 2^32); end = seq + len (SYN and FIN not counted). */
  readonly seq: number;
  readonly end: number;
  readonly len: number;
  /** 0 where none is given. */
  readonly ack: number;
  /** The field of the header, not scaled; null: not looked at (outbound only). */
  readonly win: number | null;
  readonly urg: number;
  /** In their order; 'any' is `<...>`: not looked at (outbound only). */
  readonly options: readonly TcpOption[] | 'any';
}

export interface Ports {
  readonly src: number;
  readonly dst: number;
}

export type TcpOption =
  | { readonly kind: 'eol' | 'nop' | 'sackOK' }
  | { readonly kind: 'mss' | 'wscale'; readonly value: number }
  | { readonly kind: 'TS'; readonly val: number; readonly ecr: number }
  | { readonly kind: 'sack'; readonly blocks: readonly SackBlock[] }
  /** Lower-case hex digits, '' for a cookie request; FOEXP is the same in the shared option 254 (RFC 7413 §4.1.1). */
  | { readonly kind: 'FO' | 'FOEXP'; readonly cookie: string }
  | { readonly kind: 'md5'; readonly digest: string }
  /** AccECN, RFC 9768 §3.2.3: the counters in the order given, at most three; the first decides the kind (172 or 174). */
  | { readonly kind: 'ECN'; readonly fields: readonly AccEcnField[] };

export interface SackBlock {
  readonly left: number;
  readonly right: number;
}

export interface AccEcnField {
  readonly name: 'e0b' | 'ceb' | 'e1b';
  readonly value: number;
}

/** An ICMP error; type and code are names of `icmp.ts`. */
export interface IcmpPacket {
  readonly kind: 'icmp';
  readonly ip: IpInfo;
  readonly type: string;
  readonly code: string | null;
  readonly mtu: number | null;
  /** The TCP segment quoted inside, in the script's sequence numbers; 0:0(0) where none is given. */
  readonly seq: number;
  readonly end: number;
  readonly len: number;
}

/** An argument of a call. */
export type Expr =
  /** A number, a constant, or constants joined by `|`; `text` as written. `NULL` is 0. */
  | { readonly kind: 'int'; readonly value: number; readonly text: string }
  /** Bytes as characters 0…255, escapes undone. */
  | { readonly kind: 'string'; readonly value: string }
  /** `...`: a suitable buffer or address. */
  | { readonly kind: 'ellipsis' }
  /** `[a, b]` */
  | { readonly kind: 'list'; readonly items: readonly Expr[] }
  /** `{..., 1000}`: without names. */
  | { readonly kind: 'tuple'; readonly items: readonly Expr[] }
  /** `{fd=4, events=EPOLLIN}` */
  | { readonly kind: 'struct'; readonly fields: readonly Field[] }
  /** `inet_addr("…")` or `inet6_addr("…")` */
  | { readonly kind: 'address'; readonly address: string };

/** `name=value`, or `name(length)=value` (msg_name, msg_iov); a name may occur twice, the order is kept. */
export interface Field {
  readonly name: string;
  readonly length: Expr | null;
  readonly value: Expr;
}

/** A script that cannot be read. Positions are 1-based. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError';
  readonly line: number;
  readonly column: number;
  constructor(message: string, line: number, column: number) {
    super(message);
    this.line = line;
    this.column = column;
  }
}
