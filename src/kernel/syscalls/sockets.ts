/** The calls of sockets, descriptors, poll and epoll, for the table of system calls. */
import * as nr from '../syscall.ts';
import type { Syscall } from '../thread.ts';
import { sysConnect } from './connect.ts';
import { sysEpollCreate, sysEpollCtl, sysEpollWait } from './epoll.ts';
import { sysClose, sysFcntl, sysRead, sysRecv, sysSend, sysShutdown, sysWrite } from './fd.ts';
import { sysPoll } from './poll.ts';
import { sysIoctl } from './ioctl.ts';
import { sysRecvmsg, sysSendmsg } from './message.ts';
import { sysOpen, sysSendfile } from './sendfile.ts';
import { sysAccept, sysBind, sysListen, sysSocket } from './socket.ts';
import { sysGetsockopt, sysSetsockopt, sysTcpInfo } from './sockopt.ts';
import { sysSelect } from './select.ts';
import { sysSplice } from './splice.ts';

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
  [nr.NR_SENDTO, sysSend],
  [nr.NR_SENDMSG, sysSendmsg],
  [nr.NR_RECVMSG, sysRecvmsg],
  [nr.NR_IOCTL, sysIoctl],
  [nr.NR_OPEN, sysOpen],
  [nr.NR_SENDFILE, sysSendfile],
  [nr.NR_SPLICE, sysSplice],
  [nr.NR_SELECT, sysSelect],
];
