/**
 * A function that computes each result once: a world that several tests look at runs for the first of them. Its arguments are plain
 * data that JSON tells apart (no functions, no Infinity), its results nobody changes.
 */
export function once<A extends readonly unknown[], R>(
  compute: (...args: A) => R,
): (...args: A) => R {
  const known = new Map<string, R>();
  return (...args) => {
    const key = JSON.stringify(args);
    if (!known.has(key)) known.set(key, compute(...args));
    return known.get(key)!;
  };
}
