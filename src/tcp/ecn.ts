/**
 * Explicit congestion notification (RFC 3168, include/net/tcp_ecn.h): asked for in SYN and SYN-ACK, ECT(0) on new data, ECE
 * in ACKs from a CE mark until the peer's CWR, and CWR on the first new data after the window was cut. A congestion control
 * may need it (DCTCP, RFC 8257): then it is asked for whatever the sysctl says, and every segment carries ECT.
 *
 * Not here: accurate ECN (tcp_ecn 3, 4, 5).
 */
import {
  ACK_NOW,
  ECN_DEMAND_CWR,
  ECN_ECT,
  ECN_NEEDED,
  ECN_OK,
  ECN_QUEUE_CWR,
  ECN_SEEN,
  type Connection,
} from './connection.ts';
import { needsEcn } from './congestion/controller.ts';
import { ACK, CWR, ECE, ecnField, segLen, SYN, type Segment } from './segment.ts';

/** The values of an IP header's ECN field (RFC 3168 §5). */
const NOT_ECT = 0;
export const ECT_0 = 2;
const CE = 3;

// ---- Negotiation, RFC 3168 §6.1.1

/** The first SYN leaves: is ECN asked for (tcp_ecn_send_syn)? */
export function askForEcn(c: Connection): void {
  const needed = needsEcn(c.settings.congestion);
  if (needed) c.ecn = ECN_OK | ECN_NEEDED | ECN_ECT;
  else c.ecn = c.context.options.ecn === 1 ? ECN_OK : 0;
}

/** Flags of our SYN. One that is repeated asks no more: a middlebox may have dropped the first for them (§6.1.1.1). */
export function ecnOfSyn(c: Connection, again: boolean): number {
  if ((c.ecn & ECN_OK) === 0 || (again && c.context.options.ecnFallback)) return 0;
  return ECE | CWR;
}

/** A SYN-ACK agrees by ECE without CWR (tcp_ecn_rcv_synack); `crossed`: a SYN by both (tcp_ecn_rcv_syn). */
export function takeEcnAnswer(c: Connection, seg: Segment, crossed: boolean): void {
  if ((seg.flags & (ECE | CWR)) !== (crossed ? ECE | CWR : ECE)) c.ecn &= ~ECN_OK;
}

/** Does a listener agree to a SYN's request (tcp_ecn_create_request)? A SYN with ECT is not one of RFC 3168's. */
export function agreesToEcn(syn: Segment, sysctl: number, needed: boolean): boolean {
  if ((syn.flags & (ECE | CWR)) !== (ECE | CWR)) return false;
  return needed || (sysctl !== 0 && ecnField(syn) === NOT_ECT);
}

// ---- What leaves

/** The IP field and the flags of a segment after the handshake (tcp_ecn_send). `again`: a retransmission. */
export function markEcn(c: Connection, out: Segment, again: boolean): void {
  if ((out.flags & (SYN | ACK)) === ACK && c.ecn & ECN_OK) {
    if (out.len > 0 && !again) {
      c.ecn |= ECN_ECT;
      if (c.ecn & ECN_QUEUE_CWR) {
        c.ecn &= ~ECN_QUEUE_CWR;
        out.flags |= CWR;
      }
    } else if ((c.ecn & ECN_NEEDED) === 0) c.ecn &= ~ECN_ECT;
    if (c.ecn & ECN_DEMAND_CWR) out.flags |= ECE;
  }
  if (c.ecn & ECN_ECT) out.tos |= ECT_0;
}

/** The window was cut: the next new data tells the peer so (tcp_ecn_queue_cwr). */
export function queueCwr(c: Connection): void {
  if (c.ecn & ECN_OK) c.ecn |= ECN_QUEUE_CWR;
}

/** The cut was taken back (tcp_ecn_withdraw_cwr). */
export const withdrawCwr = (c: Connection): void => void (c.ecn &= ~ECN_QUEUE_CWR);

// ---- What arrives

/** Does the segment say that the peer saw congestion (tcp_ecn_rcv_ecn_echo)? */
export const hasEcnEcho = (c: Connection, seg: Segment): boolean =>
  (c.ecn & ECN_OK) !== 0 && (seg.flags & (ECE | SYN)) === ECE;

/** The peer has cut its window: no more ECE, and its next data is not kept waiting (tcp_ecn_accept_cwr). */
export function acceptCwr(c: Connection, seg: Segment): void {
  if ((seg.flags & CWR) === 0 || (c.ecn & ECN_OK) === 0) return;
  c.ecn &= ~ECN_DEMAND_CWR;
  // RFC 3168 expects CWR on data; pure ACKs of widespread senders have it too.
  if (segLen(seg) > 0) c.ackPending |= ACK_NOW;
}

/** The mark of arriving data (tcp_data_ecn_check). True: it is to be acknowledged at once. */
export function takeEcnMark(c: Connection, seg: Segment): boolean {
  if ((c.ecn & ECN_OK) === 0) return false;
  const field = ecnField(seg);
  // Not ECT although earlier data was: probably a retransmission.
  if (field === NOT_ECT) return (c.ecn & ECN_SEEN) !== 0;
  if (c.ecn & ECN_NEEDED) c.congestion.onEcnMark(c, field === CE);
  c.ecn |= ECN_SEEN;
  if (field !== CE || c.ecn & ECN_DEMAND_CWR) return false;
  c.ecn |= ECN_DEMAND_CWR;
  return true;
}
