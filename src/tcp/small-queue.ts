/**
 * TCP small queues: how many bytes of one connection may wait below TCP, in qdisc and device (tcp_small_queue_check). Two
 * packets, or what the connection sends in a millisecond: enough to keep the device busy, little enough that a queue there
 * has no share in the round-trip time. The device's completions bring the credit back (onTxFreed).
 *
 * Left out: TCP_TX_DELAY, and that a full socket's completions are passed over while ksoftirqd runs (tcp_wfree).
 */
import type { Connection } from './connection.ts';
import { pacingRate } from './mss.ts';
import type { SendQueue } from './send-queue.ts';

/** sk_pacing_shift: 1/1024 s at the pacing rate. Only Wi-Fi drivers ask for more. */
const PACING_SHIFT = 1024;

/**
 * Has the next segment to wait for the device? Then its completion will bring it. One segment may always be there: with none
 * or one out, a completion that is late would leave nothing to wake the connection.
 *
 * @param truesize of that segment
 * @param factor   2 for what is sent again, which may take twice as much; else 1
 */
export function smallQueueFull(
  c: Connection,
  q: SendQueue,
  truesize: number,
  factor: 1 | 2,
): boolean {
  // sk_wmem_alloc is one byte more than what is charged: the socket's own reference.
  const alloc = c.wmemAlloc + 1;
  if (alloc <= 2 * truesize * factor && alloc <= c.context.options.limitOutputBytes) return false;
  let limit = Math.max(2 * truesize, Math.floor(pacingRate(c) / PACING_SHIFT));
  // Whoever paces is bounded by his rate alone (SK_PACING_NONE).
  if (c.sender!.pacing === null) limit = Math.min(limit, c.context.options.limitOutputBytes);
  if (alloc <= limit * factor || q.sent <= 1) return false;
  c.tsqThrottled = true;
  return true;
}
