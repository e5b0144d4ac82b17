/**
 * Conservation of memory, to the last unit. Every frame of every skb that is in use is found in exactly one place: on a wire or
 * in its queue, in a receive ring, held by GRO, in a queue in front of a device, in the backlog of a core or of a socket, or
 * built and about to leave. Nothing else is in use, and nothing is in two places. And what each socket is charged is the sum
 * over what is charged to it: record by record of its queues, packet by packet in the devices.
 *
 * The counts are taken from the places themselves, not from their meters.
 */
import type { Train } from '../../base/train.ts';
import { SOCK } from '../../kernel/demux.ts';
import { Nic } from '../../kernel/nic.ts';
import type { Skb, SkbPool } from '../../kernel/skb.ts';
import { Sock } from '../../kernel/socket.ts';
import type { Connection } from '../../tcp/connection.ts';
import { forwardAlloc } from '../../tcp/memory.ts';
import type { Ledger } from './ledger.ts';
import type { HostRun, World } from './world.ts';

/** What the devices hold of each connection, bytes of truesize. */
type Charges = Map<Connection, number>;

export function memory(world: World, ledger: Ledger): void {
  const charged: Charges = new Map();
  compareFrames(world, findFrames(world, charged), ledger);
  for (const [run, all] of connections(world, charged)) {
    for (const c of all) sockMemory(c, run, charged, world, ledger);
    hostMemory(run, all, world, ledger);
  }
}

// ---- Skbs

/** How many frames of each skb are somewhere; and notes what the devices hold of each connection. */
function findFrames(world: World, charged: Charges): Map<Skb, number> {
  const found = new Map<Skb, number>();
  const add = (skb: Skb, count: number): void => {
    found.set(skb, (found.get(skb) ?? 0) + count);
  };
  const whole = (skb: Skb): void => add(skb, skb.segs);
  const run = (train: Train, count: number): void => add(train as Skb, count);
  for (const { link } of world.wires) link.each(run);
  for (const { host, stack, devices } of world.hosts.values()) {
    for (const d of devices) {
      for (const qdisc of d.qdiscs)
        qdisc.each((skb) => {
          whole(skb);
          charge(charged, skb.owner, skb.txTruesize);
        });
      if (!(d instanceof Nic)) continue;
      for (const { ring, waiting } of d.txQueues) {
        ring.each((owner, truesize) => charge(charged, owner, truesize));
        waiting.each(whole);
      }
      for (const q of d.queues) {
        q.ring.each(run);
        q.gro?.each(whole);
      }
    }
    for (const core of host.cores) core.softirq.backlog.each(whole);
    stack.eachUnsent((skb) => {
      add(skb, 1);
      charge(charged, skb.owner, skb.txTruesize);
    });
  }
  for (const s of socketsOf(world.pool)) {
    s.each((skb, count, built) => {
      add(skb, count);
      if (built) charge(charged, skb.owner, skb.txTruesize);
    });
  }
  return found;
}

/** The sockets that are charged for something: those that have skbs are among them. */
export function socketsOf(pool: SkbPool): Set<Sock> {
  const socks = new Set<Sock>();
  for (const skb of pool.records)
    if (skb.outstanding > 0 && skb.owner !== null)
      socks.add((skb.owner as Connection).owner as Sock);
  return socks;
}

function charge(charged: Charges, owner: unknown, truesize: number): void {
  if (owner === null) return;
  const c = owner as Connection;
  charged.set(c, (charged.get(c) ?? 0) + truesize);
}

function compareFrames(world: World, found: Map<Skb, number>, ledger: Ledger): void {
  let live = 0;
  ledger.checks['conserve-memory']++;
  for (const skb of world.pool.records) {
    const { outstanding } = skb;
    const here = found.get(skb) ?? 0;
    if (outstanding > 0) live++;
    if (outstanding === here) continue;
    ledger.fail(
      'conserve-memory',
      world.engine.now,
      `frame ${skb.ordinal} of flow ${skb.flow}: ${outstanding} of it are in use, ${here} are somewhere`,
    );
  }
  if (live === world.pool.live) return;
  ledger.fail(
    'conserve-memory',
    world.engine.now,
    `${world.pool.live} skbs have been taken and not given back, ${live} are in use`,
  );
}

// ---- Sockets

/** Every connection of each host that can be charged for something, once. */
function connections(world: World, charged: Charges): Map<HostRun, Connection[]> {
  const all = new Map<HostRun, Connection[]>();
  for (const run of world.hosts.values()) {
    const open: Connection[] = [];
    for (const s of run.stack.ehash.all())
      if (s.role === SOCK && (s as Sock).c !== null) open.push((s as Sock).c!);
    all.set(run, open);
  }
  const add = (name: string, c: Connection): void => {
    all.get(world.host(name))!.push(c);
  };
  const ends = new Set<Connection>();
  for (const { host, c } of world.flows.ends) {
    if (isOpen(c)) continue;
    add(host.name, c);
    if (charged.has(c)) ends.add(c);
  }
  for (const c of charged.keys())
    if (!isOpen(c) && !ends.has(c)) add((c.owner as Sock).stack.host.name, c);
  return all;
}

/** The established hash has it. */
function isOpen(c: Connection): boolean {
  const { owner } = c;
  return owner instanceof Sock && owner.c === c && owner.hashed;
}

function sockMemory(
  c: Connection,
  run: HostRun,
  charged: Charges,
  world: World,
  ledger: Ledger,
): void {
  const sock = c.owner instanceof Sock ? c.owner : null;
  const check = (what: string, has: number, sum: number): void => {
    ledger.checks['conserve-memory']++;
    if (has !== sum)
      ledger.fail(
        'conserve-memory',
        world.engine.now,
        `${run.host.name}:${c.sport}: ${what} is ${has}, what it has sums up to ${sum}`,
      );
  };
  check('sk_rmem_alloc', c.rmemAlloc, received(c));
  check('sk_wmem_queued', c.wmemQueued, queued(c));
  if (forwardAlloc(c) < 0) check('sk_forward_alloc', forwardAlloc(c), 0);
  check('sk_wmem_alloc', c.wmemAlloc, charged.get(c) ?? 0);
  if (sock === null || sock.c !== c) return;
  let backlog = sock.backlog?.done ?? 0;
  sock.backlog?.each((skb) => (backlog += skb.truesize));
  check('sk_backlog.len', c.backlogLen, backlog);
}

/** What all sockets of a host hold (tcp_memory_allocated) is what each of them does; so are those that nobody has open. */
function hostMemory(run: HostRun, all: readonly Connection[], world: World, ledger: Ledger): void {
  const { memory } = run.stack.tcp;
  let pages = 0;
  let connections = 0;
  let orphans = 0;
  for (const c of all) {
    pages += c.memPages;
    if (c.state === 'CLOSED' || c.timeWaitFor > 0) continue;
    connections++;
    if (c.orphan) orphans++;
  }
  const check = (what: string, has: number, sum: number): void => {
    ledger.checks['conserve-memory']++;
    if (has !== sum)
      ledger.fail(
        'conserve-memory',
        world.engine.now,
        `${run.host.name}: ${has} ${what}, its connections make ${sum}`,
      );
  };
  check('pages allocated', memory.allocated, pages);
  check('connections', memory.connections, connections);
  check('orphans', memory.orphans, orphans);
}

/** Truesize of the receive and out-of-order queues. */
function received(c: Connection): number {
  let sum = 0;
  const { rcvQueue: q, ofo } = c;
  if (q !== null) for (let i = 0; i < q.length; i++) sum += q.at(i).truesize;
  if (ofo !== null) for (let i = 0; i < ofo.records.length; i++) sum += ofo.records.at(i).truesize;
  return sum;
}

/** Truesize of the send queue. */
function queued(c: Connection): number {
  let sum = 0;
  const q = c.sendQueue;
  if (q !== null) for (let i = 0; i < q.records.length; i++) sum += q.records.at(i).truesize;
  return sum;
}
