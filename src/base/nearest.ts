/** "Did you mean …?": the word of a list that was probably meant. */

/**
 * The nearest candidate, or undefined when none is near: at most one letter in three may be wrong, or one word contains the
 * other. Case and separators do not count, and two letters in the wrong order are one mistake.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const w = letters(word);
  let best: string | undefined;
  let least = Infinity;
  for (const candidate of candidates) {
    const c = letters(candidate);
    const d = contains(w, c) ? Math.min(1.5, distance(w, c)) : distance(w, c);
    if (d < least && d <= Math.ceil(Math.max(w.length, c.length) / 3)) {
      least = d;
      best = candidate;
    }
  }
  return best;
}

function letters(word: string): string {
  return word.toLowerCase().replaceAll(/[-_ ]/g, '');
}

function contains(a: string, b: string): boolean {
  return a.length >= 3 && b.length >= 3 && (a.includes(b) || b.includes(a));
}

/** Letters to insert, drop, replace or swap with their neighbour (optimal string alignment). */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let d = Math.min(replaced, last[j]! + 1, row[j - 1]! + 1);
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
