/** What a handler receives (reactor.netty.NettyInbound, reactor.netty.ByteBufFlux). */
import { decodeText } from '../../base/text.ts';
import type { Message } from '../netty/byte-buf.ts';
import { Flux } from '../reactive/flux.ts';
import type { Publisher } from '../reactive/streams.ts';
import type { ChannelOperations } from './channel-operations.ts';

export class Inbound {
  /** The connection that it is of (withConnection). */
  readonly connection: ChannelOperations;
  private readonly received: Publisher<Message>;

  constructor(connection: ChannelOperations, received: Publisher<Message>) {
    this.connection = connection;
    this.received = received;
  }

  /**
   * What the connection reads, once: a second subscriber gets an error. Raw bytes are what each read() brought, so one
   * element may hold half a message or several; with a codec in the pipeline each element is a message.
   */
  receive(): ByteBufFlux {
    return new ByteBufFlux(this.received);
  }
}

export class ByteBufFlux extends Flux<Message> {
  /**
   * Each buffer by itself as UTF-8 text: of a character that two reads have split, both halves come out as U+FFFD, as
   * in Reactor-Netty.
   */
  asString(): Flux<string> {
    return this.map((message) => decodeText(bytesOf(message)));
  }

  /** Each buffer's bytes; they are the reader's own. */
  asByteArray(): Flux<Uint8Array> {
    return this.map((message) => bytesOf(message).slice());
  }
}

/** @throws TypeError when the channel was told to carry only the number of bytes (ChannelConfig.realBytes) */
export function bytesOf(message: Message): Uint8Array {
  if (message.data === null)
    throw new TypeError(`${message.bytes} bytes of pattern: this channel carries no real bytes`);
  return message.data;
}
