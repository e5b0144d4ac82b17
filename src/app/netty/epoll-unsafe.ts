/**
 * Reading over Netty 4.1's native transport: edge-triggered (io.netty.channel.epoll.AbstractEpollChannel,
 * AbstractEpollStreamChannel, EpollRecvByteAllocatorStreamingHandle). No second edge comes for what a loop has left in the
 * socket, so a loop that stopped at its limit puts itself into the task queue. EPOLLRDHUP is always asked for: once the peer
 * has sent its FIN, everything is read to the end, whatever autoRead says.
 */
import * as k from '../../kernel/syscall.ts';
import type { Sub } from '../setup.ts';
import { Unsafe } from './unsafe.ts';

export class EpollUnsafe extends Unsafe {
  protected readonly initialInterest: number = k.EPOLLRDHUP;
  private receivedRdHup = false;
  /** The last loop did not empty the socket. */
  private maybeMoreDataToRead = false;
  /** A read is in the task queue. */
  private readTaskPending = false;

  protected *onEvents(events: number): Sub<void> {
    if ((events & (k.EPOLLERR | k.EPOLLOUT)) !== 0) yield* this.flush0();
    if ((events & (k.EPOLLERR | k.EPOLLIN)) !== 0) yield* this.epollInReady();
    if ((events & k.EPOLLRDHUP) !== 0) yield* this.epollRdHupReady();
  }

  *beginRead(): Sub<void> {
    if (this.readingOver) return;
    this.readPending = true;
    yield* this.want(k.EPOLLIN);
    if (this.maybeMoreDataToRead) yield* this.readLater();
  }

  protected maybeMoreToRead(): boolean {
    return this.alloc.maybeMore || this.receivedRdHup;
  }

  /** epollInFinally() */
  protected *finallyRead(): Sub<void> {
    this.maybeMoreDataToRead = this.maybeMoreToRead();
    if (this.receivedRdHup || (this.readPending && this.maybeMoreDataToRead)) {
      if (this.config.mutant !== 'et-read-stopped-early') yield* this.readLater();
    } else if (!this.readPending && !this.channel.autoRead) yield* this.unwant(k.EPOLLIN);
  }

  private *epollInReady(): Sub<void> {
    if (!this.open || this.readingOver) return;
    this.maybeMoreDataToRead = false;
    yield* this.readLoop();
  }

  private *epollRdHupReady(): Sub<void> {
    this.receivedRdHup = true;
    yield* this.epollInReady();
    yield* this.unwant(k.EPOLLRDHUP);
  }

  /** executeEpollInReadyRunnable() */
  private *readLater(): Sub<void> {
    if (this.readTaskPending || !this.open) return;
    this.readTaskPending = true;
    const loop = this.channel.eventLoop;
    yield* loop.execute(loop, () => {
      this.readTaskPending = false;
      return this.epollInReady();
    });
  }
}
