/**
 * The table of a study, for people: one block per metric, the main axis down, a column for each combination of the others;
 * means over the repetitions, with ± half the width of the 95 % interval where there are several. Fits 80 columns: what
 * does not fit side by side comes below.
 */
import { digits, type Scale } from '../report/numbers.ts';
import { WIDTH } from '../report/style.ts';
import type { Measure, SweepAxis } from '../sim/scenario/sweep.ts';
import { coordinates, mainAxis, type Series, seriesOf } from './grid.ts';
import { scaleOf, titled } from './scale.ts';
import type { Study } from './study.ts';

export function table(study: Study): string[] {
  const axis = mainAxis(study.sweep);
  const series = seriesOf(study.sweep, axis);
  return study.sweep.measure.flatMap((m, i) => [
    ...(i === 0 ? [] : ['']),
    ...(axis === null ? list(study, m, series) : grid(study, m, axis, series)),
  ]);
}

function grid(study: Study, m: Measure, axis: SweepAxis, series: readonly Series[]): string[] {
  const scale = scaleFor(study, m);
  const names = axis.names;
  const cells = series.map((s) => s.points.map((p) => cell(study, p, m, scale)));
  const head = [titled(m.name, scale.unit), axis.key];
  const label = Math.max(...names.map((n) => n.length), axis.key.length);
  const widths = series.map(
    (s, i) => Math.max(s.label.length, ...cells[i]!.map((c) => c.length)) + 2,
  );
  const out: string[] = [];
  for (let from = 0; from < series.length;) {
    let to = from;
    let width = label;
    while (to < series.length && (to === from || width + widths[to]! <= WIDTH))
      width += widths[to++]!;
    const block = series.slice(from, to);
    const labels = block.map((s, i) => cut(s.label, WIDTH - label).padStart(widths[from + i]!));
    if (from === 0) out.push(cut(head[0]!, WIDTH));
    out.push((head[1]!.padEnd(label) + labels.join('')).trimEnd());
    names.forEach((name, row) => {
      const line = block.map((_, i) => cells[from + i]![row]!.padStart(widths[from + i]!));
      out.push(name.padStart(label) + line.join(''));
    });
    from = to;
  }
  return out;
}

/** No axis has two numbers: a line for each point. */
function list(study: Study, m: Measure, series: readonly Series[]): string[] {
  const scale = scaleFor(study, m);
  const label = Math.min(50, Math.max(...series.map((s) => s.label.length)));
  const cells = series.map((s) => cell(study, s.points[0]!, m, scale));
  const width = Math.max(...cells.map((c) => c.length)) + 2;
  return [
    cut(titled(m.name, scale.unit), WIDTH),
    ...series.map((s, i) => cut(s.label, label).padEnd(label) + cells[i]!.padStart(width)),
  ];
}

function scaleFor(study: Study, m: Measure): Scale {
  const all = Array.from({ length: study.sweep.size }, (_, p) => study.estimate(p, m.metric));
  return scaleOf(
    m.dimension,
    all.flatMap((e) => (e === null ? [] : [e.mean])),
  );
}

function cell(study: Study, point: number, m: Measure, scale: Scale): string {
  const e = study.estimate(point, m.metric);
  if (e === null) return '–';
  const mean = digits(e.mean / scale.size);
  if (study.sweep.repeat === 1) return mean;
  // As many decimals as the mean has: no more of it is known than that.
  const decimals = e.half === 0 ? 0 : Math.max(1, (mean.split('.')[1] ?? '').length);
  return `${mean} ± ${(e.half / scale.size).toFixed(decimals)}`;
}

const cut = (text: string, width: number): string =>
  text.length > width ? `${text.slice(0, width - 1)}…` : text;

/** `4096, epoll`: for messages about one point. */
export function pointLabel(study: Study, point: number): string {
  const at = coordinates(study.sweep, point);
  return study.sweep.axes.map((a, i) => a.names[at[i]!]!).join(', ');
}
