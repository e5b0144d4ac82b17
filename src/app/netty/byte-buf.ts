/**
 * What a pipeline carries: so many bytes, and the bytes themselves only when somebody wants to see them, so that bulk runs
 * carry a count. Immutable, and nobody's to release: reference counts, pooling and composite buffers are left out.
 */

export class ByteBuf {
  /** Readable bytes. */
  readonly bytes: number;
  /** The bytes; null: pattern that nobody looks at. */
  readonly data: Uint8Array | null;

  private constructor(bytes: number, data: Uint8Array | null) {
    this.bytes = bytes;
    this.data = data;
  }

  /** @param data is kept, not copied: whoever gives it writes to it no more */
  static of(data: Uint8Array): ByteBuf {
    return new ByteBuf(data.length, data);
  }

  /** `n` bytes of pattern. */
  static pattern(n: number): ByteBuf {
    return new ByteBuf(n, null);
  }
}

/** What handlers pass on. A room for protocols with messages of their own would widen it. */
export type Message = ByteBuf;
