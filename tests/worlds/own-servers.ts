/** Servers that users could have written, with the operators whose closed forms mutants break. */
import {
  app,
  type Handler,
  Mono,
  type Outbound,
  Schedulers,
  type Scheduler,
  TcpServer,
} from '../../src/app/index.ts';
import type { Message } from '../../src/app/netty/byte-buf.ts';
import type { UserApps } from '../../src/app/user.ts';

const MS = 1_000_000;

function server(write: (parallel: Scheduler) => Handler): UserApps[string] {
  return app(function* (sys, context) {
    const handler = write(Schedulers.parallel(context.env));
    yield* TcpServer.create(sys, context).handle(handler).countBytesOnly().bindNow();
  });
}

/** The message itself, written by itself. */
const back = (out: Outbound, m: Message): Mono<never> => Mono.from(out.send(Mono.just(m)));

type Path = './flat-map.ts' | './concat-map.ts' | './prefetch.ts';

export const OWN_SERVERS: Readonly<Record<Path, UserApps[string]>> = {
  './flat-map.ts': server(
    (parallel) => (inbound, outbound) =>
      inbound.receive().flatMap((m) => Mono.delay(MS, parallel).andThen(back(outbound, m)), 2),
  ),
  './concat-map.ts': server(
    () => (inbound, outbound) => inbound.receive().concatMap((m) => back(outbound, m)),
  ),
  './prefetch.ts': server(
    () => (inbound, outbound) => inbound.receive().concatMap((m) => back(outbound, m), 4),
  ),
};
