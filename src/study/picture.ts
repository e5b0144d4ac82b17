/**
 * The picture of a study as a Vega-Lite specification: one panel per metric, all along the same axis; a line per
 * combination of the other axes, told apart by colour, shape and dash; recorded points as open marks; the closed form as a
 * thin grey line. The legend is a panel of its own: Vega's knows either lines or marks, and measures texts by guess.
 */
import type { TopLevelSpec } from 'vega-lite';
import { wrap } from '../report/style.ts';
import { caption, type Chart, chartOf } from './chart.ts';
import type { Study } from './study.ts';

/** Pixels, of one panel. */
const PANEL = { width: 330, height: 210 };
const COLUMNS = 2;
/** Between two panels: the titles of axes go there. */
const GAP = 28;
const ENTRY = { width: 186, height: 22 };
export const FONT = 'IBM Plex Sans';
const FONTS = `${FONT}, Helvetica, Arial, sans-serif`;

/** Okabe and Ito's colours, which stay apart for colour-blind readers, less the yellow that is lost on white. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00', '#000000'];
const SHAPES = [
  'circle',
  'square',
  'triangle-up',
  'diamond',
  'cross',
  'triangle-down',
  'triangle-right',
];
const DASHES = [
  [1, 0],
  [6, 3],
  [2, 2],
  [8, 3, 2, 3],
  [10, 4],
  [4, 2, 1, 2],
  [1, 3],
];
const SIZES = [120, 64, 28];
const GREY = '#666666';

interface Style {
  readonly colour: string;
  readonly shape: string;
  readonly dash: readonly number[];
  /** Area of its marks: those drawn later are smaller, so that one on another hides none. */
  readonly size: number;
}
const styleOf = (i: number): Style => ({
  colour: COLOURS[i % COLOURS.length]!,
  shape: SHAPES[i % SHAPES.length]!,
  dash: DASHES[i % DASHES.length]!,
  size: SIZES[Math.min(i, SIZES.length - 1)]!,
});

/** null: there is nothing to draw: no axis of numbers, or no point has run. */
export function picture(study: Study): TopLevelSpec | null {
  const charts = study.sweep.measure.map((m) => chartOf(study, m)).filter((c) => c !== null);
  if (charts.length === 0 || study.done === 0) return null;
  const { sweep } = study;
  const seeds = sweep.repeat === 1 ? '' : ` · mean of ${sweep.repeat} seeds, bars: 95 % interval`;
  const columns = Math.min(COLUMNS, charts.length);
  const across = columns * PANEL.width + (columns - 1) * (GAP + 60);
  const spec = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    description: charts.map(caption).join(' '),
    background: 'white',
    padding: 16,
    title: {
      text: wrap(sweep.shows, Math.floor(across / 7.6)),
      subtitle: `${sweep.name}${seeds}`,
      anchor: 'start',
      frame: 'bounds',
      offset: 14,
    },
    spacing: GAP,
    vconcat: [
      ...legend(charts, sweep.recorded?.by ?? '', across),
      { concat: charts.map((c) => panel(c)), columns, spacing: { row: GAP, column: GAP } },
    ],
    config: {
      font: FONTS,
      title: {
        fontSize: 15,
        fontWeight: 600,
        subtitleFontSize: 12,
        subtitleColor: GREY,
        lineHeight: 19,
      },
      axis: {
        labelFontSize: 11,
        titleFontSize: 12,
        titleFontWeight: 'normal',
        gridColor: '#e4e4e4',
        domainColor: '#888888',
        tickColor: '#888888',
      },
      view: { stroke: null },
      concat: { spacing: GAP },
    },
  };
  return spec as unknown as TopLevelSpec;
}

type Layer = Readonly<Record<string, unknown>>;

function panel(chart: Chart): Layer {
  const notes = [chart.unit, chart.logY ? 'log scale' : ''].filter((n) => n !== '');
  const unit = notes.length === 0 ? '' : ` (${notes.join(', ')})`;
  const x = { field: 'x', type: 'quantitative', scale: scaleX(chart), axis: axisX(chart) };
  const y = {
    field: 'y',
    type: 'quantitative',
    scale: scaleY(chart),
    axis: { title: null, ...axisY(chart) },
  };
  const lines = chart.lines.flatMap((line, i) => layers(line, styleOf(i), x, y));
  return {
    width: PANEL.width,
    height: PANEL.height,
    layer: [
      titleLayer(`${chart.title}${unit}`),
      ...(chart.bound.length === 0 ? [] : [boundLayer(chart, x, y)]),
      ...lines,
      ...chart.lines.flatMap((line, i) => recordedLayer(chart, line.label, styleOf(i), x, y)),
    ],
  };
}

/** A mark and no title of Vega's: that one keeps away from the labels of the axis, so titles of a row would not line up. */
const titleLayer = (text: string): Layer => ({
  data: { values: [{}] },
  mark: { type: 'text', text, align: 'left', baseline: 'bottom', fontSize: 13, fontWeight: 600 },
  encoding: { x: { value: 0 }, y: { value: -12 } },
});

/** A line, its points, and a bar for each interval that is not empty. */
function layers(line: Chart['lines'][number], style: Style, x: object, y: object): Layer[] {
  const values = line.points.map((p) => ({ ...p }));
  const bars = values.filter((p) => p.high > p.low);
  const mark = { color: style.colour, strokeWidth: 1.8 };
  return [
    {
      data: { values },
      mark: { type: 'line', ...mark, strokeDash: style.dash },
      encoding: { x, y },
    },
    ...(bars.length === 0
      ? []
      : [
          {
            data: { values: bars },
            mark: { type: 'rule', ...mark },
            encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' } },
          },
        ]),
    {
      data: { values },
      mark: {
        type: 'point',
        shape: style.shape,
        filled: true,
        size: style.size,
        color: style.colour,
        opacity: 1,
      },
      encoding: { x, y },
    },
  ];
}

function recordedLayer(chart: Chart, label: string, style: Style, x: object, y: object): Layer[] {
  const values = chart.recorded
    .filter((r) => r.line === label)
    .map(({ x: at, y: up }) => ({ x: at, y: up }));
  if (values.length === 0) return [];
  return [
    {
      data: { values },
      mark: { type: 'point', ...OPEN, shape: style.shape, stroke: style.colour },
      encoding: { x, y },
    },
  ];
}

/** Larger than the filled marks, so that one inside the other shows both. */
const OPEN = { filled: false, fill: 'transparent', size: 230, strokeWidth: 1.6, opacity: 1 };

const boundLayer = (chart: Chart, x: object, y: object): Layer => ({
  data: { values: chart.bound.map((p) => ({ ...p })) },
  mark: { type: 'line', color: GREY, strokeWidth: 1 },
  encoding: { x, y },
});

function scaleX({ x }: Chart): object {
  const domain = [Math.min(...x.values), Math.max(...x.values)];
  if (!x.log) return { domain, zero: false, nice: false, padding: 10 };
  return { type: 'log', base: 2, domain, nice: false, padding: 10 };
}

/** The labels that are shown, and where their middles are: as many as have room beside one another. Pixels. */
export function labelsOf({ x }: Pick<Chart, 'x'>): {
  readonly room: number;
  readonly shown: readonly { readonly value: number; readonly text: string; readonly at: number }[];
} {
  const room = Math.max(...x.labels.map((l) => l.length)) * 6.5 + 14;
  const f = x.log ? Math.log2 : (v: number): number => v;
  const low = f(Math.min(...x.values));
  const wide = f(Math.max(...x.values)) - low;
  const all = x.values
    .map((value, i) => ({
      value,
      text: x.labels[i]!,
      at: wide === 0 ? 0 : ((f(value) - low) / wide) * (PANEL.width - 20),
    }))
    .toSorted((a, b) => a.at - b.at);
  // Every n-th keeps a rhythm; values without one keep those that fit.
  for (let n = 1; n <= 4; n++) {
    const shown = all.filter((_, i) => i % n === 0);
    if (shown.every((l, i) => i === 0 || l.at - shown[i - 1]!.at >= room)) return { room, shown };
  }
  let free = -Infinity;
  const shown = all.filter(({ at }) => {
    if (at < free) return false;
    free = at + room;
    return true;
  });
  return { room, shown };
}

function axisX(chart: Chart): object {
  const { x } = chart;
  const labels = labelsOf(chart).shown;
  const shown = labels.map((l) => l.value);
  const names = labels.map((l) => l.text);
  const title = `${x.key}${x.unit === '' ? '' : ` (${x.unit})`}${x.log ? ', log scale' : ''}`;
  return {
    title,
    values: shown,
    labelExpr: `${JSON.stringify(names)}[indexof(${JSON.stringify(shown)}, datum.value)]`,
    labelOverlap: false,
    labelFlush: false,
    titlePadding: 8,
  };
}

function scaleY(chart: Chart): object {
  const ys = [
    ...chart.lines.flatMap((l) => l.points.flatMap((p) => [p.low, p.high])),
    ...chart.recorded.map((r) => r.y),
    ...chart.bound.map((p) => p.y),
  ];
  // Nothing happened anywhere: a line along the bottom, with a scale that has a 1.
  if (ys.every((v) => v === 0)) return { domain: [0, 1] };
  if (!chart.logY) return { zero: true, nice: true, domainMin: 0 };
  const most = Math.max(...ys);
  const least = Math.min(...ys.filter((v) => v > 0));
  return { type: 'log', domain: [least * 0.8, most * 1.25], nice: false, clamp: true };
}

/** Plain numbers: `14,000`; on a log scale at 1, 2 and 5. */
function axisY(chart: Chart): object {
  const { domain } = scaleY(chart) as { domain?: readonly [number, number] };
  const most = Math.max(0, ...chart.lines.flatMap((l) => l.points.map((p) => p.high)));
  const format = most >= 1e6 ? '~s' : ',~f';
  if (!chart.logY || domain === undefined) return { format, tickCount: 6 };
  const values: number[] = [];
  for (let e = Math.floor(Math.log10(domain[0])); e <= Math.log10(domain[1]); e++) {
    for (const n of [1, 2, 5]) values.push(Number(`${n}e${e}`));
  }
  return { format, values: values.filter((v) => v >= domain[0] && v <= domain[1]) };
}

interface Entry {
  readonly text: string;
  readonly style: Style | null;
  readonly open: boolean;
}

/** One panel, or none: with a single line there is nothing to tell apart. */
function legend(charts: readonly Chart[], by: string, across: number): Layer[] {
  const entries: Entry[] = [];
  charts[0]!.lines.forEach(({ label }, i) => {
    if (label !== '') entries.push({ text: label, style: styleOf(i), open: false });
  });
  charts[0]!.lines.forEach(({ label }, i) => {
    const there = charts.some((c) => c.recorded.some((r) => r.line === label));
    if (there)
      entries.push({
        text: `${by}${label === '' ? '' : `, ${label}`}`,
        style: styleOf(i),
        open: true,
      });
  });
  if (charts.some((c) => c.bound.length > 0))
    entries.push({ text: 'min(rate, window / RTT)', style: null, open: false });
  if (entries.length === 0) return [];
  const columns = Math.max(1, Math.floor(across / ENTRY.width));
  const at = (i: number): { x: number; y: number } => ({
    x: (i % columns) * ENTRY.width,
    y: Math.floor(i / columns) * ENTRY.height + ENTRY.height / 2,
  });
  const height = Math.ceil(entries.length / columns) * ENTRY.height;
  const fixed = (value: number): object => ({ value });
  const layer = entries.flatMap((e, i): Layer[] => {
    const { x, y } = at(i);
    const data = { values: [{}] };
    const line = {
      data,
      mark: {
        type: 'rule',
        color: e.style?.colour ?? GREY,
        strokeWidth: e.style === null ? 1 : 1.8,
        strokeDash: e.style?.dash ?? [1, 0],
      },
      encoding: { x: fixed(x), x2: fixed(x + 30), y: fixed(y) },
    };
    const point = (style: Style): Layer => ({
      data,
      mark: e.open
        ? { type: 'point', ...OPEN, shape: style.shape, stroke: style.colour }
        : {
            type: 'point',
            shape: style.shape,
            filled: true,
            size: style.size,
            color: style.colour,
            opacity: 1,
          },
      encoding: { x: fixed(x + 15), y: fixed(y) },
    });
    const text = {
      data,
      mark: {
        type: 'text',
        text: e.text,
        align: 'left',
        baseline: 'middle',
        fontSize: 12,
        color: '#222222',
      },
      encoding: { x: fixed(x + 38), y: fixed(y) },
    };
    return [...(e.open ? [] : [line]), ...(e.style === null ? [] : [point(e.style)]), text];
  });
  return [{ width: across, height, layer }];
}
