/**
 * Writing what has been flushed (NioSocketChannel.doWrite, AbstractEpollStreamChannel.doWrite): gathering writes, of which
 * one call takes at most twice the send buffer, adapted to what the kernel took; and so many of them in a row before other
 * channels get their turn. Our kernel has no writev(2): one write of the joined bytes stands for it.
 */
import { EAGAIN, type Fd, type Sys } from '../../kernel/syscall.ts';
import type { Sub } from '../setup.ts';
import type { Worker } from '../worker.ts';
import type { OutboundBuffer } from './outbound-buffer.ts';

/** WRITE_SPIN_COUNT */
const WRITE_SPIN_COUNT = 16;
/** MAX_BYTES_PER_GATHERING_WRITE_ATTEMPTED_LOW_THRESHOLD: below it a short write says nothing about the send buffer. */
const ATTEMPTED_LOW = 4096;

/** How a flush ended; below 0: −errno. */
export const ALL_WRITTEN = 0;
/** The kernel takes no more: EPOLLOUT is to be asked for. */
export const BUFFER_FULL = 1;
/** Its turns are used up, and there is more. */
export const SPIN_USED_UP = 2;

export class Writer {
  /** maxBytesPerGatheringWrite */
  maxBytes: number;
  private readonly fd: Fd;

  /** @param sndbuf SO_SNDBUF of the socket, as getsockopt(2) tells it */
  constructor(fd: Fd, sndbuf: number) {
    this.fd = fd;
    this.maxBytes = 2 * sndbuf;
  }

  /**
   * Writes until nothing is flushed, the kernel is full or the turns are used up. What promises add and flush is
   * written along.
   *
   * @param writable says that the channel has turned writable
   * @returns ALL_WRITTEN, BUFFER_FULL, SPIN_USED_UP or −errno
   */
  *write(out: OutboundBuffer, on: Worker, writable: () => Sub<void>): Sub<number> {
    const sys: Sys = on.sys;
    for (let spins = WRITE_SPIN_COUNT; spins > 0; spins--) {
      if (out.isEmpty) return ALL_WRITTEN;
      const { bytes, data } = out.gather(this.maxBytes);
      const n = bytes === 0 ? 0 : yield sys.write(this.fd, data);
      if (n === -EAGAIN) return BUFFER_FULL;
      if (n < 0) return n;
      this.adapt(bytes, n);
      yield* out.removeBytes(n, on, writable);
    }
    return out.isEmpty ? ALL_WRITTEN : SPIN_USED_UP;
  }

  /** adjustMaxBytesPerGatheringWrite() */
  private adapt(attempted: number, written: number): void {
    if (attempted === written) this.maxBytes = Math.max(this.maxBytes, 2 * attempted);
    else if (attempted > ATTEMPTED_LOW && written < attempted >>> 1)
      this.maxBytes = attempted >>> 1;
  }
}
