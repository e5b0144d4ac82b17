/**
 * grep(1) as scripts use it to look for a counter and its value: fixed words and the simple expressions. What of a pattern
 * is not known here is not understood.
 */

export interface Pattern {
  readonly source: string;
  readonly matcher: RegExp;
  /** -v: the lines that do not match. */
  readonly invert: boolean;
}

/** Lines of `text` that are selected. */
export const selected = (pattern: Pattern, text: readonly string[]): string[] =>
  text.filter((line) => pattern.matcher.test(line) !== pattern.invert);

/** From the words behind `grep`; null: not understood. */
export function patternOf(args: readonly string[]): Pattern | null {
  let flags = '';
  const patterns: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === '-e' || arg === '--') patterns.push(args[++i] ?? '');
    else if (arg === '--quiet' || arg === '--silent') flags += 'q';
    else if (arg.startsWith('-') && arg.length > 1) flags += arg.slice(1);
    else patterns.push(arg);
  }
  const [source] = patterns;
  // A second one would be a file.
  if (source === undefined || patterns.length > 1 || /[^qsvwxiEFG]/.test(flags)) return null;
  const body = flags.includes('F')
    ? literal(source)
    : flags.includes('E')
      ? extended(source)
      : basic(source);
  if (body === null) return null;
  const whole = flags.includes('x')
    ? `^(?:${body})$`
    : flags.includes('w')
      ? `(?<!\\w)(?:${body})(?!\\w)`
      : body;
  const matcher = new RegExp(whole, flags.includes('i') ? 'i' : '');
  return { source, matcher, invert: flags.includes('v') };
}

const literal = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');

/** A basic regular expression in JavaScript's words: there, + ? | ( ) { } are letters, and operators behind a backslash. */
function basic(source: string): string | null {
  let out = '';
  for (let i = 0; i < source.length; i++) {
    const c = source[i]!;
    if (c === '\\') {
      const next = source[++i] ?? '';
      if (/[+?|(){}]/.test(next)) out += next;
      else if (/[.*[\]^$\\]/.test(next)) out += `\\${next}`;
      else if (next === 'b' || next === 'w' || next === 's') out += `\\${next}`;
      else return null;
    } else if (c === '[') {
      const set = bracket(source.slice(i));
      if (set === null) return null;
      out += set.text;
      i += set.length - 1;
    } else out += /[+?|(){}]/.test(c) ? `\\${c}` : c;
  }
  return valid(out);
}

/** An extended one needs no change but in brackets. */
function extended(source: string): string | null {
  let out = '';
  for (let i = 0; i < source.length; i++) {
    const c = source[i]!;
    if (c === '\\') {
      const next = source[++i] ?? '';
      if (!/[.*+?|(){}[\]^$\\bws]/.test(next)) return null;
      out += `\\${next}`;
    } else if (c === '[') {
      const set = bracket(source.slice(i));
      if (set === null) return null;
      out += set.text;
      i += set.length - 1;
    } else out += c;
  }
  return valid(out);
}

const CLASSES: Readonly<Record<string, string>> = Object.freeze({
  '[:digit:]': '0-9',
  '[:space:]': '\\s',
  '[:blank:]': ' \\t',
  '[:alpha:]': 'A-Za-z',
  '[:alnum:]': 'A-Za-z0-9',
});

/** A bracket expression at the beginning of `rest`. */
function bracket(rest: string): { text: string; length: number } | null {
  const m = /^\[(\^?)(\]?(?:\[:\w+:\]|[^\]])*)\]/.exec(rest);
  if (m === null) return null;
  let inside = '';
  for (const part of m[2]!.split(/(\[:\w+:\])/)) {
    if (part.startsWith('[:')) {
      const known = CLASSES[part];
      if (known === undefined) return null;
      inside += known;
    } else inside += part.replaceAll(/[\\\][]/g, '\\$&');
  }
  return { text: `[${m[1]}${inside}]`, length: m[0].length };
}

function valid(source: string): string | null {
  try {
    return new RegExp(source).source;
  } catch {
    return null;
  }
}
