/**
 * One read() in six situations, for three kinds of server: what each cell of the tables in docs/io-models.md must
 * be, and why. A cell is a formula in words, and the interval that it comes to.
 */
import { readFileSync } from 'node:fs';
import { runScenario } from '../../src/sim/run/runner.ts';
import { load } from '../../src/sim/scenario/load.ts';

export const MODELS = ['blocking', 'netty', 'reactive'] as const;
type Model = (typeof MODELS)[number];

/** What the columns of a situation are about. */
export const ROWS = {
  'wake-ups': 'server.wakeups',
  'epoll_wait() returns': 'server.epoll.returns',
  'read() calls': 'server.syscalls.read',
  'request(n) calls': 'server.request_calls',
} as const;
type RowName = keyof typeof ROWS;

export interface Cell {
  readonly formula: string;
  readonly from: number;
  readonly to: number;
}

const is = (n: number, formula: string): Cell => ({ formula, from: n, to: n });
const within = (from: number, to: number, formula: string): Cell => ({ formula, from, to });
const NONE = is(0, 'it has none');

/** Null: the model has no such thing. */
type Cells = { readonly [R in RowName]: { readonly [M in Model]: Cell | null } };

export interface Situation {
  readonly name: string;
  /** The question, as it is asked. */
  readonly asks: string;
  readonly cells: Cells;
}

const PIECES = 20 * 25;
const ASKED = 2000;

export const SITUATIONS: readonly Situation[] = [
  {
    name: 'read-already-there',
    asks: 'What if the buffer has been filled already?',
    cells: {
      'wake-ups': {
        blocking: is(1, 'the start at 50 ms; no read() waits'),
        netty: is(1, 'the same'),
        reactive: is(1, 'the same'),
      },
      'epoll_wait() returns': {
        blocking: NONE,
        netty: within(3, 5, 'accept, 2 read loops, at most 2 to register'),
        reactive: within(3, 5, 'the same'),
      },
      'read() calls': {
        blocking: is(9, '32 KiB / 4 KiB, and the end'),
        netty: is(10, '2 KiB, then ceil(30 / 4), and the end'),
        reactive: is(10, 'the same'),
      },
      'request(n) calls': {
        blocking: null,
        netty: null,
        reactive: is(1, '256 at once are enough'),
      },
    },
  },
  {
    name: 'read-as-it-comes',
    asks: 'What if it is not filled yet?',
    cells: {
      'wake-ups': {
        blocking: within(
          450,
          PIECES + 5,
          'one for each piece that finds its thread asleep, of 20 · 25',
        ),
        netty: within(25, 65, '25 moments, and at most 2 for each of 20 set-ups'),
        reactive: within(25, 65, 'the same'),
      },
      'epoll_wait() returns': {
        blocking: NONE,
        netty: within(25, PIECES, 'one for each moment, never more than pieces'),
        reactive: within(25, PIECES, 'the same'),
      },
      'read() calls': {
        blocking: is(PIECES + 20, '20 · (25 and the end)'),
        netty: within(PIECES + 20, PIECES + 40, 'the same, and at most one for each set-up'),
        reactive: within(PIECES + 20, PIECES + 40, 'the same'),
      },
      'request(n) calls': {
        blocking: null,
        netty: null,
        reactive: is(20, '256 once on each connection; more only after 192'),
      },
    },
  },
  {
    name: 'read-small-request',
    asks: 'What if the request is small?',
    cells: {
      'wake-ups': {
        blocking: within(200, 202, 'one for each of 200 requests'),
        netty: within(200, 202, 'the same'),
        reactive: within(200, 202, 'the same'),
      },
      'epoll_wait() returns': {
        blocking: NONE,
        netty: within(200, 204, 'one for each request, and the set-up'),
        reactive: within(200, 204, 'the same'),
      },
      'read() calls': {
        blocking: within(200, 201, 'one for each request: 100 B of 64 KiB asked for'),
        netty: within(200, 201, 'the same: a short read ends the loop'),
        reactive: within(200, 201, 'the same'),
      },
      'request(n) calls': { blocking: null, netty: null, reactive: is(201, '1 + 200') },
    },
  },
  {
    name: 'read-large-request',
    asks: 'What if the request is large?',
    cells: {
      'wake-ups': {
        blocking: within(590, 795, 'one for each read: the reader is faster than the wire'),
        netty: within(590, 795, 'the same'),
        reactive: within(590, 795, 'the same'),
      },
      'epoll_wait() returns': {
        blocking: NONE,
        netty: within(590, 797, 'one for each read'),
        reactive: within(590, 797, 'the same'),
      },
      'read() calls': {
        blocking: within(
          590,
          795,
          '2 MB / (2 · 1448 B) = 690 ± 15 %: an ACK lets two segments come',
        ),
        netty: within(
          756,
          888,
          'the same 690, 46 more for a buffer of 2048 B that two segments filled, and 159 / 2 where one came alone',
        ),
        reactive: within(756, 888, 'the same'),
      },
      'request(n) calls': {
        blocking: null,
        netty: null,
        reactive: is(2, '1 + 1: the decoder makes one message of it'),
      },
    },
  },
  {
    name: 'read-late',
    asks: 'What if the application always reads late?',
    cells: {
      'wake-ups': {
        blocking: within(97, 101, 'one sleep after each of 400 kB / 4 KiB reads'),
        netty: within(97, 101, 'the same: the loop sleeps'),
        reactive: within(288, 300, '3 · 98: the timer, the loop for its task, the loop for data'),
      },
      'epoll_wait() returns': {
        blocking: NONE,
        netty: within(7, 16, '16 reads a turn: ceil(98 / 16), and the set-up'),
        reactive: within(194, 204, '2 · 98: data, and the task of the timer'),
      },
      'read() calls': {
        blocking: within(98, 100, '400 kB / 4 KiB, and the end'),
        netty: within(98, 101, 'the same, 2 KiB first'),
        reactive: within(194, 202, 'as many, and one each that clears the wake-up for the task'),
      },
      'request(n) calls': {
        blocking: null,
        netty: null,
        reactive: within(98, 100, '1 + one after each message'),
      },
    },
  },
  {
    name: 'read-many-clients',
    asks: 'What if many clients ask at once?',
    cells: {
      'wake-ups': {
        blocking: within(
          0.95 * ASKED,
          1.05 * ASKED,
          'a thread sleeps before each of 2000 requests',
        ),
        netty: within(4, 100, 'a busy loop finds work whenever it looks'),
        reactive: within(4, 100, 'the same'),
      },
      'epoll_wait() returns': {
        blocking: NONE,
        netty: within(50, 400, 'one for all that are ready: far fewer than requests'),
        reactive: within(50, 400, 'the same'),
      },
      'read() calls': {
        blocking: within(ASKED, ASKED + 100, '2000, and the ends of 100 connections'),
        netty: within(ASKED, ASKED + 104, 'the same'),
        reactive: within(ASKED, ASKED + 104, 'the same'),
      },
      'request(n) calls': {
        blocking: null,
        netty: null,
        reactive: is(ASKED + 100, '100 · 1 + 2000'),
      },
    },
  },
];

export type Measured = Readonly<Record<Model, Readonly<Record<string, number>>>>;

/** The metrics of each model's run. */
export function measure(name: string): Measured {
  const text = readFileSync(new URL('../../scenarios.yaml', import.meta.url), 'utf8');
  const runs = load(text, { file: 'scenarios.yaml', names: [name] });
  return Object.fromEntries(runs.map((s) => [s.label, runScenario(s).metrics])) as Measured;
}

/** Null: there is no such thing to count. */
export function fits(cell: Cell | null, value: number | undefined): boolean {
  if (cell === null || value === undefined) return cell === null && value === undefined;
  return value >= cell.from && value <= cell.to;
}

/** The tables of the guide. */
export function situationTables(): string {
  return SITUATIONS.map(({ name, asks, cells }) => {
    const measured = measure(name);
    const rows = (Object.keys(ROWS) as RowName[]).map((row) => {
      const of = MODELS.map((m) => {
        const cell = cells[row][m];
        return cell === null ? '–' : `**${measured[m][ROWS[row]]}** · ${cell.formula}`;
      });
      return `| ${row} | ${of.join(' | ')} |`;
    });
    const head = ['| | blocking | event loop | reactive |', '| --- | --- | --- | --- |'];
    return [`### ${asks}`, '', `\`npx hostwire run ${name}\``, '', ...head, ...rows].join('\n');
  }).join('\n\n');
}
