/** The socket options of a connection: what an application may say in place of the host's tunables (setsockopt(2), tcp(7)). */
import type { CongestionName, TcpOptions } from './options.ts';

/**
 * What an application may set on a socket; connections take over those of their socket or listener, by reference. Buffers hold
 * the doubled value that getsockopt shows.
 */
export class SocketSettings {
  rcvbuf: number;
  sndbuf: number;
  /** SO_RCVBUF or SO_SNDBUF was set: no autotuning. */
  rcvbufLocked = false;
  sndbufLocked = false;
  noDelay = false;
  cork = false;
  keepAlive = false;
  /** Seconds; 0: the sysctl. */
  keepIdleS = 0;
  keepIntvlS = 0;
  keepCount = 0;
  /** TCP_USER_TIMEOUT, ms; 0: none. */
  userTimeoutMs = 0;
  rcvLowat = 1;
  /** TCP_WINDOW_CLAMP, bytes; 0: none. */
  windowClamp = 0;
  /** TCP_MAXSEG; 0: none. */
  userMss = 0;
  /** IP_MTU_DISCOVER: IP_PMTUDISC_… of the kernel; 1: as the route says. */
  pmtuDiscovery = 1;
  /** TCP_DEFER_ACCEPT as SYN-ACKs to wait for data (rskq_defer_accept); 0: not. */
  deferAccept = 0;
  /** TCP_SYNCNT; 0: the sysctl. */
  synCount = 0;
  /** TCP_NOTSENT_LOWAT, bytes; 0: the sysctl. */
  notsentLowat = 0;
  /** TCP_LINGER2, seconds; 0: the sysctl, −1: no FIN-WAIT-2 at all. */
  linger2S = 0;
  /** IP_TOS: the DS field; the ECN bits are TCP's. */
  tos = 0;
  /** SO_MAX_PACING_RATE, bytes/s; Infinity: none. */
  maxPacingRate: number = Infinity;
  /** TCP_CONGESTION. */
  congestion: CongestionName;
  /** Several sockets or connections refer to it: whoever changes an option asks for `own` first. */
  shared = false;

  constructor(o: TcpOptions) {
    this.rcvbuf = o.rmem[1];
    this.sndbuf = o.wmem[1];
    this.congestion = o.congestionControl;
  }

  /** These options, to be changed: a copy when they are shared. */
  own(o: TcpOptions): SocketSettings {
    if (!this.shared) return this;
    const copy = Object.assign(new SocketSettings(o), this);
    copy.shared = false;
    return copy;
  }

  /** setsockopt(SO_RCVBUF): doubled, within [2304, 2·rmem_max] (net/core/sock.c). */
  setRcvbuf(o: TcpOptions, bytes: number): void {
    this.rcvbuf = Math.max(2 * Math.min(bytes, o.rmemMax), MIN_RCVBUF);
    this.rcvbufLocked = true;
  }
  /** setsockopt(SO_SNDBUF): doubled, within [4608, 2·wmem_max]. */
  setSndbuf(o: TcpOptions, bytes: number): void {
    this.sndbuf = Math.max(2 * Math.min(bytes, o.wmemMax), MIN_SNDBUF);
    this.sndbufLocked = true;
  }
}

/** SOCK_MIN_RCVBUF and SOCK_MIN_SNDBUF of x86-64, bytes (measured: SO_RCVBUF 1 gives 2304). */
export const MIN_RCVBUF = 2304;
const MIN_SNDBUF = 4608;
