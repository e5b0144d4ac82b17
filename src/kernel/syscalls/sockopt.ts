/**
 * setsockopt, getsockopt, TCP_INFO (net/core/sock.c sk_setsockopt, net/ipv4/tcp.c do_tcp_setsockopt).
 *
 * Before there is a connection an option goes into the socket's settings, which connect() and the connections of a listener
 * take over; afterwards into the connection's, which may have something to send because of it.
 */
import { EINVAL, ENOENT, ENOPROTOOPT, ENOTCONN } from '../../base/errno.ts';
import {
  ECN_ECT,
  setCongestion,
  setCork,
  setKeepAlive,
  setMaxPacingRate,
  setNoDelay,
  setQuickAck,
  setRcvbuf,
  setSndbuf,
  ownSettings,
  setWindowClamp,
  type SocketSettings,
  takeSoftError,
  WORK_SPACE,
} from '../../tcp/index.ts';
import { inPingpong } from '../../tcp/ack.ts';
import { growForLowat } from '../../tcp/window.ts';
import * as o from '../socket-options.ts';
import type { Sock } from '../socket.ts';
import { EPOLLOUT, type Trap } from '../syscall.ts';
import { fillTcpInfo, type TcpInfo } from '../tcp-info.ts';
import { DONE, type Thread } from '../thread.ts';
import { sockAt } from './at.ts';
import { finish, START } from './finish.ts';
import { getFastOpen, isFastOpenOption, setFastOpen } from './sockopt-fastopen.ts';

export function sysSetsockopt(t: Thread, trap: Trap): number {
  const s = sockAt(t, trap);
  if (s === null) return DONE;
  if (trap.phase === START) {
    if (!s.lock(t)) return s.waitForLock(t);
    trap.y = set(s, trap.a, trap.b, trap.c, trap.obj as Uint8Array | null);
    if (s.c !== null) s.settle(t.core);
  } else {
    s.releaseStep(t.core);
  }
  return finish(s, t, trap, trap.y);
}

export function sysGetsockopt(t: Thread, trap: Trap): number {
  const s = sockAt(t, trap);
  return s === null ? DONE : t.done(get(s, trap.a, trap.b));
}

export function sysTcpInfo(t: Thread, trap: Trap): number {
  const s = sockAt(t, trap);
  if (s === null) return DONE;
  fillTcpInfo(s, trap.obj as TcpInfo);
  return t.done(0);
}

/** @returns 0 or −errno */
function set(s: Sock, level: number, opt: number, value: number, bytes: Uint8Array | null): number {
  if (level === o.SOL_SOCKET) return setSocket(s, opt, value);
  if (level === o.IPPROTO_TCP)
    return isFastOpenOption(opt) ? setFastOpen(s, opt, value, bytes) : setTcp(s, opt, value);
  if (level === o.SOL_IP) return setIp(s, opt, value);
  return -ENOPROTOOPT;
}

function setSocket(s: Sock, opt: number, value: number): number {
  switch (opt) {
    case o.SO_REUSEADDR:
      s.setOptions({ reuse: value !== 0 });
      return 0;
    case o.SO_REUSEPORT:
      s.setOptions({ reusePort: value !== 0 });
      return 0;
    case o.SO_RCVBUF:
    case o.SO_SNDBUF:
      return setBuffer(s, opt, value);
    case o.SO_RCVLOWAT:
      return setLowat(s, value);
    case o.SO_RCVTIMEO:
      s.setOptions({ rcvTimeo: value > 0 ? value : -1 });
      return 0;
    case o.SO_SNDTIMEO:
      s.setOptions({ sndTimeo: value > 0 ? value : -1 });
      return 0;
    case o.SO_LINGER:
      s.setOptions({ linger: value });
      return 0;
    case o.SO_MAX_PACING_RATE:
      return setPacingRate(s, value);
    case o.SO_BUSY_POLL:
      return keep(value, 0, 0x7fff_ffff, (v) => s.setOptions({ busyPoll: v }));
    case o.SO_PREFER_BUSY_POLL:
      s.setOptions({ preferBusyPoll: value !== 0 });
      return 0;
    case o.SO_BUSY_POLL_BUDGET:
      return keep(value, 0, 0xffff, (v) => s.setOptions({ busyPollBudget: v }));
    case o.SO_KEEPALIVE:
      if (s.settings !== null) s.ownSettings()!.keepAlive = value !== 0;
      if (s.c !== null) setKeepAlive(s.c, value !== 0, s.stack.engine.now);
      return 0;
    default:
      return -ENOPROTOOPT;
  }
}

/** The options of the socket, or of its connection once there is one, to be changed. */
const ownOf = (s: Sock): SocketSettings => (s.c === null ? s.ownSettings()! : ownSettings(s.c));

function setIp(s: Sock, opt: number, value: number): number {
  switch (opt) {
    case o.IP_TOS:
      // The ECN bits are TCP's own (ip_sock_set_tos).
      ownOf(s).tos = value & 0xfc;
      return 0;
    case o.IP_MTU_DISCOVER:
      return keep(value, o.IP_PMTUDISC_DONT, o.IP_PMTUDISC_OMIT, (v) => {
        ownOf(s).pmtuDiscovery = v;
      });
    case o.IP_RECVERR:
      s.setOptions({ recvErr: value !== 0 });
      return 0;
    case o.IP_FREEBIND:
      return 0; // bind() asks for a port only
    default:
      return -ENOPROTOOPT;
  }
}

/** All ones, in 32 or 64 bits: no bound. */
function setPacingRate(s: Sock, value: number): number {
  const rate = value < 0 || value >= 0xffff_ffff ? Infinity : value;
  ownOf(s).maxPacingRate = rate;
  if (s.c !== null) setMaxPacingRate(s.c, rate);
  return 0;
}

/** The kernel doubles what it is given and keeps it within its bounds; autotuning ends. */
function setBuffer(s: Sock, opt: number, value: number): number {
  const { c } = s;
  if (opt === o.SO_RCVBUF) {
    s.ownSettings()?.setRcvbuf(s.stack.tcp.options, value);
    if (c !== null) setRcvbuf(c, value);
    return 0;
  }
  s.ownSettings()?.setSndbuf(s.stack.tcp.options, value);
  if (c !== null) {
    setSndbuf(c, value);
    s.wait.wake(EPOLLOUT, 1, false); // "wake up sending tasks if we upped the value"
  }
  return 0;
}

/** tcp_set_rcvlowat(): 0 means 1, and a mark that the buffer can never reach is lowered to what it can. */
function setLowat(s: Sock, value: number): number {
  if (value < 0) return -EINVAL;
  const { c } = s;
  const options = s.stack.tcp.options;
  const locked = (c ?? s).settings!.rcvbufLocked;
  const cap = (locked ? (c ?? s.settings!).rcvbuf : options.rmem[2]) >> 1;
  const mark = Math.min(value, cap) || 1;
  if (s.settings !== null) s.ownSettings()!.rcvLowat = mark;
  if (c !== null) {
    ownSettings(c).rcvLowat = mark;
    growForLowat(c, mark);
    if ((s.poll() & o.POLL_READABLE) !== 0) s.wait.wake(o.POLL_READABLE, 1, true);
  }
  return 0;
}

function setTcp(s: Sock, opt: number, value: number): number {
  const { c } = s;
  const own = (): SocketSettings => ownOf(s);
  switch (opt) {
    case o.TCP_NODELAY:
      if (c === null) own().noDelay = value !== 0;
      else setNoDelay(c, value !== 0);
      return 0;
    case o.TCP_CORK:
      if (c === null) own().cork = value !== 0;
      else setCork(c, value !== 0);
      return 0;
    case o.TCP_QUICKACK:
      if (c !== null) setQuickAck(c, value !== 0);
      return 0;
    case o.TCP_KEEPIDLE:
      return keep(value, 1, 32_767, (v) => (own().keepIdleS = v));
    case o.TCP_KEEPINTVL:
      return keep(value, 1, 32_767, (v) => (own().keepIntvlS = v));
    case o.TCP_KEEPCNT:
      return keep(value, 1, 127, (v) => (own().keepCount = v));
    case o.TCP_USER_TIMEOUT:
      return keep(value, 0, 2_147_483_647, (v) => (own().userTimeoutMs = v));
    case o.TCP_NOTSENT_LOWAT:
      if (c !== null && c.noSpace) c.work |= WORK_SPACE;
      return keep(value, 0, 4_294_967_295, (v) => (own().notsentLowat = v));
    case o.TCP_SYNCNT:
      return keep(value, 1, 127, (v) => (own().synCount = v));
    case o.TCP_DEFER_ACCEPT:
      own().deferAccept = retransOf(value);
      return 0;
    case o.TCP_INQ:
      return keep(value, 0, 1, (v) => s.setOptions({ tellsInq: v !== 0 }));
    case o.TCP_LINGER2:
      own().linger2S = value;
      return 0;
    case o.TCP_WINDOW_CLAMP:
      return setClamp(s, value);
    case o.TCP_MAXSEG:
      // 0: none any more. On a connection it only matters for a SYN that is yet to come.
      if (value === 0) own().userMss = 0;
      return value === 0 ? 0 : keep(value, 88, 32_767, (v) => (own().userMss = v));
    case o.TCP_CONGESTION: {
      const name = o.CONGESTION_CONTROLS[value];
      if (name === undefined) return -ENOENT;
      if (c === null) own().congestion = name;
      else setCongestion(c, name, s.stack.engine.now);
      return 0;
    }
    default:
      return -ENOPROTOOPT;
  }
}

/** Seconds as SYN-ACKs that go unanswered meanwhile (secs_to_retrans): 1, 2, 4 … s apart, at most two minutes. */
function retransOf(seconds: number): number {
  let n = 0;
  for (let period = 0, wait = 1; n < 255 && period < seconds; wait = Math.min(2 * wait, 120)) {
    n++;
    period += wait;
  }
  return n;
}

/** The same the other way (retrans_to_secs). */
function secondsOf(retrans: number): number {
  let period = 0;
  for (let n = 0, wait = 1; n < retrans; n++, wait = Math.min(2 * wait, 120)) period += wait;
  return period;
}

function keep(value: number, low: number, high: number, store: (v: number) => void): number {
  if (value < low || value > high) return -EINVAL;
  store(value);
  return 0;
}

/** 0 is refused once there is a connection (tcp_set_window_clamp()). */
function setClamp(s: Sock, value: number): number {
  if (s.c === null) {
    s.ownSettings()!.windowClamp = value === 0 ? 0 : Math.max(value, 1152);
    return 0;
  }
  return setWindowClamp(s.c, value);
}

/** @returns the value, or −errno */
function get(s: Sock, level: number, opt: number): number {
  if (level === o.SOL_SOCKET) return getSocket(s, opt);
  if (level === o.IPPROTO_TCP) return isFastOpenOption(opt) ? getFastOpen(s, opt) : getTcp(s, opt);
  if (level === o.SOL_IP) return getIp(s, opt);
  return -ENOPROTOOPT;
}

function getIp(s: Sock, opt: number): number {
  switch (opt) {
    case o.IP_TOS:
      return tosOf(s);
    case o.IP_MTU_DISCOVER:
      return (s.c ?? s).settings!.pmtuDiscovery;
    case o.IP_RECVERR:
      return s.options.recvErr ? 1 : 0;
    case o.IP_MTU:
      return s.c === null ? -ENOTCONN : s.c.path.mtu;
    default:
      return -ENOPROTOOPT;
  }
}

/** With ECT(0) while what leaves carries it. */
const tosOf = (s: Sock): number =>
  (s.c ?? s).settings!.tos | (s.c !== null && s.c.ecn & ECN_ECT ? 2 : 0);

function getSocket(s: Sock, opt: number): number {
  const from = s.c ?? s.settings!;
  const kept = (s.c ?? s).settings!;
  switch (opt) {
    case o.SO_ERROR:
      return -s.takeError() || (s.c === null ? 0 : takeSoftError(s.c));
    case o.SO_REUSEADDR:
      return s.reuse ? 1 : 0;
    case o.SO_REUSEPORT:
      return s.reusePort ? 1 : 0;
    case o.SO_RCVBUF:
      return from.rcvbuf;
    case o.SO_SNDBUF:
      return from.sndbuf;
    case o.SO_RCVLOWAT:
      return kept.rcvLowat;
    case o.SO_RCVTIMEO:
      return s.options.rcvTimeo < 0 ? 0 : s.options.rcvTimeo;
    case o.SO_SNDTIMEO:
      return s.options.sndTimeo < 0 ? 0 : s.options.sndTimeo;
    case o.SO_LINGER:
      return s.options.linger;
    case o.SO_KEEPALIVE:
      return kept.keepAlive ? 1 : 0;
    case o.SO_MAX_PACING_RATE:
      return Math.min(kept.maxPacingRate, 0xffff_ffff);
    case o.SO_BUSY_POLL:
      return s.options.busyPoll;
    case o.SO_PREFER_BUSY_POLL:
      return s.options.preferBusyPoll ? 1 : 0;
    case o.SO_BUSY_POLL_BUDGET:
      return s.options.busyPollBudget;
    case o.SO_ACCEPTCONN:
      return s.listener === null ? 0 : 1;
    default:
      return -ENOPROTOOPT;
  }
}

function getTcp(s: Sock, opt: number): number {
  const from = s.c ?? s.settings!;
  const kept = (s.c ?? s).settings!;
  switch (opt) {
    case o.TCP_NODELAY:
      return from.noDelay ? 1 : 0;
    case o.TCP_CORK:
      return from.cork ? 1 : 0;
    case o.TCP_QUICKACK:
      return s.c !== null && inPingpong(s.c) ? 0 : 1;
    case o.TCP_KEEPIDLE:
      return kept.keepIdleS || s.stack.tcp.options.keepaliveTimeS;
    case o.TCP_KEEPINTVL:
      return kept.keepIntvlS || s.stack.tcp.options.keepaliveIntvlS;
    case o.TCP_KEEPCNT:
      return kept.keepCount || s.stack.tcp.options.keepaliveProbes;
    case o.TCP_USER_TIMEOUT:
      return kept.userTimeoutMs;
    case o.TCP_NOTSENT_LOWAT:
      return kept.notsentLowat;
    case o.TCP_LINGER2:
      return kept.linger2S;
    case o.TCP_SYNCNT:
      return kept.synCount || s.stack.tcp.options.synRetries;
    case o.TCP_DEFER_ACCEPT:
      return secondsOf(kept.deferAccept);
    case o.TCP_INQ:
      return s.options.tellsInq ? 1 : 0;
    case o.TCP_WINDOW_CLAMP:
      return from.windowClamp;
    case o.TCP_CONGESTION:
      return o.CONGESTION_CONTROLS.indexOf(kept.congestion);
    case o.TCP_MAXSEG:
      return s.c === null ? s.settings!.userMss || 536 : s.c.mssCache;
    default:
      return -ENOPROTOOPT;
  }
}
