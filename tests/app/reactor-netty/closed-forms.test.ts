/** The closed forms of the reactive server, and the bound of its receiver queue: each is seen to object. */
import { describe as group, expect, it } from 'vitest';
import { ByteBuf } from '../../../src/app/netty/byte-buf.ts';
import type { ChannelHandlerContext } from '../../../src/app/netty/handler.ts';
import { UNBOUNDED } from '../../../src/app/reactive/demand.ts';
import { nothing } from '../../../src/app/reactive/user.ts';
import { ClosedForms } from '../../../src/app/reactor-netty/closed-forms.ts';
import { BridgeMeters, receiverQueueBound } from '../../../src/app/reactor-netty/meters.ts';
import { FakeProbe } from '../driver.ts';
import { FakeLoop, finish } from './loop.ts';

const loop = new FakeLoop();

/** A context whose channel has so many bytes pending. */
function context(pendingBytes: number): ChannelHandlerContext {
  const channel = { pendingBytes };
  const ctx = { channel, write: nothing, fireChannelRead: nothing, fireChannelInactive: nothing };
  return ctx as unknown as ChannelHandlerContext;
}

/** Requests as said, then a read comes, with `done` messages done. */
function reads(forms: { ahead: number; exact: boolean }, requests: number[], done: number): void {
  const probe = new FakeProbe();
  const closed = new ClosedForms({ ...forms, entries: 1 }, probe);
  closed.received = new BridgeMeters(probe, 1).receive('connection-0', nothing);
  for (const n of requests) closed.received.onRequest(n);
  closed.done = done;
  finish(closed.channelRead(context(0), ByteBuf.pattern(1), loop));
}

group('requested of the inbound', () => {
  it('flatMap: c + M in 1 + M requests; concatMap: 1 + M of one each', () => {
    expect(() => {
      reads({ ahead: 256, exact: true }, [256, 1, 1], 2);
      reads({ ahead: 1, exact: true }, [1, 1, 1], 2);
    }).not.toThrow();
  });

  it.each([
    ['too little', 256, [256, 1], 2],
    ['too much', 256, [256, 1, 2], 2],
    ['in too many requests', 256, [255, 1, 1, 1], 2],
    ['more than one ahead', 1, [1, 1], 0],
  ] as const)('%s is an error', (_, ahead, requests, done) => {
    expect(() => reads({ ahead, exact: true }, [...requests], done)).toThrow('were requested');
  });

  it('only a bound, where requests come in batches or from other threads', () => {
    reads({ ahead: 256, exact: false }, [256, 192], 200);
    expect(() => reads({ ahead: 256, exact: false }, [256, 192], 100)).toThrow('448 messages');
  });
});

group('bytes that wait to be written', () => {
  it('are at most those of so many messages of the largest size, with 96 for each', () => {
    const closed = new ClosedForms({ ahead: 1, exact: true, entries: 128 }, new FakeProbe());
    const write = (bytes: number, pending: number): void =>
      finish(closed.write(context(pending), ByteBuf.pattern(bytes), null, loop));
    write(65_536, 128 * (65_536 + 96));
    expect(() => write(1, 128 * (65_536 + 96) + 1)).toThrow('8400897 bytes wait to be written');
  });
});

group('the bound of a receiver queue', () => {
  it('is one message of raw bytes, and with a decoder what one read completes', () => {
    expect(receiverQueueBound(65_536, null, 'nio')).toBe(1);
    expect(receiverQueueBound(65_536, 20, 'nio')).toBe(31 + 3277);
  });

  it('over epoll is what a socket can hold: after a FIN all of it is read', () => {
    expect(receiverQueueBound(65_536, null, 'epoll')).toBe(1 + 16 + 512);
    expect(receiverQueueBound(65_536, 20, 'epoll')).toBe(31 + 3277 + 1_677_722);
  });
});

it('a closed connection leaves its meter to the next: as many as there are connections at once', () => {
  const probe = new FakeProbe();
  const meters = new BridgeMeters(probe, 1);
  const first = meters.receive('connection-0', nothing);
  first.onQueued(1);
  meters.release(first);
  const second = meters.receive('connection-0', nothing);
  expect([probe.meters.length, second.queue.depth, second.queue.peak]).toEqual([1, 0, 1]);
});

group('what a FluxReceive has given', () => {
  /** So many came, were requested and given. */
  const settles = (arrived: number, requested: number, given: number) => () => {
    const meter = new BridgeMeters(new FakeProbe(), 9).receive('connection-4', nothing);
    for (let i = 0; i < arrived; i++) meter.onArrived();
    if (requested > 0) meter.onRequest(requested);
    for (let i = 0; i < given; i++) meter.onNext();
    meter.onSettled();
  };

  it('is what came, as far as it was requested', () => {
    for (const [arrived, requested] of [
      [3, 2],
      [2, 3],
      [3, 0],
      [5, UNBOUNDED],
    ] as const)
      expect(settles(arrived, requested, Math.min(arrived, requested))).not.toThrow();
  });

  it('less or more of it is an error that names the connection', () => {
    expect(settles(3, 2, 1)).toThrow(
      'FluxReceive of connection-4: 1 messages were given; with 3 read and 2 requested it should be 2',
    );
    expect(settles(3, 2, 3)).toThrow('3 messages were given');
    expect(settles(5, UNBOUNDED, 4)).toThrow('with 5 read and all requested it should be 5');
  });
});

it('a MonoSendMany with more than 128 messages in the channel, or a request too many, is an error', () => {
  const meter = new BridgeMeters(new FakeProbe(), 1).send('connection-4');
  meter.onSendRequest(128);
  for (let i = 0; i < 128; i++) meter.onWrite();
  expect(() => meter.onWrite()).toThrow('connection-4: 129 messages are with the channel at once');
  expect(() => meter.onSendRequest(64)).toThrow(
    'MonoSendMany of connection-4: 192 messages were requested in 2 calls; with 0 written it should be 128 in 1',
  );
});
