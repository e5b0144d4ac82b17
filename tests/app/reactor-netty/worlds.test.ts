/**
 * The reactive server in whole worlds, against what the real one did (Reactor-Netty 1.2.2 on Linux, loopback). Where a read
 * ends depends on timing there and here: what follows from the number of reads is compared exactly, the number itself with
 * the spread of the recorded runs.
 */
import { describe as group, expect, it } from 'vitest';
import { Flux } from '../../../src/app/reactive/flux.ts';
import { Mono } from '../../../src/app/reactive/mono.ts';
import { Schedulers } from '../../../src/app/reactive/schedulers.ts';
import { TcpServer } from '../../../src/app/reactor-netty/tcp-server.ts';
import type { RunResult } from '../../../src/sim/run/result.ts';
import { app } from '../../../src/app/user.ts';
import { SO_LINGER, SOL_SOCKET } from '../../../src/kernel/syscall.ts';
import { ByteBuf } from '../../../src/app/netty/byte-buf.ts';
import { Recorder } from './recorder.ts';
import { OWN, broken, world } from './world.ts';

const MS = 1_000_000;
const REACTIVE = { model: 'reactive' };
/** 2000 messages of 1000 B, one every 200 µs, sent back. */
const STEADY = { messages: 2000, size: '1000 B', gap: '200 us', answer: 'same' };
/** 300 messages of 1000 B, one every 2 ms, sent back. */
const SLOW = { messages: 300, size: '1000 B', gap: '2 ms', answer: 'same' };
/** 8 MiB at once, sent back. */
const BLAST = { messages: 1024, size: '8 KiB', answer: 'same' };

function lawful(server: object, load: object): RunResult {
  const r = world({ ...REACTIVE, reply: 'same', ...server }, load);
  expect(broken(r)).toEqual([]);
  expect(r.stop.reason).toBe('when');
  return r;
}

/** Counters of the server; what was never counted is 0. */
function of(r: RunResult, ...names: string[]): number[] {
  return names.map((name) => r.metrics[`server.${name}`] ?? 0);
}

group('a fast consumer', () => {
  it('flatMap requests 256, then 1 for each message; autoRead goes on once; one flush for each', () => {
    const r = lawful({ operator: 'flatMap' }, STEADY);
    const [reads] = of(r, 'reads') as [number];
    expect(of(r, 'on_next', 'flushes', 'requests')).toEqual([reads, reads, reads]);
    expect(of(r, 'request_calls', 'requested')).toEqual([1 + reads, 256 + reads]);
    expect(of(r, 'auto_read_on', 'auto_read_off', 'receiver_queue.peak')).toEqual([1, 0, 0]);
  });

  it('send requests 128, then 64 for each 64 that are written', () => {
    const r = lawful({ form: 'send' }, STEADY);
    const [reads] = of(r, 'reads') as [number];
    const refills = Math.floor(reads / 64);
    expect(of(r, 'request_calls', 'requested')).toEqual([1 + refills, 128 + 64 * refills]);
    expect(of(r, 'send_request_calls', 'auto_read_off')).toEqual([1 + refills, 0]);
  });

  it('8 MiB at once: reads grow to 64 KiB, and each such message makes the channel unwritable and back', () => {
    const r = lawful({ form: 'send' }, BLAST);
    const [reads, changes] = of(r, 'reads', 'writability_changed') as [number, number];
    // 135 to 157 recorded; at least 8 MiB / 64 KiB.
    expect(reads).toBeGreaterThanOrEqual(128);
    expect(of(r, 'send_request_calls')).toEqual([1 + Math.floor(reads / 64)]);
    expect(changes % 2).toBe(0);
  });
});

group('a slow consumer', () => {
  it('concatMap and 20 ms: autoRead goes off and on once for each message, and one waits at most', () => {
    for (const form of ['operator', 'send']) {
      const r = lawful({ form, operator: 'concatMap', delay: '20 ms' }, SLOW);
      const [reads] = of(r, 'reads') as [number];
      // 27 to 31 recorded.
      expect(reads).toBeGreaterThanOrEqual(27);
      expect(reads).toBeLessThanOrEqual(33);
      expect(of(r, 'request_calls', 'requested')).toEqual([reads + 1, reads + 1]);
      const [on, off] = of(r, 'auto_read_on', 'auto_read_off') as [number, number];
      expect(on - off).toBe(1);
      expect(reads - off).toBeLessThanOrEqual(2);
      expect(of(r, 'receiver_queue.peak', 'receiver_queue.bound')).toEqual([1, 1]);
    }
  });

  it('8 MiB at once and 20 ms each: the echo takes as long as its messages one after the other', () => {
    const r = lawful({ operator: 'concatMap', delay: '20 ms' }, BLAST);
    const [reads, on] = of(r, 'reads', 'auto_read_on') as [number, number];
    expect(Math.abs(reads - on)).toBeLessThanOrEqual(2);
    expect(r.stop.atNs).toBeGreaterThan(reads * 20 * MS);
    expect(r.stop.atNs).toBeLessThan(reads * 21 * MS);
    expect(of(r, 'receiver_queue.peak')).toEqual([1]);
  });

  it('flatMap and 20 ms: no backpressure at all, 256 are under way at once', () => {
    const r = lawful({ operator: 'flatMap', delay: '20 ms' }, SLOW);
    // 172 to 300 recorded.
    const [reads] = of(r, 'reads') as [number];
    expect(reads).toBeGreaterThanOrEqual(172);
    expect(of(r, 'auto_read_off', 'request_calls')).toEqual([0, 1 + reads]);
  });

  it('a sleep on the loop: only the kernel’s buffers push back, autoRead stays on', () => {
    const r = lawful({ operator: 'flatMap', pause: '20 ms' }, SLOW);
    // 24 to 28 recorded.
    const [reads] = of(r, 'reads') as [number];
    expect(reads).toBeGreaterThanOrEqual(24);
    expect(reads).toBeLessThanOrEqual(33);
    expect(of(r, 'auto_read_off', 'requested')).toEqual([0, 256 + reads]);
  });
});

group('a slow peer', () => {
  const peer = { read: '64 KiB', pause: '20 ms', sockopt: { SO_RCVBUF: 65_536 } };

  it('8 MiB: demand is not used up, so autoRead never goes off, and MiBs wait in user space', () => {
    for (const form of ['operator', 'send']) {
      const r = lawful({ form }, { ...BLAST, ...peer });
      // 130 to 153 reads recorded, fewer than 128 + 64 and than 256; 61 to 66 entries waited.
      const [reads, waited] = of(r, 'reads', 'outbound.peak') as [number, number];
      expect(reads).toBeLessThan(form === 'send' ? 192 : 256);
      expect(of(r, 'auto_read_off')).toEqual([0]);
      expect(waited).toBeGreaterThan(60);
    }
  });

  it('32 MiB and a small send buffer: MonoSendMany lets 128 messages wait, and then none is read', () => {
    const load = { messages: 512, size: '64 KiB', answer: 'same', ...peer, pause: '5 ms' };
    const r = lawful({ form: 'send', sockopt: { SO_SNDBUF: 65_536 } }, load);
    const [off, peak] = of(r, 'auto_read_off', 'outbound.peak') as [number, number];
    expect(off).toBeGreaterThan(0);
    expect(peak).toBeLessThanOrEqual(128);
    expect(of(r, 'receiver_queue.peak')).toEqual([1]);
  });
});

group('decoders', () => {
  it('hand on all lines of a read, whatever was requested: the queue holds what a read can', () => {
    const line = { messages: 3000, text: 'nineteen characters', codec: 'line', answer: 'same' };
    const r = lawful({ codec: 'line', operator: 'concatMap', delay: '100 us' }, line);
    const [peak, bound] = of(r, 'receiver_queue.peak', 'receiver_queue.bound') as [number, number];
    // 1669 recorded, of 3000 lines of 20 B in reads of up to 32 KiB.
    expect(peak).toBeGreaterThan(100);
    expect(peak).toBeLessThanOrEqual(bound);
    expect(bound).toBe(31 + 32_768);
    expect(of(r, 'requested', 'requests')).toEqual([3001, 3000]);
  });

  it('with every codec each message is answered', () => {
    for (const codec of ['line', 'length-field', 'json']) {
      const load = { messages: 50, text: '{"n": "#"}', codec, answer: 'upper-case', gap: '10 us' };
      for (const form of ['operator', 'send']) {
        const r = lawful({ codec, form, reply: 'upper-case' }, load);
        expect([...of(r, 'requests', 'failed'), r.metrics['load.mismatched'] ?? 0]).toEqual([
          50, 0, 0,
        ]);
      }
    }
    const fixed = { codec: 'fixed', request: '100 B', response: '70 B', reply: 'answer' };
    const r = lawful(fixed, { messages: 50, size: '100 B', codec: 'fixed' });
    expect(of(r, 'bytes_read', 'bytes_written')).toEqual([5000, 3500]);
  });
});

group(
  'FIN behind data that was not requested [recorded: 449 536 of 524 288 B came back over nio, 180 224 over epoll]',
  () => {
    const load = { model: 'bulk', codec: undefined, bytes: '512 KiB', write: '8 KiB' };
    const server = { ...REACTIVE, reply: 'same' };
    const slow = { ...server, operator: 'concatMap', delay: '20 ms' };

    it('over nio it is noticed when reading goes on: the message at work then is lost, without an error', () => {
      const r = world(slow, load);
      expect(broken(r)).toEqual([]);
      const [read, taken, answered] = of(r, 'bytes_read', 'on_next', 'requests') as [
        number,
        number,
        number,
      ];
      expect(read).toBe(524_288);
      expect(answered).toBe(taken - 1);
      expect(of(r, 'failed', 'receiver_queue.peak')).toEqual([0, 1]);
    });

    it('over epoll it forces reading to the end: more waits than one message, and all of that is lost', () => {
      const nio = world(slow, load);
      const r = world({ ...slow, transport: 'epoll' }, load);
      expect(broken(r)).toEqual([]);
      const [peak] = of(r, 'receiver_queue.peak') as [number];
      expect(peak).toBeGreaterThan(1);
      expect(of(r, 'bytes_read', 'failed')).toEqual([524_288, 0]);
      expect(of(r, 'bytes_written')[0]).toBeLessThan(of(nio, 'bytes_written')[0]!);
    });

    it('answers that wait in the outbound buffer fail, each of them', () => {
      const r = world({ ...server, sockopt: { SO_SNDBUF: 16_384 } }, load);
      expect(broken(r)).toEqual([]);
      const [taken, answered, lost] = of(r, 'on_next', 'requests', 'failed') as [
        number,
        number,
        number,
      ];
      expect(lost).toBeGreaterThan(0);
      expect(answered + lost).toBe(taken);
    });

    it('a fast consumer has answered everything before', () => {
      expect(of(world(server, load), 'bytes_written')).toEqual([524_288]);
    });
  },
);

group('a server of one’s own', () => {
  it('is the upper-case server in six lines, on max(cores, 4) event loops', () => {
    const load = {
      messages: 20,
      connections: 8,
      text: 'hello #',
      gap: '1 ms',
      answer: 'upper-case',
    };
    const r = world(OWN, load, (sys, context) =>
      TcpServer.create(sys, context).handle((inbound, outbound) =>
        inbound
          .receive()
          .asString()
          .map((text) => text.toUpperCase())
          .flatMap((text) => outbound.sendString(Mono.just(text))),
      ),
    );
    expect(broken(r)).toEqual([]);
    expect([r.metrics['load.answers'], r.metrics['load.mismatched']]).toEqual([160, 0]);
    expect(of(r, 'connections', 'requests')).toEqual([8, 160]);
  });

  it('that subscribes a second late: nothing is read until then, the kernel holds it', () => {
    const recorder = new Recorder();
    const load = { messages: 300, size: '1000 B', gap: '1 ms', answer: 'same' };
    const r = world(OWN, load, (sys, context) => {
      const parallel = Schedulers.parallel(context.env);
      return recorder.watch(TcpServer.create(sys, context), (inbound, outbound) =>
        Flux.from(Mono.delay(1000 * MS, parallel)).thenMany(
          recorder
            .signals('rx', inbound.receive().asByteArray())
            .flatMap((bytes) => outbound.sendByteArray(Mono.just(bytes))),
        ),
      );
    });
    expect(broken(r)).toEqual([]);
    const events = recorder.events.map((e) => e['ev']);
    expect(events.indexOf('channelRead')).toBeGreaterThan(events.indexOf('rx.onSubscribe'));
    expect(of(r, 'auto_read_on', 'auto_read_off')).toEqual([1, 0]);
    const sizes = recorder.events.filter((e) => e['ev'] === 'channelRead').map((e) => e['n']);
    // As recorded: buffers that are filled grow.
    expect(sizes.slice(0, 2)).toEqual([2048, 32_768]);
  });

  it('may subscribe once: a second receive() is refused, and that ends the connection', () => {
    const recorder = new Recorder();
    const r = world(OWN, { messages: 3, size: '100 B', gap: '1 ms' }, (sys, context) =>
      recorder.watch(TcpServer.create(sys, context), (inbound) =>
        Flux.just('first', 'second').flatMap((at) =>
          recorder.signals(at, inbound.receive().asString()).ignoreElements(),
        ),
      ),
    );
    expect(broken(r)).toEqual([]);
    const events = recorder.events.map((e) => String(e['ev']));
    expect(events.filter((ev) => ev.startsWith('second')).slice(0, 3)).toEqual([
      'second.onSubscribe',
      'second.request',
      'second.onError',
    ]);
    expect(events).toContain('first.cancel');
    expect(events).toContain('close()');
    expect(of(r, 'failed')).toEqual([1]);
  });

  it('gets half a character from each of two reads as U+FFFD [ByteBufFlux.asString]', () => {
    const texts: string[] = [];
    world(OWN, { messages: 1, text: 'é', read: '64 KiB' }, (sys, context) =>
      // A buffer of 64 bytes at least is what a read is given; so the character is cut by a handler.
      TcpServer.create(sys, context)
        .doOnChannelInit((channel) => {
          channel.pipeline.addLast({
            *channelRead(ctx, msg, on) {
              for (const byte of msg.data!)
                yield* ctx.fireChannelRead(ByteBuf.of(Uint8Array.of(byte)), on);
            },
          });
        }, 1)
        .handle((inbound) =>
          inbound
            .receive()
            .asString()
            .doOnNext((text) => void texts.push(text)),
        ),
    );
    expect(texts).toEqual(['\uFFFD', '\uFFFD']);
  });

  it('must have a handler', () => {
    expect(() =>
      world(OWN, { messages: 1, size: '1 B' }, (sys, context) => TcpServer.create(sys, context)),
    ).toThrow('handle() has not been called');
  });
});

group('a reset', () => {
  it('reaches the handler as an error, after which the connection is closed', () => {
    const recorder = new Recorder();
    // With SO_LINGER 0 closing resets: there are answers that nobody has read.
    const load = { model: 'user', app: './resets.ts', connect: 'b:80' };
    const r = world(
      OWN,
      { ...load, codec: undefined },
      (sys, context) =>
        recorder.watch(TcpServer.create(sys, context), (inbound, outbound) =>
          recorder
            .signals('rx', inbound.receive())
            .flatMap((message) => outbound.send(Mono.just(message))),
        ),
      { apps: { './resets.ts': resets } },
    );
    expect(broken(r)).toEqual([]);
    const events = recorder.events.map((e) => String(e['ev']));
    expect(events).toContain('rx.onError');
    expect(events.slice(-2)).toEqual(['channelInactive', 'state']);
    expect(of(r, 'failed', 'connections')).toEqual([1, 1]);
  });
});

/** Connects, writes, waits, and closes without reading. */
const resets = app(function* (sys, { connect, env }) {
  const fd = yield sys.socket();
  yield sys.setsockopt(fd, SOL_SOCKET, SO_LINGER, 0);
  yield sys.connect(fd, env.resolve(connect.host), connect.port);
  yield sys.write(fd, Uint8Array.of(1, 2, 3));
  yield sys.nanosleep(10 * MS);
  yield sys.close(fd);
  // The run ends with this thread, and the reset has a way to go.
  yield sys.nanosleep(10 * MS);
});
