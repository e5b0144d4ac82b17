/** What kept a run from having a result, for people. */
import { replayCommand } from '../report/text.ts';
import { LoadError } from '../sim/scenario/problems.ts';
import { locate, type Scenario } from '../sim/scenario/types.ts';
import { titleOf } from './fault-text.ts';
import type { Outcome } from './io.ts';

/**
 * Empty when there is a result.
 *
 * @param file  as given on the command line, for the replay command; null: ./scenarios.yaml
 * @param said  what was said of modules: every variant names the same one
 */
export function troubleText(
  o: Outcome,
  s: Scenario,
  mutant: string | null,
  file: string | null,
  said: Set<string>,
): string[] {
  if (o.kind === 'result' || o.kind === 'unread') return [];
  const name = titleOf(s);
  if (o.kind === 'bad-app') {
    if (said.has(o.message)) return [];
    said.add(o.message);
    return [o.message];
  }
  if (o.kind === 'bad-scenario') {
    const at = locate(s.source, o.path) ?? { file: s.source.file, line: 1, column: 1 };
    const problem = {
      at,
      message: `${name}: ${o.message}`,
      ...(o.hint === null ? {} : { hint: o.hint }),
    };
    return [new LoadError([problem], new Map([[s.source.file, s.source.text]])).message];
  }
  if (o.kind === 'output')
    return [`hostwire: ${name}: an output could not be written: ${o.message}`];
  const { seed, settings, variant } = s;
  const replay = replayCommand({ mutant, scenario: s.name, seed, settings, variant }, file, true);
  if (o.kind === 'app-fault')
    return [...o.lines, `  seed ${seed}; it happens again with`, `    ${replay}`];
  return [
    `hostwire: ${name}: this is a bug of hostwire, not of your scenario.`,
    `  ${o.message}`,
    `  seed ${seed}; it happens again with`,
    `    ${replay}`,
    '  please report it with that scenario.',
    ...o.stack.split('\n').slice(1, 9),
  ];
}
