/** A script, from options to cleanup. Recursive descent over the tokens of `lexer.ts`; white space never matters. */
import {
  ScriptError,
  type Call,
  type Errno,
  type Event,
  type Script,
  type ScriptOption,
  type Shell,
  type TimeSpec,
} from './ast.ts';
import { Cursor, Unmodelled } from './cursor.ts';
import { parseExpr, parseList } from './expressions.ts';
import { lex, substitute, type Token } from './lexer.ts';
import { parsePacket } from './packet-line.ts';
import { errnoValue, unknownSymbol } from './symbols.ts';

/**
 * Reads a script. What comes after the first event of kind 'unsupported' is not read: whoever meets one must stop there.
 *
 * @param defines words and what they stand for; they win over a script's own `--define=WORD=value`
 * @throws ScriptError with line and column where the script is not in the language
 */
export function parseScript(text: string, defines: ReadonlyMap<string, string>): Script {
  const tokens = lex(text);
  const head = tokens.findIndex((token) => token.kind !== 'option');
  const options = tokens.slice(0, head).map((token) => optionOf(token, defines));
  const known = new Map([...definitions(tokens.slice(0, head)), ...defines]);
  return parseBody(new Cursor(substitute(tokens.slice(head), known)), options);
}

function optionOf(
  { text, value, line }: Token,
  defines: ReadonlyMap<string, string>,
): ScriptOption {
  const defined = value === null ? null : (defines.get(value) ?? value);
  return { name: text, value: defined?.startsWith('"') ? defined.slice(1, -1) : defined, line };
}

/** `--define=WORD=value` and `-D`'s long form alike. */
function definitions(options: readonly Token[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const { text, value, line, column } of options) {
    if (text !== 'define') continue;
    const [, word, meaning] = /^(\w+)=([^]+)$/.exec(value ?? '') ?? [];
    if (word === undefined || meaning === undefined)
      throw new ScriptError('expected --define=WORD=value', line, column);
    found.set(word, meaning);
  }
  return found;
}

function parseBody(c: Cursor, options: readonly ScriptOption[]): Script {
  const init = parseShell(c);
  const events: Event[] = [];
  do {
    const event = parseEvent(c);
    events.push(event);
    if (event.kind === 'unsupported') return { options, init, events, cleanup: null };
  } while (c.peek().kind !== 'end' && c.peek().kind !== 'shell');
  const cleanup = parseShell(c);
  if (c.peek().kind !== 'end') c.refuse('the end of the script after the cleanup command');
  return { options, init, events, cleanup };
}

function parseShell(c: Cursor): Shell | null {
  if (c.peek().kind !== 'shell') return null;
  const { text, line } = c.take();
  return { text, line };
}

function parseEvent(c: Cursor): Event {
  const start = c.peek();
  const { line } = start;
  const time = parseTime(c);
  try {
    const event = parseAction(c, time, line);
    if (event.kind !== 'out' && (time.kind === 'any' || time.kind === 'window'))
      c.fail(
        `only outbound packets can come at ${time.kind === 'any' ? `'*'` : 'a range of times'}`,
        start,
      );
    return event;
  } catch (error) {
    if (!(error instanceof Unmodelled)) throw error;
    return { kind: 'unsupported', time, line, reason: error.message };
  }
}

/** `+a`, `a`, `*`, `+a~+b` or `a~b`. */
function parseTime(c: Cursor): TimeSpec {
  if (c.accept('*')) return { kind: 'any' };
  const relative = c.accept('+');
  const us = seconds(c);
  if (!c.accept('~')) return { kind: relative ? 'relative' : 'absolute', us };
  if (relative) c.expect('+');
  const end = c.peek();
  const toUs = seconds(c);
  if (toUs < us) c.fail('this range of times ends before it begins', end);
  return { kind: 'window', relative, fromUs: us, toUs };
}

/** A decimal number of seconds as µs; what is below 1 µs is cut off. */
function seconds(c: Cursor): number {
  const token = c.takeKind('number', 'a time');
  if (token.text.startsWith('-')) c.fail(`a time is not negative: ${token.text}`, token);
  const [whole = '', fraction = ''] = token.text.split('.');
  const us = Number(`${whole}${fraction.padEnd(6, '0').slice(0, 6)}`);
  if (us > MOST_US) c.fail(`a time beyond ${MOST_US} µs`, token);
  return us;
}

/** Eleven days: nanoseconds of it, and of sums of many such, still count exactly. */
const MOST_US = 1e12;

function parseAction(c: Cursor, time: TimeSpec, line: number): Event {
  if (c.accept('<')) return { kind: 'in', time, line, packet: parsePacket(c, 'in') };
  if (c.accept('>')) return { kind: 'out', time, line, packet: parsePacket(c, 'out') };
  const { kind, text, line: at } = c.peek();
  switch (kind) {
    case 'shell':
      c.take();
      return { kind: 'command', time, line: at, text };
    case 'code':
      c.take();
      return { kind: 'code', time, line, text: text.replace(/^[ \t]+|[ \t]+$/g, ''), codeLine: at };
    case 'word':
    case 'ellipsis':
      return parseCall(c, time, line);
    default:
      return c.refuse('a packet (< or >), a call, a `command` or %{ code }%');
  }
}

/** `name(arguments) = result ERRNO (note)`; before the name `...b`: it blocks and must return at b. */
function parseCall(c: Cursor, time: TimeSpec, line: number): Call {
  const end = c.peek(1);
  const untilUs = c.accept('...') ? seconds(c) : null;
  if (untilUs !== null && 'us' in time && untilUs < time.us)
    c.fail('this call ends before it begins', end);
  const name = c.takeKind('word', 'the name of a call').text;
  c.expect('(');
  const args = parseList(c, ')');
  c.expect('=');
  const at = c.peek();
  const result = parseExpr(c);
  if (result.kind !== 'int') c.fail('the result of a call is an integer', at);
  const errno = parseErrno(c);
  skipNote(c);
  return { kind: 'call', time, line, name, args, untilUs, result: result.value, errno };
}

function parseErrno(c: Cursor): Errno | null {
  if (c.peek().kind !== 'word') return null;
  const name = c.take().text;
  const value = errnoValue(name);
  if (value === undefined) throw new Unmodelled(unknownSymbol(name));
  return { name, value };
}

/** Words in parentheses, for people. */
function skipNote(c: Cursor): void {
  if (!c.accept('(')) return;
  while (!c.accept(')')) {
    if (c.peek().kind === 'end') c.refuse(`')'`);
    c.take();
  }
}
