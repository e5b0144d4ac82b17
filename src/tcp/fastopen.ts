/**
 * Fast Open from the client's side (RFC 7413 §4.2; net/ipv4/tcp_output.c tcp_send_syn_data, tcp_input.c
 * tcp_rcv_fastopen_synack): a SYN that asks for a cookie, or carries one and data, and what its SYN-ACK means.
 *
 * The data of a SYN stands in the send queue as a record that has been sent, behind the SYN, which has no record here. What the
 * SYN-ACK does not acknowledge is sent again at once. A SYN that is sent again has neither cookie nor data.
 *
 * Left out: taking a lone FIN or RST behind a hole for a sign of a black hole (tcp_fastopen_active_disable_ofo_check).
 */
import type { Instant } from '../base/units.ts';
import { WORK_SYN, type Connection } from './connection.ts';
import type { FastOpenOption } from './fastopen-option.ts';
import {
  fastOpenOf,
  TFO_CLIENT_NO_COOKIE,
  TFO_COOKIE_UNAVAILABLE,
  TFO_DATA_NOT_ACKED,
  TFO_SYN_RETRANSMITTED,
  type FastOpen,
} from './fastopen-state.ts';
import { forceSchedule, reclaim } from './memory.ts';
import { syncMss } from './mss.ts';
import { loseWithoutCongestion } from './lose.ts';
import { markLost } from './rack.ts';
import { dropSendQueue, trimHead, TX_OVERHEAD } from './records.ts';
import { BASE_HEADER, PSH, type Segment } from './segment.ts';
import { senderOf } from './sender.ts';
import { seqAdd, seqDiff, seqGt } from './seq.ts';
import { append, type Chunk } from './write.ts';

/** Room that is left in a SYN with data for all the options there may be, bytes: middleboxes add some (MAX_TCP_OPTION_SPACE). */
const OPTION_SPACE = 40;

// ---- The SYN

/** May a SYN to this peer carry data now (tcp_fastopen_cookie_check)? Its option is in c.fastOpen then. */
export function mayFastOpen(c: Connection, noCookie: boolean, now: Instant): boolean {
  const x = c.context;
  const f = fastOpenOf(c);
  f.option = null;
  if (x.fastOpen.disabled(x.options.fastopenBlackholeTimeoutS, now)) return false;
  f.trial = x.fastOpen.wasDisabled;
  if (noCookie || (x.options.fastopen & TFO_CLIENT_NO_COOKIE) !== 0) return true;
  const peer = x.fastOpen.lookup(c.dst);
  f.option = peer?.cookie ?? request(peer !== null && peer.tryExp === 1);
  if (f.option.cookie.length > 0) return true;
  f.clientFail = TFO_COOKIE_UNAVAILABLE;
  return false;
}

const request = (exp: boolean): FastOpenOption => ({ exp, cookie: new Uint8Array(0) });

/**
 * Lets the SYN of `c`, which has not been sent, use Fast Open: with as much of `chunk` as fits when there is a cookie, else
 * asking for one.
 *
 * @param noCookie TCP_FASTOPEN_NO_COOKIE
 * @returns how much of `chunk` the SYN takes, bytes
 */
export function fastOpenSyn(c: Connection, chunk: Chunk, noCookie: boolean, now: Instant): number {
  c.work |= WORK_SYN;
  c.mssClamp = c.advMss;
  if (!mayFastOpen(c, noCookie, now)) return 0;
  const known = c.context.fastOpen.lookup(c.dst)?.mss ?? 0;
  if (known > 0) c.mssClamp = known;
  if (c.settings.userMss > 0) c.mssClamp = Math.min(c.mssClamp, c.settings.userMss);
  syncMss(c);
  const mss = Math.max(Math.min(c.path.mtu - BASE_HEADER, c.mssClamp), c.context.options.minSndMss);
  const size = typeof chunk === 'number' ? chunk : chunk.length;
  const n = Math.min(mss - OPTION_SPACE, size);
  if (n > 0) queueSynData(c, chunk, n, now);
  return n;
}

function queueSynData(c: Connection, chunk: Chunk, n: number, now: Instant): void {
  senderOf(c);
  const q = (c.sendQueue ??= c.context.takeSendQueue());
  const t = q.take();
  t.seq = c.writeSeq;
  t.end = seqAdd(c.writeSeq, n);
  t.len = n;
  t.flags = PSH;
  t.eor = false;
  t.segs = 1;
  t.sacked = 0;
  t.truesize = TX_OVERHEAD + n;
  t.sentAt = now;
  q.records.push(t);
  q.sent = 1;
  q.list(t);
  forceSchedule(c, t.truesize);
  c.wmemQueued += t.truesize;
  c.writeSeq = t.end;
  append(c, chunk, n);
  c.fastOpen!.synData = true;
}

/** Puts cookie and data into the first SYN; what is sent again has neither. */
export function fillFastOpenSyn(c: Connection, f: FastOpen, out: Segment): void {
  const { option } = f;
  if (option !== null) {
    out.fastOpen = option;
    f.asked = true;
    f.askedExp = option.exp;
    f.option = null;
  }
  const q = c.sendQueue;
  if (!f.synData || q === null) return;
  const t = q.records.at(0);
  out.stream = c.tx;
  out.len = t.len;
  out.segSize = t.len;
  out.truesize = t.truesize;
  c.packetsOut = 1 + t.segs;
  c.sndNxt = t.end;
  c.dataSegsOut++;
  c.bytesSent += t.len;
}

// ---- The SYN-ACK

/** What of the SYN's data the SYN-ACK acknowledges leaves the send queue. c.sndUna has moved. */
export function synDataAcked(c: Connection): void {
  c.packetsOut = 0;
  const n = seqDiff(c.sndUna, c.iss) - 1;
  c.unaOff = n;
  c.bytesAcked += n;
  const q = c.sendQueue;
  if (q === null || q.sent === 0) return;
  const t = q.records.at(0);
  if (seqGt(t.end, c.sndUna)) {
    if (n > 0) trimHead(c, t);
    reclaim(c);
    c.packetsOut = t.segs;
    return;
  }
  q.unlist(t);
  q.records.shift();
  q.sent--;
  c.wmemQueued -= t.truesize;
  reclaim(c);
  q.give(t);
  if (q.records.length === 0) dropSendQueue(c, q);
}

/**
 * The SYN-ACK of a connection that tried Fast Open (tcp_rcv_fastopen_synack).
 *
 * @param cookie what it carries; null: none
 * @returns whether data of the SYN has to be sent again: that says everything an ACK would
 */
export function takeFastOpenSynAck(
  c: Connection,
  f: FastOpen,
  mss: number,
  cookie: FastOpenOption | null,
  now: Instant,
): boolean {
  const q = c.sendQueue;
  const mib = c.context.mib;
  learn(c, f, mss, cookie);
  if (f.synData && q !== null && q.sent > 0) {
    f.clientFail = c.totalRetrans > 0 ? TFO_SYN_RETRANSMITTED : TFO_DATA_NOT_ACKED;
    for (let i = 0; i < q.sent; i++) markLost(c, q, q.records.at(i));
    loseWithoutCongestion(c, now);
    mib.TCPFastOpenActiveFail++;
    return true;
  }
  f.synDataAcked = f.synData;
  if (!f.synData) return false;
  mib.TCPFastOpenActive++;
  if (f.trial) c.context.fastOpen.worksAgain();
  return false;
}

function learn(c: Connection, f: FastOpen, mss: number, cookie: FastOpenOption | null): void {
  let tryExp = 0;
  let known = cookie;
  // A cookie that nobody asked for is not kept.
  if (!f.asked) known = null;
  else if (cookie === null && c.totalRetrans === 0 && !f.synData) tryExp = f.askedExp ? 2 : 1;
  c.context.fastOpen.learn(c.dst, mss, known, tryExp);
}

// ---- Black holes

/** Time-outs of a connection that tried Fast Open: the third in a row, or the last (tcp_fastopen_active_detect_blackhole). */
export function detectBlackhole(c: Connection, f: FastOpen, givesUp: boolean, now: Instant): void {
  if (!f.asked && !f.synData && !f.synDataAcked) return;
  if (c.retransmits !== 2 && (c.retransmits > 2 || !givesUp)) return;
  const x = c.context;
  if (x.fastOpen.disable(x.options.fastopenBlackholeTimeoutS, now)) x.mib.TCPFastOpenBlackhole++;
}
