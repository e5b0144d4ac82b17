/**
 * The rows of the table: what each variant of a scenario did, from the wire up to the application. A row that says nothing
 * about any of the variants is left out; JSON has everything.
 */
import type { DropCount, QueueSummary, RunResult } from '../sim/run/result.ts';
import { digits, percent, rateScale, scaled, sizeScale, timeScale } from './numbers.ts';

export interface Row {
  readonly label: string;
  readonly unit: string;
  readonly cells: readonly string[];
}

type Runs = readonly RunResult[];

export function rows(runs: Runs): Row[] {
  const host = runs[0]!.focus;
  return [
    ...goodput(runs),
    ...latency(runs),
    ...serviceLatency(runs),
    ...requests(runs),
    ...titled(`on ${host}`, [
      ...syscalls(runs, host),
      ...switches(runs, host),
      ...interrupts(runs, host),
    ]),
    ...titled('event loops', demand(runs)),
    ...titled('TCP, all hosts', recovery(runs)),
    ...drops(runs),
    ...queues(runs),
    ...cpu(runs),
  ];
}

/** Rows that belong together, under a line that says what they are about. */
const titled = (title: string, list: readonly Row[]): Row[] =>
  list.length === 0
    ? []
    : [
        { label: title, unit: '', cells: [] },
        ...list.map((row) => ({ ...row, label: `  ${row.label}` })),
      ];

const value = (r: RunResult, name: string): number | undefined => r.metrics[name];

/** Over all hosts: what one of them did to the other. */
function overHosts(r: RunResult, suffix: string): number {
  return r.hosts.reduce((n, h) => n + (value(r, `${h}.${suffix}`) ?? 0), 0);
}

/**
 * Of requests, as the clients counted them: those whose latency was taken. Where none was answered nobody has a latency,
 * and what failed at one end may have failed at the other too.
 */
function ofClients(r: RunResult, what: 'requests' | 'failed'): number {
  const counted = Object.entries(r.metrics).filter(([name]) => name.endsWith(`.${what}`));
  const asked = counted.filter(
    ([name]) => r.metrics[`${name.slice(0, -what.length)}latency.mean`] !== undefined,
  );
  if (asked.length > 0) return asked.reduce((n, [, count]) => n + count, 0);
  return what === 'failed' ? Math.max(0, ...counted.map(([, count]) => count)) : 0;
}

const cells = (runs: Runs, cell: (r: RunResult) => string): string[] => runs.map(cell);

function goodput(runs: Runs): Row[] {
  const values = runs.map((r) => value(r, 'goodput') ?? 0);
  if (values.every((v) => v === 0)) return [];
  const s = rateScale(values);
  return [{ label: 'goodput', unit: s.unit, cells: values.map((v) => scaled(v, s)) }];
}

const QUANTILES = ['p50', 'p99', 'max'];

function latency(runs: Runs): Row[] {
  return quantiles('latency p50 / p99 / max', 'latency', runs);
}

/** @param metric of which there are quantiles */
function quantiles(label: string, metric: string, runs: Runs): Row[] {
  const parts = QUANTILES.map((p) => runs.map((r) => value(r, `${metric}.${p}`)));
  const known = parts.flat().filter((v) => v !== undefined);
  if (known.length === 0) return [];
  const s = timeScale(known);
  const cell = (i: number): string => parts.map((p) => scaled(p[i], s, 3)).join('/');
  return [{ label, unit: s.unit, cells: runs.map((_, i) => cell(i)) }];
}

/**
 * From when a client turned to its request, beside the latency from when it was meant to: a row for each client where the two
 * look different in any variant. In a closed loop they are the same.
 */
function serviceLatency(runs: Runs): Row[] {
  const SERVICE = '.service_latency.mean';
  const names = runs.flatMap((r) => Object.keys(r.metrics).filter((m) => m.endsWith(SERVICE)));
  const clients = [...new Set(names.map((m) => m.slice(0, -SERVICE.length)))];
  const rowsOf = (app: string, what: string): Row[] =>
    quantiles(`service of ${app} p50 / p99 / max`, `${app}.${what}`, runs);
  const looks = (rows: Row[]): string => rows.map((r) => [r.unit, ...r.cells].join()).join();
  const rows = clients.flatMap((app) => {
    const service = rowsOf(app, 'service_latency');
    return looks(service) === looks(rowsOf(app, 'latency')) ? [] : service;
  });
  return rows.length === 1 ? [{ ...rows[0]!, label: 'service latency p50 / p99 / max' }] : rows;
}

function requests(runs: Runs): Row[] {
  if (runs.every((r) => ofClients(r, 'requests') + ofClients(r, 'failed') === 0)) return [];
  const cell = (r: RunResult): string => `${ofClients(r, 'requests')} / ${ofClients(r, 'failed')}`;
  return [{ label: 'requests / failed', unit: '', cells: cells(runs, cell) }];
}

function syscalls(runs: Runs, host: string): Row[] {
  const v = (r: RunResult, name: string): number => value(r, `${host}.${name}`) ?? 0;
  const out: Row[] = [];
  if (runs.some((r) => v(r, 'syscalls.read') > 0)) {
    const cell = (r: RunResult): string =>
      `${v(r, 'syscalls.read')} / ${digits(v(r, 'syscalls.read.median'))}`;
    out.push({ label: 'read() calls / median size', unit: 'B', cells: cells(runs, cell) });
  }
  if (runs.some((r) => v(r, 'epoll.returns') > 0 || v(r, 'eagain') > 0)) {
    const cell = (r: RunResult): string => `${v(r, 'epoll.returns')} / ${v(r, 'eagain')}`;
    out.push({ label: 'epoll_wait() returns / EAGAIN', unit: '', cells: cells(runs, cell) });
  }
  return out;
}

function switches(runs: Runs, host: string): Row[] {
  const v = (r: RunResult, name: string): number => value(r, `${host}.${name}`) ?? 0;
  const switched = (r: RunResult): string =>
    `${v(r, 'ctxt.voluntary')} / ${v(r, 'ctxt.involuntary')}`;
  if (runs.every((r) => v(r, 'wakeups') === 0 && v(r, 'ctxt.voluntary') === 0)) return [];
  return [
    { label: 'wake-ups', unit: '', cells: cells(runs, (r) => String(v(r, 'wakeups'))) },
    { label: 'switches voluntary / involuntary', unit: '', cells: cells(runs, switched) },
  ];
}

function interrupts(runs: Runs, host: string): Row[] {
  const v = (r: RunResult, name: string): number => value(r, `${host}.${name}`) ?? 0;
  if (runs.every((r) => v(r, 'irq') + v(r, 'napi.polls') === 0)) return [];
  const cell = (r: RunResult): string =>
    `${v(r, 'irq')}/${v(r, 'napi.polls')}/${digits(v(r, 'napi.frames_per_poll'), 2)}`;
  return [{ label: 'interrupts/polls/frames per poll', unit: '', cells: cells(runs, cell) }];
}

/** Who asked for how much, and how often nobody wanted to read: of event loops and what stands on them. */
function demand(runs: Runs): Row[] {
  const sum = (r: RunResult, name: string): number | null => {
    const counts = Object.entries(r.metrics).filter(([metric]) => metric.endsWith(`.${name}`));
    return counts.length === 0 ? null : counts.reduce((n, [, count]) => n + count, 0);
  };
  const pair = (label: string, a: string, b: string): Row[] => {
    if (runs.every((r) => sum(r, a) === null && sum(r, b) === null)) return [];
    const cell = (r: RunResult): string =>
      sum(r, a) === null && sum(r, b) === null ? '–' : `${sum(r, a) ?? 0} / ${sum(r, b) ?? 0}`;
    return [{ label, unit: '', cells: cells(runs, cell) }];
  };
  return [
    ...pair('reads / read loops', 'reads', 'read_loops'),
    ...pair('autoRead off / on', 'auto_read_off', 'auto_read_on'),
    ...pair('request(n) calls / sum of n', 'request_calls', 'requested'),
    ...pair('flushes / writability changes', 'flushes', 'writability_changed'),
  ];
}

/** What TCP had to do because the path or the reader was not ideal; all hosts together. */
function recovery(runs: Runs): Row[] {
  const sum = (r: RunResult, name: string): number => overHosts(r, `tcp.${name}`);
  if (runs.every((r) => overHosts(r, 'tcp.segments_sent') === 0)) return [];
  const order = (r: RunResult): string =>
    `${sum(r, 'out_of_order')} / ${sum(r, 'dup_acks_sent')} / ${sum(r, 'sack_blocks_sent')}`;
  const again = (r: RunResult): string =>
    `${sum(r, 'retransmitted.fast')} + ${sum(r, 'retransmitted.tlp')} + ${sum(r, 'retransmitted.rto')}`;
  const out: Row[] = [
    { label: 'out of order/dup ACKs/SACK blocks', unit: '', cells: cells(runs, order) },
    { label: 'retransmitted fast + TLP + RTO', unit: '', cells: cells(runs, again) },
  ];
  if (runs.some((r) => sum(r, 'spurious') > 0)) {
    out.push({
      label: 'of these spurious',
      unit: '',
      cells: cells(runs, (r) => String(sum(r, 'spurious'))),
    });
  }
  const times = runs.map((r) => sum(r, 'zero_window_time'));
  const s = timeScale(times);
  const zero = (r: RunResult, i: number): string =>
    `${sum(r, 'zero_window_sent')} / ${scaled(times[i], s, 3)} / ${sum(r, 'probes_sent')}`;
  if (runs.some((r) => sum(r, 'zero_window_sent') > 0)) {
    out.push({ label: 'zero windows / closed / probes', unit: s.unit, cells: runs.map(zero) });
  } else out.push({ label: 'zero windows', unit: '', cells: runs.map(() => '0') });
  return out;
}

/** Only those that occurred, by name. */
function drops(runs: Runs): Row[] {
  const names = new Map<string, string>();
  for (const r of runs)
    for (const d of r.drops) names.set(dropKey(d), `drops  ${d.where} ${d.name}`);
  if (names.size === 0) return [{ label: 'drops', unit: '', cells: runs.map(() => 'none') }];
  return [...names].map(([key, label]) => ({
    label,
    unit: '',
    cells: cells(runs, (r) => String(r.drops.find((d) => dropKey(d) === key)?.count ?? 0)),
  }));
}
const dropKey = (d: DropCount): string => `${d.where} ${d.name}`;

const MOST_QUEUES = 8;
/** A queue that was never fuller than this says nothing; the receive buffer that the table is about always does. */
const LEAST_SHARE = 0.05;

/** The fullest of them, relative to their bound. */
function queues(runs: Runs): Row[] {
  const always = `${runs[0]!.focus}.receive_buffer`;
  const fullness = new Map<string, number>();
  for (const q of runs.flatMap((r) => r.queues)) {
    const share = q.bound === null || q.bound === 0 ? 0 : q.peak / q.bound;
    if (q.name === always || (share >= LEAST_SHARE && (q.peak > 1 || share === 1))) {
      fullness.set(q.name, Math.max(fullness.get(q.name) ?? 0, share));
    }
  }
  if (fullness.size === 0) return [];
  const chosen = [...fullness].toSorted((a, b) => b[1] - a[1]).slice(0, MOST_QUEUES);
  return titled(
    'queues, peak/bound',
    chosen.map(([name]) => queueRow(name, runs)),
  );
}

function queueRow(name: string, runs: Runs): Row {
  const found = runs.map((r) => r.queues.find((q) => q.name === name));
  const bytes = found.some((q) => q?.unit === 'bytes');
  const peaks = found.map((q) => q?.peak ?? 0);
  const s = bytes ? sizeScale(peaks) : { unit: '', size: 1 };
  const cell = (q: QueueSummary | undefined): string => {
    if (q === undefined) return '–';
    return `${scaled(q.peak, s, 3)}/${q.bound === null ? '∞' : scaled(q.bound, s, 3)}`;
  };
  return { label: name, unit: s.unit, cells: found.map(cell) };
}

const CPU = ['irq', 'softirq', 'system', 'user', 'switch', 'idle'] as const;

/** Six shares do not fit into a cell; idle is what is left of 100 %. */
function cpu(runs: Runs): Row[] {
  return runs[0]!.hosts
    .filter((h) =>
      runs.some((r) => CPU.some((k) => k !== 'idle' && (value(r, `${h}.cpu.${k}`) ?? 0) > 0)),
    )
    .map((h) => ({
      label: `CPU ${h} irq/soft/sys/usr/sw`,
      unit: '%',
      cells: cells(runs, (r) =>
        CPU.slice(0, -1)
          .map((k) => percent(value(r, `${h}.cpu.${k}`)))
          .join('/'),
      ),
    }));
}
