// Assembly, subscription, execution: three phases that can be told apart in the trace of a run.
import { readFileSync } from 'node:fs';
import { describe as group, expect, it } from 'vitest';
import { NO_TRACE, type TraceSink } from '../../../src/base/trace.ts';
import { Flux } from '../../../src/app/reactive/flux.ts';
import { Mono } from '../../../src/app/reactive/mono.ts';
import { LambdaSubscriber } from '../../../src/app/reactive/subscriber.ts';
import type { RunResult } from '../../../src/sim/run/result.ts';
import { runScenario } from '../../../src/sim/run/runner.ts';
import { describe } from '../../../src/sim/scenario/load.ts';
import { FakeProbe } from '../driver.ts';
import { Machine } from '../reactive/machine.ts';

/** One connection that sends two lines to the upper-case server. */
function run(trace: TraceSink): RunResult {
  const [scenario] = describe('phases', {
    seed: 1,
    shows: 'the phases of a stream',
    hosts: { a: { machine: 'linux' }, b: { machine: 'linux' } },
    links: [{ between: ['a', 'b'], rate: '100 Mbit/s', delay: '1 ms' }],
    apps: {
      server: {
        model: 'reactive',
        host: 'b',
        listen: 80,
        codec: 'line',
        reply: 'upper-case',
        work: '10 us',
      },
      load: {
        model: 'talk',
        host: 'a',
        connect: 'b:80',
        messages: 2,
        text: 'hello #',
        gap: '5 ms',
        answer: 'upper-case',
      },
    },
    stop: { when: 'load.closed', limit: '10 s' },
  });
  return runScenario(scenario!, { trace });
}

/** Records of streams: `<what> <number> <name>`, and what was asked for. */
class Streams implements TraceSink {
  readonly on = true;
  readonly records: {
    time: number;
    lane: string;
    what: string;
    stage: string;
    n: unknown;
    thread: unknown;
  }[] = [];

  record(
    time: number,
    lane: string,
    what: string,
    fields: Readonly<Record<string, number | string>>,
  ): void {
    if (!what.startsWith('stream.')) return;
    this.records.push({
      time,
      lane,
      what: what.slice('stream.'.length),
      stage: String(fields['stage']),
      n: fields['n'],
      thread: fields['thread'],
    });
  }
}

group('the phases of a stream', () => {
  const streams = new Streams();
  const traced = run(streams);
  const all = streams.records;
  const of = (what: string): string[] => all.filter((r) => r.what === what).map((r) => r.stage);

  it('assembly: operators from the source down, before anybody has subscribed', () => {
    expect(of('assemble')).toEqual(['0 FluxReceive', '1 metered', '2 map', '3 flatMap']);
    const firstSubscribe = all.findIndex((r) => r.what === 'subscribe');
    expect(all.slice(0, firstSubscribe).every((r) => r.what === 'assemble')).toBe(true);
    expect(new Set(all.map((r) => r.lane))).toEqual(new Set(['b/server/connection-0']));
  });

  it('subscription: from the last operator up to the source, onSubscribe down again, then the request goes up', () => {
    expect(of('subscribe')).toEqual(['3 flatMap', '2 map', '1 metered', '0 FluxReceive']);
    expect(of('onSubscribe')).toEqual(['0 FluxReceive', '1 metered', '2 map', '3 flatMap']);
    const firstRequests = all.filter((r) => r.what === 'request').slice(0, 4);
    // ChannelOperations asks for everything, flatMap for 256.
    expect(firstRequests.map((r) => [r.stage, r.n])).toEqual([
      ['3 flatMap', Number.MAX_SAFE_INTEGER],
      ['2 map', 256],
      ['1 metered', 256],
      ['0 FluxReceive', 256],
    ]);
  });

  it('execution: elements come down on the event loop, each after its assembly and subscription', () => {
    expect(of('onNext')).toEqual([
      '0 FluxReceive',
      '1 metered',
      '2 map',
      '0 FluxReceive',
      '1 metered',
      '2 map',
    ]);
    const next = all.filter((r) => r.what === 'onNext');
    const subscribed = all.filter((r) => r.what === 'onSubscribe').at(-1)!.time;
    for (const r of next) expect(r.time).toBeGreaterThan(subscribed);
    expect(new Set(next.map((r) => r.thread)).size).toBe(1);
    // The work is between an element and what map makes of it: 10 µs of user time, at least.
    expect(next[2]!.time - next[1]!.time).toBeGreaterThanOrEqual(10_000);
    expect(of('cancel').length).toBeGreaterThan(0);
  });

  it('is what the guide shows', () => {
    const url = new URL('../../../docs/guide/your-own-server.md', import.meta.url);
    const shown = /<!-- phases -->\n\n```text\n([^]*?)```/.exec(readFileSync(url, 'utf8'))![1]!;
    const lines = all.map((r) => `stream.${r.what}`.padEnd(21) + r.stage);
    const n = shown.trimEnd().split('\n').length;
    expect(`${lines.slice(0, n).join('\n')}\n`).toBe(shown);
  });

  it('changes nothing: same fingerprint without a trace', () => {
    expect(run(NO_TRACE).fingerprint).toEqual(traced.fingerprint);
  });
});

group('a traced chain', () => {
  const probe = new FakeProbe();

  it('is the chain itself while nobody reads the trace', () => {
    const f = Flux.range(0, 3);
    expect(f.traced(probe, 'here')).toBe(f);
    expect(f.map((v) => v).assembly).toBe(null);
    const m = Mono.just(1);
    expect(m.traced(probe, 'here')).toBe(m);
  });

  it('tells of errors, of streams that are put together, and leaves callables callable', () => {
    const on = new FakeProbe();
    on.tracing = true;
    const f = Flux.range(0, 1)
      .traced(on, 'x')
      .flatMap(() => Mono.just(1).traced(on, 'y'));
    const both = Flux.concat([f, Flux.error<number>(new Error('bad'))]);
    const seen: number[] = [];
    new Machine().go((thread) =>
      both.subscribe(
        new LambdaSubscriber<number>({ next: (v) => void seen.push(v), error() {} }),
        thread,
      ),
    );
    expect(seen).toEqual([1]);
    expect(on.records.filter((r) => r.includes('assemble'))).toEqual([
      'x stream.assemble 0 source',
      'x stream.assemble 1 flatMap',
      'x stream.assemble 2 concat',
      'y stream.assemble 0 source',
    ]);
    expect(on.records).toContain('y stream.call 0 source main');
    expect(on.records.at(-1)).toBe('x stream.onError 2 concat main Error: bad');
  });
});
