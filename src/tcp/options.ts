/**
 * Every tunable of TCP, with its unit, its sysctl name, the default of Linux 6.18 and where that comes from. One object
 * is shared by reference by all connections of a host. What a socket may set for itself is in settings.ts; what the
 * route and the device say is in `PathOptions`.
 */

/** A minimum, a default and a maximum, as tcp_rmem and tcp_wmem have them; bytes. */
export type Triple = readonly [min: number, initial: number, max: number];

/** Their order is that of TCP_CONGESTION's values in a simulated setsockopt(). */
export const CONGESTION_CONTROLS: readonly ['cubic', 'reno', 'dctcp', 'bbr', 'fixed'] = [
  'cubic',
  'reno',
  'dctcp',
  'bbr',
  'fixed',
];
export type CongestionName = (typeof CONGESTION_CONTROLS)[number];

export interface TcpOptions {
  readonly hz: 100 | 250 | 300 | 1000 | 'exact';
  readonly timerSlackUs: number;
  readonly rtoEstimator: 'linux' | 'rfc';
  readonly congestionControl: CongestionName;
  readonly congestionWindow: 'linux' | 'rfc';
  readonly rmem: Triple;
  readonly wmem: Triple;
  readonly mem: Triple;
  readonly maxOrphans: number;
  readonly rmemMax: number;
  readonly wmemMax: number;
  readonly moderateRcvbuf: boolean;
  readonly shrinkWindow: boolean;
  readonly appWin: number;
  readonly windowScaling: boolean;
  readonly timestamps: boolean;
  readonly sack: boolean;
  readonly dsack: boolean;
  readonly compSackNr: number;
  readonly compSackDelayNs: number;
  readonly compSackRttPercent: number;
  readonly rtoMinUs: number;
  readonly rtoMaxMs: number;
  readonly retries1: number;
  readonly retries2: number;
  readonly orphanRetries: number;
  readonly synRetries: number;
  readonly synLinearTimeouts: number;
  readonly synackRetries: number;
  readonly finTimeoutS: number;
  readonly timeWaitS: number;
  readonly rfc1337: boolean;
  readonly abortOnOverflow: boolean;
  readonly keepaliveTimeS: number;
  readonly keepaliveIntvlS: number;
  readonly keepaliveProbes: number;
  readonly reordering: number;
  readonly lossDetection: 'rack' | 'rfc6675';
  readonly recovery: number;
  readonly earlyRetrans: number;
  readonly frto: number;
  readonly retransCollapse: boolean;
  readonly thinLinearTimeouts: boolean;
  readonly maxReordering: number;
  readonly slowStartAfterIdle: boolean;
  readonly limitOutputBytes: number;
  readonly autocorking: boolean;
  readonly tsoWinDivisor: number;
  readonly notsentLowat: number;
  readonly pingpongThresh: number;
  readonly invalidRatelimitMs: number;
  readonly challengeAckLimit: number;
  readonly minSndMss: number;
  readonly mtuProbing: 0 | 1 | 2;
  readonly baseMss: number;
  readonly mtuProbeFloor: number;
  readonly probeThreshold: number;
  readonly probeIntervalS: number;
  readonly fastopen: number;
  readonly fastopenKey: string;
  readonly fastopenBlackholeTimeoutS: number;
  readonly abc: number;
  readonly hystart: boolean;
  readonly hystartDetect: number;
  readonly cubicFastConvergence: boolean;
  readonly cubicFriendliness: boolean;
  readonly ecn: 0 | 1 | 2;
  readonly ecnFallback: boolean;
  readonly pacingSsRatio: number;
  readonly pacingCaRatio: number;
  readonly minTsoSegs: number;
  readonly tsoRttLog: number;
  readonly deliveryRate: boolean;
  readonly bbrPhase: number;
  readonly fixedWindow: number;
}

/** One row of `hostwire show`. */
export interface Tunable<T> {
  readonly value: T;
  /** "net.ipv4.…" where Linux has one, else null: a constant of the source or a switch of ours. */
  readonly sysctl: string | null;
  readonly unit: string;
  readonly meaning: string;
  readonly source: string;
}

const row = <T>(
  value: T,
  sysctl: string | null,
  unit: string,
  meaning: string,
  source: string,
): Tunable<T> => ({ value, sysctl, unit, meaning, source });

const IP_SYSCTL = 'Documentation/networking/ip-sysctl.rst';

/** Linux 6.18, x86-64, HZ=250. */
export const TCP_TUNABLES: { readonly [K in keyof TcpOptions]: Tunable<TcpOptions[K]> } = {
  hz: row<TcpOptions['hz']>(
    250,
    null,
    'ticks/s',
    'resolution of RTO, delayed ACK, probes and keepalive; exact: nanoseconds',
    'CONFIG_HZ of the measured kernel',
  ),
  timerSlackUs: row(
    0,
    null,
    'µs',
    'how late RTO, delayed ACK, probes and keepalive fire; on Linux up to a tick, by the phase of the tick',
    'kernel/time/timer.c calc_index(); measured: a 44 ms timer after 47.4 ms',
  ),
  rtoEstimator: row<TcpOptions['rtoEstimator']>(
    'linux',
    null,
    '',
    'linux: SRTT + max(rto_min, 4·RTTVAR); rfc: RFC 6298 with a floor of 1 s on the sum',
    'net/ipv4/tcp_input.c tcp_rtt_estimator(); RFC 6298 §2',
  ),
  congestionControl: row<TcpOptions['congestionControl']>(
    'cubic',
    'net.ipv4.tcp_congestion_control',
    '',
    'congestion control of new connections',
    IP_SYSCTL,
  ),
  congestionWindow: row<TcpOptions['congestionWindow']>(
    'linux',
    null,
    '',
    'linux: reno and cubic count in whole segments, as Linux does; rfc: with fractions of a segment, as RFC 5681 and RFC 9438 do',
    'net/ipv4/tcp_cong.c, tcp_cubic.c; RFC 5681 §3.1, RFC 9438 §4',
  ),
  rmem: row<Triple>(
    [4096, 131072, 33554432],
    'net.ipv4.tcp_rmem',
    'bytes',
    'receive buffer: least, initial, most by autotuning',
    'read on the measured kernel 6.18.44',
  ),
  wmem: row<Triple>(
    [4096, 16384, 4194304],
    'net.ipv4.tcp_wmem',
    'bytes',
    'send buffer: least, initial, most by autotuning',
    'read on the measured kernel 6.18.44',
  ),
  mem: row<Triple>(
    [196_608, 262_144, 393_216],
    'net.ipv4.tcp_mem',
    'pages',
    'memory of all sockets, in pages of 4 KiB: below the first no one is bound; beyond the second there is pressure, until the first is reached again: buffers do not grow and windows shrink; beyond the third memory is refused',
    'net/ipv4/tcp.c tcp_init_mem(), with 16 GiB of free memory',
  ),
  maxOrphans: row(
    65_536,
    'net.ipv4.tcp_max_orphans',
    'connections',
    'closed by their applications and not yet over: one more is reset',
    'net/ipv4/tcp.c tcp_init(), with 16 GiB of memory',
  ),
  rmemMax: row(
    4194304,
    'net.core.rmem_max',
    'bytes',
    'most that SO_RCVBUF takes',
    'net/core/sock.c, 6.18',
  ),
  wmemMax: row(
    4194304,
    'net.core.wmem_max',
    'bytes',
    'most that SO_SNDBUF takes',
    'net/core/sock.c, 6.18',
  ),
  moderateRcvbuf: row(
    true,
    'net.ipv4.tcp_moderate_rcvbuf',
    '',
    'autotuning of the receive buffer',
    IP_SYSCTL,
  ),
  shrinkWindow: row(
    false,
    'net.ipv4.tcp_shrink_window',
    '',
    'the right edge of the window may move left',
    IP_SYSCTL,
  ),
  appWin: row(
    31,
    'net.ipv4.tcp_app_win',
    'shift',
    'part of the window reserved for the application: window >> appWin',
    IP_SYSCTL,
  ),
  windowScaling: row(
    true,
    'net.ipv4.tcp_window_scaling',
    '',
    'offer window scaling (RFC 7323 §2)',
    IP_SYSCTL,
  ),
  timestamps: row(true, 'net.ipv4.tcp_timestamps', '', 'offer timestamps (RFC 7323 §3)', IP_SYSCTL),
  sack: row(true, 'net.ipv4.tcp_sack', '', 'offer selective acknowledgments (RFC 2018)', IP_SYSCTL),
  dsack: row(true, 'net.ipv4.tcp_dsack', '', 'report duplicates by D-SACK (RFC 2883)', IP_SYSCTL),
  compSackNr: row(
    44,
    'net.ipv4.tcp_comp_sack_nr',
    'ACKs',
    'most ACKs of out-of-order data that are held back; 0: none',
    IP_SYSCTL,
  ),
  compSackDelayNs: row(
    1_000_000,
    'net.ipv4.tcp_comp_sack_delay_ns',
    'ns',
    'longest hold-back of such an ACK',
    IP_SYSCTL,
  ),
  compSackRttPercent: row(
    33,
    'net.ipv4.tcp_comp_sack_rtt_percent',
    '%',
    'the same, as a share of the RTT',
    IP_SYSCTL + ', 6.18',
  ),
  rtoMinUs: row(
    200_000,
    'net.ipv4.tcp_rto_min_us',
    'µs',
    'floor of the variance term of the RTO',
    'include/net/tcp.h TCP_RTO_MIN',
  ),
  rtoMaxMs: row(
    120_000,
    'net.ipv4.tcp_rto_max_ms',
    'ms',
    'ceiling of the RTO and of probe intervals',
    'include/net/tcp.h TCP_RTO_MAX',
  ),
  retries1: row(
    3,
    'net.ipv4.tcp_retries1',
    'retransmissions',
    'after these the route is suspected',
    IP_SYSCTL,
  ),
  retries2: row(
    15,
    'net.ipv4.tcp_retries2',
    'retransmissions',
    'after these a connection is given up',
    IP_SYSCTL,
  ),
  orphanRetries: row(
    0,
    'net.ipv4.tcp_orphan_retries',
    'retransmissions',
    'the same for a closed socket; 0 means 8',
    IP_SYSCTL,
  ),
  synRetries: row(
    6,
    'net.ipv4.tcp_syn_retries',
    'retransmissions',
    'of a SYN, beside the linear ones',
    IP_SYSCTL,
  ),
  synLinearTimeouts: row(
    4,
    'net.ipv4.tcp_syn_linear_timeouts',
    'retransmissions',
    'of a SYN before its RTO starts to double',
    IP_SYSCTL,
  ),
  synackRetries: row(
    5,
    'net.ipv4.tcp_synack_retries',
    'retransmissions',
    'of a SYN-ACK',
    IP_SYSCTL,
  ),
  finTimeoutS: row(
    60,
    'net.ipv4.tcp_fin_timeout',
    's',
    'how long an orphan stays in FIN-WAIT-2',
    IP_SYSCTL,
  ),
  timeWaitS: row(60, null, 's', 'how long TIME-WAIT lasts', 'include/net/tcp.h TCP_TIMEWAIT_LEN'),
  rfc1337: row(false, 'net.ipv4.tcp_rfc1337', '', 'a RST does not end TIME-WAIT', IP_SYSCTL),
  abortOnOverflow: row(
    false,
    'net.ipv4.tcp_abort_on_overflow',
    '',
    'reset a connection that the accept queue has no room for',
    IP_SYSCTL,
  ),
  keepaliveTimeS: row(
    7200,
    'net.ipv4.tcp_keepalive_time',
    's',
    'idle time before the first keepalive probe',
    IP_SYSCTL,
  ),
  keepaliveIntvlS: row(
    75,
    'net.ipv4.tcp_keepalive_intvl',
    's',
    'between keepalive probes',
    IP_SYSCTL,
  ),
  keepaliveProbes: row(
    9,
    'net.ipv4.tcp_keepalive_probes',
    'probes',
    'unanswered ones before the connection is given up',
    IP_SYSCTL,
  ),
  reordering: row(
    3,
    'net.ipv4.tcp_reordering',
    'segments',
    'initial duplicate-ACK threshold',
    IP_SYSCTL,
  ),
  lossDetection: row<TcpOptions['lossDetection']>(
    'rack',
    null,
    '',
    'with SACK a segment is lost by the time of later ones (rack) or by the number of those SACKed above it (rfc6675)',
    'net/ipv4/tcp_recovery.c, RFC 8985; RFC 6675 as Linux had it until 6.16 with tcp_recovery 0',
  ),
  recovery: row(
    1,
    'net.ipv4.tcp_recovery',
    'bits',
    'RACK: 2 its reordering window does not adapt, 4 it waits in spite of three duplicates; 1 does nothing since Linux 6.17',
    IP_SYSCTL + ', RFC 8985',
  ),
  earlyRetrans: row(
    3,
    'net.ipv4.tcp_early_retrans',
    '',
    '3 or 4: tail loss probes; 0: none',
    IP_SYSCTL + ', RFC 8985 §7',
  ),
  frto: row(
    2,
    'net.ipv4.tcp_frto',
    '',
    '0: a time-out is never taken for spurious because of what is acknowledged after it (F-RTO)',
    IP_SYSCTL + ', RFC 5682',
  ),
  retransCollapse: row(
    true,
    'net.ipv4.tcp_retrans_collapse',
    '',
    'small segments are joined when they are sent again',
    IP_SYSCTL,
  ),
  thinLinearTimeouts: row(
    false,
    'net.ipv4.tcp_thin_linear_timeouts',
    '',
    'the first six time-outs of a stream with fewer than four segments out do not back off',
    IP_SYSCTL,
  ),
  maxReordering: row(300, 'net.ipv4.tcp_max_reordering', 'segments', 'its ceiling', IP_SYSCTL),
  slowStartAfterIdle: row(
    true,
    'net.ipv4.tcp_slow_start_after_idle',
    '',
    'the congestion window decays while nothing is sent (RFC 2861)',
    IP_SYSCTL,
  ),
  limitOutputBytes: row(
    4_194_304,
    'net.ipv4.tcp_limit_output_bytes',
    'bytes',
    'most bytes of one connection in qdisc and device',
    'read on the measured kernel 6.18.44',
  ),
  autocorking: row(
    true,
    'net.ipv4.tcp_autocorking',
    '',
    'small writes wait while earlier frames are still in the device',
    IP_SYSCTL,
  ),
  tsoWinDivisor: row(
    3,
    'net.ipv4.tcp_tso_win_divisor',
    '',
    'a record of several segments is sent when it is at least such a part of the window, else it may wait',
    IP_SYSCTL,
  ),
  notsentLowat: row(
    4_294_967_295,
    'net.ipv4.tcp_notsent_lowat',
    'bytes',
    'writable only while less is unsent',
    IP_SYSCTL,
  ),
  pingpongThresh: row(
    1,
    'net.ipv4.tcp_pingpong_thresh',
    'exchanges',
    'after which ACKs are delayed in hope of data',
    IP_SYSCTL,
  ),
  invalidRatelimitMs: row(
    500,
    'net.ipv4.tcp_invalid_ratelimit',
    'ms',
    'least time between ACKs that answer out-of-window segments',
    IP_SYSCTL,
  ),
  challengeAckLimit: row(
    2_147_483_647,
    'net.ipv4.tcp_challenge_ack_limit',
    'ACKs/s',
    'challenge ACKs per host and second; INT_MAX: no limit',
    IP_SYSCTL + ', RFC 5961 §7',
  ),
  minSndMss: row(
    48,
    'net.ipv4.tcp_min_snd_mss',
    'bytes',
    'least MSS that is used for sending',
    IP_SYSCTL,
  ),
  mtuProbing: row<TcpOptions['mtuProbing']>(
    0,
    'net.ipv4.tcp_mtu_probing',
    '',
    '0: no probing for a larger MSS (RFC 4821); 1: once an ICMP black hole is suspected; 2: always, from tcp_base_mss',
    IP_SYSCTL,
  ),
  baseMss: row(1024, 'net.ipv4.tcp_base_mss', 'bytes', 'MSS that probing starts from', IP_SYSCTL),
  mtuProbeFloor: row(
    48,
    'net.ipv4.tcp_mtu_probe_floor',
    'bytes',
    'least MSS that a black hole lowers it to',
    IP_SYSCTL,
  ),
  probeThreshold: row(
    8,
    'net.ipv4.tcp_probe_threshold',
    'bytes',
    'probing ends when the search range is smaller',
    IP_SYSCTL,
  ),
  probeIntervalS: row(
    600,
    'net.ipv4.tcp_probe_interval',
    's',
    'after which the search for a larger MSS begins anew',
    IP_SYSCTL,
  ),
  fastopen: row(
    1,
    'net.ipv4.tcp_fastopen',
    'bits',
    'Fast Open (RFC 7413): 1 client, 2 server, 4 client without cookie, 0x200 server without cookie, 0x400 every listener',
    IP_SYSCTL,
  ),
  fastopenKey: row(
    '00000000-00000000-00000000-00000000',
    'net.ipv4.tcp_fastopen_key',
    '',
    'key of the cookies, 16 bytes in four words',
    IP_SYSCTL + '; Linux draws one when it is first needed',
  ),
  fastopenBlackholeTimeoutS: row(
    0,
    'net.ipv4.tcp_fastopen_blackhole_timeout_sec',
    's',
    'how long clients keep from Fast Open when a path seems to swallow it, doubled each time; 0: no such test',
    IP_SYSCTL,
  ),
  abc: row(
    0xffff_ffff,
    'net.ipv4.tcp_abc',
    'segments',
    'for how many segments one ACK counts at most in slow start (L of RFC 3465; 1: RFC 5681 §3.1); 0: each ACK counts for one segment, in congestion avoidance too; 4294967295: no limit, as Linux has it since 3.9',
    'Documentation/networking/ip-sysctl.rst until 3.8; then net/ipv4/tcp_cong.c tcp_slow_start()',
  ),
  hystart: row(
    true,
    null,
    '',
    'CUBIC leaves slow start on ACK trains and on rising delay',
    'net/ipv4/tcp_cubic.c module parameter hystart',
  ),
  hystartDetect: row(
    3,
    null,
    '',
    'what HyStart looks at: 1 ACK trains, 2 rising delay, 3 both',
    'net/ipv4/tcp_cubic.c module parameter hystart_detect',
  ),
  cubicFastConvergence: row(
    true,
    null,
    '',
    'CUBIC makes room for others when it loses below its last maximum (RFC 9438 §4.7)',
    'net/ipv4/tcp_cubic.c module parameter fast_convergence',
  ),
  cubicFriendliness: row(
    true,
    null,
    '',
    'CUBIC is never slower than Reno would be (RFC 9438 §4.3)',
    'net/ipv4/tcp_cubic.c module parameter tcp_friendliness',
  ),
  ecn: row<TcpOptions['ecn']>(
    2,
    'net.ipv4.tcp_ecn',
    '',
    '0: no ECN; 1: ask for it and agree to it; 2: agree when asked (RFC 3168)',
    IP_SYSCTL,
  ),
  ecnFallback: row(
    true,
    'net.ipv4.tcp_ecn_fallback',
    '',
    'a SYN that is sent again does not ask for ECN (RFC 3168 §6.1.1.1)',
    IP_SYSCTL,
  ),
  pacingSsRatio: row(
    200,
    'net.ipv4.tcp_pacing_ss_ratio',
    '%',
    'pacing rate in slow start, of window per SRTT',
    IP_SYSCTL,
  ),
  pacingCaRatio: row(
    120,
    'net.ipv4.tcp_pacing_ca_ratio',
    '%',
    'the same in congestion avoidance',
    IP_SYSCTL,
  ),
  minTsoSegs: row(
    2,
    'net.ipv4.tcp_min_tso_segs',
    'segments',
    'least size of an offloaded send, when there is as much to send',
    IP_SYSCTL,
  ),
  tsoRttLog: row(
    9,
    'net.ipv4.tcp_tso_rtt_log',
    'log2 µs',
    'an offloaded send may be larger on short paths: halved for each so many µs of RTT; 0: not',
    IP_SYSCTL,
  ),
  deliveryRate: row(
    false,
    null,
    '',
    'measure the delivery rate for tcp_info where the congestion control does not ask for it',
    'ours; Linux always does (net/ipv4/tcp_rate.c)',
  ),
  bbrPhase: row(
    0,
    null,
    '',
    'where BBR enters its gain cycle, 0 to 6 phases before the end; Linux draws it',
    'net/ipv4/tcp_bbr.c bbr_cycle_rand',
  ),
  fixedWindow: row(
    10,
    null,
    'segments',
    'congestion window of the control `fixed`, which never moves it',
    'ours: for measurements',
  ),
};

const LINUX_OPTIONS = Object.fromEntries(
  Object.entries(TCP_TUNABLES).map(([key, { value }]) => [key, value]),
) as unknown as TcpOptions;

/** Linux 6.18's values, with `changes` on top. Not frozen: that would take twenty times as long. */
export function tcpOptions(changes: Partial<TcpOptions> = {}): TcpOptions {
  return { ...LINUX_OPTIONS, ...changes };
}

/** What the route and the device say; one object shared by the connections that use them. */
export interface PathOptions {
  /** MTU of the route, bytes: that of the device, or less where `ip route … mtu` or an ICMP error has said so. */
  readonly mtu: number;
  /** `ip route … mtu lock`: no ICMP error changes it. */
  readonly mtuLocked: boolean;
  /** `ip route … advmss`: most that is offered as MSS, bytes; 0: 40 less than the MTU. */
  readonly advmss: number;
  /** Most frames that one segment may stand for (TSO/GSO), ≥ 1; 1: every segment is one frame. */
  readonly gsoMaxSegs: number;
  /** The same in bytes of payload; 0: no limit but gsoMaxSegs. */
  readonly gsoMaxSize: number;
  /** `ip route … quickack 1`: no ACK is ever delayed. */
  readonly quickack: boolean;
  /** `ip route … initcwnd`: initial congestion window in segments; Linux 10 (RFC 6928). */
  readonly initCwnd: number;
  /** `ip route … initrwnd`: bound of the initial receive window in segments; 0: none. */
  readonly initRwnd: number;
  /** The queue in front of the device is fq: connections are paced, whatever their congestion control (SK_PACING_FQ). */
  readonly fq: boolean;
}

export function pathOptions(changes: Partial<PathOptions> = {}): PathOptions {
  return {
    mtu: 1500,
    mtuLocked: false,
    advmss: 0,
    gsoMaxSegs: 1,
    gsoMaxSize: 65_536,
    quickack: false,
    initCwnd: 10,
    initRwnd: 0,
    fq: false,
    ...changes,
  };
}
