/** The send buffer: accounting by truesize, its growth, and when a writer may go on (net/core/stream.c, tcp_input.c). */
import { roundUpPow2 } from '../base/math.ts';
import { sndbufWindows } from './congestion/controller.ts';
import type { Connection } from './connection.ts';
import { seqDiff } from './seq.ts';
import { SHARED_INFO, SK_BUFF } from './truesize.ts';

const MAX_TCP_HEADER = 256;

/** Room for two congestion windows of segments (BBR: three), at most tcp_wmem[2] (tcp_sndbuf_expand). */
export function expandSndbuf(c: Connection): void {
  const raw = Math.max(c.mssClamp, c.mssCache) + MAX_TCP_HEADER + SHARED_INFO;
  const perSegment = roundUpPow2(raw) + SK_BUFF;
  const segments = Math.max(10, c.cwnd, c.reordering + 1);
  const bytes = sndbufWindows(c.settings.congestion) * segments * perSegment;
  if (c.sndbuf < bytes) c.sndbuf = Math.min(bytes, c.context.options.wmem[2]);
}

/** May a new record be queued (sk_stream_memory_free)? `wake`: for waking a writer, half the low-water mark. */
export function memoryFree(c: Connection, wake: boolean): boolean {
  if (c.wmemQueued >= c.sndbuf) return false;
  const unsent = seqDiff(c.writeSeq, c.sndNxt);
  const weighed = wake ? unsent * 2 : unsent;
  const own = c.settings.notsentLowat;
  return own > 0 ? weighed < own : weighed < c.context.options.notsentLowat;
}

/** Is a third of the buffer free (sk_stream_is_writeable)? */
export function hasWriteSpace(c: Connection, wake: boolean): boolean {
  return c.sndbuf - c.wmemQueued >= c.wmemQueued >> 1 && memoryFree(c, wake);
}
