/** "Did you mean": a hint for a word that is none of those that may stand there. */
import { nearest } from '../../base/nearest.ts';

/** The nearest word, or what there is; undefined when there is nothing to offer. */
export function didYouMean(
  word: string,
  words: readonly string[],
  what: string,
): string | undefined {
  const near = nearest(word, words);
  if (near !== undefined) return `did you mean \`${near}\`?`;
  if (words.length === 0) return undefined;
  const shown = words.slice(0, 12);
  return `${what}: ${shown.join(', ')}${words.length > shown.length ? ', …' : ''}`;
}
