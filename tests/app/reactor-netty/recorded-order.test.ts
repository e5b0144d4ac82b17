/**
 * The order of events and signals on one connection, against logs of the real thing: Reactor-Netty 1.2.2 over nio, one event
 * loop. Times and the client's side are left out of the logs; everything else must be the same, line by line.
 */
import { readFileSync } from 'node:fs';
import { describe as group, expect, it } from 'vitest';
import { Mono } from '../../../src/app/reactive/mono.ts';
import { TcpServer, type Handler } from '../../../src/app/reactor-netty/tcp-server.ts';
import { Recorder, type LogEvent } from './recorder.ts';
import { OWN, broken, world } from './world.ts';

function recorded(name: string): LogEvent[] {
  const url = new URL(`recorded/${name}.nio.jsonl`, import.meta.url);
  const lines = readFileSync(url, 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as LogEvent);
}

function observed(load: object, handler: (recorder: Recorder) => Handler): LogEvent[] {
  const recorder = new Recorder();
  const r = world(OWN, load, (sys, context) =>
    recorder.watch(TcpServer.create(sys, context), handler(recorder)),
  );
  expect(broken(r)).toEqual([]);
  return recorder.events;
}

const upperCase = (text: string): string => text.toUpperCase();
const ONE = { messages: 1, text: 'hello', answer: 'upper-case' };

group('the order of events on one connection is the recorded one', () => {
  it('receive().flatMap(sendString(Mono.just)): one message of 5 bytes, then FIN', () => {
    const events = observed(ONE, (recorder) => (inbound, outbound) => {
      const rx = recorder.signals('rx', inbound.receive().asString());
      const sent = rx.map(upperCase).flatMap((text) => outbound.sendString(Mono.just(text)));
      return recorder.signals('res', sent);
    });
    expect(events).toEqual(recorded('s0-one-message-seed'));
  });

  it('sendString(receive()): the flush comes after channelReadComplete, the cancel before channelInactive', () => {
    const events = observed(ONE, (recorder) => (inbound, outbound) => {
      const rx = recorder.signals('rx', inbound.receive().asString());
      return outbound.sendString(recorder.signals('tx', rx.map(upperCase)));
    });
    expect(events).toEqual(recorded('s0-one-message-sendMany'));
  });

  it('Mono.empty(): the connection is closed before the observer hears that it is configured', () => {
    const events = observed({ messages: 3, size: '100 B', gap: '1 ms' }, () => () => Mono.empty());
    expect(events).toEqual(recorded('s8-returnsEmpty'));
  });

  it('take(1): the publisher completes, the inbound completes after it, and the connection is closed', () => {
    const events = observed({ messages: 1, size: '200 B' }, (recorder) => (inbound, outbound) => {
      const rx = recorder.signals('rx', inbound.receive().asString());
      const sent = rx.take(1).flatMap((text) => outbound.sendString(Mono.just(text)));
      return recorder.signals('res', sent);
    });
    expect(events).toEqual(recorded('s8-takeOne'));
  });
});
