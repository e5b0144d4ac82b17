/** The calls of the face; see index.ts. */
import type { PayloadStream } from '../base/payload.ts';
import { InvariantError } from '../base/assert.ts';
import type { Instant } from '../base/units.ts';
import type { Connection, ConnectionArgs } from './connection.ts';
import type { ListenerOptions, Request, RequestArgs } from './request.ts';
import type { Segment } from './segment.ts';
import type { TimeWait } from './time-wait.ts';

const later = (name: string): never => {
  throw new InvariantError('tcp', name);
};
export function connect(args: ConnectionArgs, now: Instant): Connection {
  return later('connect' + args + now);
}
/** A SYN for a listener: the half-open connection, whose SYN-ACK pollRequest has. */
export function onSyn(
  listener: ListenerOptions,
  syn: Segment,
  args: RequestArgs,
  now: Instant,
): Request {
  return later('onSyn' + listener + syn + args + now);
}
/** A segment for a half-open connection: REQ_DROP, REQ_ESTABLISH or REQ_DEAD. */
export function onRequestSegment(r: Request, seg: Segment, now: Instant): number {
  return later('r' + r + seg + now);
}
export function onRequestTimer(r: Request, now: Instant): void {
  later('r' + r + now);
}
export function pollRequest(r: Request, now: Instant, out: Segment): boolean {
  return later('r' + r + out + now);
}
export function requestDeadline(r: Request): Instant {
  return r.deadline;
}
/** The full connection, after REQ_ESTABLISH; processes `ack` and what it carries. `tx`: what this side writes. */
export function establish(r: Request, ack: Segment, tx: PayloadStream, now: Instant): Connection {
  return later('e' + r + ack + tx + now);
}
export function onSegment(c: Connection, seg: Segment, now: Instant): void {
  later('s' + c + seg + now);
}
export function onTimer(c: Connection, now: Instant): void {
  later('t' + c + now);
}
export function onTxFreed(c: Connection, truesize: number, now: Instant): void {
  later('t' + c + truesize + now);
}
/** Appends pattern (a number of bytes) or real bytes; the count taken, or −EAGAIN, −EPIPE, −ECONNRESET … */
export function write(c: Connection, chunk: number | Uint8Array, now: Instant): number {
  return later('w' + c + chunk + now);
}
/** Up to `max` bytes in order; 0 at the end of the stream, −EAGAIN when there is nothing. */
export function read(c: Connection, max: number, into: Uint8Array | null, now: Instant): number {
  return later('w' + c + max + into + now);
}
/** What read would return, without taking anything. */
export function peek(c: Connection, max: number): number {
  return later('w' + c + max);
}
export function shutdownWrite(c: Connection, now: Instant): number {
  return later('w' + c + now);
}
export function shutdownRead(c: Connection, now: Instant): void {
  later('w' + c + now);
}
export function close(c: Connection, now: Instant): void {
  later('w' + c + now);
}
export function abort(c: Connection, now: Instant): void {
  later('w' + c + now);
}
export function pollSegment(c: Connection, now: Instant, out: Segment): boolean {
  return later('w' + c + now + out);
}
export function nextDeadline(c: Connection): Instant {
  return later('w' + c);
}
export function takeEvents(c: Connection): number {
  const e = c.events;
  c.events = 0;
  return e;
}
/** The RST that answers a segment without a connection; false when none is due (it was a RST itself). */
export function replyToOrphan(seg: Segment, out: Segment): boolean {
  return later('o' + seg + out);
}
/** The small record that replaces a connection after the TIME_WAIT event. */
export function timeWaitOf(c: Connection, now: Instant): TimeWait {
  return later('w' + c + now);
}
export function onTimeWaitSegment(tw: TimeWait, seg: Segment, now: Instant): number {
  return later('w' + tw + seg + now);
}
export function pollTimeWait(tw: TimeWait, now: Instant, out: Segment): boolean {
  return later('w' + tw + out + now);
}
/** Bytes that can be read now; bytes written and not acknowledged (SIOCOUTQ); of these not sent (SIOCOUTQNSD). */
export function inq(c: Connection): number {
  return later('q' + c);
}
export function outq(c: Connection): number {
  return later('q' + c);
}
export function outqUnsent(c: Connection): number {
  return later('q' + c);
}
/** Is there room for a writer (sk_stream_is_writeable, EPOLLOUT)? */
export function isWritable(c: Connection): boolean {
  return later('q' + c);
}
/** Is something to read, or the end of the stream, as poll and epoll see it (respects SO_RCVLOWAT)? */
export function isReadable(c: Connection): boolean {
  return later('q' + c);
}
/** A writer was refused: it gets WRITABLE when there is room again. */
export function setNoSpace(c: Connection): void {
  c.noSpace = true;
}
