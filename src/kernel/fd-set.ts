/** The bit sets of select(2). They hold FD_SETSIZE descriptors, whatever a process may open. */

/** include/uapi/linux/posix_types.h */
export const FD_SETSIZE = 1024;

/** An fd_set, owned by the caller: select() leaves in it what is ready. */
export class FdSet {
  private readonly words = new Int32Array(FD_SETSIZE / 32);

  /** FD_SET. @throws RangeError at FD_SETSIZE and beyond, where C would write past the end (and glibc's fortified macros abort) */
  add(fd: number): this {
    if (!(fd >= 0 && fd < FD_SETSIZE))
      throw new RangeError(`fd_set: ${fd} is not in 0 .. ${FD_SETSIZE - 1}; poll() takes any`);
    this.words[fd >> 5]! |= 1 << (fd & 31);
    return this;
  }

  /** FD_CLR. */
  delete(fd: number): void {
    if (fd >= 0 && fd < FD_SETSIZE) this.words[fd >> 5]! &= ~(1 << (fd & 31));
  }

  /** FD_ISSET. */
  has(fd: number): boolean {
    return fd >= 0 && fd < FD_SETSIZE && ((this.words[fd >> 5]! >>> (fd & 31)) & 1) === 1;
  }

  /** FD_ZERO. */
  clear(): void {
    this.words.fill(0);
  }
}

/** What select() asks about; null: nothing of that kind. */
export interface FdSets {
  readonly read: FdSet | null;
  readonly write: FdSet | null;
  readonly except: FdSet | null;
}
