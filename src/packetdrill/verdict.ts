/** How a script ends before its last line, and what is told of it. */

/** The host did, or the script asked for, something else than what the other says. */
export class Failure extends Error {
  override readonly name: string = 'Failure';
  readonly line: number;
  /** For packets: what the script says and what the host sent, in script notation. */
  readonly scriptPacket: string | null;
  readonly actualPacket: string | null;
  constructor(
    line: number,
    message: string,
    scriptPacket: string | null = null,
    actualPacket: string | null = null,
  ) {
    super(message);
    this.line = line;
    this.scriptPacket = scriptPacket;
    this.actualPacket = actualPacket;
  }
}

/** Something that nobody here understands: such a script has not been judged. */
export class NotSupported extends Error {
  override readonly name: string = 'NotSupported';
  /** Null: the line of the event that is being run. */
  readonly line: number | null;
  /** @param what the construct, as a noun: "setsockopt SO_MARK" */
  constructor(what: string, line: number | null = null) {
    super(what);
    this.line = line;
  }
}

export interface Verdict {
  readonly verdict: 'pass' | 'fail' | 'unsupported';
  /** The line of the script that it is about, 1-based; null: none in particular, or it passed. */
  readonly line: number | null;
  /** Why; '' when it passed. */
  readonly message: string;
  /** When a packet differs: both sides in script notation. */
  readonly scriptPacket: string | null;
  readonly actualPacket: string | null;
  /** Simulated time from the start of the script to its end, µs. */
  readonly usedUs: number;
}
