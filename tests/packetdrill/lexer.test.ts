import { describe, expect, it } from 'vitest';
import { ScriptError } from '../../src/packetdrill/ast.ts';
import { lex, substitute } from '../../src/packetdrill/lexer.ts';
import { prop } from '../support/prop.ts';
import fc from 'fast-check';

const kinds = (text: string): string[] =>
  lex(text)
    .slice(0, -1)
    .map(({ kind, text: t }) => `${kind} ${t}`);

describe('tokens of a script', () => {
  it('takes the longest match: a number, an ellipsis, a number', () => {
    expect(kinds('.09...0.14')).toEqual(['number .09', 'ellipsis ...', 'number 0.14']);
    expect(kinds('0...1')).toEqual(['number 0', 'ellipsis ...', 'number 1']);
  });

  it('takes a dot alone as the ACK flag, with a digit as a number', () => {
    expect(kinds('S. .5')).toEqual(['word S', 'punct .', 'number .5']);
  });

  it('takes a cookie that begins with digits as one word, one of digits as a number', () => {
    expect(kinds('FO 3021b9d889017eeb')).toEqual(['word FO', 'word 3021b9d889017eeb']);
    expect(kinds('FO 30217889')).toEqual(['word FO', 'number 30217889']);
  });

  it('tells an IPv6 address from a range of sequence numbers', () => {
    expect(kinds('1:1001(1000)')).toEqual([
      'number 1',
      'punct :',
      'number 1001',
      'punct (',
      'number 1000',
      'punct )',
    ]);
    for (const address of ['fd::1', '::1', '1:2:3:4:5:6:7:8', '::ffff:10.0.0.1', '192.168.0.1'])
      expect(kinds(address)).toEqual([`address ${address}`]);
  });

  it('skips comments of both kinds, but not inside quotes and code', () => {
    expect(kinds('1 // two `three\n/* four\n */ 5')).toEqual(['number 1', 'number 5']);
    expect(kinds('`a // b` "c /* d" %{ e // f }%')).toEqual([
      'shell a // b',
      'string c /* d',
      'code  e // f ',
    ]);
  });

  it('undoes the escapes of C in strings and leaves those of the shell alone', () => {
    expect(lex(String.raw`"\x00\xffa\101\n\t\"\\\q"`)[0]!.text).toBe('\x00\xffaA\n\t"\\q');
    expect(lex('`echo "\\`date\\`" \\n`')[0]!.text).toBe('echo "\\`date\\`" \\n');
  });

  it('takes an option whole, with whatever its value is', () => {
    const text = '--strict_segments --local_ip=fd::1 --tolerance_percent=12.5 --define=A="b c" +0';
    expect(lex(text).map(({ kind, text: name, value }) => [kind, name, value])).toEqual([
      ['option', 'strict_segments', null],
      ['option', 'local_ip', 'fd::1'],
      ['option', 'tolerance_percent', '12.5'],
      ['option', 'define', 'A="b c"'],
      ['punct', '+', null],
      ['number', '0', null],
      ['end', '', null],
    ]);
  });

  it('knows line and column of each token, across comments, commands and code of several lines', () => {
    const text = '/* a\n b */ one\n`x\ny` two\n%{\n\n}% three';
    expect(
      lex(text)
        .filter(({ kind }) => kind === 'word')
        .map(({ text: t, line, column }) => `${t} ${line}:${column}`),
    ).toEqual(['one 2:7', 'two 4:4', 'three 7:4']);
  });

  it.each([
    ['+0 "abc', 1, 4, '"'],
    ['+0\n `abc', 2, 2, '`'],
    ['+0 /* abc', 1, 4, '*/'],
    ['+0 %{ abc }', 1, 4, '}%'],
  ])('says of %j where it opens and what is missing', (text, line, column, closing) => {
    const message = expect.stringContaining(closing) as string;
    expect(() => lex(text)).toThrow(expect.objectContaining({ line, column, message }));
  });

  it('gives every character of the text to a token or to what lies between them', () => {
    const word = fc.constantFrom(
      'S.',
      '+.1',
      '...',
      '0x1f',
      'ack',
      '<',
      '"s"',
      '`c`',
      '%{ p }%',
      '// c\n',
      '/* c */',
      '\n',
    );
    prop([fc.array(word)], (words) => {
      const text = words.join(' ');
      const tokens = lex(text);
      const lines = text.split('\n');
      for (const { text: t, kind, line, column } of tokens) {
        if (['shell', 'string', 'code', 'end'].includes(kind)) continue;
        expect(lines[line - 1]!.slice(column - 1)).toMatch(
          new RegExp(`^${t.replaceAll(/\W/g, String.raw`\$&`)}`),
        );
      }
      const comments = words.filter((w) => /^\/|\n/.test(w)).length;
      const dotted = words.filter((w) => w === 'S.' || w === '+.1').length;
      expect(tokens.length - 1).toBe(words.length - comments + dotted);
    });
  });
});

describe('words defined on the command line', () => {
  const defines = new Map([
    ['N', '12'],
    ['M', '-0'],
    ['H', '0xff'],
    ['W', 'host_unreachable'],
    ['S', '"a\\n b"'],
    ['C', '`ls -l`'],
  ]);
  it('become an integer, a hex number, a word, a string or a command', () => {
    expect(substitute(lex('N H W S C'), defines).map(({ kind, text }) => [kind, text])).toEqual([
      ['number', '12'],
      ['hex', '0xff'],
      ['word', 'host_unreachable'],
      ['string', 'a\n b'],
      ['shell', 'ls -l'],
      ['end', ''],
    ]);
  });

  it('are replaced as whole words only, and not inside quotes', () => {
    const text = 'NN "N" `N` %{ N }% N';
    expect(substitute(lex(text), defines).map((token) => token.text)).toEqual([
      'NN',
      'N',
      'N',
      ' N ',
      '12',
      '',
    ]);
  });

  it('keep the place of the word', () => {
    expect(substitute(lex('\n  S'), defines)[0]).toMatchObject({ line: 2, column: 3 });
  });
});

it('throws ScriptErrors and nothing else', () => {
  const unit = fc.constantFrom(...'"`%{}/*\\\n :.-0af'.split(''));
  prop([fc.string({ unit })], (text) => {
    const refused = thrownBy(() => lex(text));
    expect(refused === null || refused instanceof ScriptError).toBe(true);
  });
});

function thrownBy(f: () => unknown): unknown {
  try {
    f();
    return null;
  } catch (error) {
    return error;
  }
}
