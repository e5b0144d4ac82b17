/**
 * What happened, one line a record, for people or for programs. Records come as the simulation tells them, which may be out
 * of order of time: a drop is known when a ring is next looked at. Each carries its own time; sort by it where order matters.
 */
import type { TraceRecord, TraceSink } from '../base/trace.ts';
import type { Instant } from '../base/units.ts';

export type TraceFormat = 'text' | 'ndjson';

/** Lines go out in pieces of about this many characters. */
const PIECE = 1 << 16;

export class TraceWriter implements TraceSink {
  readonly on = true;
  records = 0;
  private readonly write: (text: string) => void;
  private readonly line: (r: TraceRecord) => string;
  private buffer = '';

  constructor(format: TraceFormat, write: (text: string) => void) {
    this.write = write;
    this.line = format === 'text' ? traceText : traceNdjson;
  }

  record(time: Instant, lane: string, what: string, fields: TraceRecord['fields']): void {
    this.records++;
    this.buffer += `${this.line({ time, lane, what, fields })}\n`;
    if (this.buffer.length >= PIECE) this.flush();
  }

  /** What is left; call it at the end. */
  flush(): void {
    if (this.buffer !== '') this.write(this.buffer);
    this.buffer = '';
  }
}

/** `    0.010123456 client->server   tx   seq=1 len=1448`: seconds, with all nanoseconds. */
export function traceText(r: TraceRecord): string {
  const seconds = Math.floor(r.time / 1e9);
  const rest = String(r.time % 1e9).padStart(9, '0');
  const fields = Object.entries(r.fields).map(([k, v]) => `${k}=${v}`);
  return `${String(seconds).padStart(5)}.${rest} ${r.lane.padEnd(22)} ${r.what.padEnd(12)} ${fields.join(' ')}`.trimEnd();
}

/** One JSON object a line; time in ns. */
export function traceNdjson(r: TraceRecord): string {
  return JSON.stringify({ t: r.time, lane: r.lane, what: r.what, ...r.fields });
}
