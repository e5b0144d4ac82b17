/** Which unit the values of a metric are shown in: one for a table, an axis, a caption. */
import { rateScale, type Scale, sizeScale, timeScale } from '../report/numbers.ts';
import type { Dimension } from '../sim/scenario/types.ts';

const PLAIN: Scale = { unit: '', size: 1 };

/** A table shows least and largest side by side: the unit in which the least still has a digit that counts. */
function scaleAcross(
  scaleFor: (values: readonly number[]) => Scale,
  values: readonly number[],
  idle: Scale,
): Scale {
  const moved = values.filter((v) => v > 0);
  if (moved.length === 0) return idle;
  const most = Math.max(...moved);
  const large = scaleFor([most]);
  const small = scaleFor([Math.min(...moved)]);
  return Math.min(...moved) >= 0.1 * large.size || most >= 1e6 * small.size ? large : small;
}

export function scaleOf(dimension: Dimension, values: readonly number[]): Scale {
  switch (dimension) {
    case 'rate':
      return scaleAcross(rateScale, values, { unit: 'Mbit/s', size: 1e6 });
    case 'duration':
      return scaleAcross(timeScale, values, { unit: 'ms', size: 1e6 });
    case 'bytes':
      return scaleAcross(sizeScale, values, { unit: 'KiB', size: 1024 });
    case 'fraction':
      return { unit: '%', size: 0.01 };
    case 'frequency':
      return { unit: '1/s', size: 1 };
    case 'packets':
      return { unit: 'packets', size: 1 };
    case 'count':
      return PLAIN;
  }
}

/** `goodput, Mbit/s` */
export const titled = (name: string, unit: string): string =>
  unit === '' ? name : `${name}, ${unit}`;

/** What a reader calls a metric, when its name is long; otherwise its name. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/^goodput$/, 'goodput'],
  [/\.syscalls\.([a-z_]+)$/, '$1() calls'],
  [/\.ctxt\.voluntary$/, 'voluntary context switches'],
  [/\.ctxt\.involuntary$/, 'involuntary context switches'],
  [/\.tcp\.zero_window_time$/, 'time with zero window'],
  [/\.tcp\.zero_window_sent$/, 'windows closed'],
  [/\.tcp\.window\.mean$/, 'mean advertised window'],
  [/\.receive_buffer\.peak$/, 'receive buffer, peak'],
  [/\.latency\.(\w+)$/, 'latency $1'],
];

export function wordsFor(name: string): string {
  for (const [pattern, words] of WORDS) {
    const m = pattern.exec(name);
    if (m !== null) return words.replace('$1', m[1] ?? '');
  }
  return name;
}
