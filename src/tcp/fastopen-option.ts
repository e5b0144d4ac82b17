/** The Fast Open option (RFC 7413 §4.1.1) of a SYN or SYN-ACK: a cookie, or with none the request for one. */

/** What the option carries; shared between segments and never changed. */
export interface FastOpenOption {
  /** In the shared experimental option, kind 254 with magic 0xF989 (RFC 6994), instead of kind 34. */
  readonly exp: boolean;
  /** Empty: a request. As it is on the wire, whatever its length; `takeFastOpen` says whether it counts. */
  readonly cookie: Uint8Array;
}

/** Bytes of the shortest and the longest cookie (RFC 7413 §4.1.1; TCP_FASTOPEN_COOKIE_MIN and _MAX). */
const COOKIE_MIN = 4;
const COOKIE_MAX = 16;

/** Bytes that the option takes in the header, padding included. */
export const fastOpenBytes = (o: FastOpenOption | null): number =>
  o === null ? 0 : ((o.exp ? 4 : 2) + o.cookie.length + 3) & ~3;

/** What a received option says; null: as if it were absent, which a cookie of odd or impossible length is (tcp_parse_fastopen_option). */
export function takeFastOpen(o: FastOpenOption | null): FastOpenOption | null {
  if (o === null) return null;
  const n = o.cookie.length;
  if (n === 0) return o;
  return n % 2 === 0 && n >= COOKIE_MIN && n <= COOKIE_MAX ? o : null;
}

export function sameCookie(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
