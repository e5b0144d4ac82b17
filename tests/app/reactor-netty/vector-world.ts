/**
 * The recorded runs as worlds: one host with two cores, client and server on its loopback, the server with one event loop,
 * and the handler of each run. The client is the recorded one: a thread that writes chunks when they are due, a thread that
 * reads and pauses, and one that closes when everything has come back, the stream has ended, or patience has.
 */
import { Flux } from '../../../src/app/reactive/flux.ts';
import { Mono } from '../../../src/app/reactive/mono.ts';
import { LambdaSubscriber } from '../../../src/app/reactive/subscriber.ts';
import { Schedulers } from '../../../src/app/reactive/schedulers.ts';
import type { Publisher } from '../../../src/app/reactive/streams.ts';
import { LineDecoder } from '../../../src/app/codec/line.ts';
import { ByteBuf, type Message } from '../../../src/app/netty/byte-buf.ts';
import { FrameHandler } from '../../../src/app/netty/decoder-handler.ts';
import type { ChannelHandler } from '../../../src/app/netty/handler.ts';
import type { Inbound } from '../../../src/app/reactor-netty/inbound.ts';
import type { Outbound } from '../../../src/app/reactor-netty/outbound.ts';
import { TcpServer } from '../../../src/app/reactor-netty/tcp-server.ts';
import { setOptions, sleepUntil } from '../../../src/app/setup.ts';
import { app, type AppContext, type UserMain } from '../../../src/app/user.ts';
import {
  Futex,
  INFINITE,
  SHUT_RDWR,
  SHUT_WR,
  type Fd,
  type Sys,
  type ThreadBody,
} from '../../../src/kernel/syscall.ts';
import { runScenario } from '../../../src/sim/run/runner.ts';
import type { RunResult } from '../../../src/sim/run/result.ts';
import { describe } from '../../../src/sim/scenario/load.ts';
import { Recorder } from './recorder.ts';
import { nameOf, SERVICE_TIMES, type Vector } from './vectors.ts';

const MS = 1_000_000;
/**
 * CPU time of asString, toUpperCase and the encoding of the answer, from the logs: 110 to 130 µs between onNext and write
 * of 65 536 B, about 10 µs of 1 000 B.
 */
const WORK_NS = 8_000;
const WORK_NS_PER_BYTE = 1.7;
/**
 * Classes are loaded when they are first used: between handler.apply and the first onSubscribe, or at the first onNext, the logs
 * have 3 to 7 ms (0.1 ms where an earlier run in the same JVM had done it). Meanwhile a client that does not wait has filled
 * the window.
 */
const CLASS_LOADING_NS = 3 * MS;
/** A gap of less than a millisecond is spent spinning. */
const SPIN_BELOW_US = 1000;
const SPIN_NS = 1_000;
/** A write() of the client, between two system calls: the stream of java.net.Socket, and the log. */
const WRITE_NS = 2_000;

export interface Observed {
  readonly result: RunResult;
  readonly recorder: Recorder;
  readonly bytesReceived: number;
}

export function observe(v: Vector, options: { mutant?: string } = {}): Observed {
  const recorder = new Recorder();
  const received = { bytes: 0 };
  const server = app(function* (sys, context) {
    yield* serverOf(v, recorder, sys, context).bindNow();
  });
  const [scenario] = describe(v.scenario, {
    seed: 1,
    shows: 'a recorded run',
    hosts: {
      box: {
        cpus: 2,
        sysctl: { 'net.ipv4.tcp_congestion_control': 'bbr' },
        cpuidle: { latency: '45 us', spread: '50 us' },
      },
    },
    apps: {
      server: { host: 'box', listen: 80, app: './server.ts' },
      load: { host: 'box', connect: 'box:80', app: './client.ts' },
    },
    stop: { when: 'load.closed', limit: '100 s' },
  });
  const apps = { './server.ts': server, './client.ts': clientOf(v, received) };
  const result = runScenario(scenario!, { apps, ...options });
  return { result, recorder, bytesReceived: received.bytes };
}

function serverOf(v: Vector, recorder: Recorder, sys: Sys, context: AppContext): TcpServer {
  const childSockopt = {
    ...(v.srvRcvBuf > 0 ? { SO_RCVBUF: v.srvRcvBuf } : {}),
    ...(v.srvSndBuf > 0 ? { SO_SNDBUF: v.srvSndBuf } : {}),
  };
  const create = TcpServer.create(sys, context, {
    loops: 1,
    transport: v.transport,
    childSockopt,
  });
  const handler = handlerOf(v, recorder, context, SERVICE_TIMES[nameOf(v)] ?? []);
  const lines = v.scenario.startsWith('s4');
  const framed = lines ? create : create.countBytesOnly();
  return recorder.watch(framed, handler, lines ? v.chunkBytes : null, ({ pipeline }) => {
    pipeline.addLast(CLASS_LOADER);
    if (lines) pipeline.addLast(new FrameHandler(new LineDecoder()));
  });
}

const CLASS_LOADER: ChannelHandler = {
  *channelActive(ctx, on) {
    yield on.sys.compute(CLASS_LOADING_NS);
    yield* ctx.fireChannelActive(on);
  },
};

type Chain = (inbound: Inbound, outbound: Outbound) => Publisher<unknown>;

function handlerOf(
  v: Vector,
  recorder: Recorder,
  context: AppContext,
  serviceTimes: readonly number[],
): Chain {
  const parallel = Schedulers.parallel(context.env);
  const delayed = (ns: number): Mono<number> => Mono.delay(ns, parallel);
  // What was asked for, or what it took there: 20 ms are 20 to 40 on a busy virtual machine.
  let served = 0;
  const serviceNs = (): number => (serviceTimes[served++] ?? 20_000) * 1000;
  const rx = (inbound: Inbound): Flux<Message> => recorder.signals('rx', inbound.receive());
  const upper = (received: Flux<Message>, sleeps = false): Flux<Message> =>
    received.map(function* (message, on) {
      if (sleeps) yield on.sys.nanosleep(serviceNs());
      yield on.sys.compute(WORK_NS + Math.round(message.bytes * WORK_NS_PER_BYTE));
      return message;
    });
  const res = <T>(flux: Flux<T>): Flux<T> => recorder.signals('res', flux);
  const tx = <T>(flux: Flux<T>): Flux<T> => recorder.signals('tx', flux);
  switch (v.handler) {
    case 'seedFlatMap':
    case 'seedFlatMapCc16':
    case 'seedFlatMapDelay20':
    case 'blocking20': {
      const sleeps = v.handler === 'blocking20';
      const concurrency = v.handler === 'seedFlatMapCc16' ? 16 : undefined;
      const wait = v.handler === 'seedFlatMapDelay20';
      return (inbound, outbound) =>
        res(
          upper(rx(inbound), sleeps).flatMap((m) => {
            const sent = outbound.send(Mono.just(m));
            return wait ? delayed(20 * MS).andThen(Mono.from(sent)) : sent;
          }, concurrency),
        );
    }
    case 'sendMany':
      return (inbound, outbound) => outbound.send(tx(upper(rx(inbound))));
    case 'sendManyConcat20':
    case 'sendManyConcat1': {
      const short = v.handler === 'sendManyConcat1';
      // The decoder has taken the line feed off; this handler puts it back.
      const answer = (m: Message): Message => (m.data === null ? m : withLineFeed(m.data));
      return (inbound, outbound) =>
        outbound.send(
          tx(
            upper(rx(inbound)).concatMap((m) =>
              delayed(short ? MS : serviceNs()).thenReturn(answer(m)),
            ),
          ),
        );
    }
    case 'seedConcat20':
    case 'seedConcat20p0':
    case 'seedConcat20p1': {
      const prefetch = v.handler === 'seedConcat20p1' ? 1 : 0;
      return (inbound, outbound) =>
        res(
          upper(rx(inbound)).concatMap(
            (m) => delayed(serviceNs()).andThen(Mono.from(outbound.send(Mono.just(m)))),
            prefetch,
          ),
        );
    }
    case 'noSubscriber2s':
      return (inbound, outbound) =>
        Flux.from(delayed(1000 * MS)).thenMany(
          res(upper(rx(inbound)).flatMap((m) => outbound.send(Mono.just(m)))),
        );
    case 'unboundedSink':
      return (inbound) => rx(inbound).andThen(Mono.never());
    case 'returnsEmpty':
      return () => Mono.empty();
    case 'takeOne':
      return (inbound, outbound) =>
        res(
          rx(inbound)
            .take(1)
            .flatMap((m) => outbound.send(Mono.just(m))),
        );
    case 'twoSubscribers':
      return twoSubscribers(recorder);
  }
}

const withLineFeed = (line: Uint8Array): Message => ByteBuf.of(Uint8Array.of(...line, 10));

/** Takes everything, and an error too. */
const IGNORED = { next: () => {}, error: () => {} };

/** Subscribes by itself, twice, and returns something that never ends. */
function twoSubscribers(recorder: Recorder): Chain {
  return (inbound) =>
    Mono.fromCallable(function* (on) {
      for (const at of ['first', 'second'])
        yield* recorder.signals(at, inbound.receive()).subscribe(new LambdaSubscriber(IGNORED), on);
      return undefined;
    }).andThen(Mono.never());
}

function clientOf(v: Vector, received: { bytes: number }): UserMain {
  return app(function* (sys, { connect, env }) {
    yield* new Peer(v, received).run(sys, env.resolve(connect.host), connect.port);
  });
}

class Peer {
  private readonly v: Vector;
  private readonly received: { bytes: number };
  private readonly over = new Futex(0);

  constructor(v: Vector, received: { bytes: number }) {
    this.v = v;
    this.received = received;
  }

  *run(sys: Sys, addr: number, port: number): ThreadBody {
    const { v } = this;
    const fd = yield sys.socket();
    const sockopt = { TCP_NODELAY: 1, ...(v.cliRcvBuf > 0 ? { SO_RCVBUF: v.cliRcvBuf } : {}) };
    yield* setOptions(sys, fd, sockopt);
    yield sys.connect(fd, addr, port);
    yield sys.spawn((own) => this.write(own, fd), 'cli-w');
    yield sys.spawn((own) => this.read(own, fd), 'cli-r');
    const patience = v.end.startsWith('error') ? v.totalMs * MS : INFINITE;
    yield sys.futexWait(this.over, 0, patience);
    if (this.over.value === 0) yield sys.shutdown(fd, SHUT_RDWR);
    yield sys.close(fd);
    // The run ends with this thread, and the server has something left to hear.
    yield sys.nanosleep(100 * MS);
  }

  private *write(sys: Sys, fd: Fd): ThreadBody {
    const { v } = this;
    const line = v.scenario.startsWith('s4');
    const chunk: Uint8Array | number = line
      ? new Uint8Array(20).fill(97, 0, 19).fill(10, 19)
      : v.chunkBytes;
    const from = yield sys.clockGettime();
    for (let i = 0; i < v.chunks; i++) {
      const due = from + i * v.paceUs * 1000;
      if (v.paceUs >= SPIN_BELOW_US) yield* sleepUntil(sys, due);
      else while ((yield sys.clockGettime()) < due) yield sys.compute(SPIN_NS);
      yield sys.compute(WRITE_NS);
      for (let at = 0; at < v.chunkBytes;) {
        const n = yield sys.write(fd, typeof chunk === 'number' ? chunk - at : chunk.subarray(at));
        if (n < 0) return;
        at += n;
      }
    }
    if (v.scenario.includes('halfclose')) yield sys.shutdown(fd, SHUT_WR);
  }

  private *read(sys: Sys, fd: Fd): ThreadBody {
    const { v, received } = this;
    const all = v.chunks * v.chunkBytes;
    while (received.bytes < all) {
      const n = yield sys.read(fd, v.clientReadBytes, null);
      if (n <= 0) break;
      received.bytes += n;
      if (v.clientReadPauseMs > 0) yield sys.nanosleep(v.clientReadPauseMs * MS);
    }
    this.over.value = 1;
    yield sys.futexWake(this.over, 1);
  }
}
