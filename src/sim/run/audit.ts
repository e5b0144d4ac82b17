/**
 * The laws of the whole world, checked at the end of a run (and whenever somebody asks): conservation of frames, CPU time
 * and memory, bounds of all queues, sleeping threads that have something to do, streams that nothing will ever finish.
 */
import type { QueueMeter } from '../../base/queue-meter.ts';
import { NEVER } from '../../base/units.ts';
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
import type { Ledger } from './ledger.ts';
import type { StopOutcome } from './result.ts';
import type { HostRun, Interface, World } from './world.ts';

export function audit(world: World, stop: StopOutcome): void {
  const { ledger } = world;
  packets(world, ledger);
  bytes(world, ledger);
  for (const run of world.hosts.values()) {
    cpu(run, ledger);
    bounds(run, ledger);
    wakeups(run, ledger);
  }
  for (const { link } of world.wires) withinBound(link.queue, world, ledger);
  for (const app of world.apps.values()) {
    for (const q of app.queues) withinBound(q, world, ledger);
    app.audit();
  }
  memory(world, ledger);
  liveness(world, stop, ledger);
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
    for (let bill = 0; bill < 6; bill++) sum += core.spent(bill);
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
    for (const q of d.qdiscs) {
      check('qdisc', q.meter.peak, q.meter.bound);
      ledger.checks['conserve-packets']++;
      if (q.missing !== 0)
        ledger.fail(
          'conserve-packets',
          now,
          `${d.name}: ${q.missing} packets are missing of ${q.offered} in ${q.kind}`,
        );
    }
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

/** Skbs in use are those in flight, in rings and queues; a closed socket holds no memory. */
function memory(world: World, ledger: Ledger): void {
  const now = world.engine.now;
  ledger.checks['conserve-memory']++;
  const places = skbPlaces(world);
  if (world.pool.live > places) {
    ledger.fail(
      'conserve-memory',
      now,
      `${world.pool.live} skbs are in use, on wires and in queues are ${places}`,
    );
  }
  for (const e of world.flows.ends) {
    const { c } = e;
    ledger.checks['conserve-memory']++;
    if (c.rmemAlloc < 0 || c.wmemQueued < 0 || c.wmemAlloc < 0) {
      ledger.fail(
        'conserve-memory',
        now,
        `${e.host.name}:${c.sport}: rmem ${c.rmemAlloc}, wmem queued ${c.wmemQueued}, in devices ${c.wmemAlloc}`,
      );
    }
    if (c.rmemAlloc > 0 && c.rcvQueue === null && c.ofo === null) {
      ledger.fail(
        'conserve-memory',
        now,
        `${e.host.name}:${c.sport}: charged ${c.rmemAlloc} bytes for empty queues`,
      );
    }
  }
}

/** How many skbs there can be: frames on their way, in rings and in queues. (A copy that a wire made shares its skb.) */
function skbPlaces(world: World): number {
  let n = 0;
  for (const wire of world.wires) n += wire.link.ledger().inFlight;
  for (const run of world.hosts.values()) {
    for (const d of run.devices) {
      for (const q of d.qdiscs) n += q.length;
      n += held(d);
      if (!(d instanceof Nic)) continue;
      for (const q of d.queues) n += q.gro?.skbs ?? 0;
      for (const q of d.txQueues) n += q.waiting.length;
    }
    for (const core of run.host.cores) n += core.softirq.backlog.meter.depth;
    n += run.stack.skbsHeld;
  }
  return n;
}

/**
 * The run ended without what `stop.when` waits for. That is dead, and not merely late, when nothing is left to happen; or
 * when faults are over, no thread sleeps for a while of its own, and still nothing has been read for longer than TCP ever
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
    if (meter.lastReadAt !== NEVER) moved = Math.max(moved, meter.lastReadAt);
    for (const t of host.threads()) {
      if (t.state !== SLEEPING || SYSCALL_NAMES[t.trap.nr] === 'nanosleep') return false;
    }
  }
  return now - moved > patience;
}
