/** Arguments and results of system calls. */
import type { Expr, Field } from './ast.ts';
import { Unmodelled, type Cursor } from './cursor.ts';
import { symbolValue, unknownSymbol } from './symbols.ts';

/** Up to the next `,` or closing bracket; constants joined by `|` become one number. */
export function parseExpr(c: Cursor): Expr {
  let left = parsePrimary(c);
  while (c.accept('|')) {
    const right = parsePrimary(c);
    if (left.kind !== 'int' || right.kind !== 'int') c.fail(`only numbers can be joined by '|'`);
    left = { kind: 'int', value: or(left.value, right.value), text: `${left.text}|${right.text}` };
  }
  return left;
}

/** A list in whatever brackets; the opening one is taken already. */
export function parseList(c: Cursor, closing: ')' | ']'): Expr[] {
  const items: Expr[] = [];
  if (c.accept(closing)) return items;
  do items.push(parseExpr(c));
  while (c.accept(','));
  if (!c.accept(closing)) c.refuse(`',' or '${closing}'`);
  return items;
}

function or(a: number, b: number): number {
  const most = 0xffff_ffff;
  if (a < 0 || b < 0 || a > most || b > most) throw new Unmodelled(`'|' beyond 32 bits`);
  return (a | b) >>> 0;
}

function parsePrimary(c: Cursor): Expr {
  const token = c.peek();
  switch (token.kind) {
    case 'number':
    case 'hex':
      return int(c);
    case 'word':
      return c.sees('(', 1) ? parseConversion(c) : symbol(c.take().text);
    case 'string':
      return parseString(c);
    case 'ellipsis':
      c.take();
      return { kind: 'ellipsis' };
    case 'punct':
      if (c.accept('[')) return { kind: 'list', items: parseList(c, ']') };
      if (c.accept('{')) return parseBraces(c);
      return c.refuse('an argument');
    case 'option':
    case 'shell':
    case 'code':
    case 'address':
    case 'end':
      return c.refuse('an argument');
  }
}

function int(c: Cursor): Expr {
  const { text } = c.peek();
  const value = Number(text);
  if (!Number.isInteger(value) || text.includes('.')) c.refuse('an integer');
  if (!Number.isSafeInteger(value))
    throw new Unmodelled(`the number ${text}, which is beyond 2^53`);
  c.take();
  return { kind: 'int', value, text };
}

function symbol(name: string): Expr {
  const value = symbolValue(name);
  if (value === undefined) throw new Unmodelled(unknownSymbol(name));
  return { kind: 'int', value, text: name };
}

/** Neighbouring strings are one, as in C. */
function parseString(c: Cursor): Expr {
  let value = '';
  while (c.peek().kind === 'string') value += c.take().text;
  if (c.sees('...')) throw new Unmodelled('strings that go on (…)');
  return { kind: 'string', value };
}

/** htons(8080) is 8080: byte order is nobody's business here. */
function parseConversion(c: Cursor): Expr {
  const name = c.take();
  c.expect('(');
  if (name.text === 'htons') {
    const port = c.integer('a port', 0xffff);
    c.expect(')');
    return { kind: 'int', value: port, text: `htons(${port})` };
  }
  if (name.text !== 'inet_addr' && name.text !== 'inet6_addr')
    c.fail(`'${name.text}' cannot be called in an argument`, name);
  const address = c.takeKind('string', 'an address in double quotes').text;
  c.expect(')');
  return { kind: 'address', address };
}

/** `{fd=4, events=POLLIN}`, `{msg_iov(1)=[…], …}` or, without names, `{..., 1000}`. */
function parseBraces(c: Cursor): Expr {
  if (c.sees('(')) throw new Unmodelled('MPLS label stacks');
  const isNamed = c.peek().kind === 'word' && (c.sees('=', 1) || c.sees('(', 1));
  const fields: Field[] = [];
  const items: Expr[] = [];
  do {
    if (isNamed) fields.push(parseField(c));
    else items.push(parseExpr(c));
  } while (c.accept(','));
  if (!c.accept('}')) c.refuse(`',' or '}'`);
  return isNamed ? { kind: 'struct', fields } : { kind: 'tuple', items };
}

function parseField(c: Cursor): Field {
  const name = c.takeKind('word', 'the name of a field').text;
  let length: Expr | null = null;
  if (c.accept('(')) {
    length = parseExpr(c);
    c.expect(')');
  }
  c.expect('=');
  return { name, length, value: parseExpr(c) };
}
