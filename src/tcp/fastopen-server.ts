/**
 * Fast Open from the server's side (RFC 7413 §4.2; net/ipv4/tcp_fastopen.c, tcp_minisocks.c): a cookie that
 * proves an address, and a connection that a SYN alone has made. It sends and receives before the handshake ACK has come; until
 * then its timer is that of the SYN-ACK, and what arrives is looked at as for a half-open connection first.
 */
import { sipHash } from '../base/siphash.ts';
import type { Instant } from '../base/units.ts';
import { sendAck } from './ack.ts';
import { takeRttSample } from './acknowledge.ts';
import { cleanRetransStamp } from './ca-state.ts';
import {
  CHECK_ACK,
  CHECK_NEW_SYN,
  CHECK_PASS,
  CHECK_RESET,
  CHECK_SYNACK,
  checkRequest,
} from './check-request.ts';
import { usBetween } from './clock.ts';
import {
  CA_LOSS,
  CONNECTED,
  TIMER_RETRANS,
  WORK_SYN,
  WRITABLE,
  type Connection,
} from './connection.ts';
import { onReset, replyRst } from './done.ts';
import type { FastOpen } from './fastopen-state.ts';
import type { Segment } from './segment.ts';
import { setState } from './state.ts';
import { rearmRto, stopTimer } from './timers.ts';
import { tryUndoRecovery } from './undo.ts';
import { initRcvMss } from './window.ts';

/** Bytes of the cookies that this side hands out (TCP_FASTOPEN_COOKIE_SIZE), and of the key. */
export const COOKIE_SIZE = 8;
export const KEY_SIZE = 16;

/** The key that net.ipv4.tcp_fastopen_key writes as four words in hexadecimal: each is little-endian in the key. */
export function fastOpenKey(text: string): Uint8Array {
  const key = new Uint8Array(KEY_SIZE);
  const view = new DataView(key.buffer);
  text.split('-').forEach((word, i) => view.setUint32(4 * i, Number.parseInt(word, 16), true));
  return key;
}

/**
 * The cookie of a client (__tcp_fastopen_cookie_gen_cipher).
 *
 * @param client its IPv4 address, @param server ours, each as a 32-bit number
 */
export function fastOpenCookie(key: Uint8Array, client: number, server: number): Uint8Array {
  const addresses = new DataView(new ArrayBuffer(8));
  addresses.setInt32(0, client);
  addresses.setInt32(4, server);
  return sipHash(key, new Uint8Array(addresses.buffer));
}

/** A segment before the handshake ACK. False: it is done with. */
export function checkHandshake(c: Connection, f: FastOpen, seg: Segment, now: Instant): boolean {
  switch (checkRequest(f.request!, seg, true, now)) {
    case CHECK_PASS:
      return true;
    case CHECK_SYNACK:
      c.work |= WORK_SYN;
      return false;
    case CHECK_ACK:
      sendAck(c);
      return false;
    case CHECK_RESET:
      onReset(c, now);
      return false;
    case CHECK_NEW_SYN:
      // It would end a half-open connection. This one stays, lest it could be ended by guessing.
      replyRst(c, seg);
      return false;
    default:
      return false;
  }
}

/** The handshake ACK of a connection that has been in use already (tcp_rcv_synrecv_state_fastopen). */
export function completeHandshake(c: Connection, f: FastOpen, seg: Segment, now: Instant): void {
  const r = f.request!;
  f.request = null;
  c.work &= ~WORK_SYN;
  c.delivered++;
  if (c.srttUs === 0 && r.retrans === 0) {
    const us = usBetween(now, r.synackAt);
    takeRttSample(c, us, us, now);
  }
  // The SYN-ACK went more than once, and the window was cut for it: perhaps for nothing.
  if (c.caState === CA_LOSS && c.packetsOut === 0) tryUndoRecovery(c, c.context.ackState, now);
  c.retransmits = 0;
  cleanRetransStamp(c);
  stopTimer(c, TIMER_RETRANS);
  rearmRto(c, now);
  c.events |= CONNECTED | WRITABLE;
  if (c.state !== 'SYN-RECEIVED') return;
  setState(c, 'ESTABLISHED', now);
  c.sndWnd = seg.window << c.sndWscale;
  c.maxWindow = Math.max(c.maxWindow, c.sndWnd);
  c.sndWl1 = seg.seq;
  if (c.tsOk) c.advMss -= 12;
  initRcvMss(c);
}
