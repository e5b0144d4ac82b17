/**
 * What all connections of one host share: options, memory pressure, counters under their Linux names, the lane of the
 * fingerprint, the observer, and the pools of records.
 */
import { AckState } from './ack-state.ts';
import { Deque } from './deque.ts';
import type { Lane } from '../base/hash.ts';
import { NEVER, type Duration, type Instant } from '../base/units.ts';
import { halfTicks, jiffiesOfMs, jiffiesOfUs } from './clock.ts';
import { FastOpenCache } from './fastopen-cache.ts';
import type { TcpObserver } from './observer.ts';
import type { TcpOptions } from './options.ts';
import { TcpMemory } from './memory.ts';
import { SocketSettings } from './settings.ts';
import { Rx } from './recv-queue.ts';
import { SendQueue } from './send-queue.ts';

/** Counters of /proc/net/netstat and /proc/net/snmp that TCP itself keeps. */
export class TcpMib {
  ActiveOpens = 0;
  PassiveOpens = 0;
  AttemptFails = 0;
  EmbryonicRsts = 0;
  EstabResets = 0;
  InSegs = 0;
  InErrs = 0;
  OutSegs = 0;
  RetransSegs = 0;
  OutRsts = 0;
  DelayedACKs = 0;
  DelayedACKLost = 0;
  TCPTimeouts = 0;
  TCPRcvQDrop = 0;
  TCPZeroWindowDrop = 0;
  TCPToZeroWindowAdv = 0;
  TCPFromZeroWindowAdv = 0;
  TCPWantZeroWindowAdv = 0;
  TCPWinProbe = 0;
  TCPKeepAlive = 0;
  TCPSynRetrans = 0;
  TCPFastRetrans = 0;
  TCPSlowStartRetrans = 0;
  TCPSackRecovery = 0;
  TCPSackRecoveryFail = 0;
  TCPRenoRecovery = 0;
  TCPRenoRecoveryFail = 0;
  TCPSACKReneging = 0;
  TCPLostRetransmit = 0;
  TCPSackFailures = 0;
  TCPRenoFailures = 0;
  TCPLossFailures = 0;
  TCPOFOQueue = 0;
  TCPOFODrop = 0;
  TCPOFOMerge = 0;
  TCPRcvCoalesce = 0;
  TCPDSACKOldSent = 0;
  TCPDSACKOfoSent = 0;
  TCPDSACKRecv = 0;
  TCPDSACKOfoRecv = 0;
  TCPDSACKRecvSegs = 0;
  TCPDSACKIgnoredOld = 0;
  TCPDSACKIgnoredNoUndo = 0;
  TCPDSACKIgnoredDubious = 0;
  TCPSACKReorder = 0;
  TCPRenoReorder = 0;
  TCPTSReorder = 0;
  TCPSACKDiscard = 0;
  TCPFullUndo = 0;
  TCPPartialUndo = 0;
  TCPDSACKUndo = 0;
  TCPLossUndo = 0;
  TCPLossProbes = 0;
  TCPLossProbeRecovery = 0;
  TCPSpuriousRTOs = 0;
  TCPChallengeACK = 0;
  TCPSYNChallenge = 0;
  TCPAckCompressed = 0;
  TCPACKSkippedSynRecv = 0;
  TCPACKSkippedPAWS = 0;
  TCPACKSkippedSeq = 0;
  TCPACKSkippedFinWait2 = 0;
  TCPACKSkippedTimeWait = 0;
  TCPACKSkippedChallenge = 0;
  TCPAutoCorking = 0;
  TCPPureAcks = 0;
  TCPOrigDataSent = 0;
  TCPDelivered = 0;
  TCPDeliveredCE = 0;
  TCPAbortOnData = 0;
  TCPAbortOnClose = 0;
  TCPAbortOnTimeout = 0;
  TCPAbortOnLinger = 0;
  TCPAbortOnMemory = 0;
  TCPMemoryPressures = 0;
  /** ms of them that are over. */
  TCPMemoryPressuresChrono = 0;
  TCPBeyondWindow = 0;
  PAWSEstab = 0;
  TSEcrRejected = 0;
  PAWSOldAck = 0;
  PAWSTimewait = 0;
  PruneCalled = 0;
  RcvPruned = 0;
  OfoPruned = 0;
  TCPRcvCollapsed = 0;
  TCPFastOpenActive = 0;
  TCPFastOpenActiveFail = 0;
  TCPFastOpenPassive = 0;
  TCPFastOpenPassiveFail = 0;
  TCPFastOpenListenOverflow = 0;
  TCPFastOpenCookieReqd = 0;
  TCPFastOpenBlackhole = 0;
  TCPMTUPFail = 0;
  TCPMTUPSuccess = 0;
  TCPDeferAcceptDrop = 0;
  TW = 0;
}

export class TcpContext {
  options: TcpOptions;
  readonly lane: Lane;
  readonly memory: TcpMemory;
  readonly mib: TcpMib = new TcpMib();
  /** What a new socket starts with. */
  settings: SocketSettings;
  observer: TcpObserver | null = null;
  /** Nanoseconds of a jiffy; 0: `hz: exact`. */
  readonly jiffyNs: number;
  /** What jiffies are counted in (clock.ts jiffiesNow): `jiffyNs`, or 1. */
  readonly tickNs: number;
  /** How late timers of the wheel fire, ns. */
  readonly slackNs: number;
  /** The tick that was asked for last (clock.ts jiffiesNow). */
  tick: Instant = NEVER;
  // Lengths of timers that every ACK needs, in whole jiffies.
  rtoMin: Duration;
  rtoMax: Duration;
  /** TCP_ATO_MIN = TCP_DELACK_MIN = HZ/25. */
  readonly atoMin: Duration;
  /** The ATO under data without a pause: half of it and half of the least are what it was (tcp_event_data_recv). */
  readonly atoSteady: Duration;
  /** TCP_DELACK_MAX = HZ/5. */
  readonly delackMax: Duration;
  /** What bounds every delayed ACK: that, and the tick before the peer's smallest RTO. */
  atoMax: Duration;
  /** Challenge ACKs sent in the current second (RFC 5961 §7). */
  challengeSecond = -1;
  challengeCount = 0;
  /** Cookies, and paths that swallow SYNs with data. */
  readonly fastOpen: FastOpenCache = new FastOpenCache();
  /** Scratch of processAck. */
  readonly ackState: AckState = new AckState();
  private readonly sendQueues: SendQueue[] = [];
  private readonly rxPool: Rx[] = [];
  /** What is being copied together (prune.ts); empty in between. */
  readonly scratch: Deque<Rx> = new Deque<Rx>(4);
  private readonly rcvQueues: Deque<Rx>[] = [];

  constructor(options: TcpOptions, lane: Lane, memory: TcpMemory = new TcpMemory()) {
    this.options = options;
    this.settings = new SocketSettings(options);
    this.settings.shared = true;
    this.lane = lane;
    this.memory = memory;
    this.jiffyNs = options.hz === 'exact' ? 0 : (1_000_000_000 / options.hz) | 0;
    this.tickNs = this.jiffyNs === 0 ? 1 : this.jiffyNs;
    this.slackNs = options.timerSlackUs * 1000;
    this.rtoMin = jiffiesOfUs(this, options.rtoMinUs);
    this.rtoMax = jiffiesOfMs(this, options.rtoMaxMs);
    this.atoMin = jiffiesOfMs(this, 40);
    this.atoSteady = this.steadyAto();
    this.delackMax = jiffiesOfMs(this, 200);
    this.atoMax = this.mostAto();
  }

  /** Sysctls were written: all connections see the new values, new sockets begin with them. `hz` stays. */
  retune(options: TcpOptions): void {
    this.options = options;
    this.settings = new SocketSettings(options);
    this.settings.shared = true;
    this.rtoMin = jiffiesOfUs(this, options.rtoMinUs);
    this.rtoMax = jiffiesOfMs(this, options.rtoMaxMs);
    this.atoMax = this.mostAto();
  }

  private steadyAto(): Duration {
    let ato = this.atoMin;
    for (;;) {
      const next = (halfTicks(this, ato) + this.atoMin / 2) as Duration;
      if (next === ato) return ato;
      ato = next;
    }
  }

  private mostAto(): Duration {
    const tick = this.jiffyNs === 0 ? 1_000_000 : this.jiffyNs;
    return Math.min(this.delackMax, Math.max(this.rtoMin, 2 * tick) - tick) as Duration;
  }

  takeSendQueue(): SendQueue {
    return this.sendQueues.pop() ?? new SendQueue();
  }
  /** @param q empty */
  giveSendQueue(q: SendQueue): void {
    q.sent = 0;
    this.sendQueues.push(q);
  }
  takeRx(): Rx {
    return this.rxPool.pop() ?? new Rx();
  }
  giveRx(r: Rx): void {
    r.stream = null;
    this.rxPool.push(r);
  }
  takeRcvQueue(): Deque<Rx> {
    return this.rcvQueues.pop() ?? new Deque<Rx>(4);
  }
  /** @param q empty */
  giveRcvQueue(q: Deque<Rx>): void {
    this.rcvQueues.push(q);
  }
}
