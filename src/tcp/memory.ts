/**
 * The memory of all sockets of a host (net.ipv4.tcp_mem, in pages): what a socket may still be charged, and what happens when
 * all of them together hold much (net/core/sock.c __sk_mem_raise_allocated; net/ipv4/tcp.c tcp_enter_memory_pressure).
 *
 * A socket holds whole pages. What of them nothing is charged to is its own to use (sk_forward_alloc): here a difference, of its
 * pages and of sk_rmem_alloc and sk_wmem_queued, so that whoever charges something has nothing to do for it. Only who asks for
 * memory, and who has given some up, comes here. Since Linux 6.0 a socket gives whole free pages back at once.
 *
 * Between `low` and `high` nothing is refused until `pressure` has been passed; it lasts until `low` is reached again. Then a
 * socket below its tcp_rmem[0] or tcp_wmem[0] gets what it asks for, another one as long as it holds less than its share.
 * Above `high` nobody does, beyond what keeps a stream moving: see `forceSchedule`.
 *
 * Left out: what a processor keeps for itself (Linux counts up to a megabyte on each late), memory cgroups, SO_RESERVE_MEM, the 100
 * ms between two counts of the orphans. Sockets without a connection do not count when shares are reckoned.
 */
import type { Instant } from '../base/units.ts';
import { jiffiesNow, jiffiesOfMs } from './clock.ts';
import type { Connection } from './connection.ts';
import { rtoMax } from './rtt.ts';
import { PAGE } from './truesize.ts';

/** What tells the present instant: memory is given back where nobody says the time. */
export interface MemoryClock {
  readonly now: Instant;
}

/** What the sockets of one host hold together. */
export class TcpMemory {
  /** tcp_under_memory_pressure(): passed `pressure`, and not yet back at `low`. */
  pressure = false;
  /** Since when. */
  since: Instant = 0 as Instant;
  /** Pages held (tcp_memory_allocated), and the most that ever were. */
  allocated = 0;
  peak = 0;
  /** Some send buffer has shrunk for lack of memory. */
  shrunk = false;
  /** Connections, and those that nobody has open any more (tcp_orphan_count). */
  connections = 0;
  orphans = 0;
  readonly clock: MemoryClock;

  constructor(clock: MemoryClock = { now: 0 as Instant }) {
    this.clock = clock;
  }
}

const RECEIVE = 0;
const SEND = 1;

/** Least send buffer (SOCK_MIN_SNDBUF: two skbs of 2 KiB and their heads). */
const MIN_SNDBUF = 4608;
/** A writer's page fragment, which is copied into at once, bytes (SKB_FRAG_PAGE_ORDER). What is left of the last one is not kept. */
const FRAGMENT = 32_768;
const TIMEWAIT_MS = 60_000;

const PAGE_SHIFT = 12;
const pagesOf = (bytes: number): number => (bytes + PAGE - 1) >> PAGE_SHIFT;

/** What `c` may be charged without asking (sk_forward_alloc), bytes. */
export const forwardAlloc = (c: Connection): number =>
  c.memPages * PAGE - c.rmemAlloc - c.wmemQueued;

/** May `c` be charged `size` bytes for what it has received (sk_rmem_schedule)? */
export function scheduleReceive(c: Connection, size: number): boolean {
  const more = size - forwardAlloc(c);
  return more <= 0 || raise(c, more, RECEIVE);
}

/** May `c` be charged `size` bytes for what it is to send (sk_wmem_schedule)? */
export function scheduleSend(c: Connection, size: number): boolean {
  const more = size - forwardAlloc(c);
  return more <= 0 || raise(c, more, SEND);
}

/** The same, and it may (sk_forced_mem_schedule): where a refusal would be the end of the stream. */
export function forceSchedule(c: Connection, size: number): void {
  const more = size - forwardAlloc(c);
  if (more > 0) hold(c, pagesOf(more));
}

/**
 * Asks for a new record and for all that goes into it at once: the shortcut of a host on which nothing is scarce, where
 * `scheduleSend` of the one and `schedulePayload` of the other come to the same pages (tests/tcp/memory.test.ts).
 *
 * @returns false: it may not be all; nothing was asked for, and the two are to be asked for one after the other
 */
export function scheduleWhole(c: Connection, size: number): boolean {
  const more = size - forwardAlloc(c);
  if (more <= 0) return true;
  const { memory, options } = c.context;
  const pages = pagesOf(more);
  if (memory.pressure || memory.allocated + pages > options.mem[0]) return false;
  hold(c, pages);
  return true;
}

/**
 * How many of `size` bytes may be copied into a record (tcp_wmem_schedule): all; where memory is scarce as much as is asked for at
 * once; or what is left of the socket's pages, and up to tcp_wmem[0] whatever the host says.
 */
export function schedulePayload(c: Connection, size: number): number {
  const more = size - forwardAlloc(c);
  if (more <= 0) return size;
  const { memory, options } = c.context;
  const n = memory.allocated + pagesOf(more) <= options.mem[0] ? size : Math.min(size, FRAGMENT);
  if (scheduleSend(c, n)) return n;
  const left = options.wmem[0] - c.wmemQueued;
  if (left > 0) forceSchedule(c, Math.min(left, n));
  return Math.min(n, forwardAlloc(c));
}

/** Something of `c` was freed: whole pages go back (sk_mem_reclaim). */
export function reclaim(c: Connection): void {
  const free = forwardAlloc(c);
  if (free >= PAGE) giveBack(c, free >> PAGE_SHIFT);
}

/** tcp_out_of_memory(): a socket that sends much, on a host that has too little. */
export function outOfMemory(c: Connection): boolean {
  return c.wmemQueued > MIN_SNDBUF && c.context.memory.allocated > c.context.options.mem[2];
}

/** No buffer grows any more, though there is no pressure yet: `low` has been passed (tcp_clamp_window, tcp_should_expand_sndbuf). */
export function scarce(c: Connection): boolean {
  const { memory, options } = c.context;
  return memory.pressure || memory.allocated >= options.mem[0];
}

// ---- Orphans

/** Nobody has `c` open any more; it still has something to say. */
export function orphaned(c: Connection): void {
  c.context.memory.orphans++;
}

/** The connection is over: it is no connection any more, and no orphan. */
export function departed(c: Connection): void {
  const { memory } = c.context;
  memory.connections--;
  if (c.orphan) memory.orphans--;
}

/**
 * Has an orphan to go because there are too many, or too little memory (tcp_check_oom)?
 *
 * @param shift  it counts for 2^shift
 */
export function checkOom(c: Connection, shift: number): boolean {
  const { memory, options } = c.context;
  return memory.orphans * (1 << shift) > options.maxOrphans || outOfMemory(c);
}

/**
 * The same at a time-out (tcp_out_of_resources): one that has sent nothing for long, or of which ICMP has told nothing good, counts
 * for more.
 *
 * @param reset  its peer may still be there
 * @returns 0: it may stay; OOM_QUIET: it has to go; OOM_RESET: and its peer is told
 */
export function outOfResources(c: Connection, reset: boolean, now: Instant): number {
  const snd = c.sender!;
  const quiet = jiffiesNow(c.context, now) - snd.lsndTime;
  let shift = quiet > 2 * rtoMax(c) || !reset ? 1 : 0;
  if (snd.softError !== 0) shift++;
  if (!checkOom(c, shift)) return 0;
  const recent = quiet <= jiffiesOfMs(c.context, TIMEWAIT_MS);
  return reset || recent || (c.sndWnd === 0 && c.packetsOut === 0) ? OOM_RESET : OOM_QUIET;
}
export const OOM_QUIET = 1;
export const OOM_RESET = 2;

// ---- Pages

/** `size` bytes more than `c` has: pages for them, unless they are refused. */
function raise(c: Connection, size: number, kind: number): boolean {
  const { memory, options } = c.context;
  const pages = pagesOf(size);
  // The marks are compared with what would be held; what is refused never was.
  memory.allocated += pages;
  c.memPages += pages;
  if (memory.allocated <= options.mem[0]) {
    if (memory.pressure) leavePressure(c);
  } else if (!mayExceed(c, size, kind)) {
    memory.allocated -= pages;
    c.memPages -= pages;
    return false;
  }
  if (memory.allocated > memory.peak) memory.peak = memory.allocated;
  return true;
}

/** More than `low` is held, and `c` has the pages already. */
function mayExceed(c: Connection, size: number, kind: number): boolean {
  const { memory, options } = c.context;
  const [, pressure, high] = options.mem;
  if (memory.allocated > pressure) enterPressure(c);
  if (memory.allocated <= high) {
    const little =
      kind === RECEIVE ? c.rmemAlloc < options.rmem[0] : c.wmemQueued < options.wmem[0];
    if (little || !memory.pressure || high > memory.connections * c.memPages) return true;
  }
  if (kind === RECEIVE) return false;
  moderateSndbuf(c);
  // One that has filled its buffer waits for its own ACKs.
  return c.wmemQueued + size >= c.sndbuf;
}

/** The send buffer shrinks to half of what is in it (sk_stream_moderate_sndbuf). */
function moderateSndbuf(c: Connection): void {
  if (c.settings.sndbufLocked) return;
  c.sndbuf = Math.max(Math.min(c.sndbuf, c.wmemQueued >> 1), MIN_SNDBUF);
  c.context.memory.shrunk = true;
}

function hold(c: Connection, pages: number): void {
  const { memory } = c.context;
  c.memPages += pages;
  memory.allocated += pages;
  if (memory.allocated > memory.peak) memory.peak = memory.allocated;
}

function giveBack(c: Connection, pages: number): void {
  const { memory, options } = c.context;
  c.memPages -= pages;
  memory.allocated -= pages;
  if (memory.pressure && memory.allocated < options.mem[0]) leavePressure(c);
}

function enterPressure(c: Connection): void {
  const { memory, mib } = c.context;
  if (memory.pressure) return;
  memory.pressure = true;
  memory.since = jiffiesNow(c.context, memory.clock.now);
  mib.TCPMemoryPressures++;
}

function leavePressure(c: Connection): void {
  const { memory, mib } = c.context;
  memory.pressure = false;
  const lasted = jiffiesNow(c.context, memory.clock.now) - memory.since;
  mib.TCPMemoryPressuresChrono += Math.floor(lasted / 1_000_000);
}
