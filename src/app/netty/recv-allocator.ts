/**
 * How large a buffer the next read is given, and whether a read loop goes on (io.netty.channel.
 * AdaptiveRecvByteBufAllocator with DefaultMaxMessagesRecvByteBufAllocator.MaxMessageHandle).
 */

/** 16 to 496 in steps of 16, then powers of two from 512 to 2^30. */
export const SIZE_TABLE: readonly number[] = sizeTable();

function sizeTable(): number[] {
  const sizes: number[] = [];
  for (let size = 16; size < 512; size += 16) sizes.push(size);
  for (let size = 512; size <= 0x4000_0000; size *= 2) sizes.push(size);
  return sizes;
}

/** Whether the table holds it. */
export function isTableSize(n: number): boolean {
  return n < 512 ? n >= 16 && n % 16 === 0 : n <= 0x4000_0000 && (n & (n - 1)) === 0;
}

/** DEFAULT_MINIMUM, DEFAULT_INITIAL, INDEX_INCREMENT, INDEX_DECREMENT. */
const MINIMUM = 64;
const INITIAL = 2048;
const UP = 4;
const DOWN = 1;

export class RecvAllocator {
  /** Bytes of the next buffer: an entry of the table. */
  guess: number;
  /** Reads of this loop that brought something. */
  messages = 0;
  private index: number;
  private readonly least: number;
  private readonly most: number;
  private readonly maxMessages: number;
  /** The last small loop said "smaller"; the next one is heeded. */
  private decreaseNow = false;
  private attempted = 0;
  private last = 0;
  private total = 0;

  /**
   * @param maximum bytes of the largest buffer, ≥ 64
   * @param maxMessages MAX_MESSAGES_PER_READ
   */
  constructor(maximum: number, maxMessages: number) {
    this.maxMessages = maxMessages;
    this.least = indexOf(MINIMUM);
    const most = indexOf(maximum);
    this.most = SIZE_TABLE[most]! > maximum ? most - 1 : most;
    this.index = Math.min(indexOf(INITIAL), this.most);
    this.guess = SIZE_TABLE[this.index]!;
  }

  /** A read loop begins. */
  reset(): void {
    this.messages = 0;
    this.last = 0;
    this.total = 0;
  }

  /** `n` bytes came of the `attempted` that there was room for; 0: nothing. A full buffer counts at once. */
  lastBytesRead(n: number, attempted: number): void {
    this.attempted = attempted;
    this.last = n;
    if (n === attempted) this.record(n);
    if (n <= 0) return;
    this.total += n;
    this.messages++;
  }

  /** The last read filled its buffer: there may be more. */
  get maybeMore(): boolean {
    return this.last === this.attempted;
  }

  /** @param more what the transport makes of `maybeMore` */
  continueReading(autoRead: boolean, more: boolean): boolean {
    return autoRead && more && this.messages < this.maxMessages && this.total > 0;
  }

  /** The read loop is over: its total counts like one read. */
  readComplete(): void {
    this.record(this.total);
  }

  private record(n: number): void {
    if (n <= SIZE_TABLE[Math.max(0, this.index - DOWN)]!) {
      if (this.decreaseNow) this.take(Math.max(this.index - DOWN, this.least));
      else this.decreaseNow = true;
    } else if (n >= this.guess) this.take(Math.min(this.index + UP, this.most));
  }

  private take(index: number): void {
    this.index = index;
    this.guess = SIZE_TABLE[index]!;
    this.decreaseNow = false;
  }
}

/** The first entry that holds `size` bytes. */
function indexOf(size: number): number {
  const i = SIZE_TABLE.findIndex((entry) => entry >= size);
  return i < 0 ? SIZE_TABLE.length - 1 : i;
}
