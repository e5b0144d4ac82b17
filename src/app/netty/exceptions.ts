/**
 * Exceptions of the simulated world: those that a pipeline catches and hands to `exceptionCaught`. Anything else that is
 * thrown is a mistake in the model or in its scenario, and ends the run.
 */
import { errnoName } from '../../kernel/syscall.ts';

/** What reaches `exceptionCaught`. */
export class ChannelException extends Error {
  override readonly name: string = 'ChannelException';
}

/** A system call on the socket failed (java.io.IOException). */
export class ChannelIoException extends ChannelException {
  override readonly name: string = 'IOException';
  /** −errno. */
  readonly result: number;

  constructor(call: string, result: number) {
    super(`${call}: ${errnoName(result)}`);
    this.result = result;
  }
}

/** The bytes are no frames, or a frame is too long (io.netty.handler.codec.DecoderException). */
export class DecoderException extends ChannelException {
  override readonly name: string = 'DecoderException';
}

/** A bounded executor is full (java.util.concurrent.RejectedExecutionException). */
export class RejectedExecutionException extends ChannelException {
  override readonly name: string = 'RejectedExecutionException';
}
