/**
 * A reactive server that asks somebody else before it answers: each line is looked up, eight at once, and answered in
 * order. A look-up takes time on another thread, fails now and then, and is tried again.
 */
import {
  app,
  bytesOf,
  encodeLine,
  Flux,
  LineDecoder,
  Mono,
  parseDuration,
  Retry,
  Schedulers,
  TcpServer,
} from 'hostwire/app';

/** What `options:` of the scenario may say. */
interface Options {
  /** How long a look-up takes, e.g. `2 ms`. */
  readonly takes?: string;
  /** Every so many look-ups one fails. */
  readonly failsEvery?: number;
}

export default app<Options>(function* (sys, context) {
  const { options, probe, env } = context;
  const takes = parseDuration(options.takes ?? '2 ms');
  const parallel = Schedulers.parallel(env);
  const again = Retry.backoff({
    maxAttempts: 3,
    minBackoffNs: takes,
    random: env.random.stream('retry'),
    scheduler: parallel,
  });
  let attempts = 0;

  function lookUp(line: Uint8Array): Mono<Uint8Array> {
    return Mono.delay(takes, parallel)
      .map(() => {
        if (++attempts % (options.failsEvery ?? 10) === 0) throw new Error('not now');
        return line.map((byte) => (byte >= 97 && byte <= 122 ? byte - 32 : byte));
      })
      .doOnError(() => probe.count('rejected', 1))
      .retryWhen(again);
  }

  const server = TcpServer.create(sys, context).handle((inbound, outbound) => {
    // TCP keeps no boundaries: what one read() brought may be half a line, or three.
    const lines = new LineDecoder();
    const answers = inbound
      .receive()
      .concatMap((message) => {
        lines.feed(bytesOf(message).slice());
        return Flux.fromIterable(whole(lines));
      })
      .flatMapSequential(lookUp, 8)
      .map(encodeLine);
    return outbound.sendByteArray(answers);
  });
  yield* server.bindNow();
});

/** The lines that have come to their end. */
function* whole(lines: LineDecoder): Generator<Uint8Array> {
  for (let line = lines.next(); line !== null; line = lines.next()) yield line;
}
