import { describe, expect, test } from 'vitest';
import { runScenario } from '../../src/sim/run/runner.ts';
import { judge } from '../../src/sim/run/judge.ts';
import { matchMetric, METRICS } from '../../src/sim/scenario/metrics.ts';
import { result } from '../report/result.ts';
import { read, VALID } from './support.ts';

describe('the list of metrics', () => {
  test('has every metric that a run measures', () => {
    const [scenario] = read(VALID, {
      set: ['apps.sender.bytes=20 kB', 'apps.server.model=blocking'],
    });
    const names = Object.keys(runScenario(scenario!).metrics);
    expect(names.length).toBeGreaterThan(50);
    // `compute` is user time, which the kernel's table counts like a call.
    expect(names.filter((n) => matchMetric(n).length === 0 && !n.endsWith('.compute'))).toEqual([]);
  });

  test('has each name once', () => {
    expect(new Set(METRICS.map((m) => m.pattern)).size).toBe(METRICS.length);
  });
});

describe('an expectation', () => {
  const metrics = {
    goodput: 30e6,
    'server.syscalls.read': 2700,
    'server.receive_buffer.peak': 100,
    'server.receive_buffer.bound': 128,
  };

  /** Whether `that` is `is`, for a blocking run beside an epoll run of 24 Mbit/s. */
  function holds(that: string, is: string): boolean | null {
    const text = VALID.replace(
      'that: goodput, is: 25 .. 34 Mbit/s',
      () => `that: '${that}', is: '${is}'`,
    );
    const [one, other] = read(text);
    const runs = [
      { scenario: one!, result: result('blocking', { metrics }) },
      { scenario: other!, result: result('epoll', { metrics: { ...metrics, goodput: 24e6 } }) },
    ];
    judge(runs);
    return runs[0]!.result.expectations[0]!.ok;
  }

  test.each([
    ['goodput', '30 Mbit/s', true],
    ['goodput', '30000001 bit/s', false],
    ['goodput', '<= 30 Mbit/s', true],
    ['goodput', '< 30 Mbit/s', false],
    ['goodput', '>= 30.1 Mbit/s', false],
    ['goodput', '25 .. 34 Mbit/s', true],
    ['goodput', '31 Mbit/s .. 34 Mbit/s', false],
    ['goodput', '33 Mbit/s ± 10 %', true],
    ['goodput', '33 Mbit/s ± 9 %', false],
    ['goodput', '33 Mbit/s ± 3 Mbit/s', true],
    ['goodput', '33 Mbit/s ± 2.9 Mbit/s', false],
    ['goodput', '29 ± 1 Mbit/s', true],
    ['goodput', '> goodput[model=epoll]', true],
    ['goodput / goodput[model=epoll]', '1.25 ± 1 %', true],
    ['goodput - goodput[model=epoll]', '6 Mbit/s', true],
    ['(goodput + goodput[model=epoll]) ÷ 2', '27 Mbit/s', true],
    ['2 × server.syscalls.read', '5400', true],
    ['server.receive_buffer.peak', '<= server.receive_buffer.bound', true],
    ['server.receive_buffer.peak', '> server.receive_buffer.bound', false],
    ['server.drops.ListenOverflows', '0', true],
    ['server.eagain', '0', false],
  ])('%s is %s: %s', (that, is, ok) => {
    expect(holds(that, is)).toBe(ok);
  });

  test('about a variant that did not run is not decided', () => {
    const runs = read(VALID, { set: ['apps.server.model=blocking'] }).map((scenario) => ({
      scenario,
      result: result('blocking', { metrics }),
    }));
    judge(runs);
    expect(runs[0]!.result.expectations.map((e) => [e.ok, e.alone]).at(-1)).toEqual([null, false]);
  });
});
