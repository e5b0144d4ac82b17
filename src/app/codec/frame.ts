/**
 * Messages in a stream: TCP keeps no boundaries, so a read may hold half a message or several. A decoder is given chunks as
 * they come and gives whole frames back; whatever the chunks, the frames are the same. It knows no I/O.
 */

/** The bytes are no frames, or one is longer than allowed: what comes after cannot be told apart any more. */
export class FrameError extends Error {
  override readonly name: string = 'FrameError';
}

/** A frame is longer than allowed (TooLongFrameException). It is left out, and the next call goes on behind it. */
export class TooLongFrameError extends FrameError {
  override readonly name: string = 'TooLongFrameError';
}

export interface FrameDecoder {
  /** More bytes of the stream. They are kept, not copied: whoever gives them writes to them no more. */
  feed(chunk: Uint8Array): void;
  /**
   * The next whole frame, without what marks it; null: more bytes are needed.
   *
   * @throws TooLongFrameError once for each frame that is too long
   * @throws FrameError when there are no frames any more; whether a later call throws it again is the decoder's
   */
  next(): Uint8Array | null;
  /** Bytes kept that no frame has taken. */
  readonly pending: number;
}

/** Longest frame, bytes: JsonObjectDecoder's own limit, taken for all. */
export const MAX_FRAME = 1_048_576;
