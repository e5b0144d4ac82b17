/**
 * What applications see of the kernel: the system calls, their constants, and the buffers that carry larger results.
 *
 * A call takes integers and gives back one integer (a count, a descriptor, or −errno), as in Linux: `const n = yield
 * sys.read(fd, max)`. A method of `Sys` only fills in the thread's own trap frame; the kernel acts when the frame is
 * yielded. Yield it at once: filling it twice, or yielding anything else, is an error that names the thread. User code
 * between two yields costs nothing (time is what `compute` says) and a thread that never yields cannot be stopped.
 *
 * Times are nanoseconds. A timeout of −1 waits for ever, 0 does not wait.
 *
 * Left out: signals, errno as a variable, readv and writev, anything about users, memory or files on a disk.
 */
import type { Duration } from '../base/units.ts';
import { AF_INET, AF_UNSPEC, type BadAddress, type MsgHdr, type SockAddr } from './msg.ts';
import type { FdSet } from './fd-set.ts';
import type { TcpInfo } from './tcp-info.ts';
import { WaitQueue } from './wait-queue.ts';

export * from '../base/errno.ts';
export * from './msg.ts';
export * from './socket-options.ts';
export { TcpInfo } from './tcp-info.ts';
export { FD_SETSIZE, FdSet } from './fd-set.ts';

/** A file descriptor: a small integer, unique in its process. */
export type Fd = number;

/**
 * What runs as a thread. Another one that it returns goes on in its place, as after execve(2): `yield*` at the end would do the same,
 * and pass every later system call through one generator more.
 */
export type ThreadBody = Generator<Trap, ThreadBody | void, number>;
/** Makes a thread's body; the `Sys` is the new thread's own and must not be shared. */
export type ThreadStart = (sys: Sys) => ThreadBody;

// System call numbers: our own, dense, in the order of `SYSCALL_NAMES`.
export const NR_NONE = -1;
export const NR_SOCKET = 0;
export const NR_BIND = 1;
export const NR_LISTEN = 2;
export const NR_ACCEPT = 3;
export const NR_CONNECT = 4;
export const NR_READ = 5;
export const NR_WRITE = 6;
export const NR_RECV = 7;
export const NR_SEND = 8;
export const NR_SHUTDOWN = 9;
export const NR_CLOSE = 10;
export const NR_SETSOCKOPT = 11;
export const NR_GETSOCKOPT = 12;
export const NR_FCNTL = 13;
export const NR_POLL = 14;
export const NR_EPOLL_CREATE = 15;
export const NR_EPOLL_CTL = 16;
export const NR_EPOLL_WAIT = 17;
export const NR_FUTEX_WAIT = 18;
export const NR_FUTEX_WAKE = 19;
export const NR_EVENTFD = 20;
export const NR_TIMERFD = 21;
export const NR_TIMERFD_SETTIME = 22;
export const NR_PIPE = 23;
export const NR_NANOSLEEP = 24;
export const NR_CLOCK_GETTIME = 25;
export const NR_COMPUTE = 26; // not a call: user time
export const NR_SPAWN = 27;
export const NR_EXIT = 28;
export const NR_SCHED_YIELD = 29;
export const NR_TCP_INFO = 30;
export const NR_SENDTO = 31;
export const NR_SENDMSG = 32;
export const NR_RECVMSG = 33;
export const NR_IOCTL = 34;
export const NR_OPEN = 35;
export const NR_SENDFILE = 36;
export const NR_SPLICE = 37;
export const NR_SELECT = 38;

/** As they are counted and traced (`syscalls.read`). */
export const SYSCALL_NAMES: readonly string[] = [
  'socket',
  'bind',
  'listen',
  'accept',
  'connect',
  'read',
  'write',
  'recv',
  'send',
  'shutdown',
  'close',
  'setsockopt',
  'getsockopt',
  'fcntl',
  'poll',
  'epoll_create',
  'epoll_ctl',
  'epoll_wait',
  'futex_wait',
  'futex_wake',
  'eventfd',
  'timerfd_create',
  'timerfd_settime',
  'pipe',
  'nanosleep',
  'clock_gettime',
  'compute',
  'clone',
  'exit',
  'sched_yield',
  'tcp_info',
  'sendto',
  'sendmsg',
  'recvmsg',
  'ioctl',
  'open',
  'sendfile',
  'splice',
  'select',
];

// poll(2) and epoll(7) events; the numbers are equal in both (eventpoll.h).
export const EPOLLIN = 0x001;
export const EPOLLPRI = 0x002;
export const EPOLLOUT = 0x004;
export const EPOLLERR = 0x008;
export const EPOLLHUP = 0x010;
export const POLLNVAL = 0x020;
export const EPOLLRDNORM = 0x040;
export const EPOLLWRNORM = 0x100;
export const EPOLLRDHUP = 0x2000;
export const EPOLLEXCLUSIVE: number = 1 << 28;
/** Keeps a machine from being suspended, where one is: taken and ignored, as of who may not (CAP_BLOCK_SUSPEND). */
export const EPOLLWAKEUP: number = 1 << 29;
export const EPOLLONESHOT: number = 1 << 30;
export const EPOLLET: number = 1 << 31;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CTL_MOD = 3;

/** Flag of accept4, socket, eventfd, timerfd and pipe2: O_NONBLOCK, SOCK_NONBLOCK, EFD_NONBLOCK, TFD_NONBLOCK. */
export const NONBLOCK = 0x800;
export const EFD_SEMAPHORE = 1;

export const CLOCK_REALTIME = 0;
export const CLOCK_MONOTONIC = 1;

/** Waits for ever. */
export const INFINITE: Duration = -1 as Duration;

/** One entry of poll(2), owned by the caller; `revents` is filled in. */
export class PollFd {
  fd: Fd;
  events: number;
  revents = 0;
  constructor(fd: Fd, events: number) {
    this.fd = fd;
    this.events = events;
  }
}

/** What epoll_wait fills in, owned by the caller: entry i < (result of the call) is events[i], data[i]. */
export class EpollEvents {
  readonly max: number;
  readonly events: Int32Array;
  /** The integer given to epoll_ctl with the descriptor: often the descriptor itself. */
  readonly data: Int32Array;
  constructor(max: number) {
    this.max = max;
    this.events = new Int32Array(max);
    this.data = new Int32Array(max);
  }
}

/** A word of memory that threads of one process share, and those who wait for it to change (futex(2)). */
export class Futex {
  value: number;
  /** The hash bucket's part that is this word's. */
  readonly waiters: WaitQueue = new WaitQueue();
  constructor(value = 0) {
    this.value = value;
  }
}

/**
 * A trap frame: which call, its arguments, and what a call that blocks remembers until it is tried again. Each thread
 * has one, used again for every call.
 */
export class Trap {
  /** NR_…, or NR_NONE when no call has been filled in. */
  nr: number = NR_NONE;
  fd: Fd = 0;
  a = 0;
  b = 0;
  c = 0;
  d = 0;
  /** Bytes to write, a buffer to fill, or a record that the caller owns. */
  obj: unknown = null;
  /** The address of sendto(). */
  name: SockAddr | null = null;

  /** Where the call was when it asked for more time; 0 at each (re)start. */
  phase = 0;
  /** What a call has already done (bytes written …); kept while it is blocked. */
  progress = 0;
  /** When a timed call gives up: taken once, at its first try; −1 until then. */
  deadline = -1;
  /** Scratch of the call: kept while it is blocked. */
  x = 0;
  y = 0;
  ref: unknown = null;
  /** What `fd` and, in calls with two descriptors, `a` stood for when the call began or was last tried again (fdget). */
  file: unknown = null;
  other: unknown = null;
  /** It has polled the device; it does so once. */
  spun = false;

  /** The thread's name. */
  readonly who: string;
  constructor(who: string) {
    this.who = who;
  }

  fill(nr: number, fd: Fd, a: number, b: number, c: number, obj: unknown): this {
    if (this.nr !== NR_NONE) throw new UnyieldedError(this.who, this.nr, nr);
    this.nr = nr;
    this.fd = fd;
    this.a = a;
    this.b = b;
    this.c = c;
    this.d = 0;
    this.obj = obj;
    this.name = null;
    this.restart();
    return this;
  }

  /** Forgets what a call has remembered. */
  restart(): void {
    this.phase = 0;
    this.progress = 0;
    this.deadline = -1;
    this.x = 0;
    this.y = 0;
    this.ref = null;
    this.file = null;
    this.other = null;
    this.spun = false;
  }
}

/** A frame was filled twice: a call was not yielded, or another thread's frame was taken for one's own. */
export class UnyieldedError extends TypeError {
  /** The thread whose frame it is. */
  readonly who: string;
  constructor(who: string, first: number, second: number) {
    const [a, b] = [SYSCALL_NAMES[first], SYSCALL_NAMES[second]];
    super(
      `thread ${who}: sys.${b} was called before the frame of sys.${a} was yielded; write \`yield sys.${a}(…)\``,
    );
    this.who = who;
  }
}

/** The system calls, as one thread makes them. */
export class Sys {
  /** What each call fills in and returns: the one thing that a thread may yield. */
  readonly trap: Trap;
  constructor(trap: Trap) {
    this.trap = trap;
  }

  /** A TCP socket; socket(2). @param flags NONBLOCK or 0 @returns its descriptor, −EMFILE, −ENFILE */
  socket(flags = 0): Trap {
    return this.trap.fill(NR_SOCKET, 0, flags, 0, 0, null);
  }
  /** bind(2) to this host's address. @returns 0, −EADDRINUSE, −EINVAL */
  bind(fd: Fd, port: number): Trap {
    return this.trap.fill(NR_BIND, fd, port, 0, 0, null);
  }
  /** listen(2). @param backlog the accept queue holds min(backlog, somaxconn) + 1 */
  listen(fd: Fd, backlog: number): Trap {
    return this.trap.fill(NR_LISTEN, fd, backlog, 0, 0, null);
  }
  /** accept4(2). @param flags NONBLOCK or 0 @returns the connection's descriptor, −EAGAIN, −EMFILE, −ENFILE, −EINVAL */
  accept(fd: Fd, flags = 0): Trap {
    return this.trap.fill(NR_ACCEPT, fd, flags, 0, 0, null);
  }
  /** connect(2). @returns 0, −EINPROGRESS (non-blocking), −ECONNREFUSED, −ETIMEDOUT */
  connect(fd: Fd, addr: number, port: number): Trap {
    return this.trap.fill(NR_CONNECT, fd, addr, port, AF_INET, null);
  }
  /** connect(2) with AF_UNSPEC: the connection is reset, and the socket may begin another. */
  disconnect(fd: Fd): Trap {
    return this.trap.fill(NR_CONNECT, fd, 0, 0, AF_UNSPEC, null);
  }
  /**
   * read(2). @param into where real bytes go, when the reader wants to see them
   * @returns bytes read, 0 at the end of the stream, −EAGAIN, −ECONNRESET …
   */
  read(fd: Fd, max: number, into: Uint8Array | BadAddress | null = null): Trap {
    return this.trap.fill(NR_READ, fd, max, 0, 0, into);
  }
  /**
   * write(2). @param data real bytes (copied at the call), or a number: so many bytes of pattern. For an eventfd a
   * number is the value to add. @returns bytes taken (fewer than asked only when non-blocking), −EAGAIN, −EPIPE …
   */
  write(fd: Fd, data: number | Uint8Array | BadAddress): Trap {
    if (typeof data === 'number') return this.trap.fill(NR_WRITE, fd, data, 0, 0, null);
    return this.trap.fill(NR_WRITE, fd, data.length, 0, 0, data);
  }
  /** recv(2). @param flags MSG_PEEK, MSG_TRUNC, MSG_WAITALL, MSG_DONTWAIT */
  recv(fd: Fd, max: number, flags: number, into: Uint8Array | BadAddress | null = null): Trap {
    return this.trap.fill(NR_RECV, fd, max, flags, 0, into);
  }
  /**
   * send(2). @param flags MSG_MORE, MSG_EOR, MSG_DONTWAIT, MSG_FASTOPEN, MSG_NOSIGNAL (there are no signals: EPIPE comes as a
   * result)
   */
  send(fd: Fd, data: number | Uint8Array | BadAddress, flags: number): Trap {
    if (typeof data === 'number') return this.trap.fill(NR_SEND, fd, data, flags, 0, null);
    return this.trap.fill(NR_SEND, fd, data.length, flags, 0, data);
  }
  /** sendto(2). @param to only looked at with MSG_FASTOPEN, which connects there */
  sendto(fd: Fd, data: number | Uint8Array | BadAddress, flags: number, to: SockAddr | null): Trap {
    const len = typeof data === 'number' ? data : data.length;
    const bytes = typeof data === 'number' ? null : data;
    const trap = this.trap.fill(NR_SENDTO, fd, len, flags, 0, bytes);
    trap.name = to;
    return trap;
  }
  /** sendmsg(2). @param flags as those of send */
  sendmsg(fd: Fd, msg: MsgHdr, flags: number): Trap {
    return this.trap.fill(NR_SENDMSG, fd, 0, flags, 0, msg);
  }
  /** recvmsg(2): fills the message's buffers, flags and control messages. @param flags as those of recv */
  recvmsg(fd: Fd, msg: MsgHdr, flags: number): Trap {
    return this.trap.fill(NR_RECVMSG, fd, 0, flags, 0, msg);
  }
  /** ioctl(2). @param request SIOCINQ, SIOCOUTQ, SIOCOUTQNSD @returns the value itself, or −errno */
  ioctl(fd: Fd, request: number): Trap {
    return this.trap.fill(NR_IOCTL, fd, request, 0, 0, null);
  }
  /** A file with `size` bytes of pattern to send from; there are no names, and no disk. @returns its descriptor, −EMFILE, −ENFILE */
  open(size: number): Trap {
    return this.trap.fill(NR_OPEN, 0, size, 0, 0, null);
  }
  /** sendfile(2). @param offset where to begin, bytes; −1: at the file's position, which moves @returns bytes sent, or −errno */
  sendfile(out: Fd, file: Fd, offset: number, count: number): Trap {
    return this.trap.fill(NR_SENDFILE, out, file, offset, count, null);
  }
  /**
   * splice(2) between a TCP socket and a pipe, in either direction.
   *
   * @param flags SPLICE_F_NONBLOCK, SPLICE_F_MORE @returns bytes moved, 0 at the end of the stream, −EAGAIN, −EINVAL …
   */
  splice(from: Fd, to: Fd, len: number, flags: number): Trap {
    return this.trap.fill(NR_SPLICE, from, to, len, flags, null);
  }
  /** shutdown(2). @param how SHUT_RD, SHUT_WR, SHUT_RDWR */
  shutdown(fd: Fd, how: number): Trap {
    return this.trap.fill(NR_SHUTDOWN, fd, how, 0, 0, null);
  }
  close(fd: Fd): Trap {
    return this.trap.fill(NR_CLOSE, fd, 0, 0, 0, null);
  }
  /** setsockopt(2). @param level SOL_SOCKET, SOL_IP or IPPROTO_TCP @param value bytes: TCP_FASTOPEN_KEY's */
  setsockopt(fd: Fd, level: number, opt: number, value: number | Uint8Array): Trap {
    if (typeof value === 'number')
      return this.trap.fill(NR_SETSOCKOPT, fd, level, opt, value, null);
    return this.trap.fill(NR_SETSOCKOPT, fd, level, opt, value.length, value);
  }
  /** getsockopt(2). @returns the value itself, or −errno */
  getsockopt(fd: Fd, level: number, opt: number): Trap {
    return this.trap.fill(NR_GETSOCKOPT, fd, level, opt, 0, null);
  }
  /** fcntl(2): sets or clears O_NONBLOCK. */
  setNonblock(fd: Fd, on: boolean): Trap {
    return this.trap.fill(NR_FCNTL, fd, on ? 1 : 0, 0, 0, null);
  }
  /**
   * ppoll(2). An entry whose descriptor is below 0 is passed over.
   *
   * @param timeout ns, or INFINITE @returns how many entries have events, −EINVAL (more entries than RLIMIT_NOFILE)
   */
  poll(fds: readonly PollFd[], timeout: number): Trap {
    return this.trap.fill(NR_POLL, 0, timeout, 0, 0, fds);
  }
  /**
   * pselect6(2). The sets that are given hold what is ready when it returns ≥ 0.
   *
   * @param nfds one more than the highest descriptor in them, at most FD_SETSIZE @param timeout ns, or INFINITE
   * @returns how many bits are set in all of them, −EBADF, −EINVAL
   */
  select(
    nfds: number,
    read: FdSet | null,
    write: FdSet | null,
    except: FdSet | null,
    timeout: number,
  ): Trap {
    return this.trap.fill(NR_SELECT, 0, nfds, timeout, 0, { read, write, except });
  }
  /** epoll_create1(2). @returns its descriptor, −EMFILE, −ENFILE */
  epollCreate(): Trap {
    return this.trap.fill(NR_EPOLL_CREATE, 0, 0, 0, 0, null);
  }
  /**
   * epoll_ctl(2).
   *
   * @param data 32-bit integer that comes back with the event
   * @returns 0, −EEXIST, −ENOENT, −EBADF, −EPERM (a file), −EINVAL, −ELOOP (instances in a circle, or more than five deep)
   */
  epollCtl(ep: Fd, op: number, fd: Fd, events: number, data: number = fd): Trap {
    const trap = this.trap.fill(NR_EPOLL_CTL, ep, op, fd, events, null);
    trap.d = data;
    return trap;
  }
  /** epoll_pwait2(2). @param timeout ns, or INFINITE @returns how many entries of `events` hold an event */
  epollWait(ep: Fd, events: EpollEvents, max: number, timeout: number): Trap {
    return this.trap.fill(NR_EPOLL_WAIT, ep, max, timeout, 0, events);
  }
  /** FUTEX_WAIT. @returns 0 when woken, −EAGAIN when the word is not `expected`, −ETIMEDOUT */
  futexWait(word: Futex, expected: number, timeout: number = INFINITE): Trap {
    return this.trap.fill(NR_FUTEX_WAIT, 0, expected, timeout, 0, word);
  }
  /** FUTEX_WAKE. @returns how many threads were woken, the longest waiting first */
  futexWake(word: Futex, n: number): Trap {
    return this.trap.fill(NR_FUTEX_WAKE, 0, n, 0, 0, word);
  }
  /** eventfd2(2). @param flags NONBLOCK, EFD_SEMAPHORE */
  eventfd(initial: number, flags = 0): Trap {
    return this.trap.fill(NR_EVENTFD, 0, initial, flags, 0, null);
  }
  /** timerfd_create(2), CLOCK_MONOTONIC. @param flags NONBLOCK */
  timerfd(flags = 0): Trap {
    return this.trap.fill(NR_TIMERFD, 0, flags, 0, 0, null);
  }
  /** timerfd_settime(2). @param first ns from now, 0 disarms @param interval ns, 0 for once */
  timerfdSettime(fd: Fd, first: number, interval: number): Trap {
    return this.trap.fill(NR_TIMERFD_SETTIME, fd, first, interval, 0, null);
  }
  /** pipe2(2). @param fds gets the reading end at 0 and the writing end at 1 */
  pipe(fds: Int32Array | number[], flags = 0): Trap {
    return this.trap.fill(NR_PIPE, 0, flags, 0, 0, fds);
  }
  /** clock_nanosleep(2), CLOCK_MONOTONIC. */
  nanosleep(d: number): Trap {
    return this.trap.fill(NR_NANOSLEEP, 0, d, 0, 0, null);
  }
  /** clock_gettime(2). @returns ns since boot (CLOCK_MONOTONIC), or µs since 1970 (CLOCK_REALTIME: ns would not be exact) */
  clockGettime(clock: number = CLOCK_MONOTONIC): Trap {
    return this.trap.fill(NR_CLOCK_GETTIME, 0, clock, 0, 0, null);
  }
  /** Spends `d` ns of CPU time in user mode. Interrupts add to it, other threads may run in between. @returns 0 */
  compute(d: number): Trap {
    return this.trap.fill(NR_COMPUTE, 0, d, 0, 0, null);
  }
  /** A new thread of this process (clone(2), CLONE_THREAD). @returns its tid */
  spawn(start: ThreadStart, name = ''): Trap {
    return this.trap.fill(NR_SPAWN, 0, 0, 0, 0, { start, name });
  }
  /** Ends this thread; its `finally` blocks run. The last thread of a process closes what the process has open. */
  exit(status = 0): Trap {
    return this.trap.fill(NR_EXIT, 0, status, 0, 0, null);
  }
  schedYield(): Trap {
    return this.trap.fill(NR_SCHED_YIELD, 0, 0, 0, 0, null);
  }
  /** getsockopt(TCP_INFO) into a record of the caller's. @returns 0 or −errno */
  tcpInfo(fd: Fd, into: TcpInfo): Trap {
    return this.trap.fill(NR_TCP_INFO, fd, 0, 0, 0, into);
  }
}
