/**
 * What an HTTP/1.1 message says before its body (RFC 9112, RFC 9110): start line, fields, how long the body is, whether the
 * connection stays. Nothing is repaired: what the grammar does not allow is refused, because two readers who repair in two
 * ways see two different messages in one stream (request smuggling, RFC 9112 §11.2).
 *
 * Left out: obs-fold and bare LF, which a reader may take and this one does not (RFC 9112 §2.2, §5.2); content codings; lists
 * in Transfer-Encoding; CONNECT, HEAD and upgrades.
 */
import { FrameError } from './frame.ts';

/** The bytes are no HTTP/1.1 message, or a longer one than allowed. `status` is what a server answers before it closes. */
export class HttpError extends FrameError {
  override readonly name: string = 'HttpError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export const bad = (message: string): HttpError => new HttpError(400, message);

/** How a body ends; RFC 9112 §6.3. */
export type Framing =
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' }
  /** Only of a response. */
  | { readonly kind: 'until-close' };

export const NO_BODY: Framing = { kind: 'length', bytes: 0 };

/** `[name in lower case, value]` in the order in which they came. */
export type HttpFields = readonly (readonly [name: string, value: string])[];

export interface HttpHead {
  /** Of a request; empty in a response. */
  readonly method: string;
  readonly target: string;
  /** Of a response; 0 in a request. */
  readonly status: number;
  /** HTTP/1.x. */
  readonly minor: number;
  readonly fields: HttpFields;
  readonly framing: Framing;
  /** Whether the connection may carry another message behind this one; RFC 9112 §9.3. */
  readonly persistent: boolean;
}

/** The first value of a field, null without it. @param name in lower case */
export function fieldOf(fields: HttpFields, name: string): string | null {
  return fields.find((f) => f[0] === name)?.[1] ?? null;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** VCHAR, obs-text, and SP or HTAB in between; RFC 9110 §5.5. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const REQUEST_LINE = /^([^ ]+) ([\x21-\x7e\x80-\xff]+) HTTP\/(\d)\.(\d)$/;
const STATUS_LINE = /^HTTP\/(\d)\.(\d) (\d{3})(?: ([\t\x20-\x7e\x80-\xff]*))?$/;
const DIGITS = /^\d{1,15}$/;

/** What a start line says, the rest of a head still to come. */
export interface StartLine {
  readonly method: string;
  readonly target: string;
  readonly status: number;
  readonly minor: number;
}

/** method SP request-target SP HTTP-version; RFC 9112 §3. */
export function requestLine(line: string): StartLine {
  const m = REQUEST_LINE.exec(line);
  if (m === null || !TOKEN.test(m[1]!)) throw bad('this is no request line');
  return { method: m[1]!, target: m[2]!, status: 0, minor: minorOf(m[3]!, m[4]!) };
}

/** HTTP-version SP status-code [SP reason-phrase]; RFC 9112 §4. */
export function statusLine(line: string): StartLine {
  const m = STATUS_LINE.exec(line);
  if (m === null) throw bad('this is no status line');
  const status = Number(m[3]);
  if (status < 100) throw bad(`there is no status ${m[3]}`);
  return { method: '', target: '', status, minor: minorOf(m[1]!, m[2]!) };
}

function minorOf(major: string, minor: string): number {
  if (major !== '1') throw new HttpError(505, `HTTP/${major}.${minor} is another protocol`);
  return Number(minor);
}

/** field-name ":" OWS field-value OWS; RFC 9112 §5. */
export function fieldLine(line: string): readonly [name: string, value: string] {
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(colon, 0));
  // No space in front of the colon (§5.1), none in front of the name (§5.2): neither is a token.
  if (!TOKEN.test(name)) throw bad('this is no field line');
  const value = line.slice(colon + 1).replace(/^[\t ]+|[\t ]+$/g, '');
  if (!VALUE.test(value)) throw bad(`the value of ${name} holds a control character`);
  return [name.toLowerCase(), value];
}

/** Puts a head together. @param request otherwise it is a response */
export function headOf(start: StartLine, fields: HttpFields, request: boolean): HttpHead {
  if (request) requireHost(start, fields);
  const framing = framingOf(start, fields, request);
  const persistent = framing.kind !== 'until-close' && staysOpen(start, fields);
  return { ...start, fields, framing, persistent };
}

/** Exactly one Host in a request of HTTP/1.1; RFC 9112 §3.2. */
function requireHost({ minor }: StartLine, fields: HttpFields): void {
  const hosts = fields.filter(([name]) => name === 'host').length;
  if (hosts > 1 || (hosts === 0 && minor >= 1)) throw bad(`there are ${hosts} Host fields`);
}

function framingOf(start: StartLine, fields: HttpFields, request: boolean): Framing {
  const codings = fields.filter(([name]) => name === 'transfer-encoding');
  const lengths = fields.filter(([name]) => name === 'content-length');
  if (lengths.length > 1) throw bad('there are several Content-Length fields');
  if (codings.length > 0) {
    // Either alone would be lawful, and readers differ about both: RFC 9112 §6.1 and §6.3.
    if (lengths.length > 0) throw bad('Transfer-Encoding and Content-Length exclude each other');
    if (start.minor === 0) throw bad('HTTP/1.0 has no Transfer-Encoding');
    if (codings.length > 1 || codings[0]![1].toLowerCase() !== 'chunked')
      throw new HttpError(501, 'the only transfer coding is chunked');
  }
  const { status } = start;
  if (!request && (status < 200 || status === 204 || status === 304)) return NO_BODY;
  if (codings.length > 0) return { kind: 'chunked' };
  if (lengths.length > 0) return { kind: 'length', bytes: lengthOf(lengths[0]![1]) };
  return request ? NO_BODY : { kind: 'until-close' };
}

function lengthOf(value: string): number {
  if (!DIGITS.test(value)) throw bad('Content-Length is no number');
  return Number(value);
}

function staysOpen({ minor }: StartLine, fields: HttpFields): boolean {
  let wants: boolean | null = null;
  for (const [name, value] of fields) {
    if (name !== 'connection') continue;
    for (const option of value.toLowerCase().split(',')) {
      const word = option.trim();
      if (word === 'close') return false;
      if (word === 'keep-alive') wants = true;
    }
  }
  return wants ?? minor >= 1;
}
