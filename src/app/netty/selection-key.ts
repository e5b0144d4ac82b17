/** A channel's place in its loop's interest list (java.nio.channels.SelectionKey; in the native transport the flags). */
import type { Fd } from '../../kernel/syscall.ts';
import type { Sub } from '../setup.ts';

/** What a loop watches. */
export interface Selectable {
  /** Its descriptor has `events`. */
  ready(events: number): Sub<void>;
}

export class SelectionKey {
  /** Comes back with the events: unlike a descriptor it is never used again. */
  readonly id: number;
  readonly fd: Fd;
  readonly target: Selectable;
  /** EPOLLIN, EPOLLOUT, EPOLLRDHUP: what the channel waits for. */
  interest = 0;
  /** What the kernel knows, with EPOLLET; 0: not in its list. */
  registered = 0;
  /** Its change waits for the next select. */
  postponed = false;

  constructor(id: number, fd: Fd, target: Selectable) {
    this.id = id;
    this.fd = fd;
    this.target = target;
  }
}
