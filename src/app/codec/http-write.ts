/** HTTP/1.1 messages as bytes (RFC 9112). What is written here, codec/http.ts reads. Left out: Date, Server, and all else that no reader here looks at. */
import { encodeText } from '../../base/text.ts';

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  204: 'No Content',
  400: 'Bad Request',
  408: 'Request Timeout',
  413: 'Content Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  505: 'HTTP Version Not Supported',
};

const X = 0x78;

/** @param body bytes that follow; null: chunks @param connection `close`, `keep-alive` (for HTTP/1.0), or nothing */
export function responseHead(
  status: number,
  body: number | null,
  connection: 'close' | 'keep-alive' | null = null,
): Uint8Array {
  return head(`HTTP/1.1 ${status} ${REASONS[status] ?? ''}`, body, connection);
}

/** A request with a body is a POST, one without a GET. @param body bytes that follow; null: chunks */
export function requestHead(target: string, host: string, body: number | null): Uint8Array {
  if (body === 0) return encodeText(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  return head(`POST ${target} HTTP/1.1\r\nHost: ${host}`, body, null);
}

function head(start: string, body: number | null, connection: string | null): Uint8Array {
  const framing = body === null ? 'Transfer-Encoding: chunked' : `Content-Length: ${body}`;
  const more = connection === null ? '' : `Connection: ${connection}\r\n`;
  return encodeText(`${start}\r\n${framing}\r\n${more}\r\n`);
}

/** One chunk of a chunked body, or with no bytes its end; RFC 9112 §7.1. */
export function chunk(bytes: Uint8Array): Uint8Array {
  return joined(encodeText(`${bytes.length.toString(16)}\r\n`), bytes, encodeText('\r\n'));
}

/** A whole response of these bytes. */
export function response(body: Uint8Array): Uint8Array {
  return joined(responseHead(200, body.length), body);
}

/** A whole request with a body of `n` bytes that say nothing. */
export function request(target: string, host: string, n: number): Uint8Array {
  return joined(requestHead(target, host, n), new Uint8Array(n).fill(X));
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const p of parts) {
    all.set(p, at);
    at += p.length;
  }
  return all;
}
