/**
 * One metric, one name, everywhere: `expect:`, tables, JSON, sweeps and plots use these names, and `hostwire metrics` and
 * docs/metrics.md are printed from this list. A value is stored in the base unit of its dimension: bit/s, ns, bytes, a
 * share of 1, a plain count.
 *
 * In a name, `<host>`, `<app>` and `<a->b>` stand for names of the scenario, `<call>` for a system call, `<LinuxName>` for
 * a counter of Linux, `<why>` for a cause on the wire. A host's metric may also be asked for under the name of an
 * application: it is then that of the host it runs on.
 */
import type { Dimension } from './types.ts';

export interface MetricDef {
  readonly pattern: string;
  readonly dimension: Dimension;
  /** The unit that values are stored in, as JSON has them. */
  readonly unit: string;
  readonly definition: string;
}

const UNIT: { readonly [D in Dimension]: string } = {
  rate: 'bit/s',
  duration: 'ns',
  bytes: 'B',
  fraction: '1',
  packets: 'packets',
  frequency: '1/s',
  count: '',
};

function def(pattern: string, dimension: Dimension, definition: string): MetricDef {
  return { pattern, dimension, unit: UNIT[dimension], definition };
}

/** The most that was in a queue, and the most it may hold: what Linux enforces there. */
function queue(name: string, dimension: Dimension, what: string, bound: string): MetricDef[] {
  return [
    def(`${name}.peak`, dimension, `${what}: the most there was, in one instance of it.`),
    def(`${name}.bound`, dimension, `${what}: the most there may be. ${bound}`),
  ];
}

const INTENDED = 'from when it was meant to be sent to the last byte of its answer read';
const NAIVE =
  'from when its client turned to it, however late, to the last byte of its answer read. What a load generator without a schedule measures (coordinated omission)';

function latencies(prefix: string, whose: string, request = INTENDED): MetricDef[] {
  const mean = `Arithmetic mean of ${whose} latencies. Of a request: ${request}.`;
  return [
    def(`${prefix}.mean`, 'duration', mean),
    def(`${prefix}.p50`, 'duration', 'The median of them.'),
    def(`${prefix}.p75`, 'duration', 'Their 75th percentile.'),
    def(`${prefix}.p90`, 'duration', 'Their 90th percentile.'),
    def(`${prefix}.p99`, 'duration', 'Their 99th percentile.'),
    def(`${prefix}.p999`, 'duration', 'Their 99.9th percentile.'),
    def(`${prefix}.p9999`, 'duration', 'Their 99.99th percentile.'),
    def(`${prefix}.max`, 'duration', 'The largest of them.'),
  ];
}

export const METRICS: readonly MetricDef[] = [
  def(
    'goodput',
    'rate',
    'Payload bytes that applications read, times 8, over the time from the first connection established to the last byte read.',
  ),
  ...latencies('latency', 'all'),
  def('duration', 'duration', 'Simulated time from the start of the run to its end.'),

  ...latencies('<app>.latency', "this application's"),
  ...latencies('<app>.service_latency', "this client's service", NAIVE),
  def('<app>.requests', 'count', 'Requests answered.'),
  def('<app>.failed', 'count', 'Requests or connections that ended in an error or a time-out.'),
  def('<app>.connections', 'count', 'Connections opened (a client) or accepted (a server).'),
  def('<app>.bytes_read', 'bytes', 'Payload bytes that the application got from read calls.'),
  def('<app>.bytes_written', 'bytes', 'Payload bytes that write calls took from the application.'),
  def(
    '<app>.closed_at',
    'duration',
    'When its last connection was closed; absent when it was not.',
  ),
  def(
    '<app>.stopped',
    'duration',
    'Time that its process was stopped: by its garbage collector, or from outside (`faults:`).',
  ),
  def('<app>.messages', 'count', 'Messages that a talker has sent.'),
  def('<app>.answers', 'count', 'Answers that a talker has read and found right.'),
  def('<app>.mismatched', 'count', 'Answers that were not what `answer:` says, byte by byte.'),
  def('<app>.cut', 'count', 'Connections of a slow-loris that the server has ended.'),
  def('<app>.reads', 'count', 'Event loop: reads that brought data, each one a channelRead.'),
  def('<app>.read_loops', 'count', 'Event loop: turns of the read loop of one channel.'),
  def('<app>.auto_read_on', 'count', 'Event loop: times a channel began to read on.'),
  def('<app>.auto_read_off', 'count', 'Event loop: times a channel stopped reading on.'),
  def(
    '<app>.writability_changed',
    'count',
    'Event loop: times an outbound buffer went above its high or below its low water mark.',
  ),
  def('<app>.flushes', 'count', 'Event loop: flushes of an outbound buffer.'),
  def(
    '<app>.rejected',
    'count',
    'Messages (an event loop’s) or sockets (Tomcat’s, which closes them) that the executor did not take.',
  ),
  def(
    '<app>.caller_runs',
    'count',
    'Event loop: messages that the loop worked on itself because the executor was full.',
  ),
  def('<app>.on_next', 'count', 'Reactive: messages given to the subscriber of receive().'),
  def('<app>.request_calls', 'count', 'Reactive: calls of request(n) on receive().'),
  def('<app>.requested', 'count', 'Reactive: the sum of their n.'),
  def(
    '<app>.send_request_calls',
    'count',
    'Reactive: calls of request(n) by MonoSendMany on what it sends.',
  ),
  ...queue(
    '<app>.receiver_queue',
    'count',
    'Messages that were read and not yet requested, of one connection',
    'One; behind a decoder, what one read can hold.',
  ),
  def(
    '<app>.outbound.peak',
    'count',
    'Entries of one outbound buffer: the most there were. Nothing bounds it but demand; the water marks only tell.',
  ),
  def('<app>.tasks.peak', 'count', 'Tasks that wait for one event loop: the most there were.'),
  ...queue(
    '<app>.executor',
    'count',
    'Messages (Tomcat: sockets) that wait for a thread of the executor',
    "The executor's `queue:`; Tomcat's `maxQueueSize:`.",
  ),
  ...queue(
    '<app>.connections',
    'count',
    'Tomcat: connections that were accepted and not closed',
    '`maxConnections:`.',
  ),
  ...queue('<app>.threads', 'count', 'Tomcat: threads of the executor', '`maxThreads:`.'),
  ...queue(
    '<app>.busy_threads',
    'count',
    'Tomcat: threads of the executor that have something to do',
    '`maxThreads:`.',
  ),
  def(
    '<app>.timed_out',
    'count',
    'Tomcat: connections closed because no request, or no more of one, came in time.',
  ),
  def('<app>.bad_requests', 'count', 'Tomcat: requests refused as no HTTP/1.1, or as too long.'),
  ...queue(
    '<app>.queue',
    'count',
    'Items in the queue in front of its worker threads',
    "The pool's `queue:`.",
  ),

  def('<host>.syscalls.<call>', 'count', 'Completed system calls of that name, errors included.'),
  def(
    '<host>.syscalls.read.median',
    'bytes',
    'Median of what read calls returned, of those that returned data.',
  ),
  def('<host>.eagain', 'count', 'System calls that returned −EAGAIN.'),
  def('<host>.epoll.returns', 'count', 'Returns of epoll_wait(), time-outs included.'),
  def('<host>.wakeups', 'count', 'Threads made runnable after they had slept.'),
  def(
    '<host>.ctxt.voluntary',
    'count',
    'Context switches of threads that went to sleep (voluntary_ctxt_switches).',
  ),
  def(
    '<host>.ctxt.involuntary',
    'count',
    'Context switches of threads that were pre-empted (nonvoluntary_ctxt_switches).',
  ),
  def(
    '<host>.descriptors.peak',
    'count',
    'Open descriptors of one process: the most there were. `nofile:` bounds them.',
  ),
  def('<host>.irq', 'count', 'Hard interrupts of network devices.'),
  def(
    '<host>.coalesce.rx_usecs',
    'duration',
    'How long a receive interrupt may be held back, at the end of the run (ethtool -c rx-usecs): what adaptive moderation has come to. Of several queues the longest.',
  ),
  def(
    '<host>.coalesce.tx_usecs',
    'duration',
    'The same for the interrupt of sent frames (ethtool -c tx-usecs).',
  ),
  def(
    '<host>.softnet.processed',
    'count',
    'Packets that softirqs have handled (softnet_stat, 1st).',
  ),
  def(
    '<host>.softnet.dropped',
    'count',
    'Packets that found a core’s backlog full (softnet_stat, 2nd).',
  ),
  def(
    '<host>.softnet.time_squeeze',
    'count',
    'How often polling ran out of its budget with work left (softnet_stat, 3rd).',
  ),
  def(
    '<host>.softnet.received_rps',
    'count',
    'Interrupts by which one core told another of packets in its backlog (softnet_stat, 10th).',
  ),
  def(
    '<host>.softnet.flow_limit_count',
    'count',
    'Packets that a half full backlog did not take because their connection had too many there (softnet_stat, 11th); they count as dropped too.',
  ),
  def(
    '<host>.busy_poll.rx_packets',
    'count',
    'Frames that threads have polled themselves (BusyPollRxPackets).',
  ),
  def(
    '<host>.napi.polls',
    'count',
    'Calls of the NAPI poll function, those of threads that poll themselves among them (or rounds of the backlog queue on tun and lo).',
  ),
  def('<host>.napi.frames_per_poll', 'count', 'Frames received, divided by polls.'),
  def('<host>.tcp.segments_received', 'count', 'Segments that reached TCP (InSegs).'),
  def('<host>.tcp.segments_sent', 'count', 'Segments sent, one per frame on the wire (OutSegs).'),
  def(
    '<host>.tcp.data_segments_sent',
    'count',
    'Segments with payload, retransmitted ones included.',
  ),
  def('<host>.tcp.acks_sent', 'count', 'Segments sent without payload, SYN, FIN or RST.'),
  def(
    '<host>.tcp.out_of_order',
    'count',
    'Segments that went to the out-of-order queue (TCPOFOQueue).',
  ),
  def(
    '<host>.tcp.dup_acks_sent',
    'count',
    'Acknowledgements sent that repeat the last one because a segment came out of order.',
  ),
  def('<host>.tcp.sack_blocks_sent', 'count', 'SACK blocks in segments sent, D-SACK included.'),
  def(
    '<host>.tcp.retransmitted',
    'count',
    'Segments sent again, for whatever cause (RetransSegs).',
  ),
  def('<host>.tcp.retransmitted.fast', 'count', 'Segments sent again in fast recovery.'),
  def(
    '<host>.tcp.retransmitted.tlp',
    'count',
    'Tail loss probes that repeated a segment (TCPLossProbes, without new data).',
  ),
  def(
    '<host>.tcp.retransmitted.rto',
    'count',
    'Segments sent again after the retransmission timer ran out.',
  ),
  def('<host>.tcp.spurious', 'count', 'Retransmissions of what the receiver already had.'),
  def(
    '<host>.tcp.zero_window_sent',
    'count',
    'Times the advertised window went from open to zero (TCPToZeroWindowAdv).',
  ),
  def(
    '<host>.tcp.zero_window_time',
    'duration',
    'Time during which the last window advertised was zero, over all connections.',
  ),
  def(
    '<host>.tcp.window.mean',
    'bytes',
    'Mean advertised window of the connections that data came on, weighted by time, from the first payload in order to the last.',
  ),
  def(
    '<host>.tcp.window_moved_left',
    'count',
    'Times the right edge of an advertised window moved left: memory ran out, tcp_shrink_window, TCP_WINDOW_CLAMP.',
  ),
  def('<host>.tcp.probes_sent', 'count', 'Zero-window probes sent (TCPWinProbe).'),
  def('<host>.tcp.timeouts', 'count', 'Retransmission time-outs (TCPTimeouts).'),
  def('<host>.tcp.resets_sent', 'count', 'RST segments sent (OutRsts).'),
  def(
    '<host>.tcp.memory.max',
    'bytes',
    'Most that all connections together ever held, in whole pages (tcp_memory_allocated).',
  ),
  def(
    '<host>.tcp.memory_pressures',
    'count',
    'Times that they held more than `tcp_mem` says for pressure (TCPMemoryPressures).',
  ),
  def(
    '<host>.tcp.memory_pressure_time',
    'duration',
    'Time from then until they were back at the low mark, in whole milliseconds once it is over (TCPMemoryPressuresChrono).',
  ),
  def(
    '<host>.tcp.aborted_on_memory',
    'count',
    'Closed connections that were reset because there were too many of them, or too little memory (TCPAbortOnMemory).',
  ),
  def('<host>.drops', 'count', 'All that the host dropped, under whatever name.'),
  def(
    '<host>.drops.<LinuxName>',
    'count',
    'What the host dropped under that name, e.g. rx_missed_errors, ListenOverflows. OutDiscards: refused by a qdisc, which the sender was told; qdisc_drops: dropped there later, or without a word.',
  ),
  ...queue(
    '<host>.receive_buffer',
    'bytes',
    'sk_rmem_alloc of one socket',
    'sk_rcvbuf and the one skb that crosses it.',
  ),
  ...queue(
    '<host>.send_buffer',
    'bytes',
    'sk_wmem_queued of one socket',
    'sk_sndbuf, the one skb that crosses it, and what is in flight: a record is filled up again as its front is sent.',
  ),
  def(
    '<host>.out_of_order.peak',
    'count',
    'Segments in the out-of-order queue of one connection: the most there were. The receive buffer bounds their memory.',
  ),
  ...queue('<host>.rx_ring', 'count', 'Frames in one receive ring', '`nic.ring.rx`.'),
  ...queue('<host>.tx_ring', 'count', 'Descriptors in use in one transmit ring', '`nic.ring.tx`.'),
  ...queue(
    '<host>.byte_queue_limits.inflight',
    'bytes',
    'Bytes in one transmit ring that has byte queue limits',
    'The largest limit there was, and the one packet that crosses it.',
  ),
  def(
    '<host>.byte_queue_limits.limit',
    'bytes',
    'The limit at the end, of the transmit ring where it is largest.',
  ),
  ...queue(
    '<host>.syn',
    'count',
    'Half-open connections of one listener',
    'The backlog of listen().',
  ),
  ...queue(
    '<host>.accept',
    'count',
    'Connections that wait for accept() on one listener',
    'min(backlog, net.core.somaxconn) + 1.',
  ),
  ...queue(
    '<host>.backlog',
    'bytes',
    'Truesize in the backlog of one socket: what came while a system call owned it',
    'tcp_add_backlog(): sk_rcvbuf + sk_sndbuf/2 + 64 KiB.',
  ),
  ...queue(
    '<host>.qdisc',
    'count',
    'Packets (bytes, when its limit is in bytes) in the queue in front of one device',
    "The qdisc's limit.",
  ),
  def(
    '<host>.qdisc.marked',
    'count',
    'Packets that the queue in front of a device gave the mark of congestion (CE).',
  ),
  def('<host>.cpu.irq', 'fraction', 'Share of all cores spent in hard interrupts.'),
  def('<host>.cpu.softirq', 'fraction', 'Share of all cores spent in softirqs.'),
  def('<host>.cpu.system', 'fraction', 'Share of all cores spent in system calls.'),
  def('<host>.cpu.user', 'fraction', 'Share of all cores spent in applications.'),
  def('<host>.cpu.switch', 'fraction', 'Share of all cores spent in context switches.'),
  def('<host>.cpu.idle', 'fraction', 'Share of all cores spent idle.'),
  def(
    '<host>.cpu.steal',
    'fraction',
    'Share of all cores that the hypervisor took while there was something to do (`faults:`).',
  ),
  def(
    '<host>.stolen',
    'duration',
    'Time that the hypervisor took cores away, summed over cores, whether or not there was something to do.',
  ),

  def('link.<a->b>.frames', 'count', 'Frames put on the wire in this direction.'),
  def(
    'link.<a->b>.bytes',
    'bytes',
    'IP bytes put on the wire in this direction, overhead left out.',
  ),
  def('link.<a->b>.drops', 'count', 'Frames lost in this direction, for whatever cause.'),
  def(
    'link.<a->b>.drops.<why>',
    'count',
    'Frames lost in this direction: `loss` on the wire, `limit` at the tail of the queue, `codel` at its head.',
  ),
  def('link.<a->b>.marked', 'count', 'Frames that the queue gave the mark of congestion (CE).'),
  def('link.<a->b>.duplicated', 'count', 'Frames that the wire doubled.'),
  def('link.<a->b>.reordered', 'count', 'Frames that the wire held back.'),
  def('link.<a->b>.corrupted', 'count', 'Frames that the wire damaged.'),
  ...queue(
    'link.<a->b>.queue',
    'count',
    "Packets (bytes, when `limit:` is in bytes) in the link's queue",
    '`limit:`.',
  ),
];

/**
 * Counters with names of their own: kernel/syscall.ts SYSCALL_NAMES, what sim/run/measure.ts counts as dropped, the causes of
 * sim/net/link.ts. One that did not move is 0, so a name that is none of these is a slip of the pen.
 */
export const NAMED_COUNTERS: Readonly<
  Record<'<call>' | '<LinuxName>' | '<why>', readonly string[]>
> = {
  '<call>':
    'socket bind listen accept connect read write recv send shutdown close setsockopt getsockopt fcntl poll epoll_create epoll_ctl epoll_wait futex_wait futex_wake eventfd timerfd_create timerfd_settime pipe nanosleep clock_gettime clone exit sched_yield tcp_info sendto sendmsg recvmsg ioctl open sendfile splice select'.split(
      ' ',
    ),
  '<LinuxName>':
    'rx_missed_errors rx_csum_errors qdisc_drops softnet_dropped ListenOverflows ListenDrops TCPReqQFullDrop TCPBacklogDrop TCPRcvQDrop TCPZeroWindowDrop TCPOFODrop TCPBeyondWindow OfoPruned OutDiscards'.split(
      ' ',
    ),
  '<why>': ['loss', 'limit', 'codel', 'down', 'mtu'],
};

const oneOf = (words: readonly string[]): string => `(${words.join('|')})`;

/** What a placeholder may stand for: names without a dot, directions of a link with their arrow. */
const PLACEHOLDER: Readonly<Record<string, string>> = {
  '<host>': '([^.]+)',
  '<app>': '([^.]+)',
  '<a->b>': '([^.]+->[^.]+)',
  '<call>': oneOf(NAMED_COUNTERS['<call>']),
  '<LinuxName>': oneOf(NAMED_COUNTERS['<LinuxName>']),
  '<why>': oneOf(NAMED_COUNTERS['<why>']),
};

/** A metric's pattern, what its placeholders stood for, and the definition. */
export interface MetricMatch {
  readonly def: MetricDef;
  readonly subject:
    | { readonly kind: 'run' }
    | { readonly kind: 'host' | 'app' | 'link'; readonly name: string };
}

interface Compiled {
  readonly def: MetricDef;
  readonly regex: RegExp;
}

const COMPILED: readonly Compiled[] = METRICS.map((d) => ({
  def: d,
  regex: new RegExp(
    `^${d.pattern
      .split(/(<a->b>|<[A-Za-z]+>)/)
      .map((part) => PLACEHOLDER[part] ?? part.replaceAll('.', '\\.'))
      .join('')}$`,
  ),
}));

/** All metrics that could be called this; literal patterns come before those with more placeholders. */
export function matchMetric(name: string): MetricMatch[] {
  const found: { match: MetricMatch; free: number }[] = [];
  for (const { def: d, regex } of COMPILED) {
    const m = regex.exec(name);
    if (m === null) continue;
    const subject: MetricMatch['subject'] = d.pattern.startsWith('<host>')
      ? { kind: 'host', name: m[1]! }
      : d.pattern.startsWith('<app>')
        ? { kind: 'app', name: m[1]! }
        : d.pattern.startsWith('link.')
          ? { kind: 'link', name: m[1]! }
          : { kind: 'run' };
    found.push({ match: { def: d, subject }, free: m.length });
  }
  return found.toSorted((a, b) => a.free - b.free).map((f) => f.match);
}

/** The definition behind a canonical name; null when there is none. */
export function metricDef(name: string): MetricDef | null {
  return matchMetric(name)[0]?.def ?? null;
}
