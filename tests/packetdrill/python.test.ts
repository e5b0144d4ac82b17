import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PythonError, parsePython, runPython } from '../../src/packetdrill/python.ts';
import { prop } from '../support/prop.ts';

const SNAPSHOT = new Map([
  ['tcpi_snd_cwnd', 9],
  ['tcpi_rtt', 20_000],
  ['tcpi_options', 0x25],
  ['tcpi_ca_state', 3],
]);

/** What a program of these blocks, from line 1, ends with. */
function run(...blocks: string[]): PythonError | null {
  try {
    const program = parsePython(blocks.map((text, i) => ({ text, line: 10 * i + 1 })));
    return runPython(
      program,
      blocks.map(() => SNAPSHOT),
    );
  } catch (error) {
    if (error instanceof PythonError) return error;
    throw error;
  }
}

function printed(text: string): string[] {
  const lines: string[] = [];
  expect(runPython(parsePython([{ text, line: 1 }]), [SNAPSHOT], (line) => lines.push(line))).toBe(
    null,
  );
  return lines;
}

describe('code blocks that hold', () => {
  it.each([
    'assert tcpi_snd_cwnd == 9, tcpi_snd_cwnd',
    'assert tcpi_snd_cwnd == 9 , "cwnd=%d" % tcpi_snd_cwnd; assert tcpi_rtt > 1',
    'assert 19000 <= tcpi_rtt <= 21000, f"rtt is {tcpi_rtt}"',
    'assert (tcpi_options & TCPI_OPT_SYN_DATA) != 0',
    'assert tcpi_options & 0x20 == TCPI_OPT_SYN_DATA',
    'assert tcpi_ca_state == TCP_CA_Recovery, tcpi_ca_state',
    'x = 5; x += tcpi_snd_cwnd; x -= 2\nassert x == 12',
    '\nassert (tcpi_rtt ==\n   20000)\n\n# the end',
    'assert tcpi_rtt == 20000; \\\n   assert tcpi_snd_cwnd == 9',
    'assert not tcpi_snd_cwnd == 8 and (tcpi_rtt < 3 or True)',
    'print("a", 1); pass',
    'assert 1 + 2 * 3 == 7 and 10 - 4 - 3 == 3',
    'assert -7 // 2 == -4 and -7 % 2 == 1 and 7 % -2 == -1',
    'assert 1 << 4 | 1 == 17 and 0xffffffff & -1 == 0xffffffff and 6 ^ 3 == 5 and ~0 == -1',
    "assert 'a' 'b' == \"ab\" and 'a' < 'b'",
    'assert (1, 2) == (1, 2) and True == 1',
    'assert 9007199254740991 - 1 == 9007199254740990',
    '',
  ])('%j', (text) => {
    expect(run(text)).toBe(null);
  });

  it('see what earlier blocks assigned, and each its own snapshot', () => {
    const program = parsePython([
      { text: 'before = tcpi_snd_cwnd', line: 1 },
      { text: 'assert tcpi_snd_cwnd == before + 1', line: 2 },
    ]);
    const cwnd = (n: number): Map<string, number> => new Map([['tcpi_snd_cwnd', n]]);
    expect(runPython(program, [cwnd(4), cwnd(5)])).toBe(null);
    expect(runPython(program, [cwnd(4), cwnd(4)])).toMatchObject({ line: 2, unsupported: false });
  });
});

describe('a failed assertion', () => {
  it('says line, condition, the values in it and the message', () => {
    expect(
      run(
        'x = 1',
        '\n\nassert tcpi_snd_cwnd == 10 - x * 0, \'cwnd=%d of "%s"\' % (tcpi_snd_cwnd, 10)',
      ),
    ).toMatchObject({
      line: 13,
      unsupported: false,
      message: 'assert tcpi_snd_cwnd == 10 - x * 0 (tcpi_snd_cwnd is 9, x is 1): cwnd=9 of "10"',
    });
  });

  it.each([
    ['assert tcpi_snd_cwnd == 9 == 8', 'assert tcpi_snd_cwnd == 9 == 8 (tcpi_snd_cwnd is 9)'],
    ['assert 0', 'assert 0'],
    ['assert "", 5', 'assert "": 5'],
    ['assert 9 <= tcpi_snd_cwnd < 9', 'assert 9 <= tcpi_snd_cwnd < 9 (tcpi_snd_cwnd is 9)'],
    ['assert 1 & 2', 'assert 1 & 2'],
    ['assert None', 'assert None'],
    ['assert 5 < tcpi_snd_cwnd < 7', 'assert 5 < tcpi_snd_cwnd < 7 (tcpi_snd_cwnd is 9)'],
    ['assert 6 & 3 | 4 == 8', 'assert 6 & 3 | 4 == 8'],
    ['assert tcpi_options & 2 != 0', 'assert tcpi_options & 2 != 0 (tcpi_options is 37)'],
  ])('%s', (text, message) => {
    expect(run(text)).toMatchObject({ message, unsupported: false });
  });

  it('stops the program: what comes after it is not run', () => {
    expect(run('assert 0; no_such_name')).toMatchObject({ message: 'assert 0' });
  });
});

describe('text', () => {
  it.each([
    [
      `print('%d %5d|%-5d|%05d %x %#X %o %s %r %%' % (1, 2, 3, -4, 255, 255, 8, 'a', "b"))`,
      "1     2|3    |-0004 ff 0XFF 10 a 'b' %",
    ],
    [`print('%+d% d' % (1, 2))`, '+1 2'],
    [
      `print(f'{tcpi_rtt} {tcpi_rtt + 1:x} {7:03}|{"a":3}|{{}} {"a"!r}')`,
      "20000 4e21 007|a  |{} 'a'",
    ],
    [`print('a', True, None, (1,), ('x', 2))`, "a True None (1,) ('x', 2)"],
    [`print(str(5) + 'a\\tb\\q')`, '5a\tb\\q'],
  ])('%s', (text, line) => {
    expect(printed(text)).toEqual([line]);
  });
});

describe('errors of Python', () => {
  it.each([
    ['assert 1 +', 'expected an expression'],
    ['assert (1', 'never closed'],
    ['x = 1\n  assert x', 'unexpected indent'],
    ['assert 1 2', 'expected the end of the statement'],
    ['assert "a" + 1', 'TypeError'],
    ['assert 1 // 0', 'ZeroDivisionError'],
    ['assert 1 << -1', 'negative shift'],
    ['print("%d %d" % 1)', 'not enough'],
    ['print("%d" % (1, 2))', 'not all'],
    ['assert "a', 'cannot read'],
    ['assert 007', 'leading zero'],
    ['assert $x', 'cannot read'],
  ])('%j', (text, message) => {
    expect(run(text)).toMatchObject({
      unsupported: false,
      message: expect.stringContaining(message) as string,
    });
  });
});

describe('what is outside the subset is unsupported, named, and never passes', () => {
  it.each([
    ['assert tcpi_no_such_thing == 0', 'tcpi_no_such_thing'],
    ['if True: pass', "'if'"],
    ['import sys', "'import'"],
    ['for i in (1, 2): pass', "'for'"],
    ['def f(): pass', "'def'"],
    ['assert 1 if 2 else 3', "'if'"],
    ['assert 1 in (1, 2)', "'in'"],
    ['assert 1.5 < 2', '1.5'],
    ['assert 3 / 2 > 1', '/'],
    ['assert 2 ** 3 == 8', '**'],
    ['assert min(1, 2) == 1', 'min()'],
    ['assert [1]', "'['"],
    ['assert {1}', "'{'"],
    ['assert "a".upper()', "'.'"],
    ['assert tcpi_rtt[0]', "'['"],
    ['a, b = 1, 2', "','"],
    ['a = b = 2', 'a = b = c'],
    ['print("a", end="")', 'by name'],
    ['assert """a"""', 'triple'],
    ['assert b"a"', 'prefix b'],
    ['print("%f" % 1)', '%f'],
    ['print(f"{tcpi_rtt=}")', 'f-string'],
    ['assert 9007199254740991 + 1', '2^53'],
    ['assert 9007199254740993', '2^53'],
    ['lambda: 1', "'lambda'"],
  ])('%s', (text, what) => {
    const error = run(text);
    expect(error).toMatchObject({
      unsupported: true,
      line: 1,
      message: expect.stringContaining(what) as string,
    });
  });
});

/** A small expression and its value by JavaScript, whose operators agree with Python's on small naturals. */
const anyExpr = fc.letrec<{ e: [string, number] }>((tie) => ({
  e: fc.oneof(
    { maxDepth: 4 },
    fc.nat(99).map((n): [string, number] => [String(n), n]),
    fc
      .tuple(tie('e'), tie('e'))
      .map(([[a, x], [b, y]]): [string, number] => [`(${a} + ${b})`, x + y]),
    fc
      .tuple(tie('e'), tie('e'))
      .map(([[a, x], [b, y]]): [string, number] => [`(${a} & ${b})`, x & y]),
    fc
      .tuple(tie('e'), tie('e'))
      .map(([[a, x], [b, y]]): [string, number] => [`(${a} | ${b})`, x | y]),
  ),
})).e;

it('computes what the operators mean, and fails an assertion that is off by one', () => {
  prop([anyExpr], ([text, value]) => {
    expect(run(`assert ${text} == ${value}`)).toBe(null);
    expect(run(`assert ${text} == ${value + 1}`)).not.toBe(null);
  });
});

it('throws PythonErrors and nothing else', () => {
  const piece = fc.constantFrom(
    'assert ',
    'x',
    '=',
    '==',
    '(',
    ')',
    "'a'",
    'f"{x}"',
    ' ',
    '\n',
    ';',
    ',',
    '%',
    '1',
    '\\',
    'not ',
    '{',
    '#',
  );
  prop([fc.array(piece, { maxLength: 12 })], (pieces) => {
    run(pieces.join(''));
  });
});
