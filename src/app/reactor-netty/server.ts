/**
 * The reactive server of scenarios: TcpServer with a handler that is written in one of the ways people write it.
 *
 * `form: operator` is `receive().map(work).flatMap(m -> send(Mono.just(answer)))`, or concatMap: each answer is written and
 * flushed by itself, and MonoSendMany has no part in it. `form: send` is `send(receive().map(work))`, through
 * MonoSendMany. `delay` puts a Mono.delay on Schedulers.parallel() before each answer: work that happens elsewhere.
 */
import { unreachable } from '../../base/assert.ts';
import type { Sys, ThreadBody } from '../../kernel/syscall.ts';
import { FRAME_DEFAULTS, SIZED_HEADER } from '../codec/frame-options.ts';
import type { AppEnv } from '../env.ts';
import type { Message } from '../netty/byte-buf.ts';
import type { Channel } from '../netty/channel.ts';
import { addCodec, needsBytes } from '../netty/frames.ts';
import { ReadTimeoutHandler } from '../netty/idle.ts';
import { replier } from '../netty/replies.ts';
import { BlockingHandler } from '../netty/server-handlers.ts';
import type { ReactiveOptions } from '../options.ts';
import type { Probe } from '../probe.ts';
import type { Flux } from '../reactive/flux.ts';
import { Mono } from '../reactive/mono.ts';
import { Schedulers, type ParallelScheduler } from '../reactive/schedulers.ts';
import type { Publisher } from '../reactive/streams.ts';
import { Work } from '../work.ts';
import { ClosedForms, type Forms } from './closed-forms.ts';
import type { Inbound } from './inbound.ts';
import { MAX_SIZE } from './mono-send-many.ts';
import type { Outbound } from './outbound.ts';
import { TcpServer } from './tcp-server.ts';

export function* reactiveServer(
  sys: Sys,
  o: ReactiveOptions,
  probe: Probe,
  env: AppEnv,
): ThreadBody {
  const model = new ReactiveServer(o, probe, env);
  const server = TcpServer.create(sys, { listen: o.listen, probe, env }, o)
    .doOnChannelInit((channel) => model.init(channel), smallestMessage(o))
    .handle((inbound, outbound) => model.handle(inbound, outbound));
  yield* (needsBytes(o) ? server : server.countBytesOnly()).bindNow();
}

class ReactiveServer {
  private readonly o: ReactiveOptions;
  private readonly probe: Probe;
  private readonly work: Work;
  private readonly parallel: ParallelScheduler;
  private readonly reply: (message: Message) => Message | null;
  private readonly forms: Forms;
  /** Connections whose handler has not been applied yet. */
  private readonly fresh = new Map<Channel, ClosedForms>();

  constructor(o: ReactiveOptions, probe: Probe, env: AppEnv) {
    this.o = o;
    this.probe = probe;
    this.work = new Work(o, env);
    this.parallel = Schedulers.parallel(env);
    this.reply = replier(o);
    this.forms = formsOf(o);
  }

  init(channel: Channel): void {
    const { o } = this;
    const forms = new ClosedForms(this.forms, this.probe);
    this.fresh.set(channel, forms);
    channel.pipeline.addLast(forms);
    if (o.readTimeoutNs > 0) channel.pipeline.addLast(new ReadTimeoutHandler(o.readTimeoutNs));
    if (o.pauseNs > 0) channel.pipeline.addLast(new BlockingHandler(o.pauseNs));
    addCodec(channel.pipeline, o);
  }

  handle(inbound: Inbound, outbound: Outbound): Publisher<unknown> {
    const { connection } = inbound;
    const forms = this.fresh.get(connection.channel)!;
    this.fresh.delete(connection.channel);
    const messages = this.worked(inbound.receive(), connection.channel.ordinal);
    if (this.o.form === 'operator') {
      forms.received = connection.received;
      return this.each(messages, (m) => this.answered(m, outbound), forms);
    }
    const answers = this.answers(messages, forms);
    if (this.o.delayNs === 0) return outbound.send(answers);
    forms.received = connection.received;
    return outbound.send(this.each(answers, (a) => this.delayed().andThen(Mono.just(a)), forms));
  }

  /** User time for each message, on its event loop. */
  private worked(received: Flux<Message>, connection: number): Flux<Message> {
    const { o, probe } = this;
    const work = this.work.of(connection);
    // An answer counts when it has been written; without one, the message counts when it is worked on.
    const counts = o.reply === 'none' && o.codec !== 'none';
    if (o.workNs === 0 && !counts) return received;
    return received.map(function* (message, on) {
      const ns = work.next();
      if (ns > 0) yield on.sys.compute(ns);
      if (counts) probe.count('requests', 1);
      return message;
    });
  }

  /** The chosen operator. */
  private each<R>(
    messages: Flux<Message>,
    mapper: (message: Message) => Mono<R>,
    forms: ClosedForms,
  ): Flux<R> {
    const { operator, concurrency, reply, delayNs } = this.o;
    const counted = (message: Message): Mono<R> => {
      if (reply !== 'none' || delayNs > 0)
        return mapper(message).doOnComplete(() => void forms.done++);
      // A hook would hide from flatMap that there is nothing to wait for.
      forms.done++;
      return mapper(message);
    };
    switch (operator) {
      case 'flatMap':
        return messages.flatMap(counted, concurrency);
      case 'concatMap':
        return messages.concatMap(counted);
      default:
        return unreachable(operator);
    }
  }

  /** One message, to the end of its answer. */
  private answered(message: Message, outbound: Outbound): Mono<never> {
    const answer = this.reply(message);
    const sent: Mono<never> =
      answer === null ? Mono.empty() : Mono.from(outbound.send(Mono.just(answer)));
    return this.o.delayNs === 0 ? sent : this.delayed().andThen(sent);
  }

  private answers(messages: Flux<Message>, forms: ClosedForms): Flux<Message> {
    const { reply } = this;
    return messages.handle((message, sink) => {
      const answer = reply(message);
      if (answer !== null) sink.next(answer);
      // Nothing goes on to the operator: `handle` makes up for the message itself.
      else forms.done++;
    });
  }

  private delayed(): Mono<number> {
    return Mono.delay(this.o.delayNs, this.parallel);
  }
}

/**
 * A write's promise is told while its bytes still count, and the next message may be written from there: so one entry more
 * than can be under way. (Recorded: 14 835 B = 129 · (19 + 96) behind MonoSendMany, 16 867 424 B = 257 · (65 536 + 96) behind
 * flatMap.)
 */
function formsOf(o: ReactiveOptions): Forms {
  const ahead = o.operator === 'flatMap' ? o.concurrency : 1;
  if (o.form === 'send') return { ahead, exact: false, entries: MAX_SIZE + 1 };
  return { ahead, exact: o.reply !== 'none', entries: ahead + 1 };
}

/** Bytes of the smallest message with its framing; empty ones never reach the bridge. */
function smallestMessage(o: ReactiveOptions): number | null {
  const { frame = FRAME_DEFAULTS } = o;
  switch (o.codec) {
    case 'none':
      return null;
    case 'fixed':
      return o.request;
    case 'line': // a character and the line feed
    case 'json': // two braces
      return 2;
    case 'sized':
      return SIZED_HEADER;
    case 'length-field': // the header, and a byte
      return frame.lengthFieldOffset + frame.lengthFieldLength + 1;
    case 'delimiter': // a character and the delimiter
      return 2;
    default:
      return unreachable(o.codec);
  }
}
