/** What the stack counts beside TCP's own (TcpMib), under the names of /proc/net/netstat and /proc/net/snmp. */
export class StackMib {
  ListenOverflows = 0;
  ListenDrops = 0;
  TCPBacklogDrop = 0;
  TCPReqQFullDrop = 0;
  TCPReqQFullDoCookies = 0;
  SyncookiesSent = 0;
  SyncookiesRecv = 0;
  /** Skbs that found the queue in front of the device full. */
  OutDiscards = 0;
  /** Packets for another address (IpInAddrErrors). */
  InAddrErrors = 0;
  /** ICMP errors for nobody, about a segment that is of no interest any more, and for a socket in a system call. */
  IcmpInErrors = 0;
  OutOfWindowIcmps = 0;
  LockDroppedIcmps = 0;
  /** Packets of a protocol that nobody here speaks (IpInUnknownProtos): the frames of a raw source. */
  InUnknownProtos = 0;
}
