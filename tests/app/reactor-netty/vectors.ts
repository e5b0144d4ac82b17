/** What was recorded of the real Reactor-Netty (recorded/README.md): totals of 62 runs, and the event logs of 32 of them. */
import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { LogEvent } from './recorder.ts';

export interface Vector {
  readonly scenario: string;
  readonly transport: 'nio' | 'epoll';
  readonly handler:
    | 'seedFlatMap'
    | 'seedFlatMapCc16'
    | 'seedFlatMapDelay20'
    | 'blocking20'
    | 'sendMany'
    | 'sendManyConcat20'
    | 'sendManyConcat1'
    | 'seedConcat20'
    | 'seedConcat20p0'
    | 'seedConcat20p1'
    | 'noSubscriber2s'
    | 'unboundedSink'
    | 'returnsEmpty'
    | 'takeOne'
    | 'twoSubscribers';
  readonly chunks: number;
  readonly chunkBytes: number;
  readonly paceUs: number;
  readonly clientReadPauseMs: number;
  readonly clientReadBytes: number;
  readonly cliRcvBuf: number;
  readonly srvSndBuf: number;
  readonly srvRcvBuf: number;
  /** `complete`: everything came back; `eof`: the server closed; otherwise the client gave up after `totalMs`. */
  readonly end: string;
  readonly totalMs: number;
  readonly bytesReceived: number;
  readonly counts: Readonly<Record<string, number>>;
}

const at = (file: string): URL => new URL(`recorded/${file}`, import.meta.url);

function lines(text: string): unknown[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

export const VECTORS: readonly Vector[] = lines(
  readFileSync(at('summary-all.jsonl'), 'utf8'),
) as Vector[];

export const nameOf = (v: Vector): string => `${v.scenario}.${v.transport}`;

export const hasLog = (v: Vector): boolean => existsSync(at(`${nameOf(v)}.jsonl.gz`));

/** How long each message took at the handlers that wait 20 ms, µs: from the write before it to its own. */
export const SERVICE_TIMES = JSON.parse(readFileSync(at('service-times.json'), 'utf8')) as Readonly<
  Record<string, readonly number[]>
>;

/** s3b, run again: reads, and the times autoRead was switched off, of each run in a `fresh`, `warm` or `loaded` JVM. */
export const AGAIN = lines(readFileSync(at('s3b-again.jsonl'), 'utf8')) as readonly Readonly<{
  jvm: string;
  handler: string;
  readsAndOff: readonly (readonly [number, number])[];
}>[];

/** The events of one run, times and samples left out. */
export function logOf(v: Vector): LogEvent[] {
  return lines(gunzipSync(readFileSync(at(`${nameOf(v)}.jsonl.gz`))).toString()) as LogEvent[];
}

/**
 * How a run is compared. `order`: the sequence of what happened is the same. `cycles`: it is when what repeats is taken once, and
 * reads and switches of autoRead are as many within 15 %. `totals`: only these, since there is no log. `edge`: how a stream ends.
 * `forms`: how reads merge depends on moments that nobody has written down; what follows from their number holds.
 */
export type Class = 'order' | 'cycles' | 'totals' | 'forms' | 'edge';

export function classOf({ scenario }: Vector): Class {
  if (/^s[078]-/.test(scenario)) return 'order';
  if (/^s[69]-/.test(scenario)) return 'edge';
  if (/^s1|^s[45]-|FlatMapDelay/.test(scenario)) return 'forms';
  return /^s[23]-/.test(scenario) ? 'cycles' : 'totals';
}
