/**
 * The numbers of a run, by the names of sim/scenario/metrics.ts, read off the world at its end: counters of hosts, devices
 * and links, meters of queues, what applications told. A metric whose thing does not exist in this world is absent; one
 * whose thing did not happen is 0.
 */
import { MODELS, type ModelInfo } from '../../app/models.ts';
import { NEVER, type Instant } from '../../base/units.ts';
import { BILL_NAMES } from '../../kernel/cpu.ts';
import { ethtoolSettings, ethtoolStatistics } from '../../kernel/ethtool.ts';
import { Nic } from '../../kernel/nic.ts';
import { SYSCALL_NAMES } from '../../kernel/syscall.ts';
import { PAGE } from '../../tcp/truesize.ts';
import type { AppRun } from './apps.ts';
import type { Latencies } from './latencies.ts';
import type { DropCount, QueueSummary } from './result.ts';
import type { HostRun, Interface, WireRun, World } from './world.ts';

export interface Measured {
  readonly metrics: Record<string, number>;
  readonly counters: Record<string, Record<string, number>>;
  readonly drops: DropCount[];
  readonly queues: QueueSummary[];
}

/** TcpExt, Tcp and Ip counters under which something was dropped. */
const DROPS: readonly string[] = [
  'ListenOverflows',
  'ListenDrops',
  'TCPBacklogDrop',
  'TCPReqQFullDrop',
  'TCPRcvQDrop',
  'TCPZeroWindowDrop',
  'TCPOFODrop',
  'TCPBeyondWindow',
  'OfoPruned',
  'OutDiscards',
];

export function measure(world: World): Measured {
  const out: Measured = { metrics: {}, counters: {}, drops: [], queues: [] };
  const now = world.engine.now;
  out.metrics['duration'] = now;
  goodput(world, out.metrics);
  latencies('latency', world.latencies, out.metrics);
  for (const run of world.hosts.values()) host(run, now, out);
  for (const wire of world.wires) link(wire, now, out);
  for (const app of world.apps.values()) application(world, app, now, out);
  return out;
}

/** Payload bits read over the time from the first connection to the last read. */
function goodput(world: World, metrics: Record<string, number>): void {
  let bytes = 0;
  let from: Instant = NEVER;
  let to = -1;
  for (const { meter } of world.hosts.values()) {
    bytes += meter.bytesRead;
    if (meter.firstEstablishedAt < from) from = meter.firstEstablishedAt;
    if (meter.lastReadAt !== NEVER && meter.lastReadAt > to) to = meter.lastReadAt;
  }
  if (from === NEVER) return;
  metrics['goodput'] = to > from ? (bytes * 8e9) / (to - from) : 0;
}

function latencies(name: string, l: Latencies, metrics: Record<string, number>): void {
  if (l.empty) return;
  const s = l.summary();
  metrics[`${name}.p50`] = s.p50;
  metrics[`${name}.p75`] = s.p75;
  metrics[`${name}.p90`] = s.p90;
  metrics[`${name}.p99`] = s.p99;
  metrics[`${name}.p999`] = s.p999;
  metrics[`${name}.p9999`] = s.p9999;
  metrics[`${name}.max`] = s.max;
  metrics[`${name}.mean`] = s.mean;
}

function host(run: HostRun, now: Instant, out: Measured): void {
  const { host: h, stack, meter } = run;
  const m = out.metrics;
  const at = h.name;
  meter.finish();
  const mib: Record<string, number> = Object.fromEntries([
    ...Object.entries(stack.tcp.mib),
    ...Object.entries(stack.mib),
  ]);
  SYSCALL_NAMES.forEach((call, nr) => {
    // User time is asked for like a system call, and is none.
    if (call !== 'compute') m[`${at}.syscalls.${call}`] = h.counters.syscalls[nr]!;
  });
  m[`${at}.syscalls.read.median`] = h.counters.readSizes.median();
  m[`${at}.eagain`] = h.counters.eagain;
  m[`${at}.epoll.returns`] = h.counters.syscalls[SYSCALL_NAMES.indexOf('epoll_wait')]!;
  m[`${at}.wakeups`] = h.counters.wakeups;
  let voluntary = 0;
  let involuntary = 0;
  for (const p of h.processes) {
    for (const t of p.threads) {
      voluntary += t.nvcsw;
      involuntary += t.nivcsw;
    }
  }
  m[`${at}.ctxt.voluntary`] = voluntary;
  m[`${at}.ctxt.involuntary`] = involuntary;
  tcp(at, run, now, mib, m);
  devices(run, now, mib, out);
  queues(run, mib, out);
  const wall = now * h.cores.length;
  BILL_NAMES.forEach((name, bill) => {
    let spent = 0;
    for (const core of h.cores) spent += core.spent(bill);
    m[`${at}.cpu.${name}`] = wall > 0 ? spent / wall : name === 'idle' ? 1 : 0;
  });
  m[`${at}.descriptors.peak`] = Math.max(0, ...h.processes.map((p) => p.fds.peak));
  m[`${at}.stolen`] = h.cores.reduce((sum, core) => sum + core.timeStolen, 0);
  const dropped = DROPS.map((name) => [name, mib[name] ?? 0] as const);
  let sum = 0;
  for (const [name, count] of [...dropped, ...deviceDrops(mib)]) {
    m[`${at}.drops.${name}`] = count;
    // A SYN that finds the accept queue full counts in both; it was dropped once.
    if (name !== 'ListenOverflows') sum += count;
    if (count > 0) out.drops.push({ where: at, name, count });
  }
  m[`${at}.drops`] = sum;
  out.counters[at] = mib;
}

const DEVICE_DROPS: readonly string[] = [
  'rx_missed_errors',
  'rx_csum_errors',
  'qdisc_drops',
  'softnet_dropped',
];
const deviceDrops = (mib: Record<string, number>): (readonly [string, number])[] =>
  DEVICE_DROPS.map((n) => [n, mib[n] ?? 0] as const);

function tcp(
  at: string,
  run: HostRun,
  now: Instant,
  mib: Record<string, number>,
  m: Record<string, number>,
): void {
  const { meter } = run;
  m[`${at}.tcp.segments_received`] = mib['InSegs']!;
  m[`${at}.tcp.segments_sent`] = mib['OutSegs']!;
  m[`${at}.tcp.data_segments_sent`] = meter.dataSegmentsSent;
  m[`${at}.tcp.acks_sent`] = meter.acksSent;
  m[`${at}.tcp.out_of_order`] = mib['TCPOFOQueue']!;
  m[`${at}.tcp.dup_acks_sent`] = meter.dupAcksSent;
  m[`${at}.tcp.sack_blocks_sent`] = meter.sackBlocksSent;
  m[`${at}.tcp.retransmitted`] = mib['RetransSegs']!;
  m[`${at}.tcp.retransmitted.fast`] = meter.retransmittedFast;
  m[`${at}.tcp.retransmitted.tlp`] = mib['TCPLossProbes']!;
  m[`${at}.tcp.retransmitted.rto`] = meter.retransmittedRto;
  m[`${at}.tcp.spurious`] = mib['TCPDSACKRecv']! + mib['TCPDSACKOfoRecv']!;
  m[`${at}.tcp.zero_window_sent`] = mib['TCPToZeroWindowAdv']!;
  m[`${at}.tcp.zero_window_time`] = meter.zeroWindowTime;
  m[`${at}.tcp.window.mean`] = meter.windowTime > 0 ? meter.windowArea / meter.windowTime : 0;
  m[`${at}.tcp.window_moved_left`] = meter.windowMovedLeft;
  m[`${at}.tcp.probes_sent`] = mib['TCPWinProbe']!;
  m[`${at}.tcp.timeouts`] = mib['TCPTimeouts']!;
  m[`${at}.tcp.resets_sent`] = mib['OutRsts']!;
  const { memory } = run.stack.tcp;
  m[`${at}.tcp.memory.max`] = memory.peak * PAGE;
  m[`${at}.tcp.memory_pressures`] = mib['TCPMemoryPressures']!;
  m[`${at}.tcp.memory_pressure_time`] =
    mib['TCPMemoryPressuresChrono']! * 1e6 + (memory.pressure ? now - memory.since : 0);
  m[`${at}.tcp.aborted_on_memory`] = mib['TCPAbortOnMemory']!;
}

/** Devices and softirqs; what they dropped goes into `mib` under ethtool's and softnet_stat's names. */
function devices(run: HostRun, now: Instant, mib: Record<string, number>, out: Measured): void {
  const { host: h } = run;
  const m = out.metrics;
  let irqs = 0;
  let missed = 0;
  let csum = 0;
  let lost = 0;
  let marked = 0;
  for (const d of run.devices) {
    d.sync();
    irqs += d.counters.interrupts;
    missed += d.counters.rx_missed_errors;
    csum += d.counters.rx_csum_errors;
    ethtool(d, mib);
    for (const q of d.qdiscs) {
      lost += q.losses;
      marked += q.marks;
    }
  }
  mib['rx_missed_errors'] = missed;
  mib['rx_csum_errors'] = csum;
  // The card hands on what it finds wrong, and TCP drops it (tcp_v4_rcv, csum_error).
  mib['InCsumErrors'] = csum;
  mib['InErrs'] = (mib['InErrs'] ?? 0) + csum;
  mib['qdisc_drops'] = lost;
  mib['softnet_dropped'] = h.counters.softnet_dropped;
  mib['BusyPollRxPackets'] = h.counters.busyPollRxPackets;
  mib['time_squeeze'] = h.counters.time_squeeze;
  m[`${h.name}.qdisc.marked`] = marked;
  m[`${h.name}.irq`] = irqs;
  m[`${h.name}.softnet.processed`] = h.counters.softnet_processed;
  m[`${h.name}.softnet.dropped`] = h.counters.softnet_dropped;
  m[`${h.name}.softnet.time_squeeze`] = h.counters.time_squeeze;
  m[`${h.name}.softnet.received_rps`] = h.counters.received_rps;
  m[`${h.name}.softnet.flow_limit_count`] = h.counters.flow_limit_count;
  m[`${h.name}.busy_poll.rx_packets`] = h.counters.busyPollRxPackets;
  m[`${h.name}.napi.polls`] = h.counters.polls;
  m[`${h.name}.napi.frames_per_poll`] =
    h.counters.polls > 0 ? h.counters.softnet_processed / h.counters.polls : 0;
}

/** What ethtool says of each device: `eth0.rx_packets`, `eth0.coalesce.rx-usecs`. */
function ethtool(d: Interface, mib: Record<string, number>): void {
  const name = d.name.slice(d.name.indexOf('/') + 1);
  const all = d instanceof Nic ? { ...ethtoolStatistics(d), ...ethtoolSettings(d) } : d.counters;
  for (const [key, value] of Object.entries(all)) mib[`${name}.${key}`] = value;
}

function queues(run: HostRun, mib: Record<string, number>, out: Measured): void {
  const { host: h, stack, meter } = run;
  const put = (name: string, unit: QueueSummary['unit'], peak: number, bound: number): void =>
    queue(out, `${h.name}.${name}`, unit, peak, bound);
  if (meter.rmemBound > 0) {
    put('receive_buffer', 'bytes', meter.rmemPeak, meter.rmemBound + meter.rmemSkb);
    put('out_of_order', 'packets', meter.ofoPeak, Infinity);
  }
  if (meter.wmemBound > 0) put('send_buffer', 'bytes', meter.wmemPeak, meter.wmemBound);
  put(
    'backlog',
    'bytes',
    stack.backlogPeakBytes,
    2 * meter.rmemBound + (meter.sndbuf >> 1) + 65_536 + meter.rmemSkb,
  );
  for (const d of run.devices) {
    for (const q of d.qdiscs) put('qdisc', q.unit, q.meter.peak, q.meter.bound);
    if (!(d instanceof Nic)) continue;
    for (const q of d.queues) put('rx_ring', 'packets', q.ring.peak, q.ring.size);
    coalesce(run, d, out.metrics);
    for (const { ring } of d.txQueues) {
      put('tx_ring', 'packets', ring.peak, ring.size);
      const { dql } = ring;
      if (dql === null) continue;
      put('byte_queue_limits.inflight', 'bytes', dql.peak, dql.bound);
      const name = `${h.name}.byte_queue_limits.limit`;
      out.metrics[name] = Math.max(out.metrics[name] ?? 0, dql.limit);
    }
  }
  for (const l of stack.listeners) {
    put('accept', 'connections', l.acceptMeter.peak, l.acceptMeter.bound);
    put('syn', 'connections', l.synMeter.peak, l.synMeter.bound);
  }
  mib['backlog_peak_bytes'] = stack.backlogPeakBytes;
}

/** What moderates interrupts at the end (ethtool -c): adaptive moderation has found it. */
function coalesce({ host: h }: HostRun, nic: Nic, m: Record<string, number>): void {
  const most = (name: string, ns: number): void => {
    const key = `${h.name}.coalesce.${name}`;
    m[key] = Math.max(m[key] ?? 0, ns);
  };
  for (const q of nic.queues) {
    most('rx_usecs', q.rxModeration.delay);
    most('tx_usecs', q.txModeration.delay);
  }
}

/** Of several queues of one name the fullest counts, measured against its own bound if it has one. */
function queue(
  out: Measured,
  name: string,
  unit: QueueSummary['unit'],
  peak: number,
  bound: number,
): void {
  const m = out.metrics;
  const i = out.queues.findIndex((q) => q.name === name);
  const known = out.queues[i];
  const summary = { name, unit, peak, bound: bound === Infinity ? null : bound };
  if (known === undefined) out.queues.push(summary);
  else if (fill(summary) > fill(known)) out.queues[i] = summary;
  else return;
  m[`${name}.peak`] = peak;
  if (bound !== Infinity) m[`${name}.bound`] = bound;
}

function fill(q: QueueSummary): number {
  if (q.bound === null) return q.peak;
  return q.bound === 0 ? 0 : q.peak / q.bound;
}

function link(wire: WireRun, now: Instant, out: Measured): void {
  const { link: l, spec } = wire;
  l.sync(now);
  const c = l.counters;
  const m = out.metrics;
  const at = `link.${spec.name}`;
  const causes: [string, number][] = [
    ['loss', c.dropLoss],
    ['limit', c.dropLimit],
    ['codel', c.dropCodel],
    ['down', c.dropDown],
    ['mtu', c.dropMtu],
  ];
  m[`${at}.frames`] = c.frames;
  m[`${at}.bytes`] = c.bytes - c.frames * spec.options.overhead;
  let drops = 0;
  for (const [why, count] of causes) {
    m[`${at}.drops.${why}`] = count;
    drops += count;
    if (count > 0) out.drops.push({ where: spec.name, name: why, count });
  }
  m[`${at}.drops`] = drops;
  m[`${at}.marked`] = c.marked;
  m[`${at}.duplicated`] = c.duplicated;
  m[`${at}.reordered`] = c.reordered;
  m[`${at}.corrupted`] = c.corrupted;
  if (l.hasQueue)
    queue(
      out,
      `${at}.queue`,
      spec.options.limit?.unit === 'bytes' ? 'bytes' : 'packets',
      l.queue.peak,
      l.queue.bound,
    );
}

function application(world: World, app: AppRun, now: Instant, out: Measured): void {
  const m = out.metrics;
  latencies(`${app.name}.latency`, app.latencies, m);
  latencies(`${app.name}.service_latency`, app.serviceLatencies, m);
  for (const name of ['requests', 'failed', 'connections', ...countsOf(app.model)])
    m[`${app.name}.${name}`] = app.counts.get(name) ?? 0;
  let read = 0;
  let written = 0;
  for (const e of world.flows.ends) {
    if (!app.owns(e.host.name, e.c.sport, e.c.dport)) continue;
    read += e.read;
    written += e.written;
  }
  m[`${app.name}.bytes_read`] = read;
  m[`${app.name}.bytes_written`] = written;
  for (const [name, n] of app.counts) m[`${app.name}.${name}`] = n;
  if (app.process !== null) m[`${app.name}.stopped`] = app.process.timeStopped;
  if (app.closedAt !== NEVER && app.closedAt <= now) m[`${app.name}.closed_at`] = app.closedAt;
  for (const q of app.queues) queue(out, q.name, 'items', q.peak, q.bound);
}

/** What the model counts of itself. */
function countsOf(model: string): readonly string[] {
  const info: ModelInfo | undefined = (MODELS as Readonly<Record<string, ModelInfo>>)[model];
  return info?.counts ?? [];
}
