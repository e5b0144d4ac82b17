/**
 * HTTP/1.1 as one codec among others: the body of each request is a frame (io.netty.handler.codec.http.HttpServerCodec with an
 * HttpObjectAggregator behind it). Who says `Connection: close` is answered and then closed by netty/http-handler.ts.
 */
import type { FrameDecoder } from './frame.ts';
import { MAX_FRAME } from './frame.ts';
import { HTTP_LIMITS, HttpDecoder } from './http.ts';
import { joined } from './http-write.ts';

const NOTHING = new Uint8Array(0);

export class HttpBodyDecoder implements FrameDecoder {
  private readonly messages: HttpDecoder;
  private readonly pieces: Uint8Array[] = [];
  /** Of the request whose body was given last: whether its connection is to stay. */
  persistent = true;

  /** @param max bytes of the longest body (HttpObjectAggregator.maxContentLength) */
  constructor(max: number = MAX_FRAME) {
    this.messages = new HttpDecoder('request', { ...HTTP_LIMITS, body: max });
  }

  get pending(): number {
    return this.messages.pending + this.pieces.reduce((sum, p) => sum + p.length, 0);
  }

  feed(bytes: Uint8Array): void {
    this.messages.feed(bytes);
  }

  next(): Uint8Array | null {
    for (let e = this.messages.next(); e !== null; e = this.messages.next()) {
      if (e.kind === 'head') this.persistent = e.head.persistent;
      if (e.kind === 'body') this.pieces.push(e.bytes);
      if (e.kind === 'end') {
        const whole = this.pieces.length === 0 ? NOTHING : joined(...this.pieces);
        this.pieces.length = 0;
        return whole;
      }
    }
    return null;
  }
}
