/** Arbitrary links and faults, in the words of tc-netem(8). Faults end, so that what is still alive must finish. */
import fc from 'fast-check';
import { type Written, written } from '../world.ts';
import { maybe, sparse } from './support.ts';

/**
 * When faults of generated links end, in simulated time: with enough of Linux's SYN schedule to come (at 7, 11, 19, 35 and 67 s)
 * for connections that were opened at once, and whose SYNs meet in a queue of two packets each time.
 */
export const FAULTS_END = '5 s';

const percent = (most: number): fc.Arbitrary<string> =>
  fc.integer({ min: 1, max: most }).map((p) => `${p} %`);

/** Frames by chance, every n-th, or named ones of each connection. */
const lost: fc.Arbitrary<unknown> = fc.oneof(
  percent(20),
  fc.integer({ min: 2, max: 30 }).map((every) => ({ every })),
  fc
    .uniqueArray(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 })
    .map((frames) => ({ frames, per: 'flow' })),
);

/**
 * Faults of one direction: loss (by chance, every n-th, named frames, bursts), duplicates, damaged frames, reordering,
 * jitter. Shrinks to none.
 *
 *     fc.sample(faults(), 1)   // [{ loss: '3 %', reorder: { chance: '7 %', by: '1 ms' } }]
 */
export function faults(): fc.Arbitrary<Written> {
  return sparse({
    loss: lost,
    gemodel: fc.record({ p: percent(5), r: percent(60) }),
    duplicate: percent(20),
    corrupt: percent(10),
    reorder: fc.record({ chance: percent(20), by: fc.constantFrom('1 ms', '7 ms') }),
    jitter: fc.constantFrom('100 us', '500 us'),
  }).map((f) => {
    if (f['loss'] === undefined) return f;
    // Both say which frames are lost: a link takes one of them.
    const { gemodel: _, ...rest } = f;
    return rest;
  });
}

/** CoDel: drops or marks at the head. */
const queues: fc.Arbitrary<Written> = fc
  .record({
    target: maybe(fc.constantFrom('1 ms', '100 us')),
    ecn: maybe(fc.constant('on')),
    ce_threshold: maybe(fc.constant('200 us')),
  })
  .map(written);

export interface LinkChoices {
  /** What may go wrong in each direction; null: nothing. Default: `faults()`. */
  readonly faults?: fc.Arbitrary<Written> | null;
}

/** A link before it is said what it joins. */
export interface LinkBody {
  readonly rate: string;
  readonly delay: string;
  readonly limit: string | undefined;
  readonly codel: Written | undefined;
  /** Faults from the first end to the second, and back. */
  readonly there: Written;
  readonly back: Written;
}

/**
 * A link: 1 Mbit/s to 10 Gbit/s, 1 µs to 80 ms each way, now and then with a short queue, and with faults of its own in each
 * direction. Shrinks to 100 Mbit/s and 1 ms without faults. `between` puts it into a world.
 *
 *     scenarios({ link: links({ faults: null }) })
 */
export function links(choices: LinkChoices = {}): fc.Arbitrary<LinkBody> {
  const wrong = choices.faults === undefined ? faults() : (choices.faults ?? fc.constant({}));
  return fc
    .record({
      rate: fc.constantFrom('100 Mbit/s', '1 Mbit/s', '10 Mbit/s', '999999 kbit/s', '10 Gbit/s'),
      delay: fc.constantFrom('1 ms', '1 us', '500 us', '10 ms', '80 ms'),
      limit: maybe(fc.constantFrom('64 KiB', '20 packets', '3 packets')),
      codel: maybe(queues),
      there: wrong,
      back: wrong,
    })
    .map((l) => ({ ...l, there: possible(l.there, l.delay), back: possible(l.back, l.delay) }));
}

/** A uniform jitter may not be larger than the delay. */
function possible(f: Written, delay: string): Written {
  if (delay !== '1 us') return f;
  const { jitter: _, ...rest } = f;
  return rest;
}

/**
 * The link between these two, as it stands under `links:`. Its faults end after 5 s of simulated time.
 *
 *     between('client', 'server', { rate: '1 Mbit/s', delay: '1 ms', limit: undefined, codel: undefined, there: { loss: '3 %' }, back: {} })
 */
export function between(from: string, to: string, { there, back, ...link }: LinkBody): Written {
  const faulty = Object.entries({ [`${from}->${to}`]: there, [`${to}->${from}`]: back }).filter(
    ([, f]) => Object.keys(f).length > 0,
  );
  return written({
    between: [from, to],
    ...link,
    faults: faulty.length > 0 ? { until: FAULTS_END } : undefined,
    ...Object.fromEntries(faulty),
  });
}
