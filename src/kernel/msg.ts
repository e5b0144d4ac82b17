/**
 * The records of sendmsg(2) and recvmsg(2), and what else a call may point to: addresses, buffers in parts, control
 * messages, and a pointer that points nowhere.
 */

// Address families, include/linux/socket.h.
export const AF_UNSPEC = 0;
export const AF_INET = 2;

/** struct sockaddr_in. */
export interface SockAddr {
  /** AF_INET or AF_UNSPEC. */
  readonly family: number;
  /** An IPv4 address as a signed 32-bit number. */
  readonly addr: number;
  readonly port: number;
}

/** A buffer of `length` bytes that is not in the caller's memory: who copies from or to it gets −EFAULT. */
export class BadAddress {
  readonly length: number;
  constructor(length: number) {
    this.length = length;
  }
}

/** One part of a message: real bytes; a number: so many bytes of pattern, or of no interest to the reader. */
export type Iovec = number | Uint8Array | BadAddress;

/** A control message (struct cmsghdr): TCP_CM_INQ's data is the number of bytes. */
export interface Control {
  readonly level: number;
  readonly type: number;
  readonly data: number;
}

/** struct msghdr, owned by the caller. */
export class MsgHdr {
  /** Where to; only looked at with MSG_FASTOPEN. */
  name: SockAddr | null;
  readonly iov: readonly Iovec[];
  /** What recvmsg() says about the message: MSG_…. */
  flags = 0;
  /** What recvmsg() tells besides; emptied by each call. */
  readonly control: Control[] = [];

  constructor(iov: readonly Iovec[], name: SockAddr | null = null) {
    this.iov = iov;
    this.name = name;
  }
}
