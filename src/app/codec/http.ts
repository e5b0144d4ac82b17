/**
 * HTTP/1.1 messages in a stream: heads, pieces of bodies, ends, one message after the other on one connection (pipelining,
 * RFC 9112 §9.3.2). It is given chunks as they come and knows no I/O; whatever the chunks, the messages are the same, and so is
 * the error that ends them.
 */
import { Cumulation } from './cumulation.ts';
import {
  bad,
  type Framing,
  fieldLine,
  HttpError,
  type HttpHead,
  headOf,
  requestLine,
  type StartLine,
  statusLine,
} from './http-head.ts';

export interface HttpLimits {
  /** Bytes of a head, its empty line included (Tomcat: maxHttpHeaderSize). Beyond it: 400, as Tomcat says, not 431. */
  readonly head: number;
  /** Field lines of a head (Tomcat: maxHeaderCount). */
  readonly fields: number;
  /** Bytes of a body. Beyond it: 413. */
  readonly body: number;
}

/** Those of Tomcat 10.1, which reads a body of any size. */
export const HTTP_LIMITS: HttpLimits = { head: 8192, fields: 100, body: Number.MAX_SAFE_INTEGER };

/** Bytes of the line with a chunk's size and its extensions; of all trailers (Tomcat: maxExtensionSize, maxTrailerSize). */
const CHUNK_LINE = 8192;
const TRAILERS = 8192;
/** Hexadecimal digits of a chunk's size: what a double holds exactly. */
const CHUNK_SIZE = /^([0-9A-Fa-f]{1,13})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/;

export type HttpEvent =
  | { readonly kind: 'head'; readonly head: HttpHead }
  /** A piece of the body: `bytes` may be a view of what was fed. */
  | { readonly kind: 'body'; readonly bytes: Uint8Array }
  /** The message is whole. */
  | { readonly kind: 'end' };

const END: HttpEvent = { kind: 'end' };
const LF = 10;
const CR = 13;

type Phase =
  | 'start-line'
  | 'fields'
  | 'body'
  | 'chunk-size'
  | 'chunk-end'
  | 'trailers'
  | 'until-close'
  | 'closed';

export class HttpDecoder {
  private readonly request: boolean;
  private readonly limits: HttpLimits;
  private readonly held = new Cumulation();
  private phase: Phase = 'start-line';
  /** Bytes held that have been looked at: none of them is LF. */
  private seen = 0;
  /** Bytes of the present head, or of the present trailers, that have been taken. */
  private used = 0;
  private start: StartLine | null = null;
  private fields: (readonly [string, string])[] = [];
  /** Bytes of the present body, or of its present chunk, that are still to come. */
  private left = 0;
  private chunked = false;
  /** Bytes of the present body so far, in chunks. */
  private body = 0;
  private failed: HttpError | null = null;

  /** @param kind what comes: requests at a server, responses at a client */
  constructor(kind: 'request' | 'response', limits: HttpLimits = HTTP_LIMITS) {
    this.request = kind === 'request';
    this.limits = limits;
  }

  /** Bytes kept that belong to no event yet. */
  get pending(): number {
    return this.held.length;
  }

  /** Between two messages, with nothing of the next one here. */
  get idle(): boolean {
    return this.phase === 'start-line' && this.held.length === 0;
  }

  /** More bytes of the stream. They are kept, not copied: whoever gives them writes to them no more. */
  feed(chunk: Uint8Array): void {
    if (chunk.length > 0) this.held.append(chunk);
  }

  /**
   * What comes next; null: more bytes are needed.
   *
   * @throws HttpError, and again at every later call
   */
  next(): HttpEvent | null {
    if (this.failed !== null) throw this.failed;
    try {
      return this.step();
    } catch (e) {
      if (e instanceof HttpError) this.failed = e;
      throw e;
    }
  }

  /** The stream has ended. @returns whether that ends a message, or lies between two; a message that was cut off does not count */
  close(): boolean {
    const whole = this.failed === null && (this.idle || this.phase === 'until-close');
    this.phase = 'closed';
    return whole;
  }

  private step(): HttpEvent | null {
    for (;;) {
      switch (this.phase) {
        case 'start-line':
          if (!this.readStartLine()) return null;
          break;
        case 'fields': {
          const head = this.readField();
          if (head === undefined) return null;
          if (head !== null) return { kind: 'head', head };
          break;
        }
        case 'body': {
          if (this.left === 0) {
            if (!this.chunked) return this.end();
            this.phase = 'chunk-end';
            break;
          }
          const bytes = this.take(this.left);
          if (bytes === null) return null;
          this.left -= bytes.length;
          return { kind: 'body', bytes };
        }
        case 'chunk-size':
          if (!this.readChunkSize()) return null;
          break;
        case 'chunk-end': {
          const line = this.line(0, 2, () => bad('a chunk is longer than it says'));
          if (line === null) return null;
          this.phase = 'chunk-size';
          break;
        }
        case 'trailers': {
          const line = this.line(this.used, TRAILERS, () => bad('the trailers are too long'));
          if (line === null) return null;
          if (line === '') return this.end();
          fieldLine(line);
          break;
        }
        case 'until-close': {
          const bytes = this.take(Infinity);
          return bytes === null ? null : { kind: 'body', bytes };
        }
        case 'closed':
          return null;
      }
    }
  }

  private readStartLine(): boolean {
    const line = this.headLine();
    if (line === null) return false;
    // An empty line in front of a request is no request; RFC 9112 §2.2.
    if (line === '') {
      if (!this.request) throw bad('this is no status line');
      return true;
    }
    this.start = this.request ? requestLine(line) : statusLine(line);
    this.fields = [];
    this.phase = 'fields';
    return true;
  }

  /** @returns the head when it is whole, null: go on, undefined: more bytes are needed */
  private readField(): HttpHead | null | undefined {
    const line = this.headLine();
    if (line === null) return undefined;
    if (line !== '') {
      if (this.fields.length === this.limits.fields)
        throw bad(`there are more than ${this.limits.fields} fields`);
      this.fields.push(fieldLine(line));
      return null;
    }
    const head = headOf(this.start!, this.fields, this.request);
    this.begin(head.framing);
    return head;
  }

  private begin(framing: Framing): void {
    this.body = 0;
    this.used = 0;
    this.left = framing.kind === 'length' ? framing.bytes : 0;
    this.chunked = framing.kind === 'chunked';
    this.phase =
      framing.kind === 'length'
        ? 'body'
        : framing.kind === 'chunked'
          ? 'chunk-size'
          : 'until-close';
    this.judge(this.left);
  }

  private readChunkSize(): boolean {
    const line = this.line(0, CHUNK_LINE, () => bad('the line of a chunk is too long'));
    if (line === null) return false;
    const m = CHUNK_SIZE.exec(line);
    if (m === null) throw bad('this is no size of a chunk');
    this.left = Number.parseInt(m[1]!, 16);
    this.body += this.left;
    this.judge(this.body);
    this.used = 0;
    this.phase = this.left === 0 ? 'trailers' : 'body';
    return true;
  }

  private judge(bytes: number): void {
    if (bytes > this.limits.body)
      throw new HttpError(413, `the body is longer than ${this.limits.body} bytes`);
  }

  private end(): HttpEvent {
    this.phase = 'start-line';
    this.used = 0;
    return END;
  }

  private take(most: number): Uint8Array | null {
    const n = Math.min(most, this.held.length);
    return n === 0 ? null : this.held.take(n);
  }

  private headLine(): string | null {
    const { head } = this.limits;
    return this.line(this.used, head, () => bad(`the head is longer than ${head} bytes`));
  }

  /**
   * A line that ends with CR LF, without it; null: not whole yet. Its length is judged before its end has come and before its
   * content: so the error does not depend on the chunks.
   */
  private line(used: number, limit: number, tooLong: () => HttpError): string | null {
    const { held } = this;
    const lf = held.indexOf(LF, this.seen);
    const least = (lf < 0 ? held.length : lf) + 1;
    if (used + least > limit) throw tooLong();
    this.seen = lf < 0 ? held.length : 0;
    if (lf < 0) return null;
    this.used = used + least;
    const bytes = held.take(least);
    if (lf === 0 || bytes[lf - 1] !== CR) throw bad('a line ends without CR');
    return latin1(bytes, lf - 1);
  }
}

/** Octets as characters: a head is no UTF-8 (RFC 9112 §2.2). */
function latin1(bytes: Uint8Array, n: number): string {
  let text = '';
  for (let i = 0; i < n; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}
