/** The calls of sockets, descriptors, poll and epoll, for the table of system calls. */
import * as nr from '../syscall.ts';
import type { Syscall } from '../thread.ts';
import { sysEpollCreate, sysEpollCtl, sysEpollWait } from './epoll.ts';
import { sysClose, sysFcntl, sysRead, sysRecv, sysSend, sysShutdown, sysWrite } from './fd.ts';
import { sysPoll } from './poll.ts';
import { sysAccept, sysBind, sysConnect, sysListen, sysSocket } from './socket.ts';
import { sysGetsockopt, sysSetsockopt, sysTcpInfo } from './sockopt.ts';

export const SOCKET_CALLS: readonly (readonly [number, Syscall])[] = [
  [nr.NR_SOCKET, sysSocket],
  [nr.NR_BIND, sysBind],
  [nr.NR_LISTEN, sysListen],
  [nr.NR_ACCEPT, sysAccept],
  [nr.NR_CONNECT, sysConnect],
  [nr.NR_READ, sysRead],
  [nr.NR_WRITE, sysWrite],
  [nr.NR_RECV, sysRecv],
  [nr.NR_SEND, sysSend],
  [nr.NR_SHUTDOWN, sysShutdown],
  [nr.NR_CLOSE, sysClose],
  [nr.NR_SETSOCKOPT, sysSetsockopt],
  [nr.NR_GETSOCKOPT, sysGetsockopt],
  [nr.NR_FCNTL, sysFcntl],
  [nr.NR_POLL, sysPoll],
  [nr.NR_EPOLL_CREATE, sysEpollCreate],
  [nr.NR_EPOLL_CTL, sysEpollCtl],
  [nr.NR_EPOLL_WAIT, sysEpollWait],
  [nr.NR_TCP_INFO, sysTcpInfo],
];
