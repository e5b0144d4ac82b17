import { describe, expect, it } from 'vitest';
import { talk } from '../../src/app/load/talk.ts';
import { TALK_DEFAULTS, type TalkOptions } from '../../src/app/options.ts';
import * as k from '../../src/kernel/syscall.ts';
import { runScenario } from '../../src/sim/run/runner.ts';
import { describe as describeWorld } from '../../src/sim/scenario/load.ts';
import { Driver, fakeEnv, FakeProbe } from './driver.ts';

const FD = 5;
const utf8 = new TextEncoder();
const text = (carried: unknown): string => new TextDecoder().decode(carried as Uint8Array);

/** A connection: its writer, connected and with its reader started. */
function connected(o: Partial<TalkOptions>): { writer: Driver; reader: Driver; probe: FakeProbe } {
  const probe = new FakeProbe();
  const options = {
    ...TALK_DEFAULTS,
    connect: { host: 'server', port: 80 },
    messages: 2,
    read: 100,
    ...o,
  };
  const writer = new Driver((sys) => talk(sys, options, probe, fakeEnv()));
  writer.call('clock_gettime', 0);
  writer.call('socket', FD);
  writer.call('connect', 0, FD, 'server'.length, 80);
  writer.call('clone', 2);
  return { writer, reader: new Driver(writer.spawned[0]!), probe };
}

/** Answers a read with these bytes. */
function hears(reader: Driver, what: string): void {
  const bytes = utf8.encode(what);
  expect(reader.at).toBe('read');
  (reader.carries as Uint8Array).set(bytes);
  reader.call('read', bytes.length, FD, 100);
}

describe('the writer', () => {
  it('frames each message, with its number in place of #, and half-closes after the last when no answer is expected', () => {
    const { writer, reader, probe } = connected({ text: 'm #' });
    expect(text(writer.call('write', 4, FD, 4))).toBe('m 1\n');
    expect(text(writer.call('write', 4))).toBe('m 2\n');
    writer.call('shutdown', 0, FD, k.SHUT_WR);
    expect(writer.at).toBe('ended');
    expect(probe.closedAt).toBeNull();
    expect(reader.carries).toBeNull();
    reader.call('read', 0);
    reader.call('close', 0, FD);
    expect(reader.at).toBe('ended');
    expect(probe.closedAt).toBe(0);
    expect(probe.counts).toEqual({ connections: 1, messages: 2 });
  });

  it('sends pattern as a number where nobody looks at it', () => {
    const { writer } = connected({ codec: 'none', size: 5000 });
    expect(writer.carries).toBeNull();
    writer.call('write', 2000, FD, 5000);
    writer.call('write', 3000, FD, 3000);
    expect(writer.at).toBe('write');
  });

  it('keeps its gaps by the clock, however long a write took', () => {
    const { writer } = connected({ text: 'hi', gapNs: 1000, messages: 4 });
    writer.call('clock_gettime', 50);
    writer.call('clock_gettime', 50);
    writer.call('write', 3);
    writer.call('clock_gettime', 200);
    writer.call('nanosleep', 0, 0, 850);
    writer.call('write', 3);
    writer.call('clock_gettime', 2050);
    writer.call('write', 3);
    writer.call('clock_gettime', 5000);
    expect(writer.at).toBe('write');
  });

  it('gives up when the other end has gone, and fails once', () => {
    const { writer, reader, probe } = connected({ text: 'hi', answer: 'same' });
    writer.call('write', -k.EPIPE);
    writer.call('shutdown', 0);
    hears(reader, 'x');
    reader.call('read', -k.ECONNRESET);
    reader.call('close', 0);
    expect(probe.counts).toEqual({ connections: 1, failed: 1 });
    expect(probe.closedAt).toBe(0);
  });

  it('is through when nobody listens', () => {
    const probe = new FakeProbe();
    const o = { ...TALK_DEFAULTS, connect: { host: 'x', port: 1 }, messages: 1, text: 'hi' };
    const writer = new Driver((sys) => talk(sys, o, probe, fakeEnv()));
    writer.call('clock_gettime', 0);
    writer.call('socket', FD);
    writer.call('connect', -k.ECONNREFUSED);
    writer.call('close', 0, FD);
    expect([probe.counts, probe.closedAt]).toEqual([{ failed: 1 }, 0]);
  });
});

describe('the reader', () => {
  it('takes latency from when a message was meant to be sent to the last byte of its answer, in any pieces', () => {
    const { writer, reader, probe } = connected({ text: 'a#', answer: 'upper-case', gapNs: 1000 });
    writer.call('clock_gettime', 100);
    writer.call('clock_gettime', 100);
    writer.call('write', 3);
    writer.call('clock_gettime', 7000);
    writer.call('write', 3);
    expect(writer.at).toBe('futex_wait');
    probe.time = 7500;
    hears(reader, 'A1');
    expect(probe.latencies).toEqual([]);
    probe.time = 8000;
    hears(reader, '\nA2\n');
    expect(probe.latencies).toEqual([
      [100, 8000],
      [1100, 8000],
    ]);
    reader.call('futex_wake', 1);
    // Only now: servers that close at the end of the stream would throw answers away.
    writer.call('futex_wait', 0);
    writer.call('shutdown', 0, FD, k.SHUT_WR);
    reader.call('read', 0);
    reader.call('close', 0);
    expect(probe.counts).toEqual({ connections: 1, messages: 2, answers: 2 });
  });

  it('sleeps after each read when it has a pause', () => {
    const { reader } = connected({ text: 'hi', pauseNs: 77 });
    reader.call('read', 10);
    reader.call('nanosleep', 0, 0, 77);
    expect(reader.at).toBe('read');
  });

  it.each([
    ['a byte is wrong', 'A1\na2\n'],
    ['a message is missing', 'A2\n'],
    ['there is more than was said', 'A1\nA2\nA'],
  ])('when %s, fails the connection once and looks at no more', (_, answer) => {
    const { writer, reader, probe } = connected({ text: 'a#', answer: 'upper-case' });
    writer.call('write', 3);
    writer.call('write', 3);
    hears(reader, answer);
    expect(probe.counts).toMatchObject({ failed: 1, mismatched: 1 });
    reader.call('futex_wake', 1);
    hears(reader, 'whatever');
    reader.call('read', 0);
    writer.call('futex_wait', 0);
    writer.call('shutdown', 0);
    writer.call('close', 0);
    expect(probe.counts).toMatchObject({ failed: 1, mismatched: 1 });
    expect(probe.closedAt).toBe(0);
  });

  it('fails when the stream ends before the last answer', () => {
    const { writer, reader, probe } = connected({ text: 'a', answer: 'same' });
    writer.call('write', 2);
    hears(reader, 'a\n');
    reader.call('read', 0);
    expect(probe.counts).toEqual({ connections: 1, messages: 1, answers: 1, failed: 1 });
  });
});

describe('in a world', () => {
  const talkTo = (server: object, client: object): Record<string, number> => {
    const [scenario] = describeWorld('talk', {
      seed: 1,
      shows: 'talk',
      hosts: { a: { machine: 'ideal' }, b: { machine: 'ideal', cpus: 4 } },
      links: [{ between: ['a', 'b'], rate: '100 Mbit/s', delay: '1 ms' }],
      apps: {
        server: { host: 'b', listen: 80, ...server },
        load: { model: 'talk', host: 'a', connect: 'b:80', messages: 50, ...client },
      },
      stop: { when: 'load.closed', limit: '10 s' },
    });
    const r = runScenario(scenario!);
    expect([r.stop.reason, r.firstBroken]).toEqual(['when', null]);
    return r.metrics as Record<string, number>;
  };

  it('a blocking echo answers with the right bytes only if it sends them: it sends pattern', () => {
    const m = talkTo({ model: 'echo' }, { codec: 'none', size: '100 B', answer: 'same' });
    expect([m['load.mismatched'], m['load.failed']]).toEqual([1, 1]);
  });

  it('answers that overtake each other in a pool of threads are noticed', () => {
    const server = { model: 'netty', codec: 'line', reply: 'same', work: '1 ms' };
    const client = { codec: 'line', text: 'line #', answer: 'same', connections: 3 };
    expect(talkTo(server, client)['load.mismatched'] ?? 0).toBe(0);
    const pool = { ...server, offload: { threads: 4, queue: 1000 } };
    expect(talkTo(pool, client)['load.mismatched']).toBeGreaterThan(0);
  });

  it('latency is counted for every answer', () => {
    const m = talkTo(
      { model: 'netty', codec: 'length-field', reply: 'same' },
      { codec: 'length-field', size: '1 kB', answer: 'same', gap: '1 ms', connections: 2 },
    );
    expect(m['load.answers']).toBe(100);
    expect(m['load.latency.p50']).toBeGreaterThan(2_000_000);
    expect(m['load.latency.max']).toBeLessThan(10_000_000);
  });
});
