/**
 * A chart in characters. Lines are told apart by their letters, not by colour; where several lie on one another there is a
 * `#`. A caption says what there is to see, for screen readers and for those who would rather read.
 */
import { digits } from '../report/numbers.ts';
import { WIDTH, wrap } from '../report/style.ts';
import { caption, type Chart } from './chart.ts';

const ROWS = 12;
/** Of the scale on the left. */
const MARGIN = 9;
const COLUMNS = WIDTH - MARGIN - 2;
const GLYPHS = 'o+x*@%&=abcdefghijklmnopqrstuvwyz';
const SEVERAL = '#';
const RECORDED = 'R';

/** @param by  who made the recorded points */
export function terminalPlot(chart: Chart, by: string): string[] {
  const ys = [
    ...chart.lines.flatMap((l) => l.points.map((p) => p.y)),
    ...chart.recorded.map((r) => r.y),
  ];
  if (ys.length === 0) return [`${chart.title}: no point has run`];
  const across = ruler(chart.x.values, chart.x.log, COLUMNS);
  const up = ruler(chart.logY ? ys : [0, ...ys], chart.logY, ROWS);
  const cells = Array.from({ length: ROWS }, () => new Array<string>(COLUMNS).fill(' '));
  const put = (x: number, y: number, glyph: string): void => {
    const row = cells[ROWS - 1 - up(y)]!;
    const column = across(x);
    const there = row[column]!;
    row[column] = there === ' ' || there === glyph || there === RECORDED ? glyph : SEVERAL;
  };
  for (const r of chart.recorded) put(r.x, r.y, RECORDED);
  chart.lines.forEach((line, i) => {
    for (const p of line.points) put(p.x, p.y, glyphOf(i));
  });
  const shared = cells.some((row) => row.includes(SEVERAL));
  const marked = chart.recorded.length > 0;
  const unit = chart.unit === '' ? '' : `, ${chart.unit}`;
  return [
    `${chart.title}${unit}${chart.logY ? ' (log scale)' : ''}`,
    ...cells.map((row, i) => `${scaleLabel(i, ys, chart)}|${row.join('').trimEnd()}`),
    `${' '.repeat(MARGIN)}+${'-'.repeat(COLUMNS)}`,
    ticks(chart, across),
    `${' '.repeat(MARGIN + 1)}${chart.x.key}${chart.x.log ? ' (log scale)' : ''}`,
    ...legend(
      [
        ...chart.lines.flatMap((l, i) => (l.label === '' ? [] : [`${glyphOf(i)} ${l.label}`])),
        ...(shared ? [`${SEVERAL} several`] : []),
        ...(marked ? [`${RECORDED} recorded: ${by}`] : []),
      ],
      ' '.repeat(MARGIN + 1),
    ),
    ...wrap(caption(chart)),
  ];
}

/** As many entries on a line as fit. */
function legend(entries: readonly string[], indent: string): string[] {
  const lines: string[] = [];
  for (const entry of entries) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 3 + entry.length <= WIDTH)
      lines[lines.length - 1] = `${last}   ${entry}`;
    else lines.push(indent + entry);
  }
  return lines;
}

const glyphOf = (i: number): string => GLYPHS[i % GLYPHS.length]!;

/** From a value to a cell, 0 to n − 1. */
function ruler(values: readonly number[], log: boolean, n: number): (v: number) => number {
  const f = log ? Math.log2 : (v: number): number => v;
  const low = f(Math.min(...values));
  const high = f(Math.max(...values));
  return (v) => (high === low ? 0 : Math.round(((f(v) - low) / (high - low)) * (n - 1)));
}

/** The scale has a number at the top, in the middle and at the bottom. */
function scaleLabel(row: number, ys: readonly number[], chart: Chart): string {
  const low = chart.logY ? Math.min(...ys) : Math.min(0, ...ys);
  const high = Math.max(...ys);
  const share = 1 - row / (ROWS - 1);
  const middle = row === Math.floor(ROWS / 2);
  if (row !== 0 && row !== ROWS - 1 && !middle) return ' '.repeat(MARGIN);
  if (high === low && row !== ROWS - 1) return ' '.repeat(MARGIN);
  const value = chart.logY ? low * Math.pow(high / low, share) : low + (high - low) * share;
  return `${digits(value, 3)} `.padStart(MARGIN);
}

/** As many labels as have room. */
function ticks(chart: Chart, across: (v: number) => number): string {
  const line = new Array<string>(WIDTH).fill(' ');
  let free = 0;
  chart.x.values.forEach((x, i) => {
    const text = chart.x.labels[i]!;
    const centre = MARGIN + 1 + across(x);
    const from = Math.max(0, Math.min(centre - Math.floor(text.length / 2), WIDTH - text.length));
    if (from < free) return;
    for (let k = 0; k < text.length; k++) line[from + k] = text[k]!;
    free = from + text.length + 1;
  });
  return line.join('').trimEnd();
}
