/**
 * Names and numbers of socket options, as in Linux's headers (asm-generic/socket.h, linux/tcp.h), so that an application
 * here passes what an application there passes. What each does is in syscalls/sockopt.ts.
 *
 * Differences of form, because a system call here takes integers: SO_LINGER's value is the seconds to linger, −1 for off;
 * SO_RCVTIMEO and SO_SNDTIMEO are nanoseconds, 0 for none; TCP_CONGESTION takes an index into CONGESTION_CONTROLS.
 */
export const SOL_IP = 0;
export const SOL_SOCKET = 1;
export const IPPROTO_TCP = 6;
export const SOL_TCP = 6;

export const SO_REUSEADDR = 2;
export const SO_ERROR = 4;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_KEEPALIVE = 9;
export const SO_LINGER = 13;
export const SO_REUSEPORT = 15;
export const SO_RCVLOWAT = 18;
export const SO_RCVTIMEO = 20;
export const SO_SNDTIMEO = 21;
export const SO_ACCEPTCONN = 30;
export const SO_BUSY_POLL = 46;
export const SO_MAX_PACING_RATE = 47;
export const SO_MEMINFO = 55;
export const SO_PREFER_BUSY_POLL = 69;
export const SO_BUSY_POLL_BUDGET = 70;

export const IP_TOS = 1;
export const IP_MTU_DISCOVER = 10;
export const IP_RECVERR = 11;
export const IP_MTU = 14;
export const IP_FREEBIND = 15;

// Values of IP_MTU_DISCOVER, include/uapi/linux/in.h.
export const IP_PMTUDISC_DONT = 0;
export const IP_PMTUDISC_WANT = 1;
export const IP_PMTUDISC_DO = 2;
export const IP_PMTUDISC_PROBE = 3;
export const IP_PMTUDISC_INTERFACE = 4;
export const IP_PMTUDISC_OMIT = 5;

export const TCP_NODELAY = 1;
export const TCP_MAXSEG = 2;
export const TCP_CORK = 3;
export const TCP_KEEPIDLE = 4;
export const TCP_KEEPINTVL = 5;
export const TCP_KEEPCNT = 6;
export const TCP_SYNCNT = 7;
export const TCP_LINGER2 = 8;
export const TCP_DEFER_ACCEPT = 9;
export const TCP_WINDOW_CLAMP = 10;
export const TCP_INFO = 11;
export const TCP_QUICKACK = 12;
export const TCP_CONGESTION = 13;
export const TCP_USER_TIMEOUT = 18;
export const TCP_FASTOPEN = 23;
export const TCP_NOTSENT_LOWAT = 25;
export const TCP_FASTOPEN_CONNECT = 30;
export const TCP_FASTOPEN_KEY = 33;
export const TCP_FASTOPEN_NO_COOKIE = 34;
export const TCP_INQ = 36;
/** The type of the control message that TCP_INQ asks for. */
export const TCP_CM_INQ = 36;

export const SHUT_RD = 0;
export const SHUT_WR = 1;
export const SHUT_RDWR = 2;

export const MSG_PEEK = 2;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_EOR = 0x80;
export const MSG_WAITALL = 0x100;
export const MSG_NOSIGNAL = 0x4000;
export const MSG_MORE = 0x8000;
export const MSG_FASTOPEN = 0x2000_0000;

// Requests of ioctl(2), include/uapi/linux/sockios.h.
export const SIOCOUTQ = 0x5411;
export const SIOCINQ = 0x541b;
export const SIOCOUTQNSD = 0x894b;

export const SPLICE_F_NONBLOCK = 2;
export const SPLICE_F_MORE = 4;

/** Values of TCP_CONGESTION. */
export { CONGESTION_CONTROLS } from '../tcp/options.ts';

/** Key with which readers are woken (sock_def_readable): EPOLLIN, EPOLLPRI, EPOLLRDNORM, EPOLLRDBAND. */
export const POLL_READABLE: number = 0x001 | 0x002 | 0x040 | 0x080;
/** Key with which writers are woken (sk_stream_write_space): EPOLLOUT, EPOLLWRNORM, EPOLLWRBAND. */
export const POLL_WRITABLE: number = 0x004 | 0x100 | 0x200;
