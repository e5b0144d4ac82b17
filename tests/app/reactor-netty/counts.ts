/** What a log adds up to, and what follows from one another in it whatever the reads merge. */
import { classOf, type Vector } from './vectors.ts';
import type { LogEvent } from './recorder.ts';

export interface Counts {
  readonly reads: number;
  readonly on: number;
  readonly off: number;
  /** Calls of request(n) on FluxReceive, and what they add up to; unbounded ones add nothing. */
  readonly requests: number;
  readonly requested: number;
  readonly sendRequests: number;
  readonly sendRequested: number;
  readonly writes: number;
  readonly flushes: number;
  /** Of totalPendingWriteBytes, at most. */
  readonly pending: number;
  /** Of a read, at most. */
  readonly largest: number;
  /** Reads of one loop, at most. */
  readonly loop: number;
  readonly queue: number;
}

export function countsOf(events: readonly LogEvent[]): Counts {
  const of = (ev: string): LogEvent[] => events.filter((e) => e['ev'] === ev);
  const most = (field: string, among = events): number =>
    among.reduce((max, e) => Math.max(max, Number(e[field] ?? 0)), 0);
  const sum = (ev: string): number =>
    of(ev).reduce((n, e) => n + (e['n'] === 'unbounded' ? 0 : Number(e['n'])), 0);
  return {
    reads: of('channelRead').length,
    on: of('autoRead').filter((e) => e['to'] === true).length,
    off: of('autoRead').filter((e) => e['to'] === false).length,
    requests: of('rx.request').length,
    requested: sum('rx.request'),
    sendRequests: of('tx.request').length,
    sendRequested: sum('tx.request'),
    writes: of('write').length,
    flushes: of('flush').length,
    pending: most('pend'),
    largest: most('n', of('channelRead')),
    loop: most('reads', of('channelReadComplete')),
    queue: most('q'),
  };
}

/** The same of a recorded run, from its totals. */
export function recordedCounts({ counts: c }: Vector): Counts {
  const loops = Object.keys(c).flatMap((key) => /^hist\.readsPerLoop\.(\d+)$/.exec(key)?.[1] ?? []);
  return {
    reads: c['channelRead'] ?? 0,
    on: c['sum.autoRead.on'] ?? 0,
    off: c['sum.autoRead.off'] ?? 0,
    requests: c['rx.request'] ?? 0,
    requested: c['sum.rx.requested'] ?? 0,
    sendRequests: c['tx.request'] ?? 0,
    sendRequested: c['sum.tx.requested'] ?? 0,
    writes: c['write'] ?? 0,
    flushes: c['flush'] ?? 0,
    pending: c['max.outboundPendingBytes'] ?? 0,
    largest: c['max.readBytes'] ?? 0,
    loop: Math.max(0, ...loops.map(Number)),
    queue: c['max.queueAfterRead'] ?? 0,
  };
}

/** An entry of ChannelOutboundBuffer, beside its message. */
const ENTRY = 96;
const REFILL = 64;

/** What does not hold of a run's counts although it follows from how its handler is written. */
export function brokenForms(v: Vector, c: Counts): string[] {
  const broken: string[] = [];
  const must = (holds: boolean, what: string): void => {
    if (!holds) broken.push(what);
  };
  must(c.loop <= 16, `${c.loop} reads in one loop`);
  must(c.largest <= 65_536, `a read of ${c.largest} B`);
  must(c.on - c.off === 0 || c.on - c.off === 1, `autoRead on ${c.on}, off ${c.off}`);
  // Over epoll, what comes after the peer's FIN is read whatever autoRead says.
  const ended = v.scenario.startsWith('s9') && v.transport === 'epoll';
  if (!v.scenario.startsWith('s4') && !ended) must(c.queue <= 1, `${c.queue} messages queued`);
  const sends = v.handler.startsWith('sendMany');
  if (sends) {
    const refills = Math.floor(c.writes / REFILL);
    must(c.sendRequests <= 1 + refills, `${c.sendRequests} requests of MonoSendMany`);
    must(c.sendRequested === 128 + REFILL * refills, `${c.sendRequested} requested by it`);
    must(c.pending <= 129 * (c.largest + ENTRY), `${c.pending} B pending`);
    must(c.flushes <= c.writes, `${c.flushes} flushes of ${c.writes} writes`);
  } else must(c.flushes === c.writes, `${c.flushes} flushes of ${c.writes} writes`);
  const concurrency = ahead(v);
  if (concurrency === null) return broken;
  if (!sends) must(c.pending <= (concurrency + 1) * (c.largest + ENTRY), `${c.pending} B pending`);
  const done = v.handler === 'sendManyConcat1' ? v.chunks : c.writes;
  must(c.requests === 1 + done, `${c.requests} requests for ${done} messages`);
  must(c.requested === concurrency + done, `${c.requested} requested for ${done} messages`);
  return broken;
}

/** Messages that an operator requests before any is done; null: the handler has none that asks so. */
function ahead(v: Vector): number | null {
  if (classOf(v) === 'edge') return null;
  switch (v.handler) {
    case 'seedFlatMap':
    case 'seedFlatMapDelay20':
    case 'blocking20':
    case 'noSubscriber2s':
      return 256;
    case 'seedFlatMapCc16':
      return 16;
    case 'seedConcat20':
    case 'seedConcat20p0':
    case 'sendManyConcat20':
    case 'sendManyConcat1':
      return 1;
    case 'seedConcat20p1': // asks when a message is taken, not when it is done: see the test
    case 'sendMany':
    case 'unboundedSink':
    case 'returnsEmpty':
    case 'takeOne':
    case 'twoSubscribers':
      return null;
  }
}
