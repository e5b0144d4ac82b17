/** What befalls machines and processes: pauses of a process, cores that the hypervisor takes away. */
import { z } from 'zod';
import type { FaultSpec, FaultTimes } from '../types.ts';
import { documented, quantity } from './fields.ts';

/** Without its place in the file. */
export type FaultBody = Omit<FaultSpec, 'path'>;

const KINDS = ['gc', 'stop', 'steal'] as const;
const TIMES = ['at', 'every', 'mean'] as const;

const time = (text: string, example: string, min = 0): z.ZodType<number> =>
  quantity('duration', { text, example }, { min });

const fields = z.strictObject({
  gc: documented(z.string(), {
    text: 'An application whose garbage collector stops the world: no thread of its process runs user code. A system call under way ends first, and returns when it is over.',
    example: 'server',
  }).optional(),
  stop: documented(z.string(), {
    text: 'An application whose process is stopped and goes on after a while (SIGSTOP and SIGCONT, the cgroup freezer): for its threads the same as `gc`.',
    example: 'server',
  }).optional(),
  steal: documented(z.string(), {
    text: 'A host whose cores the hypervisor takes away: nothing runs on them, not even interrupts. What would have run is billed as `steal`.',
    source: 'the steal column of /proc/stat',
    example: 'server',
  }).optional(),
  cores: documented(z.array(z.int().min(0).max(31)).min(1), {
    text: 'steal: these cores, counted from 0. Left out: all.',
    example: '[0]',
  }).optional(),
  at: documented(z.array(time('When it begins.', '1 s')).min(1), {
    text: 'When each begins, from the start of the run.',
    example: '[1 s, 2 s]',
  }).optional(),
  every: time(
    'From the beginning of one to that of the next; the first comes after one.',
    '100 ms',
    1,
  ).optional(),
  mean: time(
    'The mean of exponential gaps from the end of one to the beginning of the next: they come as a Poisson process while there is none.',
    '100 ms',
    1,
  ).optional(),
  for: quantity(
    'duration',
    { text: 'How long each lasts.', example: '10 ms' },
    { min: 1, max: 1e11, why: '1 ns .. 100 s' },
  ),
  from: time('every, mean: counted from here. Default: 0 s.', '1 s').optional(),
  until: time('every, mean: none begins from here on. Default: never.', '10 s').optional(),
});
type Input = z.output<typeof fields>;

const listOf = (keys: readonly string[]): string => keys.map((k) => `\`${k}\``).join(', ');

export const faultSchema: z.ZodType<FaultBody> = fields.transform((f, ctx): FaultBody => {
  const fail = (message: string, key: string | null, hint?: string): never => {
    const path = key === null ? [] : [key];
    ctx.issues.push({
      code: 'custom',
      message,
      input: f,
      path,
      params: { hint, key: key !== null },
    });
    return z.NEVER;
  };
  const kinds = KINDS.filter((k) => f[k] !== undefined);
  const times = TIMES.filter((k) => f[k] !== undefined);
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1)
    return fail(
      `what happens? give one of ${listOf(KINDS)}`,
      kinds[1] ?? null,
      'e.g. `gc: server`',
    );
  if (times.length !== 1)
    return fail(`when? give one of ${listOf(TIMES)}`, times[1] ?? null, 'e.g. `every: 100 ms`');
  if (f.cores !== undefined && kind !== 'steal')
    return fail(
      `\`cores\` says nothing with \`${kind}\`: it stops a process, wherever it runs`,
      'cores',
    );
  const when = timesOf(f, fail);
  return { kind, target: f[kind]!, cores: f.cores ?? null, when, forNs: f.for };
});

function timesOf(
  f: Input,
  fail: (message: string, key: string, hint?: string) => never,
): FaultTimes {
  const timesNs = f.at;
  if (timesNs !== undefined) {
    for (const key of ['from', 'until'] as const)
      if (f[key] !== undefined) return fail(`\`${key}\` says nothing with \`at\``, key);
    const i = timesNs.findIndex((t, n) => n > 0 && t < timesNs[n - 1]! + f.for);
    if (i >= 0)
      return fail(
        'one begins before the one ahead of it has ended',
        'at',
        'later, or a shorter `for`',
      );
    return { kind: 'at', timesNs };
  }
  const fromNs = f.from ?? 0;
  const untilNs = f.until ?? Infinity;
  if (untilNs <= fromNs) return fail('`until` is no later than `from`: there are none', 'until');
  if (f.mean !== undefined) return { kind: 'mean', meanNs: f.mean, fromNs, untilNs };
  if (f.for >= f.every!)
    return fail(
      'each lasts until the next begins: nothing would ever run',
      'for',
      'shorter than `every`',
    );
  return { kind: 'every', everyNs: f.every!, fromNs, untilNs };
}
