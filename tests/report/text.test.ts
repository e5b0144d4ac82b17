import { describe, expect, test } from 'vitest';
import { reportJson } from '../../src/report/json.ts';
import { digits, percent } from '../../src/report/numbers.ts';
import { replayCommand, reportText, summaryText } from '../../src/report/text.ts';
import { expected, result } from './result.ts';

const text = (...labels: string[]): string => reportText(labels.map((l) => result(l))).join('\n');

describe('the table', () => {
  test('has a column for each variant, in 80 columns', () => {
    const failed = expected({
      text: 'server.syscalls.read 2714 ± 25 %',
      ok: false,
      actual: 3511,
      actualText: '3511',
    });
    const epoll = result('epoll', {
      expectations: [expected(), failed],
      metrics: {
        ...result('').metrics,
        'server.epoll.returns': 2760,
        'server.eagain': 751,
        'server.syscalls.read': 3511,
      },
      drops: [{ where: 'server', name: 'ListenOverflows', count: 7 }],
    });
    const blocking = result('blocking', {
      expectations: [expected(), { ...failed, ok: true, actualText: '2760' }],
    });
    expect(reportText([blocking, epoll, result('echo')]).join('\n')).toMatchInlineSnapshot(`
      "small-receive-buffer · seed 1 · linux-6.18 · 3 runs of 1.1 s simulated, 0.06 s
      A receive buffer far below the path's BDP caps goodput at window / RTT.

                                                blocking          epoll           echo
      goodput                      Mbit/s          30.07          30.07          30.07
      latency p50 / p99 / max          ms 21.5/22.8/23.4 21.5/22.8/23.4 21.5/22.8/23.4
      on server
        read() calls / median size      B    2760 / 1448    3511 / 1448    2760 / 1448
        epoll_wait() returns / EAGAIN              0 / 0     2760 / 751          0 / 0
        wake-ups                                    2759           2759           2759
        switches voluntary / involuntary        2759 / 0       2759 / 0       2759 / 0
        interrupts/polls/frames per poll     2765/2765/1    2765/2765/1    2765/2765/1
      TCP, all hosts
        out of order/dup ACKs/SACK blocks      3 / 2 / 5      3 / 2 / 5      3 / 2 / 5
        retransmitted fast + TLP + RTO         1 + 0 + 0      1 + 0 + 0      1 + 0 + 0
        zero windows / closed / probes ms   1 / 12.3 / 2   1 / 12.3 / 2   1 / 12.3 / 2
      drops  server->client loss                       2              0              2
      drops  server ListenOverflows                    0              7              0
      queues, peak/bound
        server.receive_buffer         KiB       79.9/130       79.9/130       79.9/130
      CPU server irq/soft/sys/usr/sw    % .4/.5/.7/.1/.0 .4/.5/.7/.1/.0 .4/.5/.7/.1/.0

      ✓ goodput 25 .. 34 Mbit/s                   linux-transfers rcvbuf-65536-rtt20
      ✗ server.syscalls.read 2714 ± 25 %  epoll: 3511              scenarios.yaml:36:9
          npx hostwire run small-receive-buffer --seed 1 --set apps.server.model=epoll
      ✓ 2 invariants
      fingerprint   9f3c41d207ab55e0  9f3c41d207ab55e0  9f3c41d207ab55e0"
    `);
  });

  test('prints more than three variants as one block per three', () => {
    const heads = text('a', 'b', 'c', 'd')
      .split('\n')
      .filter((l) => /^ {30,}\S/.test(l));
    expect(heads.map((h) => h.trim().split(/\s+/))).toEqual([['a', 'b', 'c'], ['d']]);
  });

  test.each([1, 2, 3, 4, 7])('keeps to 80 columns with %i variants and long names', (n) => {
    const runs = Array.from({ length: n }, (_, i) =>
      result(`a-rather-long-variant-${i}`, {
        metrics: {
          ...result('').metrics,
          'server.syscalls.read': 12_345_678_901,
          'server.irq': 123_456_789,
        },
        stop: { reason: 'limit', atNs: 6e10, missing: ['upload.closed', 'download.closed'] },
        waiting: [{ host: 'server', thread: 'worker-17', call: 'read(5)', sinceNs: 5 }],
        invariants: [
          {
            name: 'in-order',
            ok: false,
            checks: 3,
            message: 'byte 17 of stream 3 was read twice. '.repeat(4),
          },
        ],
      }),
    );
    const long = reportText(runs).filter((l) => l.length > 80 && !l.includes('npx hostwire run'));
    expect(long).toEqual([]);
  });

  test('shows what event loops read and asked for, and a dash where there is no such thing', () => {
    const loop = result('reactive', {
      metrics: {
        ...result('').metrics,
        'server.reads': 42,
        'server.read_loops': 40,
        'server.auto_read_off': 3,
        'server.auto_read_on': 4,
        'server.request_calls': 43,
        'server.requested': 298,
      },
    });
    const lines = reportText([result('blocking'), loop]).filter((l) => /read|Read|request/.test(l));
    expect(lines.slice(-3).map((l) => l.trim().replaceAll(/  +/g, '  '))).toEqual([
      'reads / read loops  –  42 / 40',
      'autoRead off / on  –  3 / 4',
      'request(n) calls / sum of n  –  43 / 298',
    ]);
  });

  test('leaves out what no variant has', () => {
    const bare = result('', { metrics: { goodput: 1e6 }, queues: [], drops: [] });
    expect(reportText([bare]).join('\n')).not.toMatch(/epoll|latency|requests|CPU|interrupts|zero/);
  });

  test('counts requests as the clients do', () => {
    const counts = {
      'server.requests': 9,
      'server.failed': 3,
      'clients.requests': 7,
      'clients.failed': 2,
    };
    const row = (metrics: Record<string, number>): string | undefined =>
      reportText([result('', { metrics })]).find((l) => l.startsWith('requests'));
    expect(row({ ...counts, 'clients.latency.mean': 5 })).toMatch(/ 7 \/ 2$/);
    // Nobody was answered: one failure, seen from both ends.
    expect(row({ 'server.failed': 1, 'clients.failed': 1 })).toMatch(/ 0 \/ 1$/);
  });

  test('gives sources the width that there is', () => {
    const source = 'a closed form '.repeat(6).trim();
    const wide = (width: number): string =>
      reportText([result('', { expectations: [expected({ source })] })], { width }).join('\n');
    expect(wide(80)).not.toContain(source);
    expect(wide(80)).toMatch(/a closed form a closed.*…/);
    expect(wide(140)).toContain(source);
  });

  test('no line ends in blanks, none has colour unless asked for', () => {
    expect(text('a', 'b')).not.toMatch(/[ \t]$/m);
    // oxlint-disable-next-line no-control-regex -- the escape character is what must not be there
    expect(text('a', 'b')).not.toMatch(/\u001b/);
    const painted = reportText([result('')], { paint: (tone, t) => `<${tone}>${t}</>` }).join('\n');
    expect(painted).toContain('<good>✓</>');
  });
});

describe('what does not hold', () => {
  test('a run at its limit says what it waited for, who still waits, and how to see it again', () => {
    const r = result('epoll', {
      stop: { reason: 'limit', atNs: 60_000_000_000, missing: ['upload.closed'] },
      waiting: [{ host: 'server', thread: 'server/1', call: 'epoll_wait(3)', sinceNs: 1_000_000 }],
    });
    expect(reportText([r], { file: 'my file.yaml' }).join('\n')).toContain(
      [
        '✗ epoll: not finished at its limit of 60 s: upload.closed did not happen',
        '    server: server/1 waits in epoll_wait(3) since 1 ms',
        "    npx hostwire run 'my file.yaml' small-receive-buffer --seed 1 --set apps.server.model=epoll",
      ].join('\n'),
    );
  });

  test('a broken invariant is named, with its variant', () => {
    const r = result('epoll', {
      invariants: [{ name: 'in-order', ok: false, checks: 9, message: 'byte 7 twice' }],
    });
    expect(reportText([r]).join('\n')).toContain(
      '✗ epoll: invariant in-order: byte 7 twice\n    npx hostwire run',
    );
  });

  test('an expectation about several variants is replayed with all of them', () => {
    const r = result('epoll', { settings: ['links.0.delay=5 ms', 'apps.server.model=epoll'] });
    expect(replayCommand(r, null, true)).toBe(
      "npx hostwire run small-receive-buffer --seed 1 --set 'links.0.delay=5 ms' --set apps.server.model=epoll",
    );
    expect(replayCommand(r, null, false)).toBe(
      "npx hostwire run small-receive-buffer --seed 1 --set 'links.0.delay=5 ms'",
    );
  });

  test('an expectation that cannot be decided is neither met nor failed', () => {
    const r = result('', {
      expectations: [expected({ ok: null, actual: null, actualText: 'not run' })],
    });
    expect(reportText([r]).join('\n')).toContain('· goodput 25 .. 34 Mbit/s');
    expect(summaryText([r], 1, 0)).toBe('1 of 1 run holds · exit 0');
  });

  test('the summary counts runs that gave no result', () => {
    expect(summaryText([result('')], 3, 1)).toBe('1 of 3 runs hold · exit 1');
  });
});

describe('numbers in cells', () => {
  test.each([
    [0, '0'],
    [2760, '2760'],
    [30.0701, '30.07'],
    [0.1234567, '0.123'],
    [123456.7, '123457'],
    [Number.NaN, '–'],
  ])('%d is %s', (value, shown) => {
    expect(digits(value)).toBe(shown);
  });

  test.each([
    [0, '0'],
    [0.0002, '.0'],
    [0.004, '.4'],
    [0.05, '5.0'],
    [0.9828, '98'],
    [undefined, '–'],
  ])('a share of %d is %s percent', (share, shown) => {
    expect(percent(share)).toBe(shown);
  });
});

test('JSON holds all of a result, with the variant by name', () => {
  const json = JSON.parse(reportJson([result('epoll', { simulatedNs: 5 })], 0)) as {
    exit: number;
    holds: number;
    runs: object[];
  };
  expect(json).toMatchObject({
    exit: 0,
    holds: 1,
    runs: [{ variant: 'epoll', axes: { model: 'epoll' }, simulatedNs: 5 }],
  });
  expect(reportJson([result('', { metrics: { x: Infinity } })], 0)).toContain('"x": "Infinity"');
});

describe('service latency has a row', () => {
  const ms = (app: string, latency: number, service: number): Record<string, number> =>
    Object.fromEntries(
      ['mean', 'p50', 'p99', 'max'].flatMap((p) => [
        [`${app}.latency.${p}`, latency * 1e6],
        [`${app}.service_latency.${p}`, service * 1e6],
      ]),
    );
  const rowsOf = (...variants: Record<string, number>[]): string[] =>
    reportText(
      variants.map((metrics, i) =>
        result(`v${i}`, { metrics: { ...result('').metrics, ...metrics } }),
      ),
    ).filter((line) => line.startsWith('service'));

  test('where it is not the latency from when requests were meant to be, in any variant', () => {
    expect(rowsOf(ms('load', 5, 2), ms('load', 5, 5))).toEqual([
      expect.stringMatching(/service latency p50 \/ p99 \/ max +ms +2\/2\/2 +5\/5\/5/),
    ]);
    expect(rowsOf(ms('load', 5, 5), {})).toEqual([]);
  });

  test('for each client by its name, when there are several', () => {
    expect(rowsOf({ ...ms('a', 5, 2), ...ms('b', 6, 3) })).toEqual([
      expect.stringContaining('service of a p50 / p99 / max'),
      expect.stringContaining('service of b p50 / p99 / max'),
    ]);
  });
});
