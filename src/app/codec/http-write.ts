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

/** @param body bytes that follow; null: chunks @param connection `close`, `keep-alive` (for HTTP/1.0), or nothing */
export function responseHead(
  status: number,
  body: number | null,
  connection: 'close' | 'keep-alive' | null = null,
): Uint8Array {
  return head(`HTTP/1.1 ${status} ${REASONS[status] ?? ''}`, body, connection);
}

/** A request with a body is a POST, one without a GET. @param body bytes that follow; null: chunks */
export function requestHead(
  target: string,
  host: string,
  body: number | null,
  connection: 'close' | null = null,
): Uint8Array {
  const asked = ` ${target} HTTP/1.1\r\nHost: ${host}`;
  if (body === 0) return encodeText(`GET${asked}\r\n${option(connection)}\r\n`);
  return head(`POST${asked}`, body, connection);
}

function head(start: string, body: number | null, connection: string | null): Uint8Array {
  const framing = body === null ? 'Transfer-Encoding: chunked' : `Content-Length: ${body}`;
  return encodeText(`${start}\r\n${framing}\r\n${option(connection)}\r\n`);
}

const option = (connection: string | null): string =>
  connection === null ? '' : `Connection: ${connection}\r\n`;

/** One chunk of a chunked body, or with no bytes its end; RFC 9112 §7.1. */
export function chunk(bytes: Uint8Array): Uint8Array {
  return joined(encodeText(`${bytes.length.toString(16)}\r\n`), bytes, encodeText('\r\n'));
}

/** A whole response of these bytes. */
export function response(body: Uint8Array, connection: 'close' | null = null): Uint8Array {
  return joined(responseHead(200, body.length, connection), body);
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
