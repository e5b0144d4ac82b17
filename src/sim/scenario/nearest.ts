/** "Did you mean": the valid word that is nearest to what was written. */

/** Edit distance with transpositions (optimal string alignment). */
export function distance(a: string, b: string): number {
  const width = b.length + 1;
  let before = new Array<number>(width).fill(0);
  let last = Array.from({ length: width }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j < width; j++) {
      const same = a[i - 1] === b[j - 1];
      let d = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        d = Math.min(d, before[j - 2]! + 1);
      }
      row.push(d);
    }
    before = last;
    last = row;
  }
  return last[b.length]!;
}

/** The nearest of `words`, when it is near enough to be meant: a third of its length, or one contains the other. */
export function nearest(word: string, words: Iterable<string>): string | null {
  const w = normal(word);
  let best: string | null = null;
  let bestDistance = Infinity;
  for (const candidate of words) {
    const c = normal(candidate);
    let d = distance(w, c);
    if (w.length >= 3 && (c.includes(w) || w.includes(c)) && c.length >= 3) d = Math.min(d, 1.5);
    if (d <= Math.max(1, Math.ceil(Math.max(w.length, c.length) / 3)) && d < bestDistance) {
      best = candidate;
      bestDistance = d;
    }
  }
  return best;
}

const normal = (s: string): string => s.toLowerCase().replaceAll(/[-_ ]/g, '');

/** A hint: `did you mean X?`, or what there is. */
export function didYouMean(word: string, words: readonly string[], what = 'valid'): string | undefined {
  const n = nearest(word, words);
  if (n !== null) return `did you mean \`${n}\`?`;
  if (words.length === 0) return undefined;
  const shown = words.slice(0, 12);
  return `${what}: ${shown.join(', ')}${words.length > shown.length ? ', …' : ''}`;
}
