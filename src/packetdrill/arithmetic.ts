/** Arithmetic as shells have it, as far as scripts use it: constants, `+ - * / %` and parentheses (POSIX.1-2024, §2.6.4). */

/** The value of an expression of integers; null: it has none, or none that a number holds exactly. */
export function arithmetic(text: string): number | null {
  const tokens = text.match(/0[xX][\da-fA-F]+|\d+|[-+*/%()]|\S/g) ?? [];
  let at = 0;
  const factor = (): number => {
    const t = tokens[at++];
    if (t === '-') return -factor();
    if (t === '+') return factor();
    if (t === '(') {
      const inside = sum();
      return tokens[at++] === ')' ? inside : NaN;
    }
    // A leading 0 means octal in a shell.
    return t === undefined || !/^(0|[1-9]\d*|0[xX][\da-fA-F]+)$/.test(t) ? NaN : Number(t);
  };
  const product = (): number => {
    let value = factor();
    for (;;) {
      const t = tokens[at];
      if (t !== '*' && t !== '/' && t !== '%') return value;
      at++;
      const by = factor();
      if (t === '*') value *= by;
      else value = by === 0 ? NaN : t === '/' ? Math.trunc(value / by) : value % by;
    }
  };
  const sum = (): number => {
    let value = product();
    while (tokens[at] === '+' || tokens[at] === '-')
      value = tokens[at++] === '+' ? value + product() : value - product();
    return value;
  };
  const value = sum();
  return at === tokens.length && Number.isSafeInteger(value) ? value + 0 : null;
}
