/**
 * The laws of the whole world. Conservation of frames, bytes, descriptors, CPU time and memory holds between any two events: it is
 * looked at several times in a run and at its end. Only at its end: bounds of all queues, sleeping threads that have something
 * to do, streams that nothing will ever finish.
 */
import type { QueueMeter } from '../../base/queue-meter.ts';
import { NEVER } from '../../base/units.ts';
import { BILL_NAMES } from '../../kernel/cpu.ts';
import { Lo } from '../../kernel/lo.ts';
import { Nic } from '../../kernel/nic.ts';
import { SLEEPING } from '../../kernel/sched.ts';
import {
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDHUP,
  SYSCALL_NAMES,
} from '../../kernel/syscall.ts';
import type { Stack } from '../../kernel/stack.ts';
import type { Ledger } from './ledger.ts';
import type { StopOutcome } from './result.ts';
import { memory, socketsOf } from './audit-memory.ts';
import type { HostRun, Interface, World } from './world.ts';

export function audit(world: World, stop: StopOutcome): void {
  const { ledger } = world;
  conserved(world);
  for (const run of world.hosts.values()) {
    bounds(run, ledger);
    wakeups(run, ledger);
  }
  for (const { link } of world.wires) withinBound(link.queue, world, ledger);
  for (const app of world.apps.values()) {
    for (const q of app.queues) withinBound(q, world, ledger);
    app.audit();
  }
  liveness(world, stop, ledger);
}

/** What holds at every instant between two events: nothing is lost, and nothing comes from nowhere. */
export function conserved(world: World): void {
  const { ledger } = world;
  packets(world, ledger);
  bytes(world, ledger);
  for (const run of world.hosts.values()) {
    cpu(run, ledger);
    segments(run, world, ledger);
    for (const d of run.devices) descriptors(d, world, ledger);
  }
  memory(world, ledger);
}

/** Every frame that a device sent is in its link's books; every frame there is delivered, dropped or in flight. */
function packets(world: World, ledger: Ledger): void {
  const now = world.engine.now;
  for (const { link, spec, from, to } of world.wires) {
    link.sync(now);
    from?.sync();
    to?.sync();
    const l = link.ledger();
    ledger.checks['conserve-packets']++;
    if (l.missing !== 0)
      ledger.fail(
        'conserve-packets',
        now,
        `link ${spec.name}: ${l.missing} frames are missing of ${l.offered}`,
      );
    if (from !== null) {
      let sent = from.counters.tx_packets;
      for (const raw of world.raws) if (raw.wire === link) sent += raw.sent;
      // With several rings a card gives its link a frame when that is free.
      if (from instanceof Nic) for (const q of from.txQueues) sent -= q.framesWaiting;
      if (sent !== l.offered)
        ledger.fail(
          'conserve-packets',
          now,
          `${from.name}: sent ${sent} frames, its link got ${l.offered}`,
        );
    }
    if (to === null) continue;
    const c = to.counters;
    const seen = c.rx_packets + c.rx_missed_errors + c.rx_csum_errors + held(to);
    if (seen !== l.delivered)
      ledger.fail(
        'conserve-packets',
        now,
        `${to.name}: ${l.delivered} frames arrived, ${seen} are accounted for`,
      );
  }
}

/**
 * What TCP has sent is on its way to a device, in a queue there, dropped by it, or was given to the wire; what devices have
 * given to the host has been given to TCP, was dropped under a name, or still waits for it. In frames, since skbs are cut and
 * joined on the way.
 */
function segments(run: HostRun, world: World, ledger: Ledger): void {
  const { host, stack } = run;
  const fail = (detail: string): void =>
    ledger.fail('conserve-packets', world.engine.now, `${host.name}: ${detail}`);
  ledger.checks['conserve-packets'] += 2;
  const mib = stack.tcp.mib;
  const waiting = framesOf(stack, world);
  const lo = host.devices.find((d) => d instanceof Lo)?.frames ?? 0;
  let left = lo + stack.unroutedFrames + waiting.built;
  let came = lo;
  let taken = mib.InSegs + stack.droppedFrames + waiting.backlogged;
  let copied = 0;
  for (const d of run.devices) {
    for (const q of d.qdiscs) {
      if (q.missing !== 0)
        fail(`${d.name}: ${q.missing} packets are missing of ${q.offered} in ${q.kind}`);
      q.each((skb) => (left += skb.segs));
      left += q.lostFrames;
      copied += q.copiedFrames;
    }
    left += d.counters.tx_packets;
    came += d.counters.rx_packets;
    if (d instanceof Nic) for (const q of d.queues) q.gro?.each((skb) => (taken += skb.segs));
  }
  for (const { softirq } of host.cores) {
    softirq.backlog.each((skb) => (taken += skb.segs));
    taken += softirq.backlog.droppedFrames;
  }
  if (mib.OutSegs + copied !== left)
    fail(`TCP has sent ${mib.OutSegs} segments, ${copied} were copied, ${left} are accounted for`);
  if (came !== taken) fail(`devices took in ${came} frames, ${taken} are accounted for`);
}

/** Frames of what the host's sockets, and those without one, have built and not sent; and of what waits in sockets' backlogs. */
function framesOf(stack: Stack, world: World): { built: number; backlogged: number } {
  const n = { built: 0, backlogged: 0 };
  stack.eachUnsent((skb) => (n.built += skb.segs));
  for (const s of socketsOf(world.pool)) {
    if (s.stack !== stack) continue;
    s.each((skb, _count, built) => {
      if (built) n.built += skb.segs;
      else n.backlogged += skb.segs;
    });
  }
  return n;
}

/**
 * Each descriptor of a ring is with the driver or with the device: those handed out and not given back are those in use, with
 * the bytes that the queue limits count; the frames in a receive ring are those that its meter has.
 */
function descriptors(d: Interface, world: World, ledger: Ledger): void {
  if (!(d instanceof Nic)) return;
  const check = (ring: string, what: string, has: number, should: number): void => {
    ledger.checks['conserve-descriptors']++;
    if (has !== should)
      ledger.fail(
        'conserve-descriptors',
        world.engine.now,
        `${d.name}: ${ring} ring: ${has} ${what}, but ${should}`,
      );
  };
  for (const { ring, qdisc } of d.txQueues) {
    let inUse = 0;
    let bytes = 0;
    ring.each((_owner, _truesize, wire) => {
      inUse++;
      bytes += wire;
    });
    check('transmit', 'descriptors given out', ring.returned + inUse, qdisc.sent);
    if (ring.dql !== null) check('transmit', 'bytes in the device', ring.dql.inflight, bytes);
  }
  for (const { ring } of d.queues) {
    let frames = 0;
    ring.each((_train, count) => (frames += count));
    check('receive', 'descriptors in use', ring.held, frames);
    check('receive', 'descriptors in use by the meter', ring.meter.depth, frames);
  }
}

/** Frames in the receive rings of a device. */
function held(device: Interface): number {
  let n = 0;
  if (device instanceof Nic) for (const q of device.queues) n += q.ring.held;
  return n;
}

/** What was read was queued, what was queued was written; a stream that ended well arrived whole. */
function bytes(world: World, ledger: Ledger): void {
  const now = world.engine.now;
  for (const e of world.flows.ends) {
    const { peer } = e;
    if (peer === null) continue;
    ledger.checks['conserve-bytes']++;
    if (e.read > e.queued || e.queued > peer.written) {
      ledger.fail(
        'conserve-bytes',
        now,
        `${e.host.name}:${e.c.sport}: read ${e.read}, queued ${e.queued}, written ${peer.written}`,
      );
    }
    const ended = e.c.rcvShutdown && e.finTaken && !e.aborted && !peer.aborted;
    if (ended && e.queued !== peer.written) {
      ledger.fail(
        'conserve-bytes',
        now,
        `${e.host.name}:${e.c.sport}: the stream ended after ${e.queued} of ${peer.written} bytes`,
      );
    }
  }
}

function cpu(run: HostRun, ledger: Ledger): void {
  const now = run.host.engine.now;
  for (const core of run.host.cores) {
    let sum = 0;
    for (let bill = 0; bill < BILL_NAMES.length; bill++) sum += core.spent(bill);
    ledger.checks['conserve-cpu']++;
    if (sum !== now)
      ledger.fail(
        'conserve-cpu',
        now,
        `${run.host.name} core ${core.index}: ${sum} ns billed of ${now}`,
      );
  }
}

function withinBound(queue: QueueMeter, world: World, ledger: Ledger): void {
  ledger.checks['bounded-queues']++;
  const { name, peak, bound } = queue;
  if (peak > bound)
    ledger.fail('bounded-queues', world.engine.now, `${name} held ${peak}, its bound is ${bound}`);
}

function bounds(run: HostRun, ledger: Ledger): void {
  const now = run.host.engine.now;
  const check = (name: string, peak: number, bound: number): void => {
    ledger.checks['bounded-queues']++;
    if (peak > bound)
      ledger.fail(
        'bounded-queues',
        now,
        `${run.host.name}: ${name} held ${peak}, its bound is ${bound}`,
      );
  };
  for (const l of run.stack.listeners) {
    check('accept queue', l.acceptMeter.peak, l.acceptMeter.bound);
    check('SYN queue', l.synMeter.peak, l.synMeter.bound);
  }
  for (const d of run.devices) {
    for (const q of d.qdiscs) check('qdisc', q.meter.peak, q.meter.bound);
    if (!(d instanceof Nic)) continue;
    for (const q of d.queues) check('rx ring', q.ring.peak, q.ring.size);
    for (const { ring } of d.txQueues) {
      check('tx ring', ring.peak, ring.size);
      const { dql } = ring;
      if (dql !== null) check('tx ring in bytes', dql.peak, dql.bound);
    }
  }
  for (const core of run.host.cores)
    check('netif_rx backlog', core.softirq.backlog.meter.peak, core.softirq.backlog.meter.bound);
}

/**
 * A thread sleeps in a call whose file is ready, and nobody is on the way to wake it: all cores of its host are idle. (While
 * one is busy, the thread that was woken for it may still be about to take what is there.)
 */
function wakeups(run: HostRun, ledger: Ledger): void {
  const { host } = run;
  if (host.executing !== null || host.cores.some((core) => core.busy)) return;
  for (const t of host.threads()) {
    if (t.state !== SLEEPING) continue;
    ledger.checks['no-lost-wakeup']++;
    const wants = WANTS[SYSCALL_NAMES[t.trap.nr] ?? ''];
    const file = t.process.fds.get(t.trap.fd);
    if (wants === undefined || file === null || (file.poll() & wants) === 0) continue;
    ledger.fail(
      'no-lost-wakeup',
      host.now,
      `${host.name}: ${t.waitingFor() ?? t.name}, and it is ready`,
    );
  }
}

/** What ends the sleep of each call. */
const READY = EPOLLIN | EPOLLERR | EPOLLHUP | EPOLLRDHUP;
const WANTS: Readonly<Record<string, number>> = {
  accept: READY,
  read: READY,
  recv: READY,
  epoll_wait: EPOLLIN,
  write: EPOLLOUT | EPOLLERR | EPOLLHUP,
  send: EPOLLOUT | EPOLLERR | EPOLLHUP,
  connect: EPOLLOUT | EPOLLERR | EPOLLHUP,
};

/**
 * The run ended without what `stop.when` waits for. That is dead, and not merely late, when nothing is left to happen; or
 * when faults are over, nobody is stopped or sleeps for a while of his own, and still nothing has been read for longer than TCP ever
 * waits before it tries again.
 */
function liveness(world: World, stop: StopOutcome, ledger: Ledger): void {
  ledger.checks.liveness++;
  if (stop.reason === 'when' || stop.reason === 'stopped' || world.missing.size === 0) return;
  const idle = stop.reason === 'idle';
  if (!idle && !stuck(world)) return;
  const waiting: string[] = [];
  for (const run of world.hosts.values()) waiting.push(...run.host.waiting());
  const what = idle ? 'nothing is left to happen' : 'nothing has moved for long';
  const missing = `${what}, but not ${stop.missing.join(', ')}`;
  ledger.fail('liveness', world.engine.now, `${missing}; ${waiting.slice(0, 4).join('; ')}`);
}

/** Twice the ceiling of the RTO (TCP_RTO_MAX, 120 s): one try may be lost just before faults end. */
const PATIENCE = 240_000_000_000;
/** … and so many frames of the slowest link, for links that take seconds for each. */
const FRAMES = 10_000;

function stuck(world: World): boolean {
  const now = world.engine.now;
  let patience = PATIENCE;
  let moved = 0;
  for (const { link, spec } of world.wires) {
    const { loss, duplicate, corrupt, reorder, jitter, until } = spec.options;
    const faulty = [loss, duplicate, corrupt, reorder, jitter].some((f) => f !== null);
    if (faulty) moved = Math.max(moved, Math.min(until, now));
    patience = Math.max(patience, PATIENCE + FRAMES * link.leastLatency);
  }
  for (const { meter, host } of world.hosts.values()) {
    if (host.processes.some((p) => p.stopped)) return false;
    if (host.cores.some((core) => core.awayUntil > now)) return false;
    if (meter.lastReadAt !== NEVER) moved = Math.max(moved, meter.lastReadAt);
    for (const t of host.threads()) {
      if (t.state !== SLEEPING || SYSCALL_NAMES[t.trap.nr] === 'nanosleep') return false;
    }
  }
  return now - moved > patience;
}
