/**
 * The sysctls that a simulated machine has, by sysctl's names, with the kernel's own defaults (Linux 6.18, a machine with
 * 4 GiB or more). A sysctl that is not here is not modelled, and writing it is an error rather than a wish.
 */

export interface SysctlDef {
  readonly name: string;
  /** How many numbers; 0: a word. */
  readonly numbers: 0 | 1 | 3;
  readonly fallback: readonly number[] | string;
  readonly min: number;
  readonly max: number;
  readonly words?: readonly string[];
  readonly text: string;
  readonly source: string;
}

const INT_MAX = 0x7fff_ffff;

function numbers(
  name: string,
  fallback: number | readonly [number, number, number],
  range: readonly [number, number],
  text: string,
  source: string,
): SysctlDef {
  const list = typeof fallback === 'number' ? [fallback] : fallback;
  return {
    name,
    numbers: list.length === 3 ? 3 : 1,
    fallback: list,
    min: range[0],
    max: range[1],
    text,
    source,
  };
}

const SWITCH: readonly [number, number] = [0, 1];
const BYTES: readonly [number, number] = [0, INT_MAX];

export const SYSCTLS: readonly SysctlDef[] = [
  numbers(
    'net.ipv4.tcp_rmem',
    [4096, 131_072, 33_554_432],
    [1, INT_MAX],
    'Receive buffer of a socket: least, first, most (autotuning).',
    'net/ipv4/tcp.c tcp_init()',
  ),
  numbers(
    'net.ipv4.tcp_wmem',
    [4096, 16_384, 4_194_304],
    [1, INT_MAX],
    'Send buffer of a socket: least, first, most (autotuning).',
    'net/ipv4/tcp.c tcp_init()',
  ),
  {
    name: 'net.ipv4.tcp_congestion_control',
    numbers: 0,
    fallback: 'cubic',
    min: 0,
    max: 0,
    words: ['cubic', 'reno'],
    text: 'Congestion control of new connections.',
    source: 'net/ipv4/Kconfig DEFAULT_TCP_CONG',
  },
  numbers(
    'net.ipv4.tcp_window_scaling',
    1,
    SWITCH,
    'Offer the window scale option (RFC 7323).',
    'net/ipv4/tcp_ipv4.c tcp_sk_init()',
  ),
  numbers(
    'net.ipv4.tcp_timestamps',
    1,
    [0, 2],
    'Offer timestamps (RFC 7323).',
    'net/ipv4/tcp_ipv4.c tcp_sk_init()',
  ),
  numbers(
    'net.ipv4.tcp_sack',
    1,
    SWITCH,
    'Offer selective acknowledgements (RFC 2018).',
    'net/ipv4/tcp_ipv4.c tcp_sk_init()',
  ),
  numbers(
    'net.ipv4.tcp_dsack',
    1,
    SWITCH,
    'Report duplicates by D-SACK (RFC 2883).',
    'net/ipv4/tcp_ipv4.c tcp_sk_init()',
  ),
  numbers(
    'net.ipv4.tcp_moderate_rcvbuf',
    1,
    SWITCH,
    'Let the receive buffer grow by itself.',
    'net/ipv4/tcp_ipv4.c tcp_sk_init()',
  ),
  numbers(
    'net.ipv4.tcp_adv_win_scale',
    1,
    [-31, 31],
    'Share of the receive buffer that is window, before the first segment.',
    'net/ipv4/tcp_ipv4.c tcp_sk_init()',
  ),
  numbers(
    'net.ipv4.tcp_shrink_window',
    0,
    SWITCH,
    'Let the right window edge move left for want of memory.',
    'net/ipv4/tcp_ipv4.c tcp_sk_init()',
  ),
  numbers(
    'net.ipv4.tcp_reordering',
    3,
    [1, 300],
    'Duplicate acknowledgements taken for reordering, at first.',
    'net/ipv4/tcp_ipv4.c tcp_sk_init()',
  ),
  numbers(
    'net.ipv4.tcp_early_retrans',
    3,
    [0, 4],
    'Tail loss probes: 3 on, 0 off.',
    'net/ipv4/tcp_ipv4.c tcp_sk_init()',
  ),
  numbers(
    'net.ipv4.tcp_recovery',
    1,
    [0, 7],
    'RACK: 1 on, 0 off.',
    'net/ipv4/tcp_ipv4.c tcp_sk_init()',
  ),
  numbers(
    'net.ipv4.tcp_frto',
    2,
    [0, 2],
    'Detect spurious time-outs (RFC 5682).',
    'net/ipv4/tcp_ipv4.c tcp_sk_init()',
  ),
  numbers(
    'net.ipv4.tcp_slow_start_after_idle',
    1,
    SWITCH,
    'Take the congestion window back after an idle RTO.',
    'net/ipv4/tcp_ipv4.c tcp_sk_init()',
  ),
  numbers(
    'net.ipv4.tcp_syn_retries',
    6,
    [1, 127],
    'How often a SYN is sent again.',
    'include/net/tcp.h TCP_SYN_RETRIES',
  ),
  numbers(
    'net.ipv4.tcp_synack_retries',
    5,
    [0, 255],
    'How often a SYN-ACK is sent again.',
    'include/net/tcp.h TCP_SYNACK_RETRIES',
  ),
  numbers(
    'net.ipv4.tcp_retries1',
    3,
    [0, 255],
    'Time-outs after which the route is doubted.',
    'include/net/tcp.h TCP_RETR1',
  ),
  numbers(
    'net.ipv4.tcp_retries2',
    15,
    [0, 255],
    'Time-outs after which a connection is given up.',
    'include/net/tcp.h TCP_RETR2',
  ),
  numbers(
    'net.ipv4.tcp_fin_timeout',
    60,
    [0, INT_MAX / 1000],
    'Seconds in FIN-WAIT-2 without an owner.',
    'include/net/tcp.h TCP_FIN_TIMEOUT',
  ),
  numbers(
    'net.ipv4.tcp_keepalive_time',
    7200,
    [1, 32_767],
    'Seconds of silence before keepalive probes.',
    'include/net/tcp.h TCP_KEEPALIVE_TIME',
  ),
  numbers(
    'net.ipv4.tcp_keepalive_intvl',
    75,
    [1, 32_767],
    'Seconds between keepalive probes.',
    'include/net/tcp.h TCP_KEEPALIVE_INTVL',
  ),
  numbers(
    'net.ipv4.tcp_keepalive_probes',
    9,
    [1, 127],
    'Unanswered probes before a connection is given up.',
    'include/net/tcp.h TCP_KEEPALIVE_PROBES',
  ),
  numbers(
    'net.ipv4.tcp_abort_on_overflow',
    0,
    SWITCH,
    'Answer with RST when the accept queue is full.',
    'net/ipv4/tcp_ipv4.c',
  ),
  numbers(
    'net.ipv4.tcp_max_syn_backlog',
    4096,
    [1, INT_MAX],
    'Half-open connections of a listener, without cookies.',
    'net/ipv4/tcp_ipv4.c tcp_sk_init()',
  ),
  numbers(
    'net.ipv4.tcp_syncookies',
    1,
    [0, 2],
    'Send SYN cookies when the SYN queue is full.',
    'net/ipv4/tcp_ipv4.c tcp_sk_init()',
  ),
  numbers(
    'net.ipv4.tcp_limit_output_bytes',
    4_194_304,
    BYTES,
    'Most bytes of a connection below TCP (TSQ).',
    'net/ipv4/tcp_ipv4.c tcp_sk_init()',
  ),
  numbers(
    'net.ipv4.tcp_autocorking',
    1,
    SWITCH,
    'Hold small writes while a packet waits below.',
    'net/ipv4/tcp_ipv4.c tcp_sk_init()',
  ),
  numbers(
    'net.ipv4.tcp_notsent_lowat',
    0xffff_ffff,
    [0, 0xffff_ffff],
    'Unsent bytes above which a socket is not writable.',
    'net/ipv4/tcp_ipv4.c tcp_sk_init()',
  ),
  numbers(
    'net.ipv4.tcp_rto_min_us',
    200_000,
    [1, INT_MAX],
    'Least variance term of the RTO, in µs.',
    'include/net/tcp.h TCP_RTO_MIN',
  ),
  numbers(
    'net.core.somaxconn',
    4096,
    [0, INT_MAX],
    'Upper limit of the backlog of listen().',
    'include/linux/socket.h SOMAXCONN',
  ),
  numbers('net.core.rmem_max', 4_194_304, BYTES, 'Upper limit of SO_RCVBUF.', 'net/core/sock.c'),
  numbers('net.core.wmem_max', 4_194_304, BYTES, 'Upper limit of SO_SNDBUF.', 'net/core/sock.c'),
  numbers(
    'net.core.netdev_budget',
    300,
    [1, INT_MAX],
    'Packets of one softirq over all devices.',
    'net/core/hotdata.c',
  ),
  numbers(
    'net.core.netdev_budget_usecs',
    8000,
    [1, INT_MAX],
    'Microseconds of one softirq: 2 jiffies at HZ = 250.',
    'net/core/hotdata.c',
  ),
  numbers('net.core.dev_weight', 64, [1, INT_MAX], 'Packets of one poll.', 'net/core/hotdata.c'),
  numbers(
    'net.core.netdev_max_backlog',
    1000,
    [1, INT_MAX],
    'Packets that wait for a core after netif_rx().',
    'net/core/hotdata.c',
  ),
];

export function sysctlDef(name: string): SysctlDef | undefined {
  return SYSCTLS.find((d) => d.name === name);
}
