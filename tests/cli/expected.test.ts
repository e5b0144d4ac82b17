/** How much there is to simulate, and what the command line makes of it. */
import { describe, expect, it } from 'vitest';
import { meantSegments } from '../../src/cli/expected.ts';
import { MANY_SEGMENTS } from '../../src/cli/jit.ts';
import { tuner } from '../../src/cli/runners.ts';
import { describe as scenariosOf } from '../../src/sim/scenario/load.ts';
import type { Scenario } from '../../src/sim/scenario/types.ts';

function scenario(apps: object): Scenario {
  return scenariosOf('sizes', {
    seed: 1,
    shows: 'sizes',
    hosts: { client: {}, server: {} },
    links: [{ between: ['client', 'server'], rate: '1 Gbit/s', delay: '1 ms' }],
    apps: { server: { host: 'server', model: 'blocking', listen: 80 }, ...apps },
    stop: { limit: '1 s' },
  })[0]!;
}

const bulk = (bytes: number, connections = 1): Scenario =>
  scenario({
    up: { host: 'client', model: 'bulk', connect: 'server:80', bytes: `${bytes} B`, connections },
  });

describe('what a scenario means to send', () => {
  it('is nothing of those that wait to be asked, or say nothing beforehand', () => {
    const { apps } = bulk(1448);
    expect(meantSegments({ apps: apps.filter((app) => app.model === 'blocking') })).toBe(0);
  });

  it('is the bytes of each transfer in segments of 1448, the last one shorter', () => {
    expect(meantSegments(bulk(1448))).toBe(1);
    expect(meantSegments(bulk(1449, 7))).toBe(14);
  });

  it('is a request and an answer each time', () => {
    const client = {
      host: 'client',
      model: 'client',
      connect: 'server:80',
      requests: 10,
      request: '100 B',
      response: '3000 B',
    };
    expect(meantSegments(scenario({ client }))).toBe(10 * (1 + 3));
  });
});

describe('V8 is to inline more', () => {
  const GB = 1_000_000_000;
  function told(runs: number, scenarios: readonly Scenario[]): boolean[] {
    let times = 0;
    const tune = tuner(runs, () => times++);
    return scenarios.map((s) => {
      const before = times;
      tune(s);
      return times > before;
    });
  }

  it('before one long run, and not before a short one', () => {
    expect(told(1, [bulk(6 * GB)])).toEqual([true]);
    expect(told(1, [bulk(5 * GB)])).toEqual([false]);
    expect(meantSegments(bulk(6 * GB))).toBeGreaterThan(MANY_SEGMENTS);
  });

  it('before the first of many like it', () => {
    expect(told(100, [bulk(GB)])).toEqual([true]);
    expect(told(5, [bulk(GB)])).toEqual([false]);
  });

  it('before the one that makes it much, and only once', () => {
    expect(told(4, [bulk(GB), bulk(2 * GB), bulk(3 * GB), bulk(9 * GB)])).toEqual([
      false,
      false,
      true,
      false,
    ]);
  });
});
