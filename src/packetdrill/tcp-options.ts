/** TCP options of a packet line: `<mss 1000,sackOK,TS val 100 ecr 0,nop,wscale 8>`. */
import type { AccEcnField, SackBlock, TcpOption } from './ast.ts';
import type { Cursor } from './cursor.ts';

const U16 = 0xffff;
const U24 = 0xff_ffff;
const U32 = 0xffff_ffff;

/** Room for options in a TCP header; RFC 9293 §3.1. */
const MOST_BYTES = 40;

const NAMES = 'an option: mss, wscale, sackOK, sack, TS, nop, eol, md5, FO, FOEXP or ECN';

/** What stands in angle brackets, from the opening one; without brackets none. */
export function parseTcpOptions(c: Cursor): readonly TcpOption[] | 'any' {
  const opening = c.peek();
  if (!c.accept('<')) return [];
  if (c.accept('...')) {
    c.expect('>');
    return 'any';
  }
  const options = [parseOption(c)];
  while (c.accept(',')) options.push(parseOption(c));
  if (!c.accept('>')) c.refuse(`',' or '>'`);
  const bytes = optionsLength(options);
  if (bytes % 4 !== 0) c.fail(`options take ${bytes} bytes, which is no multiple of 4`, opening);
  if (bytes > MOST_BYTES)
    c.fail(`options take ${bytes} bytes, a header has room for ${MOST_BYTES}`, opening);
  return options;
}

function parseOption(c: Cursor): TcpOption {
  if (c.peek().kind !== 'word') c.refuse(NAMES);
  const name = c.peek().text;
  switch (name) {
    case 'nop':
    case 'eol':
    case 'sackOK':
      c.take();
      return { kind: name };
    case 'mss':
      c.take();
      return { kind: name, value: c.integer('an MSS', U16) };
    case 'wscale':
      c.take();
      return { kind: name, value: c.integer('a window scale', 0xff) };
    case 'sack':
      c.take();
      return { kind: name, blocks: parseBlocks(c) };
    case 'TS':
      c.take();
      return parseTimestamp(c);
    case 'FO':
    case 'FOEXP':
      c.take();
      return { kind: name, cookie: c.sees(',') || c.sees('>') ? '' : parseHex(c, 'a cookie') };
    case 'md5':
      c.take();
      return { kind: name, digest: parseHex(c, 'a digest') };
    case 'ECN':
      c.take();
      return { kind: name, fields: parseAccEcn(c) };
    default:
      return c.refuse(NAMES);
  }
}

function parseBlocks(c: Cursor): SackBlock[] {
  const blocks: SackBlock[] = [];
  do {
    const left = c.integer('the left edge of a block', U32);
    c.expect(':');
    blocks.push({ left, right: c.integer('the right edge of a block', U32) });
  } while (c.peek().kind === 'number');
  return blocks;
}

function parseTimestamp(c: Cursor): TcpOption {
  c.expect('val');
  const val = c.integer('a timestamp', U32);
  c.expect('ecr');
  return { kind: 'TS', val, ecr: c.integer('a timestamp', U32) };
}

/** Whole bytes in hex digits; a token that happens to be all decimal digits is one too. */
function parseHex(c: Cursor, what: string): string {
  const token = c.peek();
  if (token.kind !== 'word' && token.kind !== 'number') c.refuse(`${what} in hex digits`);
  if (!/^(?:[0-9a-fA-F]{2})+$/.test(token.text))
    c.fail(`${what} is an even number of hex digits, not '${token.text}'`, token);
  c.take();
  return token.text.toLowerCase();
}

/** Counters of ECT(0), CE and ECT(1) bytes, in this order or in the reverse one, cut short at will; RFC 9768 §3.2.3. */
function parseAccEcn(c: Cursor): AccEcnField[] {
  const order = c.sees('e1b') ? (['e1b', 'ceb', 'e0b'] as const) : (['e0b', 'ceb', 'e1b'] as const);
  if (!c.sees(order[0])) c.refuse(`'e0b' or 'e1b'`);
  const fields: AccEcnField[] = [];
  for (const name of order) {
    if (!c.accept(name)) break;
    fields.push({ name, value: c.integer('a byte counter', U24) });
  }
  return fields;
}

/** Bytes of all options together. */
export function optionsLength(options: readonly TcpOption[]): number {
  return options.reduce((sum, option) => sum + optionLength(option), 0);
}

/** Bytes of an option on the wire, kind and length included. */
function optionLength(option: TcpOption): number {
  switch (option.kind) {
    case 'nop':
    case 'eol':
      return 1;
    case 'sackOK':
      return 2;
    case 'mss':
      return 4;
    case 'wscale':
      return 3;
    case 'TS':
      return 10;
    case 'sack':
      return 2 + 8 * option.blocks.length;
    case 'FO':
      return 2 + option.cookie.length / 2;
    case 'FOEXP':
      return 4 + option.cookie.length / 2;
    case 'md5':
      return 2 + option.digest.length / 2;
    case 'ECN':
      return 2 + 3 * option.fields.length;
  }
}
