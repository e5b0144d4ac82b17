/** Paths into a scenario as text: `hosts.server.sysctl."net.ipv4.tcp_rmem"`. A key that holds dots is quoted. */
import type { Path } from './types.ts';

/** null: not a path (an empty step, a quote left open). */
export function parsePath(text: string): Path | null {
  const steps: string[] = [];
  let i = 0;
  while (i <= text.length) {
    const q = text[i];
    if (q === '"' || q === "'") {
      const end = text.indexOf(q, i + 1);
      if (end < 0 || (end + 1 < text.length && text[end + 1] !== '.')) return null;
      steps.push(text.slice(i + 1, end));
      i = end + 2;
    } else {
      const dot = text.indexOf('.', i);
      const end = dot < 0 ? text.length : dot;
      steps.push(text.slice(i, end).trim());
      i = end + 1;
    }
    if (steps.at(-1) === '') return null;
  }
  return steps;
}

export function printPath(path: Path): string {
  return path.map((s) => (/[."'= ]/.test(String(s)) ? `"${s}"` : String(s))).join('.');
}

/** Splits `path=value` at the first `=` outside quotes; null when there is none. */
export function splitSetting(
  text: string,
): { path: string; value: string; valueAt: number } | null {
  let quote = '';
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (quote !== '') {
      if (c === quote) quote = '';
    } else if (c === '"' || c === "'") quote = c;
    else if (c === '=')
      return { path: text.slice(0, i).trim(), value: text.slice(i + 1), valueAt: i + 1 };
  }
  return null;
}
