/** What says nothing on a link, though each of its keys by itself could. */
import type { LinkOptions } from '../net/options.ts';
import type { LinkBody } from './schema/link.ts';
import type { LinkDirection, Path } from './types.ts';

type Report = (path: Path, message: string, hint?: string) => void;

/** What `faults: { from, until }` is about. */
const FAULTS = ['loss', 'duplicate', 'corrupt', 'reorder', 'jitter'] as const;

/** Keys of a link that have no effect beside what else stands there. */
export function checkIdle(
  b: LinkBody,
  directions: readonly LinkDirection[],
  path: Path,
  report: Report,
): void {
  const places: readonly (readonly [Partial<LinkOptions>, Path, readonly LinkDirection[]])[] = [
    [b.both, path, directions],
    ...directions.flatMap((d) => {
      const key = `${d.from}->${d.to}`;
      const own = b.overrides.get(key);
      return own === undefined ? [] : [[own, [...path, key], [d]] as const];
    }),
  ];
  for (const [written, at, of] of places) {
    if (of.every(({ options }) => options.rate === Infinity))
      for (const key of ['limit', 'codel', 'overhead'] as const)
        if (written[key] !== undefined)
          report(
            [...at, key],
            `\`${key}\` says nothing without \`rate\`: sending takes no time, and nothing waits`,
            'e.g. `rate: 100 Mbit/s`',
          );
    const timed = written.from !== undefined || written.until !== undefined;
    if (timed && of.every(({ options: o }) => FAULTS.every((key) => o[key] === null)))
      report(
        [...at, 'faults'],
        '`faults` says when they happen, and there are none',
        `one of ${FAULTS.map((key) => `\`${key}\``).join(', ')}`,
      );
  }
}
