/** What Python's operators do to integers and strings, and how it prints them. Integers are exact to 2^53. */
import { PythonError } from './python-lexer.ts';

export type PythonValue = number | boolean | string | null | readonly PythonValue[];

export function isTrue(value: PythonValue): boolean {
  return typeof value === 'object' ? value !== null && value.length > 0 : Boolean(value);
}

/** One of == != < <= > >= */
export function compare(op: string, a: PythonValue, b: PythonValue, line: number): boolean {
  if (op === '==') return isSame(a, b);
  if (op === '!=') return !isSame(a, b);
  const [x, y] =
    typeof a === 'string' && typeof b === 'string' ? [a, b] : [int(a, line), int(b, line)];
  switch (op) {
    case '<':
      return x < y;
    case '<=':
      return x <= y;
    case '>':
      return x > y;
    default:
      return x >= y;
  }
}

/** True is 1 and False is 0, as in Python. */
function isSame(a: PythonValue, b: PythonValue): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return (
      a.length === b.length &&
      a.every((value: PythonValue, i) => isSame(value, b[i] as PythonValue))
    );
  return plain(a) === plain(b);
}

const plain = (value: PythonValue): PythonValue =>
  typeof value === 'boolean' ? Number(value) : value;

/** A binary operator on two values. @throws PythonError for what Python refuses, and for results beyond 2^53 */
export function operate(op: string, a: PythonValue, b: PythonValue, line: number): PythonValue {
  if (op === '%' && typeof a === 'string') return format(a, b, line);
  if (op === '+' && typeof a === 'string' && typeof b === 'string') return a + b;
  return exact(arithmetic(op, int(a, line), int(b, line), line), line);
}

function arithmetic(op: string, x: number, y: number, line: number): number {
  switch (op) {
    case '+':
      return x + y;
    case '-':
      return x - y;
    case '*':
      return x * y;
    case '//':
    case '%': {
      if (y === 0) throw new PythonError('ZeroDivisionError', line);
      const rest = x - y * Math.trunc(x / y);
      const modulo = rest !== 0 && rest < 0 !== y < 0 ? rest + y : rest; // has the sign of the divisor
      return op === '%' ? modulo : (x - modulo) / y;
    }
    case '<<':
    case '>>':
      if (y < 0) throw new PythonError('ValueError: negative shift count', line);
      if (op === '<<' && y > 53 && x !== 0) return Infinity;
      return Number(op === '<<' ? BigInt(x) << BigInt(y) : BigInt(x) >> BigInt(y));
    case '&':
      return Number(BigInt(x) & BigInt(y));
    case '|':
      return Number(BigInt(x) | BigInt(y));
    case '^':
      return Number(BigInt(x) ^ BigInt(y));
    default:
      throw new PythonError(`the operator ${op}`, line, true);
  }
}

/** + - ~ */
export function negate(op: string, value: PythonValue, line: number): number {
  const x = int(value, line);
  if (op === '-') return x === 0 ? 0 : -x;
  return op === '~' ? -x - 1 : x;
}

export function int(value: PythonValue, line: number): number {
  if (typeof value === 'number') return exact(value, line);
  if (typeof value === 'boolean') return Number(value);
  throw new PythonError(`TypeError: ${repr(value)} is no number`, line);
}

function exact(value: number, line: number): number {
  if (!Number.isSafeInteger(value)) throw new PythonError('numbers beyond 2^53', line, true);
  return value === 0 ? 0 : value;
}

/** As str() has it. */
export function str(value: PythonValue): string {
  return typeof value === 'string' ? value : repr(value);
}

function repr(value: PythonValue): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string')
    return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  return `(${value.map(repr).join(', ')}${value.length === 1 ? ',' : ''})`;
}

const CONVERSION = /%([-+ 0#]*)(\d*)([^])/g;

/** 'text %d' % value: %d %i %u %x %X %o %s %r and %%, with flags and width. */
function format(text: string, values: PythonValue, line: number): string {
  const args = Array.isArray(values) ? (values as readonly PythonValue[]) : [values];
  let used = 0;
  const printed = text.replaceAll(CONVERSION, (_, flags: string, width: string, type: string) => {
    if (type === '%') return '%';
    if (used === args.length) throw new PythonError('TypeError: not enough values to format', line);
    return convert(args[used++]!, flags, Number(width), type, line);
  });
  if (used < args.length) throw new PythonError('TypeError: not all values were formatted', line);
  return printed;
}

/** One value after the rules of a conversion; f-strings use the same with the spec behind the colon. */
export function convert(
  value: PythonValue,
  flags: string,
  width: number,
  type: string,
  line: number,
): string {
  if (type === 's' || type === 'r') {
    const text = type === 's' ? str(value) : repr(value);
    return flags.includes('-') ? text.padEnd(width) : text.padStart(width);
  }
  if (!'diuxXo'.includes(type)) throw new PythonError(`the conversion %${type}`, line, true);
  const x = int(value, line);
  const sign = x < 0 ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
  const digits = digitsOf(Math.abs(x), flags.includes('#'), type);
  if (flags.includes('-')) return (sign + digits).padEnd(width);
  return flags.includes('0')
    ? sign + digits.padStart(width - sign.length, '0')
    : (sign + digits).padStart(width);
}

function digitsOf(x: number, hasPrefix: boolean, type: string): string {
  switch (type) {
    case 'x':
      return (hasPrefix ? '0x' : '') + x.toString(16);
    case 'X':
      return (hasPrefix ? '0X' : '') + x.toString(16).toUpperCase();
    case 'o':
      return (hasPrefix ? '0o' : '') + x.toString(8);
    default:
      return String(x);
  }
}
