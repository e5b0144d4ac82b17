/** What a code block sees of the connection under test: TCP_INFO, TCP_CC_INFO and SO_MEMINFO, under the names of Linux's headers. */
import type { Sock } from '../kernel/socket.ts';
import { TcpInfo, fillTcpInfo } from '../kernel/tcp-info.ts';

/** Fields that are not of struct tcp_info; null: none of Linux's at all. */
const OTHERS: Readonly<Record<string, string | null>> = Object.freeze({
  rmem_alloc: 'SK_MEMINFO_RMEM_ALLOC',
  rcvbuf: 'SK_MEMINFO_RCVBUF',
  wmem_alloc: 'SK_MEMINFO_WMEM_ALLOC',
  sndbuf: 'SK_MEMINFO_SNDBUF',
  wmem_queued: 'SK_MEMINFO_WMEM_QUEUED',
  backlog: 'SK_MEMINFO_BACKLOG',
  in_flight: null,
  outq: null,
});

export function snapshotOf(sock: Sock): Map<string, number> {
  const info = new TcpInfo();
  fillTcpInfo(sock, info);
  const values = new Map<string, number>();
  for (const [field, value] of Object.entries(info) as [string, number][]) {
    const name = Object.hasOwn(OTHERS, field) ? OTHERS[field]! : `tcpi_${field}`;
    if (name !== null) values.set(name, value);
  }
  if (sock.c !== null)
    for (const [name, value] of Object.entries(sock.c.congestion.info(sock.c)))
      values.set(name, value);
  return values;
}
