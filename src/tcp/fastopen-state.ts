/** What a connection remembers because it uses Fast Open (RFC 7413), as client (fastopen.ts) or server (fastopen-server.ts). */
import type { Connection } from './connection.ts';
import type { FastOpenOption } from './fastopen-option.ts';
import type { Request } from './request.ts';

/** Bits of net.ipv4.tcp_fastopen. */
export const TFO_CLIENT = 1;
export const TFO_SERVER = 2;
export const TFO_CLIENT_NO_COOKIE = 4;
export const TFO_SERVER_NO_COOKIE = 0x200;
export const TFO_EVERY_LISTENER = 0x400;

/** What tcpi_fastopen_client_fail says. */
export const TFO_STATUS_UNSPEC = 0;
export const TFO_COOKIE_UNAVAILABLE = 1;
export const TFO_DATA_NOT_ACKED = 2;
export const TFO_SYN_RETRANSMITTED = 3;

/** What a connection remembers because it uses Fast Open; made then, at either end. */
export class FastOpen {
  /** Of the next SYN; null: none, as in every SYN that is sent again. */
  option: FastOpenOption | null = null;
  /** A SYN carried the option, and it was the experimental one. */
  asked = false;
  askedExp = false;
  /** Our SYN carried data; data of a SYN, either side's, was taken (TCPI_OPT_SYN_DATA). */
  synData = false;
  synDataAcked = false;
  clientFail: number = TFO_STATUS_UNSPEC;
  /** It was begun while Fast Open was disabled before: getting through enables it. */
  trial = false;
  /** The server's side: a SYN alone has made it. */
  child = false;
  /** Whose SYN-ACK waits for its ACK (fastopen_rsk). */
  request: Request | null = null;
}

export const fastOpenOf = (c: Connection): FastOpen => (c.fastOpen ??= new FastOpen());

/** A connection that Fast Open began, whose handshake is not complete: it may send and receive all the same. */
export const awaitsHandshake = (c: Connection): boolean =>
  c.fastOpen !== null && c.fastOpen.request !== null;
