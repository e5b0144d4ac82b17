/**
 * Reading over java.nio: level-triggered (AbstractNioByteChannel.NioByteUnsafe, AbstractNioChannel, NioEventLoop.
 * processSelectedKey). With reading turned off the descriptor may leave the interest list: the peer's FIN, its reset even,
 * is noticed when reading is turned on again.
 */
import * as k from '../../kernel/syscall.ts';
import type { Sub } from '../setup.ts';
import { Unsafe } from './unsafe.ts';

export class NioUnsafe extends Unsafe {
  protected readonly initialInterest = 0;

  protected *onEvents(events: number): Sub<void> {
    // Errors make everything ready that was asked for (sun.nio.ch.SocketChannelImpl.translateReadyOps).
    const failed = (events & (k.EPOLLERR | k.EPOLLHUP)) !== 0;
    if ((events & k.EPOLLOUT) !== 0 || (failed && this.wants(k.EPOLLOUT))) yield* this.flush0();
    if (!this.open) return;
    if ((events & k.EPOLLIN) !== 0 || (failed && this.wants(k.EPOLLIN))) yield* this.readLoop();
  }

  *beginRead(): Sub<void> {
    if (this.readingOver) return;
    this.readPending = true;
    yield* this.want(k.EPOLLIN);
  }

  protected maybeMoreToRead(): boolean {
    return this.alloc.maybeMore;
  }

  protected *finallyRead(): Sub<void> {
    if (!this.readPending && !this.channel.autoRead) yield* this.unwant(k.EPOLLIN);
  }
}
