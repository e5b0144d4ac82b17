/** The server of every introduction to Reactor-Netty: what comes in goes out in upper case. */
import { app, Mono, TcpServer } from 'hostwire/app';

export default app(function* (sys, context) {
  const server = TcpServer.create(sys, context).handle((inbound, outbound) =>
    inbound
      .receive()
      .asString()
      .map((text) => text.toUpperCase())
      .flatMap((text) => outbound.sendString(Mono.just(text))),
  );
  yield* server.bindNow();
});
