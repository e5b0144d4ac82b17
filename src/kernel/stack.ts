/**
 * The glue between devices, TCP and sockets of one host: finds who a segment is for, hands it to TCP, and sees to what TCP
 * wants then: segments to send (`Sock.follow`), a timer to arm, somebody to wake. TCP itself calls nothing.
 *
 * Input follows net/ipv4/tcp_ipv4.c tcp_v4_rcv(): established hash (connections, requests, TIME_WAIT), then listeners,
 * else a RST. Routing: routes.ts. IP has no input of its own here: packets for another address are dropped, and there
 * are no fragments, no forwarding; ICMP errors come by `icmp`.
 */
import { assert, violated } from '../base/assert.ts';
import { PayloadStream } from '../base/payload.ts';
import { QueueMeter } from '../base/queue-meter.ts';
import type { Keyed } from '../base/random.ts';
import { add, sec, type Instant } from '../base/units.ts';
import type { Engine } from '../engine/engine.ts';
import {
  abort,
  ACK,
  connect,
  establish,
  FIN,
  onRequestSegment,
  fastOpenChild,
  onSyn,
  onTimeWaitSegment,
  onTxFreed,
  pollRequest,
  pollSegment,
  pollTimeWait,
  replyToOrphan,
  refuseRequest,
  REQ_ESTABLISH,
  REQ_RESET,
  RST,
  seq,
  seqRaw,
  SYN,
  takeFastOpen,
  TcpContext,
  TcpMemory,
  tcpOptions,
  timeWaitOf,
  TW_GONE,
  TW_SYN,
  type Connection,
  type PathOptions,
  type Request,
  type SocketSettings,
  type TcpOptions,
} from '../tcp/index.ts';
import { isClosed } from './closed.ts';
import type { Core } from './cpu.ts';
import { EstablishedHash, REQUEST, SOCK } from './demux.ts';
import { fastOpenOf, tryFastOpen } from './fastopen.ts';
import type { Host } from './host.ts';
import { endsRequest, type IcmpError } from './icmp.ts';
import { IcmpInput } from './icmp-input.ts';
import { Listener, RequestSock } from './listen.ts';
import { Lo } from './lo.ts';
import { NET_XMIT_DROP, type NetDevice, type PacketHandler } from './netdev.ts';
import { Outbox } from './outbox.ts';
import { PORT_CONNECTED, PORT_NONE, portOfChild, Ports } from './ports.ts';
import { freeUnsent } from './qdisc.ts';
import { Routes } from './routes.ts';
import type { Skb, SkbPool } from './skb.ts';
import { StackMib } from './stack-mib.ts';
import { SS_CONNECTED, SS_CONNECTING } from './sock-state.ts';
import { Sock } from './socket.ts';
import { POLL_READABLE } from './socket-options.ts';
import { TimewaitSock } from './time-wait-sock.ts';

export { StackMib } from './stack-mib.ts';

export interface StackOptions {
  /** This host's number in its world, from 0: flows are numbered by it. */
  readonly index: number;
  /** The world's skbs. */
  readonly pool: SkbPool;
  readonly tcp?: TcpOptions;
  readonly memory?: TcpMemory;
  /** net.core.somaxconn */
  readonly somaxconn?: number;
  /** net.ipv4.tcp_syncookies: 0 off, 1 when the SYN queue is full. */
  readonly syncookies?: 0 | 1;
  /** net.ipv4.tcp_max_syn_backlog; only looked at without SYN cookies. */
  readonly maxSynBacklog?: number;
}

/** Connections that one host may begin: 22 bits of the flow number. */
const FLOWS_PER_HOST = 1 << 22;
/** A reset without a connection is named by the frame that it answers. */
const RESET_ORDINAL = 0x8000_0000;
/** MAX_SYNCOOKIE_AGE, include/net/tcp.h. */
const COOKIE_AGE = sec(120);

export class Stack implements PacketHandler {
  readonly host: Host;
  readonly engine: Engine;
  readonly pool: SkbPool;
  readonly tcp: TcpContext;
  readonly mib: StackMib = new StackMib();
  readonly ehash: EstablishedHash = new EstablishedHash();
  readonly ports: Ports<Sock>;
  // Sysctls; see kernel/sysctl.ts.
  somaxconn: number;
  syncookies: number;
  maxSynBacklog: number;
  /** Listeners that were ever opened, for their meters. */
  readonly listeners: Listener[] = [];
  /** Segments in the backlogs of sockets, and the most bytes (truesize) that one of them held. */
  readonly backlogMeter: QueueMeter;
  backlogPeakBytes = 0;

  /** Segments that were dropped before TCP saw them, and those that had no way to go. */
  droppedFrames = 0;
  unroutedFrames = 0;

  private readonly index: number;
  private readonly isns: Keyed;
  /** Made with the first SYN for a group of listeners. */
  private groupHash: Keyed | null = null;
  /** Made with the first pause. */
  private pauses: Keyed | null = null;
  private readonly routes: Routes;
  private readonly icmpInput: IcmpInput;
  private connects = 0;
  private readonly outboxes: Outbox[];

  constructor(host: Host, options: StackOptions) {
    this.host = host;
    this.engine = host.engine;
    this.index = options.index;
    this.pool = options.pool;
    this.tcp = new TcpContext(
      options.tcp ?? tcpOptions(),
      host.engine.lane(`${host.name}/tcp`),
      options.memory ?? new TcpMemory(host.engine),
    );
    this.ports = new Ports<Sock>(32_768, 60_999); // net.ipv4.ip_local_port_range
    this.somaxconn = options.somaxconn ?? 4096;
    this.syncookies = options.syncookies ?? 1;
    this.maxSynBacklog = options.maxSynBacklog ?? 2048;
    this.backlogMeter = new QueueMeter(`${host.name}/socket-backlog`, Infinity);
    this.isns = host.engine.random.keyed(`${host.name}/isn`);
    this.routes = new Routes(host);
    this.icmpInput = new IcmpInput(this);
    this.outboxes = host.cores.map(() => new Outbox(this));
    host.handler = this;
  }

  // ---- routing -----------------------------------------------------------------------------------------------------

  /** Packets to `addr` leave by `device`. */
  addRoute(addr: number, device: NetDevice): void {
    this.routes.add(addr, device);
  }

  /** The device for `addr`; null: ENETUNREACH. */
  route(addr: number): NetDevice | null {
    return this.routes.deviceFor(addr);
  }

  /** What the device says about the connections that use it: one object each. */
  pathOf(device: NetDevice): PathOptions {
    return this.routes.pathOf(device);
  }

  /** ip route, ip link: what holds on the way by `device` from now on, also for the connections that there are. */
  changePath(device: NetDevice, changes: Partial<PathOptions>): void {
    this.routes.change(device, changes);
    for (const s of this.ehash.all())
      if (s.role === SOCK && (s as Sock).device === device)
        (s as Sock).routeChanged(this.routes.pathTo(s.daddr, device));
  }

  /** An ICMP error has said that no packet larger than `mtu` gets to `addr`. @returns the route as it is now */
  reducePath(addr: number, device: NetDevice, mtu: number): PathOptions {
    const path = this.routes.reduce(addr, device, mtu);
    for (const s of this.ehash.all())
      if (s.role === SOCK && s.daddr === addr) (s as Sock).routeChanged(path);
    return path;
  }

  /** `ip tcp_metrics flush`: Fast Open's cookies. */
  flushMetrics(): void {
    this.tcp.fastOpen.flush();
  }

  // ---- input -------------------------------------------------------------------------------------------------------

  receive(skb: Skb, core: Core): void {
    if (skb.dst !== this.host.addr) {
      this.mib.InAddrErrors++;
      this.droppedFrames += skb.segs;
      skb.drop(skb.segs);
      return;
    }
    const to = this.ehash.lookup(skb.dst, skb.dport, skb.src, skb.sport);
    if (to === null) this.toListener(skb, core);
    else if (to.role === SOCK) {
      if (skb.napi !== null) (to as Sock).napi = skb.napi; // sk_mark_napi_id()
      (to as Sock).receive(skb, core);
    } else if (to.role === REQUEST) this.toRequest(to as RequestSock, skb, core);
    else this.toTimeWait(to as TimewaitSock, skb, core);
  }

  /** tcp_rcv_state_process(), LISTEN, and what comes for nobody. */
  private toListener(skb: Skb, core: Core): void {
    // Port 0 is nobody's: a frame without TCP. It is counted and let go; ICMP's answer is not modelled.
    if (skb.dport === 0) {
      this.mib.InUnknownProtos++;
      this.droppedFrames += skb.segs;
      skb.drop(skb.segs);
      return;
    }
    this.tcp.mib.InSegs += skb.segs;
    const group = this.ports.listeners(skb.dport);
    const flags = skb.flags;
    if (group.length === 0 || (flags & (ACK | RST)) !== 0) this.refuse(skb, core);
    else if ((flags & (SYN | FIN)) === SYN)
      this.synReceived(this.chosen(group, skb).listener!, skb, core);
    skb.drop(skb.segs);
  }

  /** Of a SO_REUSEPORT group the one that a keyed hash of the connection says (reuseport_select_sock, reciprocal_scale). */
  private chosen(group: readonly Sock[], syn: Skb): Sock {
    if (group.length === 1) return group[0]!;
    this.groupHash ??= this.engine.random.keyed(`${this.host.name}/reuseport`);
    const u = this.groupHash.at(syn.src, syn.sport * 65_536 + syn.dport);
    return group[Math.floor(u * group.length)]!;
  }

  /** tcp_conn_request() */
  private synReceived(l: Listener, syn: Skb, core: Core): void {
    let cookie = false;
    if (l.synFull) {
      cookie = this.syncookies !== 0;
      if (cookie) this.mib.TCPReqQFullDoCookies++;
      else this.mib.TCPReqQFullDrop++;
      if (!cookie) return this.listenDrop(l);
    }
    if (l.acceptFull) {
      this.mib.ListenOverflows++;
      return this.listenDrop(l);
    }
    const room = this.maxSynBacklog - l.synMeter.depth;
    if (this.syncookies === 0 && room < this.maxSynBacklog >> 2) return this.listenDrop(l);
    const device = this.route(syn.src);
    if (device === null) return;
    const request = onSyn(
      l.optionsFor(this.routes.pathTo(syn.src, device)),
      syn,
      {
        tuple: { src: syn.dst, sport: syn.dport, dst: syn.src, dport: syn.sport },
        isn: this.isn(syn.flow, syn.ordinal, 2),
        tsOffset: this.isn(syn.flow, syn.ordinal, 3),
        flow: syn.flow,
      },
      this.engine.now,
    );
    const asked = cookie ? null : takeFastOpen(syn.fastOpen);
    if (!cookie && tryFastOpen(l.sock, syn, asked, request, this.engine.now))
      return this.fastOpened(l, request, syn, core);
    const r = new RequestSock(this, l, request, cookie);
    request.owner = r;
    this.ehash.insert(r);
    if (cookie) this.mib.SyncookiesSent++;
    this.afterRequest(r, core);
  }

  private listenDrop(l: Listener): void {
    l.drops++;
    this.mib.ListenDrops++;
  }

  /** tcp_check_req() */
  private toRequest(r: RequestSock, skb: Skb, core: Core): void {
    const { request, listener: l } = r;
    const verdict = onRequestSegment(request, skb, this.engine.now);
    if (verdict === REQ_ESTABLISH) {
      if (!l.acceptFull) return this.established(r, skb, core);
      this.mib.ListenOverflows++;
      this.listenDrop(l);
      refuseRequest(request);
    }
    if (verdict === REQ_RESET) this.refuse(skb, core);
    this.tcp.mib.InSegs += skb.segs;
    this.afterRequest(r, core);
    skb.drop(skb.segs);
  }

  /** tcp_v4_syn_recv_sock() and inet_csk_complete_hashdance(): the request becomes a socket in the accept queue. */
  private established(r: RequestSock, ack: Skb, core: Core): void {
    const child = this.childOf(r.listener, r.request);
    child.napi = ack.napi;
    if (r.cookie) this.mib.SyncookiesRecv++;
    r.leave();
    this.ehash.replace(r, child);
    child.c = establish(r.request, ack, this.stream(r.request.flow, 1), this.engine.now);
    ack.drop(ack.segs);
    this.handOver(r.listener, child, child.c, core);
  }

  /** tcp_fastopen_create_child(): a SYN alone makes a socket in the accept queue. */
  private fastOpened(l: Listener, request: Request, syn: Skb, core: Core): void {
    const child = this.childOf(l, request);
    child.napi = syn.napi;
    this.ehash.insert(child);
    child.c = fastOpenChild(request, syn, this.stream(request.flow, 1), this.engine.now);
    const counted = l.sock.fastOpen!.queue;
    counted.length++;
    fastOpenOf(child).counted = counted;
    this.handOver(l, child, child.c, core);
  }

  /** A listener's new socket, with the options that it takes over; it is in no hash and has no connection yet. */
  private childOf(l: Listener, request: Request): Sock {
    const child = new Sock(this, null);
    child.saddr = request.src;
    child.sport = request.sport;
    child.daddr = request.dst;
    child.dport = request.dport;
    child.state = SS_CONNECTED;
    child.options = l.sock.options;
    child.portShare = portOfChild(child);
    this.ports.share(child.sport, child.portShare, 1);
    return child;
  }

  /** Into the accept queue, where somebody may wait for it. */
  private handOver(l: Listener, child: Sock, c: Connection, core: Core): void {
    c.owner = child;
    child.device = this.route(child.daddr);
    l.push(child, this.engine.now);
    child.settle(core);
    child.follow(core);
    if (!l.sock.wait.empty) l.sock.wait.wake(POLL_READABLE, 1, true);
  }

  // ---- ICMP --------------------------------------------------------------------------------------------------------

  /** An ICMP error arrives: a packet of its own, which the first core handles. */
  icmp(e: IcmpError): void {
    this.icmpInput.push(e);
  }

  icmpArrived(e: IcmpError, core: Core): void {
    const to = this.ehash.lookup(e.src, e.sport, e.dst, e.dport);
    if (to === null) this.mib.IcmpInErrors++;
    else if (to.role === SOCK) (to as Sock).icmp(e, core);
    else if (to.role === REQUEST) this.requestError(to as RequestSock, e);
  }

  /** tcp_req_err() */
  private requestError(r: RequestSock, e: IcmpError): void {
    if (seq(e.seq) !== r.request.sntIsn) this.mib.OutOfWindowIcmps++;
    if (seq(e.seq) !== r.request.sntIsn || !endsRequest(e)) return;
    this.listenDrop(r.listener);
    this.dropRequest(r);
  }

  /** Sends what the request has to say and arms its timer. */
  afterRequest(r: RequestSock, core: Core): void {
    const { request } = r;
    for (;;) {
      const skb = this.pool.take();
      if (!pollRequest(request, this.engine.now, skb)) {
        skb.drop(1);
        break;
      }
      this.post(skb, core);
    }
    if (request.dead) this.dropRequest(r);
    else r.arm();
  }

  /** Forgets a half-open connection. */
  dropRequest(r: RequestSock): void {
    r.leave();
    this.ehash.remove(r);
  }

  cookieEnd(): Instant {
    return add(this.engine.now, COOKIE_AGE);
  }

  private toTimeWait(w: TimewaitSock, skb: Skb, core: Core): void {
    const verdict = onTimeWaitSegment(w.tw, skb, this.engine.now);
    if (verdict === TW_SYN) {
      w.leave();
      this.toListener(skb, core);
      return;
    }
    this.tcp.mib.InSegs += skb.segs;
    this.afterTimeWait(w, core);
    if (verdict === TW_GONE) w.leave();
    else w.arm();
    skb.drop(skb.segs);
  }

  private afterTimeWait(w: TimewaitSock, core: Core): void {
    for (;;) {
      const skb = this.pool.take();
      if (!pollTimeWait(w.tw, this.engine.now, skb)) {
        skb.drop(1);
        return;
      }
      this.post(skb, core);
    }
  }

  /** tcp_v4_send_reset(): nobody is here. */
  private refuse(skb: Skb, core: Core): void {
    const rst = this.pool.take();
    if (!replyToOrphan(skb, rst)) {
      rst.drop(1);
      return;
    }
    rst.ordinal = RESET_ORDINAL + skb.ordinal;
    this.tcp.mib.OutRsts++;
    this.tcp.mib.OutSegs++;
    this.post(rst, core);
  }

  // ---- output ------------------------------------------------------------------------------------------------------

  /** Queues a segment without a connection: one step of its own follows what is being done. */
  private post(skb: Skb, core: Core): void {
    const outbox = this.outboxes[core.index]!;
    outbox.skbs.push(skb);
    core.follow(outbox);
  }

  /** Sends a segment that no socket sends. */
  transmit(skb: Skb, core: Core): void {
    const device = this.route(skb.dst);
    if (device === null) {
      this.unroutedFrames += skb.segs;
      freeUnsent(skb, core);
    } else this.send(skb, device, core);
  }

  /** @returns as `NetDevice.xmit` */
  send(skb: Skb, device: NetDevice, core: Core): number {
    skb.outstanding = skb.segs;
    const result = device.xmit(skb, core);
    if (result === NET_XMIT_DROP) this.mib.OutDiscards++;
    return result;
  }

  txFreed(owner: unknown, truesize: number, core: Core): void {
    const c = owner as Connection;
    onTxFreed(c, truesize);
    const s = c.owner as Sock;
    if (s.c !== c) return; // it has another one by now, or none
    s.settle(core);
    s.follow(core);
  }

  /** Nothing pumpable may be forgotten: TCP has been asked until it had nothing to send. */
  assertPumped(s: Sock): void {
    if (s.c !== null && s.c.work !== 0)
      violated('stack: a segment was left unsent', `${this.host.name} flow ${s.c.flow}`);
  }

  /** Shows what no socket sends and waits for its step. */
  eachUnsent(visit: (skb: Skb) => void): void {
    for (const outbox of this.outboxes) outbox.skbs.each(visit);
  }

  // ---- connections -------------------------------------------------------------------------------------------------

  /** tcp_v4_connect(), once the port is known. */
  connect(s: Sock, device: NetDevice, settings: SocketSettings): Connection {
    assert(this.connects < FLOWS_PER_HOST, 'stack: too many connections for one run');
    const flow = this.index * FLOWS_PER_HOST + this.connects++;
    const c = connect(
      {
        context: this.tcp,
        tuple: { src: s.saddr, sport: s.sport, dst: s.daddr, dport: s.dport },
        isn: this.isn(flow, 0, 0),
        tsOffset: this.isn(flow, 0, 1),
        flow,
        tx: this.stream(flow, 0),
        path: this.routes.pathTo(s.daddr, device),
        settings,
      },
      this.engine.now,
    );
    c.owner = s;
    s.c = c;
    s.device = device;
    s.state = SS_CONNECTING;
    this.ehash.insert(s);
    return c;
  }

  /** A port for a connection to (daddr, dport); 0: none left. */
  ephemeral(daddr: number, dport: number): number {
    const own = this.host.addr;
    return this.ports.ephemeral((port) => this.ehash.lookup(own, port, daddr, dport) === null);
  }

  /** listen(2): the socket answers SYNs from now on. */
  startListening(s: Sock, backlog: number): void {
    const device = this.host.devices.find((d) => !(d instanceof Lo)) ?? this.host.devices[0];
    assert(device !== undefined, 'stack: listens, but has no device');
    const name = `${this.host.name}/${s.boundPort}`;
    s.sport = s.boundPort;
    s.listener = new Listener(s, this.pathOf(device), backlog, name);
    this.ports.listen(s.boundPort, s);
    this.listeners.push(s.listener);
  }

  /** inet_csk_listen_stop(): half-open connections are forgotten, finished ones that nobody accepted are reset. */
  stopListening(s: Sock, core: Core): void {
    const l = s.listener!;
    s.listener = null;
    this.ports.unlisten(s.boundPort, s);
    for (const r of l.requests) this.dropRequest(r);
    for (let child = l.shift(this.engine.now); child !== null; child = l.shift(this.engine.now)) {
      child.closing = true;
      child.orphan = true;
      if (child.c === null || isClosed(child.c)) continue;
      abort(child.c, this.engine.now);
      child.settle(core);
      child.follow(core);
    }
  }

  /** Gives back what bind() took. */
  unbind(s: Sock): void {
    if (s.boundPort === 0) return;
    this.ports.unbind(s.boundPort, s);
    s.boundPort = 0;
  }

  /** Takes a connection's socket out of the hash and gives its port back. */
  unhash(s: Sock): void {
    if (!s.hashed) return;
    this.ehash.remove(s);
    this.givePort(s);
  }

  /** tcp_time_wait(): a small record takes the connection's place, after the ACK that is due. */
  enterTimeWait(s: Sock, c: Connection, core: Core): void {
    const ack = this.pool.grab();
    if (pollSegment(c, this.engine.now, ack)) {
      ack.owner = c;
      ack.txTruesize = ack.truesize;
      this.post(ack, core);
    } else ack.drop(1);
    const w = new TimewaitSock(this, timeWaitOf(c, this.engine.now), s.portShare);
    s.portShare = PORT_NONE;
    this.ehash.replace(s, w);
    w.arm();
  }

  private givePort(s: Sock): void {
    if (s.portShare === PORT_NONE) return;
    this.ports.share(s.sport, s.portShare, -1);
    s.portShare = PORT_NONE;
  }

  /** Takes `port` for a connection that this socket begins. */
  takePort(s: Sock): void {
    if (s.boundPort !== 0) return; // it holds it by bind()
    s.portShare = PORT_CONNECTED;
    this.ports.share(s.sport, PORT_CONNECTED, 1);
  }

  /** Of how long a writer waits for the host's memory: a part of the longest pause, from 0 to 1. */
  pauseOf(c: Connection): number {
    this.pauses ??= this.engine.random.keyed(`${this.host.name}/memory-wait`);
    return this.pauses.at(c.flow, seqRaw(c.writeSeq));
  }

  private stream(flow: number, side: 0 | 1): PayloadStream {
    return new PayloadStream(2 * flow + side);
  }

  /** secure_tcp_seq(): a keyed hash of the connection, so that variants of a scenario see the same numbers. */
  private isn(flow: number, n: number, salt: number): number {
    return Math.floor(this.isns.at(flow, n, salt) * 0x1_0000_0000) | 0;
  }
}
