/**
 * A TCP socket (struct socket, sock and file in one): what an application holds by a descriptor, and what the stack keeps
 * of a connection after the descriptor is gone (an orphan).
 *
 * A system call *owns* its socket from its first look to its release (lock_sock): segments that come meanwhile wait in the
 * backlog, timers that expire are deferred. Letting go is `next` until −1: send what TCP offers, one segment a step, then
 * take the backlog, then a deferred timer, and again; `unlock` ends it. Outside of calls the same steps follow whatever
 * made them necessary, in softirq context.
 *
 * A segment is built when its step begins and sent when the step's time has been spent. So the step costs nothing when TCP
 * finds that it has nothing to send.
 *
 * Left out: keeping a file alive for calls that are blocked in it: close() ends the connection at once, and they find out.
 */
import { assert } from '../base/assert.ts';
import { ECONNRESET } from '../base/errno.ts';
import { Ring } from '../base/ring.ts';
import type { Instant } from '../base/units.ts';
import {
  awaitsHandshake,
  CLOSED,
  CONNECTED,
  DEADLINE,
  departureOf,
  ERROR,
  FIN,
  HANGUP,
  inq,
  isReadable,
  isWritable,
  mayWrite,
  nextDeadline,
  onIcmpError,
  onMtuReduced,
  onSegment,
  onTimer,
  onXmitCongested,
  onXmitDropped,
  pollSegment,
  quotesCurrent,
  READABLE,
  revertBackoff,
  seq,
  seqAdd,
  setNoSpace,
  SYN,
  takeEvents,
  takeRoute,
  TIME_WAIT,
  urgentArrived,
  WRITABLE,
  type Connection,
  type PathOptions,
} from '../tcp/index.ts';
import type { SocketSettings } from '../tcp/settings.ts';
import { ONE_BYTE_TRUESIZE } from '../tcp/truesize.ts';
import { receiveWindow, rmemPressure } from '../tcp/window.ts';
import { isClosed } from './closed.ts';
import { type BusyWait, ONCE } from './busy-poll.ts';
import type { Core, StepSource } from './cpu.ts';
import { SS_UNCONNECTED } from './sock-state.ts';
import { SOCK, SockCommon } from './demux.ts';
import type { SockFastOpen } from './fastopen.ts';
import type { File } from './file.ts';
import {
  heedsPmtu,
  ICMP_DEST_UNREACH,
  ICMP_FRAG_NEEDED,
  icmpErrno,
  isUnreachable,
  type IcmpError,
} from './icmp.ts';
import { NET_XMIT_DROP, NET_XMIT_SUCCESS, type NetDevice } from './netdev.ts';
import type { Listener } from './listen.ts';
import type { Napi } from './napi.ts';
import { PORT_NONE, type PortOwner } from './ports.ts';
import type { Skb } from './skb.ts';
import type { TxOwner } from './xps.ts';
import { POLL_READABLE, POLL_WRITABLE } from './socket-options.ts';
import type { Stack } from './stack.ts';
import {
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDHUP,
  EPOLLRDNORM,
  EPOLLWRNORM,
  type Trap,
} from './syscall.ts';
import { tcpClose } from './syscalls/close.ts';
import { tcpRecvmsg } from './syscalls/recv.ts';
import { tcpSendmsg } from './syscalls/send.ts';
import { BLOCKED, type Thread } from './thread.ts';
import { KernelTimer, type TimerHandler } from './timer.ts';
import { WaitQueue } from './wait-queue.ts';

/** What setsockopt() says beside TCP's own: accepted sockets take over what their listener has. */
export interface SockOptions {
  /** SO_REUSEADDR and SO_REUSEPORT. */
  readonly reuse: boolean;
  readonly reusePort: boolean;
  /** SO_RCVTIMEO and SO_SNDTIMEO, ns; −1: none. */
  readonly rcvTimeo: number;
  readonly sndTimeo: number;
  /** SO_LINGER, seconds; −1: off. */
  readonly linger: number;
  /** IP_RECVERR: errors of ICMP messages are reported at once. */
  readonly recvErr: boolean;
  /** TCP_INQ: recvmsg() tells how much is left. */
  readonly tellsInq: boolean;
  /** SO_BUSY_POLL, µs; SO_PREFER_BUSY_POLL; SO_BUSY_POLL_BUDGET, 0: BUSY_POLL_BUDGET. */
  readonly busyPoll: number;
  readonly preferBusyPoll: boolean;
  readonly busyPollBudget: number;
}

const SOCK_OPTIONS: SockOptions = {
  reuse: false,
  reusePort: false,
  rcvTimeo: -1,
  sndTimeo: -1,
  linger: -1,
  recvErr: false,
  tellsInq: false,
  busyPoll: 0,
  preferBusyPoll: false,
  busyPollBudget: 0,
};

/** A route that holds once something has been sent, and how many segments had been when it was changed. */
interface NextRoute {
  readonly path: PathOptions;
  readonly after: number;
}

// Flags of a socket.
/** In the list of things to follow the present softirq step: at most once. */
const FOLLOWING = 1;
/** A timer was due while it was owned. */
const TIMER_DEFERRED = 2;
/** Its last segment went to loopback, and may not have been received yet. */
const LOOPED_BACK = 4;

/** sk_backlog */
class SockBacklog extends Ring<Skb> {
  /** Bytes of sk_backlog.len whose segments have been worked off in the present release (__release_sock). */
  done = 0;
}

export class Sock
  extends SockCommon
  implements File, PortOwner, StepSource, TimerHandler, TxOwner, BusyWait
{
  get role(): number {
    return SOCK;
  }
  get kind(): 'tcp' {
    return 'tcp';
  }
  readonly stack: Stack;
  readonly wait: WaitQueue = new WaitQueue();
  /** The connection, from connect() or accept on; kept while there is a descriptor. */
  c: Connection | null = null;
  listener: Listener | null = null;
  /** Who is in a system call on it (sk_lock.owned). */
  owner: Thread | null = null;
  /** Segments that came while it was owned; made on first use. */
  backlog: SockBacklog | null = null;
  /** Where its segments leave; set when there is a connection. */
  device: NetDevice | null = null;
  /** The device queue that its packets come by (sk_napi_id); null: none is known. */
  napi: Napi | null = null;
  /** One record for all sockets that have set none. */
  options: SockOptions = SOCK_OPTIONS;
  /** Nobody waits for it any more (SOCK_DEAD). */
  orphan = false;
  private nextRoute: NextRoute | null = null;
  /** An ICMP message that came while it was owned: the MTU that it named; 0: none. */
  private mtuDeferred = 0;
  private lockQueue: WaitQueue | null = null;
  private timer: KernelTimer | null = null;
  /** FOLLOWING, TIMER_DEFERRED, LOOPED_BACK: one field for three, because there are tens of thousands of sockets. */
  private flags = 0;
  /** A segment whose step is running: one that follows, and one that the owner's release sends. */
  private held: Skb | null = null;
  private heldByOwner: Skb | null = null;

  // ---- Looked at seldom while data flows: apart, to take no room in the cache lines that every segment needs

  nonblock = false;
  state: number = SS_UNCONNECTED;
  /**
   * Options for the connection to come: the host's defaults until one is set. Null once they are the connection's, as in an
   * accepted socket.
   */
  settings: SocketSettings | null;
  /** close() has begun: there is no descriptor any more, but a lingering caller may still wait. */
  closing = false;
  /** By which transmit queue of `device`, once one has been chosen (xps.ts). */
  txQueue = -1;
  /** The port it is bound to; 0: none. It is `sport` too, once it is connected or listens. */
  boundPort = 0;
  /** How it holds `sport` as a connection: PORT_…. */
  portShare: number = PORT_NONE;
  /** What a connection that it had has left to be reported (sk_err); 0: nothing. */
  error = 0;
  /** Made with the first use of Fast Open. */
  fastOpen: SockFastOpen | null = null;

  constructor(stack: Stack, settings: SocketSettings | null) {
    super();
    this.stack = stack;
    this.settings = settings;
    const { busyRead } = stack.host.softnet;
    if (busyRead > 0) this.options = { ...SOCK_OPTIONS, busyPoll: busyRead };
  }

  /** Its options, to be changed; null when they are the connection's. */
  ownSettings(): SocketSettings | null {
    if (this.settings === null) return null;
    return (this.settings = this.settings.own(this.stack.tcp.options));
  }

  setOptions(changed: Partial<SockOptions>): void {
    this.options = { ...this.options, ...changed };
  }

  get reuse(): boolean {
    return this.options.reuse;
  }
  get reusePort(): boolean {
    return this.options.reusePort;
  }

  get listening(): boolean {
    return this.listener !== null;
  }

  // ---- file operations ---------------------------------------------------------------------------------------------

  read(t: Thread, trap: Trap): number {
    return tcpRecvmsg(this, t, trap, trap.a, 0);
  }
  write(t: Thread, trap: Trap): number {
    return tcpSendmsg(this, t, trap, trap.a, 0);
  }
  close(t: Thread, trap: Trap): number {
    return tcpClose(this, t, trap);
  }

  /** tcp_poll(), without its side effect (`wantRoom`). */
  poll(): number {
    if (this.listener !== null) return this.listener.acceptable ? EPOLLIN | EPOLLRDNORM : 0;
    const c = this.c;
    if (c === null) return EPOLLHUP | EPOLLOUT | EPOLLWRNORM | (this.error === 0 ? 0 : EPOLLERR);
    const closed = isClosed(c);
    let mask = c.error !== 0 ? EPOLLERR : 0;
    if (closed || (c.rcvShutdown && c.sndShutdown)) mask |= EPOLLHUP;
    if (closed || c.rcvShutdown) mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
    if (!mayWrite(c)) return this.defersConnect ? mask | EPOLLOUT | EPOLLWRNORM : mask;
    if (isReadable(c) || mustBeRead(c)) mask |= EPOLLIN | EPOLLRDNORM;
    if (c.receiver !== null && urgentArrived(c)) mask |= EPOLLPRI;
    if (closed || c.sndShutdown || isWritable(c)) mask |= EPOLLOUT | EPOLLWRNORM;
    return mask;
  }

  /** Somebody was told that there is no room to write: he wants to hear when there is (SOCK_NOSPACE). */
  wantRoom(): void {
    if (this.c !== null && this.c.state !== 'SYN-SENT' && !isClosed(this.c)) setNoSpace(this.c);
  }

  /** Takes the pending error, which is reported once (sock_error). @returns −errno, or 0 */
  takeError(): number {
    const from = this.c ?? this;
    const e = from.error;
    from.error = 0;
    return e === 0 ? 0 : -e;
  }

  /** connect() has left the SYN to the first write (TCP_FASTOPEN_CONNECT). */
  get defersConnect(): boolean {
    return this.fastOpen !== null && this.fastOpen.deferred;
  }

  // ---- ownership ---------------------------------------------------------------------------------------------------

  /** lock_sock(): the call owns the socket now, or does not and must `return s.waitForLock(t)`. */
  lock(t: Thread): boolean {
    if (this.owner === null) this.owner = t;
    return this.owner === t;
  }

  /** Sleeps until the owner lets go; the call then starts again. Its deadline does not matter here. */
  waitForLock(t: Thread): number {
    t.addWait((this.lockQueue ??= new WaitQueue()), true);
    return BLOCKED;
  }

  /** The end of release_sock(): `next` has said −1. */
  unlock(): void {
    assert(this.owner !== null, 'socket: released, but not owned');
    this.owner = null;
    // What was in the backlog counts as long as it is being worked off (__release_sock).
    if (this.c !== null) this.c.backlogLen = 0;
    if (this.backlog !== null) {
      assert(this.backlog.length === 0, 'socket: released with a backlog');
      this.backlog.done = 0;
    }
    this.stack.assertPumped(this);
    if (this.lockQueue !== null && !this.lockQueue.empty) this.lockQueue.wake(0, 1, false);
  }

  // ---- steps -------------------------------------------------------------------------------------------------------

  /** What is to be done because of what just happened, in softirq context: send, one segment a step. */
  follow(core: Core): void {
    if ((this.flags & FOLLOWING) !== 0 || this.owner !== null || !this.hasWork) return;
    this.flags |= FOLLOWING;
    core.follow(this);
  }

  /** For core.follow(): the next segment, unless a system call owns the socket (its release will send). */
  next(core: Core): number {
    if (this.owner === null && this.hasWork && (this.held = this.offer(core)) !== null)
      return this.stack.host.costs.tcpOutput;
    this.flags &= ~FOLLOWING;
    return -1;
  }

  /** The segment's time has been spent. */
  effect(core: Core): void {
    const skb = this.held!;
    this.held = null;
    this.send(skb, core);
  }

  /** For the owner: what its release has to do next costs so much, then `releaseStep`; −1: `unlock`. */
  releaseCost(core: Core): number {
    for (;;) {
      if (this.hasWork && (this.heldByOwner = this.offer(core)) !== null)
        return this.stack.host.costs.tcpOutput;
      // The segment was paid for in the softirq that put it here; in task context it only changes hands.
      if (this.backlog !== null && this.backlog.length > 0) this.takeBacklog(core);
      else if (this.flags === 0 && this.mtuDeferred === 0) return -1;
      else if ((this.flags & TIMER_DEFERRED) !== 0) this.runTimer(core);
      else if (this.mtuDeferred > 0) this.reduceMtu(core);
      else if ((this.flags & LOOPED_BACK) === 0 || !core.softirq.isPending) return -1;
      else return this.letLoopbackRun();
    }
  }

  /**
   * What loopback was given is received before the call goes on (rcu_read_unlock_bh in __dev_queue_xmit, unless ksoftirqd
   * has taken over); answers to it find the socket owned, and wait in its backlog.
   */
  private letLoopbackRun(): number {
    this.flags &= ~LOOPED_BACK;
    return 0;
  }

  releaseStep(core: Core): void {
    const skb = this.heldByOwner;
    if (skb === null) return; // what came in by loopback has run
    this.heldByOwner = null;
    this.send(skb, core);
  }

  /** May TCP have something to send? */
  private get hasWork(): boolean {
    return this.c !== null && this.c.work !== 0;
  }

  /** Builds the next segment TCP has to send; null when there is none. */
  private offer(core: Core): Skb | null {
    const c = this.c!;
    const { stack } = this;
    const skb = stack.pool.peek();
    const any = pollSegment(c, stack.engine.now, skb);
    if (any) stack.pool.grab();
    this.settle(core);
    if (any) {
      skb.owner = c;
      skb.txTruesize = skb.truesize;
      skb.departAt = departureOf(c);
      return skb;
    }
    if (this.nextRoute !== null && c.segsOut > this.nextRoute.after) {
      takeRoute(c, this.nextRoute.path);
      this.nextRoute = null;
    }
    return null;
  }

  private send(skb: Skb, core: Core): void {
    const { seq, flags } = skb;
    const size = skb.len + (flags & FIN ? 1 : 0);
    if (this.device!.loopback) this.flags |= LOOPED_BACK;
    else this.flags &= ~LOOPED_BACK;
    const result = this.stack.send(skb, this.device!, core);
    if (result === NET_XMIT_SUCCESS || this.c === null) return;
    const { now } = this.stack.engine;
    if (result === NET_XMIT_DROP) onXmitDropped(this.c, seq, size, now);
    else onXmitCongested(this.c, now);
    this.settle(core);
  }

  // ---- busy polling ------------------------------------------------------------------------------------------------

  /** sk_can_busy_loop(), with a queue to poll. */
  get mayBusyPoll(): boolean {
    return this.options.busyPoll > 0 && this.napi !== null && this.stack.host.costs.busyPoll > 0;
  }

  /** sk_busy_loop(). */
  startBusyPoll(t: Thread, once: boolean): void {
    const { preferBusyPoll, busyPollBudget } = this.options;
    t.busyPoll.start(this.napi!, once ? ONCE : this, busyPollBudget, preferBusyPoll);
  }

  /** Nothing is in its receive queue, and a FIN is something. */
  get receiveQueueEmpty(): boolean {
    return this.c !== null && inq(this.c) === 0 && !this.c.rcvShutdown;
  }

  /** sk_busy_loop_end() */
  busyEnd(since: number, now: number): boolean {
    return !this.receiveQueueEmpty || now > since + this.options.busyPoll;
  }

  /** sock_rps_record_flow(): this is where the connection's packets had better be taken. */
  recordFlow(t: Thread): void {
    const { sockFlows } = t.host;
    if (sockFlows !== null && this.c !== null && this.c.state === 'ESTABLISHED')
      sockFlows.record(this.c.flow, t.core);
  }

  /** skb->ooo_okay, __tcp_transmit_skb(): the device has nothing else of it, or all that was sent before is acknowledged. */
  mayChangeQueue(skb: Skb): boolean {
    const c = this.c;
    if (c === null || c.wmemAlloc - skb.txTruesize < ONE_BYTE_TRUESIZE) return true;
    const end = seqAdd(skb.seq, skb.len + ((skb.flags & (SYN | FIN)) === 0 ? 0 : 1));
    return skb.seq === c.sndUna && end === c.sndNxt;
  }

  /**
   * Shows every skb that it has, how many frames of it, and whether it has built it itself and not sent it yet; else it came while
   * the socket was owned.
   */
  each(visit: (skb: Skb, count: number, built: boolean) => void): void {
    this.backlog?.each((skb) => visit(skb, skb.segs, false));
    if (this.held !== null) visit(this.held, 1, true);
    if (this.heldByOwner !== null) visit(this.heldByOwner, 1, true);
  }

  // ---- input -------------------------------------------------------------------------------------------------------

  /** A segment for this connection, in softirq context. It is the socket's now. */
  receive(skb: Skb, core: Core): void {
    if (this.owner !== null) {
      this.addBacklog(skb);
      return;
    }
    onSegment(this.c!, skb, this.stack.engine.now);
    skb.drop(skb.segs);
    this.settle(core);
    this.follow(core);
  }

  /** tcp_add_backlog(). */
  private addBacklog(skb: Skb): void {
    const c = this.c!;
    const { stack } = this;
    if (c.backlogLen + c.rmemAlloc > 2 * c.rcvbuf + (c.sndbuf >> 1) + 65_536) {
      stack.mib.TCPBacklogDrop++;
      stack.droppedFrames += skb.segs;
      skb.drop(skb.segs);
      return;
    }
    this.backlog ??= new SockBacklog(4);
    this.backlog.push(skb);
    skb.owner = c;
    c.backlogLen += skb.truesize;
    stack.backlogMeter.enter(stack.engine.now, 1);
    if (c.backlogLen > stack.backlogPeakBytes) stack.backlogPeakBytes = c.backlogLen;
  }

  private takeBacklog(core: Core): void {
    const backlog = this.backlog!;
    const skb = backlog.shift()!;
    const c = this.c!;
    skb.owner = null;
    backlog.done += skb.truesize;
    this.stack.backlogMeter.leave(this.stack.engine.now, 1);
    onSegment(c, skb, this.stack.engine.now);
    skb.drop(skb.segs);
    this.settle(core);
  }

  // ---- the way there -----------------------------------------------------------------------------------------------

  /**
   * The route was changed. As in Linux the socket notices when it sends next, and goes by it from the segment after
   * (__sk_dst_check).
   */
  routeChanged(path: PathOptions): void {
    if (this.c === null || this.c.path === path) return;
    this.nextRoute = { path, after: this.c.segsOut };
  }

  /** tcp_v4_err(), once the socket is found. */
  icmp(e: IcmpError, core: Core): void {
    const c = this.c;
    if (c === null || isClosed(c)) return;
    const { stack } = this;
    const now = stack.engine.now;
    const tooBig = e.type === ICMP_DEST_UNREACH && e.code === ICMP_FRAG_NEEDED;
    const owned = this.owner !== null;
    if (owned && !tooBig) stack.mib.LockDroppedIcmps++;
    if (!quotesCurrent(c, seq(e.seq))) {
      stack.mib.OutOfWindowIcmps++;
      return;
    }
    if (tooBig) {
      this.mtuDeferred = e.mtu;
      if (!owned) this.reduceMtu(core);
    } else {
      const errno = icmpErrno(e);
      if (errno === 0) return;
      if (isUnreachable(e) && !owned && !awaitsHandshake(c)) revertBackoff(c, seq(e.seq), now);
      onIcmpError(c, errno, this.options.recvErr, owned, now);
      if (!owned) this.settle(core);
    }
    if (!owned) this.follow(core);
  }

  private reduceMtu(core: Core): void {
    const c = this.c!;
    const mtu = this.mtuDeferred;
    this.mtuDeferred = 0;
    if (isClosed(c)) return;
    const path = this.stack.reducePath(this.daddr, this.device!, mtu);
    onMtuReduced(c, path, mtu, heedsPmtu(c.settings.pmtuDiscovery), this.stack.engine.now);
    this.settle(core);
  }

  onTimer(): void {
    // It is not armed any more, whatever becomes of the deadline.
    this.c!.events |= DEADLINE;
    if (this.owner !== null) {
      this.flags |= TIMER_DEFERRED;
      return;
    }
    const core = this.stack.host.here;
    this.runTimer(core);
    this.follow(core);
  }

  private runTimer(core: Core): void {
    this.flags &= ~TIMER_DEFERRED;
    onTimer(this.c!, this.stack.engine.now);
    this.settle(core);
  }

  // ---- after any call into TCP -------------------------------------------------------------------------------------

  /** Delivers TCP's events and arms the connection's one timer. Sending is for `follow` or the owner's release. */
  settle(core: Core): void {
    const c = this.c!;
    if (c.events === 0) return;
    const events = takeEvents(c);
    if (events !== DEADLINE) this.deliver(c, events, core);
    if ((events & DEADLINE) !== 0 && this.c !== null && !isClosed(c))
      this.arm(nextDeadline(c), core);
  }

  private arm(t: Instant, core: Core): void {
    const timer = this.timer;
    if (timer === null) {
      if (t === Infinity) return;
      this.timer = new KernelTimer(this.stack.host, core, this, false);
      this.timer.arm(t);
    } else if (timer.expires !== t) {
      timer.core = core;
      if (t === Infinity) timer.cancel();
      else timer.arm(t);
    }
  }

  private deliver(c: Connection, events: number, core: Core): void {
    if (!this.orphan && !this.wait.empty) this.wake(events);
    if ((events & (CONNECTED | CLOSED | TIME_WAIT)) !== 0) this.stateChanged(c, events, core);
  }

  private wake(events: number): void {
    const wait = this.wait;
    // sk_state_change: everyone, whatever they wait for.
    if ((events & (CONNECTED | HANGUP | CLOSED | TIME_WAIT)) !== 0) wait.wake(0, 0, false);
    if ((events & READABLE) !== 0) wait.wake(POLL_READABLE, 1, true);
    if ((events & WRITABLE) !== 0) wait.wake(POLL_WRITABLE, 1, false);
    if ((events & ERROR) !== 0) wait.wake(EPOLLERR, 1, false);
  }

  /** The connection has been opened, or has ended. */
  private stateChanged(c: Connection, events: number, core: Core): void {
    // The handshake is complete: its timer goes, if nothing else waits for one.
    if ((events & CONNECTED) !== 0 && nextDeadline(c) === Infinity) this.dropTimer();
    if (this.fastOpen !== null && (events & (CONNECTED | CLOSED)) !== 0)
      this.leaveFastOpenQueue(c, this.fastOpen);
    if ((events & TIME_WAIT) !== 0) this.stack.enterTimeWait(this, c, core);
    else if ((events & CLOSED) !== 0) this.stack.unhash(this);
    if ((events & (TIME_WAIT | CLOSED)) !== 0) this.dropTimer();
  }

  /** The handshake of a connection that Fast Open began has ended, one way or the other (reqsk_fastopen_remove). */
  private leaveFastOpenQueue(c: Connection, f: SockFastOpen): void {
    if (f.counted === null) return;
    const reset = c.error === ECONNRESET && c.fastOpen !== null && c.accepted;
    f.counted.leave(reset, this.stack.engine.now);
    f.counted = null;
  }

  /** No timer is wanted: never again, or for a while. */
  private dropTimer(): void {
    this.flags &= ~TIMER_DEFERRED;
    this.timer?.release();
    this.timer = null;
  }
}

/**
 * Data below SO_RCVLOWAT is readable all the same when there will not be more: the buffer or the window is full
 * (tcp_epollin_ready).
 */
function mustBeRead(c: Connection): boolean {
  return inq(c) > 0 && (rmemPressure(c) || receiveWindow(c) <= c.rcvMss);
}
