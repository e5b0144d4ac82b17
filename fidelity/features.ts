/**
 * The fidelity card's rows: each feature of TCP and of the machine around it, where its rule stands, and what holds it: packetdrill scripts, most of which
 * were seen to pass on a real Linux 6.18, and tests. tests/fidelity-card.test.ts checks that each of them exists, and runs the scripts.
 */

export interface Feature {
  readonly name: string;
  /** RFC sections and kernel functions. */
  readonly basis: string;
  /** Under tests/packetdrill/scripts, without `.pkt`; a folder stands for all scripts in it. */
  readonly scripts: readonly string[];
  /** [file under tests/, part of the title of a test in it] */
  readonly tests: readonly (readonly [file: string, title: string])[];
}

const CLOSED = 'tcp/closed-forms.test.ts';
const STATES = 'tcp/states.test.ts';
const RECOVERY = 'tcp/recovery.test.ts';
const MEMORY = 'tcp/receive-memory.test.ts';
const HOST_MEMORY = 'tcp/memory.test.ts';
const SHORT_WRITES = 'kernel/sockets/memory.test.ts';
const TIGHT_WORLDS = 'worlds/memory.test.ts';
const VALID = 'tcp/validation.test.ts';
const ECN = 'tcp/congestion/ecn.test.ts';
const DCTCP = 'tcp/congestion/dctcp.test.ts';
const BBR = 'tcp/congestion/bbr.test.ts';
const PACING = 'tcp/congestion/pacing.test.ts';
const ACCEPT = 'validation/accept-queue.test.ts';
const CHRONO = 'tcp/chrono.test.ts';

export const FEATURES: readonly Feature[] = [
  {
    name: 'Opening and closing, simultaneous too',
    basis: 'RFC 9293 §3.5, §3.6',
    scripts: [
      'life/half-close',
      'life/last-ack',
      'life/simultaneous-close',
      'life/simultaneous-open',
      'r8/close-wait-ack',
      'r8/noaccept-close-rst',
      'r8/queue-receive-in-syn-sent',
      'r8/queue-send-in-syn-sent',
    ],
    tests: [
      [STATES, 'the state table'],
      [STATES, 'goes FIN-WAIT-1, FIN-WAIT-2, TIME-WAIT'],
    ],
  },
  {
    name: 'Resets',
    basis: 'RFC 9293 §3.10.7, RFC 2525 §2.17, RFC 5961 §3',
    scripts: [
      'life/close-all-read-fin',
      'life/close-unread-rst',
      'api/blocking-read-rst',
      'api/rst-keeps-queued-data',
      'r8/synrcvd-reset',
      'r8/synsent-reset',
    ],
    tests: [
      [STATES, 'sends a RST when data was not read'],
      [STATES, 'a segment without a connection'],
    ],
  },
  {
    name: 'SYN and SYN-ACK schedules',
    basis: 'tcp_syn_retries, tcp_syn_linear_timeouts, tcp_synack_retries',
    scripts: ['rtx/synack-schedule', 'life/syn-recv-bad-ack'],
    tests: [
      [CLOSED, 'the SYN schedule of a host that nobody answers'],
      [CLOSED, 'the SYN-ACK schedule when the handshake ACK never comes'],
    ],
  },
  {
    name: 'Accept queue',
    basis: 'listen(2), tcp_conn_request',
    scripts: ['life/backlog-overflow', 'life/backlog-zero', 'api/accept-nonblocking-then-blocking'],
    tests: [
      [ACCEPT, 'the queue takes one more'],
      [ACCEPT, 'somaxconn is looked at by listen(), and then no more'],
      [ACCEPT, 'a full queue of two and one that waits'],
      [ACCEPT, '1,612 handshakes in 2 s against 300 accepts a second'],
    ],
  },
  {
    name: 'Groups of listeners (SO_REUSEPORT)',
    basis: 'socket(7), reuseport_select_sock',
    scripts: [],
    tests: [
      ['kernel/sockets/reuseport.test.ts', 'a group of listeners'],
      [
        'kernel/sockets/tables.test.ts',
        'are shared by all who say SO_REUSEPORT, whether they listen or not',
      ],
    ],
  },
  {
    name: 'TIME-WAIT and FIN-WAIT-2',
    basis: 'RFC 9293 §3.10.7.4, RFC 1337, tcp_fin_timeout',
    scripts: ['life/timewait-duplicates', 'life/timewait-rst-kills', 'life/finwait2-timeout'],
    tests: [[STATES, 'is ended by a RST, unless tcp_rfc1337 is set']],
  },
  {
    name: 'Linger, shutdown',
    basis: 'socket(7), shutdown(2)',
    scripts: ['life/linger-blocking-close', 'api/shutdown-rd', 'r8/linger-zero'],
    tests: [],
  },
  {
    name: 'Validation of segments, challenge ACKs',
    basis: 'RFC 9293 §3.10.7.4, RFC 5961 §4, §5, §7',
    scripts: [
      'rwnd/straddle-empty-queue',
      'rwnd/straddle-right-edge',
      'r8/acceptable-ack-syn-rcvd',
      'r8/outside-the-window',
      'r8/outside-the-window-closing',
      'r8/unacc-seq-ack',
      'r8/unacc-seq-ack-closing',
    ],
    tests: [
      [VALID, 'a segment out of the window'],
      [VALID, 'an ACK of what was never sent'],
      [VALID, 'a half-open connection'],
    ],
  },
  {
    name: 'Timestamps and PAWS',
    basis: 'RFC 7323 §3–§5',
    scripts: ['rtx/eifel-timestamp-undo', 'r8/paws-mechanism'],
    tests: [[VALID, 'PAWS [RFC 7323 §5]']],
  },
  {
    name: 'Reassembly, SACK and D-SACK of a receiver',
    basis: 'RFC 2018, RFC 2883',
    scripts: ['ooo', 'own/reassembly-overlap', 'rcv/fin-ends-sacks'],
    tests: [['tcp/deque.test.ts', 'a queue with insertion in the middle']],
  },
  {
    name: 'Delayed, quick and piggybacked ACKs',
    basis: 'RFC 1122 §4.2.3.2, RFC 5681 §4.2, __tcp_ack_snd_check',
    scripts: [
      'ack/every-second-segment',
      'ack/fin-ack-may-be-delayed',
      'ack/fin-ack-rides-on-own-fin',
      'ack/quickack-toggle',
      'own/delack',
      'r8/should-piggyback',
      'r8/send-window-sizes-piggyback',
    ],
    tests: [
      ['tcp/ack-compression.test.ts', 'is acknowledged at once three times, then once in 1 ms'],
    ],
  },
  {
    name: 'Nagle with Minshall’s change, cork',
    basis: 'RFC 896, RFC 9293 §3.7.4, tcp_nagle_check',
    scripts: ['ack/nagle-minshall', 'snd', 'r8/cork-mss'],
    tests: [[CLOSED, 'take a delayed ACK, 40 ms, and a round trip more']],
  },
  {
    name: 'Receive window, scale, clamp',
    basis: 'RFC 7323 §2, RFC 9293 §3.8.6, __tcp_select_window',
    scripts: [
      'rwnd/no-update-when-roomy',
      'rwnd/no-wscale-cap',
      'rwnd/rcvbuf-minimum',
      'rwnd/window-clamp',
      'rwnd/window-clamp-connected',
      'rwnd/wscale-rounding',
      'zwin/peer-wscale',
      'r8/handshake-window-size',
    ],
    tests: [[CLOSED, 'throughput of a window-limited sender [T1]']],
  },
  {
    name: 'Memory of a host for TCP: tcp_mem, pressure, tcp_max_orphans',
    basis: '__sk_mem_raise_allocated, tcp_try_rmem_schedule, tcp_wmem_schedule, tcp_check_oom',
    scripts: [],
    tests: [
      [HOST_MEMORY, 'is what it has written'],
      [HOST_MEMORY, 'begins with the first page beyond the second mark'],
      [HOST_MEMORY, 'are as many as tcp_max_orphans says'],
      [SHORT_WRITES, 'takes a page, and pauses before the next'],
      [TIGHT_WORLDS, 'whatever the three marks'],
    ],
  },
  {
    name: 'Receive buffer: truesize, tuning, shrinking, collapse, prune',
    basis: 'tcp_rcv_space_adjust, tcp_prune_queue, tcp_collapse',
    scripts: [
      'rwnd/autotune-grow',
      'rwnd/autotune-off-with-rcvbuf',
      'rwnd/rcvbuf-shrink-after-accept',
      'rcv/buffer-before-accept',
      'r8/rcv-buf-space',
    ],
    tests: [
      [MEMORY, 'has room for 1,000 segments within 7 round trips'],
      [MEMORY, 'grows the buffer to tcp_rmem[2]'],
      [MEMORY, 'close the window after about 48 of them'],
      [MEMORY, 'loses and doubles no byte'],
    ],
  },
  {
    name: 'Zero window, probes',
    basis: 'RFC 9293 §3.8.6.1, tcp_probe_timer',
    scripts: [
      'zwin/lost-update-recovered',
      'zwin/old-segment-does-not-update',
      'zwin/probe-interval-capped',
      'zwin/probe-unanswered-dies',
      'zwin/shrunk-under-flight',
      'rwnd/fin-on-zero-window',
      'rwnd/probe-answered',
      'own/peer-zero-window-probe',
      'r8/zero-receive-window',
    ],
    tests: [[CLOSED, 'a receiver that stops reading and goes on']],
  },
  {
    name: 'Send buffer, EPOLLOUT, blocking writes',
    basis: 'sk_stream_wait_memory, sk_stream_is_writeable',
    scripts: [
      'zwin/blocking-write-wakes',
      'api/blocking-write-reset',
      'api/epollout-one-third',
      'own/epoll-out-level',
    ],
    tests: [],
  },
  {
    name: 'poll and epoll: level, edge, one-shot',
    basis: 'epoll(7), poll(2)',
    scripts: [
      'api/connect-nonblocking-epoll',
      'api/epoll-et-oneshot-rearm',
      'api/poll-life-cycle',
      'own/epoll-blocking-wait',
      'own/epoll-in-modes',
      'own/epoll-reset',
    ],
    tests: [['validation/epoll-edge.test.ts', 'EPOLLET tells of new data']],
  },
  {
    name: 'SO_RCVLOWAT, SIOCINQ, SIOCOUTQ',
    basis: 'socket(7), tcp(7)',
    scripts: ['api/rcvlowat', 'api/inq-outq'],
    tests: [],
  },
  {
    name: 'Retransmission time-out: estimator, back-off, giving up',
    basis: 'RFC 6298, tcp_retries2',
    scripts: ['rtx/rto-sample-adapts', 'rtx/retries2-gives-up', 'own/rto-backoff'],
    tests: [
      [CLOSED, 'the RTO after samples of 100, 120 and 80 ms'],
      ['tcp/loss-variants.test.ts', 'gives up after 924.6 s and 16 time-outs'],
    ],
  },
  {
    name: 'User time-out, keepalive',
    basis: 'RFC 5482, RFC 9293 §3.8.4',
    scripts: ['zwin/user-timeout-kills-answered', 'snd/shrunk-user-timeout'],
    tests: [[CLOSED, 'keepalive [RFC 9293 §3.8.4; R5]']],
  },
  {
    name: 'Fast retransmit without SACK (NewReno)',
    basis: 'RFC 6582',
    scripts: ['rtx/newreno-partial-ack'],
    tests: [[STATES, 'comes at the third duplicate ACK without SACK']],
  },
  {
    name: 'Limited transmit',
    basis: 'RFC 3042',
    scripts: ['rtx/dupack-limited-transmit'],
    tests: [[RECOVERY, 'limited transmit [RFC 3042; R6]']],
  },
  {
    name: 'SACK recovery, RACK',
    basis: 'RFC 6675, RFC 8985 §6',
    scripts: ['rtx/sack-two-holes', 'loss/rack-widens', 'r8/reordering', 'loss/retrans-collapse'],
    tests: [
      [RECOVERY, 'the reordering window [RFC 8985 §6.2]'],
      [RECOVERY, 'finds a retransmission that was lost'],
      ['tcp/loss-variants.test.ts', 'leaves three different traces'],
    ],
  },
  {
    name: 'Tail loss probes',
    basis: 'RFC 8985 §7',
    scripts: [
      'rtx/tlp-many-then-one',
      'rtx/tlp-single-segment',
      'loss/tlp-new-data',
      'loss/tlp-repairs-and-cuts',
    ],
    tests: [[RECOVERY, 'a tail loss probe [RFC 8985 §7]']],
  },
  {
    name: 'Proportional rate reduction',
    basis: 'RFC 6937, tcp_cwnd_reduction',
    scripts: [],
    tests: [[RECOVERY, 'proportional rate reduction [RFC 6937; R6]']],
  },
  {
    name: 'Undo: D-SACK, timestamps, F-RTO; reneging',
    basis: 'RFC 3708, RFC 3522, RFC 5682, RFC 2018 §8',
    scripts: ['rtx/dsack-undo', 'rtx/frto-spurious-rto', 'loss/sack-reneging'],
    tests: [
      [RECOVERY, 'F-RTO [RFC 5682]'],
      [RECOVERY, 'a peer that throws away what it has SACKed'],
    ],
  },
  {
    name: 'Slow start, CUBIC with HyStart',
    basis: 'RFC 5681, RFC 6928, RFC 9438, tcp_cubic.c',
    scripts: [],
    tests: [
      [CLOSED, 'slow start with an ACK for each segment'],
      ['tcp/congestion/hystart.test.ts', 'has windows of 10, 20, 30, 36'],
      ['validation/cubic-curve.test.ts', 'Linux is up to a segment and a half beside it'],
      ['validation/mean-window.test.ts', 'Linux’s own mean windows, recoveries and all'],
      ['validation/aqm.test.ts', 'CUBIC, 50 ms, without ECN'],
    ],
  },
  {
    name: 'Reno',
    basis: 'RFC 5681, tcp_reno_cong_avoid',
    scripts: [],
    tests: [
      ['validation/mean-window.test.ts', 'Linux’s own mean windows, recoveries and all'],
      ['validation/congestion.test.ts', 'Reno without SACK at much random loss'],
      ['validation/congestion.test.ts', 'two Reno flows at a drop-tail queue'],
    ],
  },
  {
    name: 'Reno and CUBIC with fractions of a segment (`profile: rfc`)',
    basis: 'RFC 5681 §3.1, RFC 9438 §4; Mathis 1997',
    scripts: [],
    tests: [
      ['validation/mean-window.test.ts', 'Reno’s mean window is √(1.5/p) within 3 %'],
      ['validation/mean-window.test.ts', 'is that of RFC 9438’s tables within 5 %'],
      ['validation/mean-window.test.ts', 'is 5.3 % above the RFC’s table: missed'],
      ['validation/cubic-curve.test.ts', 'is followed within half a segment, with fractions'],
      ['tcp/congestion/rfc.test.ts', 'CUBIC with fractions'],
    ],
  },
  {
    name: 'Fast Open',
    basis: 'RFC 7413',
    scripts: ['tfo'],
    tests: [
      ['tcp/fastopen.test.ts', 'is SipHash of both addresses under the key'],
      ['kernel/sockets/fastopen.test.ts', 'asks for a cookie once'],
    ],
  },
  {
    name: 'ICMP errors, path MTU',
    basis: 'RFC 1122 §4.2.3.9, RFC 1191, RFC 4821, RFC 5927, RFC 6069',
    scripts: ['icmp'],
    tests: [
      ['tcp/icmp.test.ts', 'counts only if it quotes what is between SND.UNA and SND.NXT'],
      ['tcp/icmp.test.ts', 'the search for the path MTU [RFC 4821]'],
    ],
  },
  {
    name: 'Deferred accept, disconnect, urgent mark, messages, files',
    basis: 'tcp(7), connect(2), sendmsg(2), sendfile(2), splice(2)',
    scripts: ['calls'],
    tests: [
      ['kernel/sockets/messages.test.ts', 'keep a record apart from what is written later'],
      ['kernel/sockets/messages.test.ts', 'move what has arrived into a pipe'],
    ],
  },
  {
    name: 'ECN',
    basis: 'RFC 3168',
    scripts: [],
    tests: [
      [ECN, 'the handshake [RFC 3168 §6.1.1]'],
      [ECN, 'echoes a mark in every ACK until'],
    ],
  },
  {
    name: 'DCTCP',
    basis: 'RFC 8257, tcp_dctcp.c',
    scripts: [],
    tests: [
      [DCTCP, 'a bottleneck that marks above k packets'],
      ['validation/aqm.test.ts', 'DCTCP, 80 ms, marks above 1 ms'],
    ],
  },
  {
    name: 'BBR',
    basis: 'tcp_bbr.c (v1)',
    scripts: [],
    tests: [
      [BBR, 'uses 90 % of the link and more'],
      [BBR, 'cycles its gain through 1.25, 0.75 and six times 1'],
      [BBR, 'stays in PROBE_RTT for 200 ms'],
    ],
  },
  {
    name: 'Pacing, delivery rate',
    basis: 'tcp_internal_pacing, net/ipv4/tcp_rate.c',
    scripts: [],
    tests: [
      [PACING, 'SO_MAX_PACING_RATE'],
      [PACING, 'is the rate of the bottleneck'],
    ],
  },
  {
    name: 'Size of offloaded sends',
    basis: 'tcp_tso_autosize, tcp_tso_should_defer',
    scripts: ['r8/splitseg-mss'],
    tests: [
      ['tcp/tso-defer.test.ts', 'a record of two segments and a window of six'],
      ['tcp/full-segments.test.ts', 'no frame of an offloaded send is larger than the MTU'],
    ],
  },
  {
    name: 'What limited a sender (tcp_info)',
    basis: 'tcp_chrono_start',
    scripts: ['r8/info'],
    tests: [[CHRONO, 'is limited by a closed window']],
  },
];

/** Folders of scripts that have not been run on a real kernel. */
export const UNMEASURED: readonly string[] = ['calls', 'icmp', 'loss', 'r8', 'rcv', 'snd', 'tfo'];

/** Below and around TCP: `scripts` are none, since packetdrill does not see it. */
export const MACHINE: readonly Feature[] = [
  {
    name: 'Loopback: shared pages, coalescing, the receive buffer',
    basis: 'loopback_xmit, skb_try_coalesce, gso_features_check, tcp_rcv_space_adjust; measured',
    scripts: [],
    tests: [
      ['kernel/sockets/loopback.test.ts', 'what was queued is one skb'],
      ['kernel/sockets/loopback.test.ts', 'two reads between two segments'],
      ['kernel/machine/devices.test.ts', 'is given nothing of 64 KiB or more'],
    ],
  },
  {
    name: 'Netty and Reactor-Netty over nio and native epoll',
    basis: 'Netty 4.1.116, Reactor-Netty 1.2.2, reactor-core 3.7.2; 62 recorded runs',
    scripts: [],
    tests: [
      ['app/reactor-netty/recorded-runs.test.ts', 'the same happens in the same order'],
      ['app/reactor-netty/recorded-runs.test.ts', 'the same cycles, in the same order'],
      ['app/netty/handoff.test.ts', 'a handler that hands its work on'],
    ],
  },
  {
    name: 'Clients on event loops, pools of connections; idle channels',
    basis:
      'NewConnectionProvider, DefaultPooledConnectionProvider, IdleStateHandler, ReadTimeoutHandler',
    scripts: [],
    tests: [
      ['app/reactor-netty/client.test.ts', 'a connection of its own'],
      ['app/reactor-netty/client.test.ts', 'then acquired, configured'],
      ['app/netty/idle.test.ts', 'tells of a reader that has had nothing'],
    ],
  },
  {
    name: 'Trains: TSO, GSO, GRO',
    basis: 'tcp_gro_receive, skb_gro_receive',
    scripts: [],
    tests: [
      ['kernel/machine/gro.test.ts', 'over random trains, cut by loss and marks'],
      ['worlds/trains.test.ts', 'is the same with TSO and without'],
    ],
  },
  {
    name: 'Rings and interrupt moderation',
    basis: 'ethtool -G, -C; validation N3, N4',
    scripts: [],
    tests: [
      ['kernel/machine/nic.test.ts', 'one frame waits exactly rx-usecs'],
      ['kernel/machine/nic.test.ts', 'drops what finds no descriptor'],
      ['net/nic-twin.test.ts', 'link and NIC give the interrupts'],
    ],
  },
  {
    name: 'Adaptive interrupt moderation, CQE mode',
    basis: 'lib/dim/net_dim.c; ethtool -C adaptive-rx, adaptive-tx, cqe-mode-rx, cqe-mode-tx',
    scripts: [],
    tests: [
      ['base/dim.test.ts', 'goes right while that helps, and parks on the edge'],
      ['kernel/machine/moderation.test.ts', 'goes to the right where they are many'],
      ['kernel/machine/moderation.test.ts', 'waits for a pause'],
    ],
  },
  {
    name: 'Several transmit queues: mq, XPS, interrupts on their cores',
    basis: 'netdev_pick_tx, skb_tx_hash, sch_mq.c; ethtool -L',
    scripts: [],
    tests: [
      ['kernel/machine/tx-queues.test.ts', 'takes an skb of each ring in turn'],
      ['kernel/machine/tx-queues.test.ts', 'so that a connection never overtakes itself'],
      ['kernel/machine/tx-queues.test.ts', 'interrupt the core of their queue'],
    ],
  },
  {
    name: 'RPS, RFS, the flow limit of backlogs',
    basis: 'get_rps_cpu, enqueue_to_backlog, skb_flow_limit; Documentation/networking/scaling.rst',
    scripts: [],
    tests: [
      ['kernel/machine/rps.test.ts', 'pays for the frame where it is polled'],
      ['kernel/machine/rps.test.ts', 'lets no packet overtake another of its connection'],
      ['kernel/machine/rps.test.ts', 'keeps the greedy one out of the second half'],
    ],
  },
  {
    name: 'Busy polling: reads, epoll, poll',
    basis: 'napi_busy_loop, busy_poll_stop, sk_busy_loop_end, ep_busy_loop, do_poll',
    scripts: [],
    tests: [
      ['kernel/sockets/busy-poll.test.ts', 'takes a frame at the first look after it has come'],
      ['kernel/sockets/busy-poll.test.ts', 'spends its time as system time'],
      ['kernel/sockets/busy-poll.test.ts', 'gives way when somebody else'],
    ],
  },
  {
    name: 'NAPI, its budgets; livelock without it',
    basis: 'net_rx_action; NAPI_HOWTO; Mogul & Ramakrishnan 1996; validation N1, N2, N5',
    scripts: [],
    tests: [
      ['validation/napi.test.ts', 'the NAPI table'],
      ['kernel/machine/nic.test.ts', 'an interrupt per packet livelocks'],
    ],
  },
  {
    name: 'Threaded NAPI, gro_flush_timeout, napi_defer_hard_irqs',
    basis: 'napi_threaded_poll, napi_complete_done, napi_watchdog',
    scripts: [],
    tests: [
      ['kernel/machine/napi.test.ts', 'lets frames of several polls become one skb'],
      ['kernel/machine/napi.test.ts', 'polls by the timer'],
      ['kernel/machine/napi.test.ts', 'shares its core with an application'],
    ],
  },
  {
    name: 'Queueing disciplines: fq, codel, fq_codel, tbf, netem, fifos',
    basis: 'net/sched; RFC 8289, RFC 8290; validation L3, L4',
    scripts: [],
    tests: [
      ['kernel/qdisc/laws.test.ts', 'every queueing discipline'],
      ['kernel/qdisc/fq.test.ts', 'lets each packet leave exactly when it wants to'],
      ['kernel/qdisc/codel.test.ts', 'drops first when the wait has been above 5 ms'],
    ],
  },
  {
    name: 'Byte queue limits, TCP small queues',
    basis: 'lib/dynamic_queue_limits.c; tcp_small_queue_check',
    scripts: [],
    tests: [
      ['kernel/machine/bql-recorded.test.ts', 'answer every call of seed'],
      ['kernel/machine/bql-recorded.test.ts', 'settle where Linux does'],
      ['kernel/machine/bql.test.ts', 'settle within two packets of twice'],
      ['kernel/sockets/small-queue.test.ts', 'TCP small queues'],
    ],
  },
  {
    name: 'Accept queue, SYN queue',
    basis: 'sk_acceptq_is_full, tcp_conn_request; validation K1 to K4',
    scripts: [],
    tests: [['validation/accept-queue.test.ts', 'K1']],
  },
  {
    name: 'Tomcat’s connectors and their limits',
    basis: 'NioEndpoint, TaskQueue, Http11Processor of 10.1; JIoEndpoint of 7.0; validation K6',
    scripts: [],
    tests: [
      ['validation/tomcat.test.ts', '40/s come through'],
      ['app/tomcat/limits.test.ts', 'makes threads before it queues'],
      ['app/tomcat/limits.test.ts', 'acceptCount + 1 wait in the kernel'],
      ['app/tomcat/threads.test.ts', 'is taken by a body that comes in pieces'],
      ['app/tomcat/threads.test.ts', 'first look after keepAliveTimeout'],
      ['app/codec/http.test.ts', 'are refused with the same words in any chunks'],
    ],
  },
  {
    name: 'Loads: open, closed, partly open; traces; sizes; keep-alive, pipelining',
    basis:
      'Schroeder, Wierman, Harchol-Balter 2006; RFC 9112 §9.3; validation W1 (intended and naive latency)',
    scripts: [],
    tests: [
      ['validation/coordinated-omission.test.ts', 'validation W1'],
      ['validation/open-loop.test.ts', 'each request takes as long as Lindley'],
      ['base/distribution.test.ts', 'is drawn as its distribution function says'],
      ['app/load-worlds.test.ts', 'the same is asked of every server'],
      ['app/load.property.test.ts', 'answers or fails every request'],
    ],
  },
  {
    name: 'Clients that take their time: slow-loris, slow readers',
    basis: 'Slowloris (Hansen 2009)',
    scripts: [],
    tests: [
      ['app/slow.test.ts', 'keeps every thread of a pool'],
      ['app/slow.test.ts', 'keep every thread of a pool in write()'],
    ],
  },
  {
    name: 'Pauses: a process stopped (garbage collection, SIGSTOP), a virtual core taken away (steal)',
    basis: 'do_signal_stop; account_steal_time, KVM run_delay',
    scripts: [],
    tests: [
      ['kernel/machine/pauses.test.ts', 'is billed as stolen only while there is something to do'],
      ['worlds/pauses.test.ts', 'late by the pause, on an ideal machine'],
      ['worlds/pauses.test.ts', 'rate × pause − ring'],
    ],
  },
  {
    name: 'epoll: triggers, herds and EPOLLEXCLUSIVE, instances in one another; select, poll',
    basis: 'fs/eventpoll.c, fs/select.c; validation K5',
    scripts: [],
    tests: [
      ['validation/epoll-edge.test.ts', 'EPOLLET tells of new data'],
      ['validation/epoll-herd.test.ts', 'are woken one at a time, and it is always the same one'],
      ['kernel/sockets/epoll-nested.test.ts', 'no wake-up is lost through nested instances'],
      ['kernel/sockets/select.test.ts', 'no wake-up is lost by select'],
    ],
  },
  {
    name: 'Limits of open files: RLIMIT_NOFILE, fs.file-max',
    basis: 'alloc_fd, alloc_empty_file, do_accept',
    scripts: [],
    tests: [
      ['kernel/sockets/limits.test.ts', 'the connection stays in the queue'],
      ['worlds/limits.test.ts', 'with few descriptors answers all its clients, later'],
    ],
  },
  {
    name: 'Scheduler: EEVDF with deadlines, lag, delayed dequeue and ticks, beside recordings of 6.18; placement, migration, cold caches',
    basis:
      'kernel/sched/fair.c: pick_eevdf, update_curr, place_entity, requeue_delayed_entity, select_idle_sibling, wake_affine_idle, sched_balance_newidle',
    scripts: [],
    tests: [
      ['kernel/machine/sched-recorded.test.ts', 'are those of Linux 6.18'],
      ['kernel/machine/sched.test.ts', 'share a core to within one slice'],
      ['kernel/machine/sched.test.ts', 'wait until the others have caught up'],
      ['kernel/machine/sched.test.ts', 'keep the lag that a task is owed'],
      ['kernel/machine/sched.test.ts', 'alone there and about to sleep'],
      ['kernel/machine/sched.test.ts', 'cost each switch to another thread'],
    ],
  },
  {
    name: 'Threads, locks and pools as queueing theory has them',
    basis: 'validation Q1, Q3 to Q7, Q9, Q10',
    scripts: [],
    tests: [
      ['validation/thread-pool.test.ts', 'Q4'],
      ['validation/closed-loop.test.ts', 'Q7'],
      ['validation/contention.test.ts', 'Q10'],
      ['validation/links.test.ts', 'Q1'],
    ],
  },
];

/** What TCP of Linux does and this does not. */
export const NOT_MODELLED: readonly string[] = [
  'the last turn of a NAPI round, which Linux lets overrun netdev_budget by up to a weight: here it is cut to what is left, so that the budget bounds the round (validation N5)',
  'one qdisc over several transmit queues; accelerated RFS; EPIOCSPARAMS, SO_INCOMING_NAPI_ID',
  'net.core.dev_weight is the weight of device queues too, which have always 64 in Linux, and not that of qdiscs; rps_sock_flow_entries and flow_limit_cpu_bitmap written while a machine runs change nothing, the other sysctls of net.core do',
  'IPv6, IP options, fragments; sending urgent data, SO_OOBINLINE, TCP AccECN options',
  'TCP_MD5SIG, TCP-AO, MPTCP, TLS in the kernel',
  'MSG_ZEROCOPY, SO_TIMESTAMPING, MSG_ERRQUEUE, MSG_OOB; reading /proc',
  'Accurate ECN (a peer that asks for it is answered as RFC 3168 says)',
  'metrics of destinations other than those of Fast Open; congestion controls other than Reno, CUBIC, DCTCP, BBR',
  'the phase of ticks: timers are rounded up to ticks and expire exactly then, or later by a slack that is constant (2.5 ms for packetdrill scripts, where Linux is up to a tick late)',
  'memory for TCP that a processor keeps for itself, memory cgroups, SO_RESERVE_MEM; orphans are counted at once and not every 100 ms',
  'scheduler: nice, slices of single threads, groups, periodic balancing, what a tick costs; dup(), fork()',
  'the expiry of a path MTU after ten minutes; a second Fast Open key; ECN with SYN cookies',
];
