/** The connection is gone, and what was to be sent or received with it (reactor.netty.channel.AbortedException). */

export class AbortedException extends Error {
  override readonly name = 'AbortedException';

  /** Something was to be sent, and the channel is closed already. */
  static beforeSend(): AbortedException {
    return new AbortedException('Connection has been closed BEFORE send operation');
  }

  /** What was written is not with the kernel, and never will be. */
  static duringSend(): AbortedException {
    return new AbortedException('Connection has been closed while sending');
  }
}
