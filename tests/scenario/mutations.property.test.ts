// Whatever is done to a valid file, it is either read or refused with a place in it; nothing else ever comes out.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LoadError } from '../../src/sim/scenario/problems.ts';
import { load } from '../../src/sim/scenario/load.ts';
import { prop } from '../support/prop.ts';
import { VALID } from './support.ts';

/** What is done at one place of the text. */
const edit = fc.record({
  at: fc.nat(VALID.length),
  cut: fc.nat(12),
  put: fc.oneof(
    fc.constantFrom(
      '',
      ' ',
      '\n',
      '  ',
      ':',
      ': ',
      '- ',
      '{',
      '}',
      '[',
      ']',
      ',',
      '"',
      "'",
      '#',
      '&a ',
      '*a',
      '!x ',
      '|',
      '>',
      '~',
      'null',
      '-1',
      '0',
      '1e999',
      '.nan',
      '99999999999999999999',
      '\t',
      '\u0000',
      '__proto__',
      'constructor',
      '<<',
      '%',
      'ms',
      ' .. ',
      '±',
      '->',
      '=',
    ),
    fc.string({ maxLength: 6 }),
  ),
});
/** Lines copied elsewhere: duplicate keys, wrong levels. */
const move = fc.record({ from: fc.nat(), to: fc.nat(), remove: fc.boolean() });

function mutate(
  edits: readonly { at: number; cut: number; put: string }[],
  moves: readonly { from: number; to: number; remove: boolean }[],
): string {
  let text = VALID;
  for (const e of edits) text = text.slice(0, e.at) + e.put + text.slice(e.at + e.cut);
  for (const m of moves) {
    const lines = text.split('\n');
    const [line] = lines.splice(m.from % lines.length, m.remove ? 1 : 0);
    lines.splice(m.to % (lines.length + 1), 0, line ?? lines[m.from % lines.length] ?? '');
    text = lines.join('\n');
  }
  return text;
}

type Read = (text: string) => unknown;
const real: Read = (text) => load(text, { file: 'my.yaml' });

function isReadOrRefused(read: Read, text: string): void {
  try {
    read(text);
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    const lines = text.split('\n').length;
    expect(error.problems.length).toBeGreaterThan(0);
    for (const p of error.problems) {
      expect(p.at.file).toBe('my.yaml');
      expect(p.at.line).toBeGreaterThanOrEqual(1);
      expect(p.at.line).toBeLessThanOrEqual(lines);
      expect(p.at.column).toBeGreaterThanOrEqual(1);
      expect(p.message).not.toMatch(/undefined|\[object|NaN/);
    }
  }
}

const check = (read: Read, runs: number): void =>
  prop(
    [fc.array(edit, { maxLength: 3 }), fc.array(move, { maxLength: 2 })],
    (edits, moves) => isReadOrRefused(read, mutate(edits, moves)),
    { numRuns: runs },
  );

test('any change of a valid file is read, or refused with a place [DESIGN §8]', () => {
  check(real, 2000);
});

test('the property notices a reader that lets another exception out', () => {
  const leaky: Read = (text) => {
    if (text.includes('  server:') && !text.includes('cpus: 2'))
      throw new TypeError('cpus of undefined');
    return real(text);
  };
  expect(() => check(leaky, 2000)).toThrow(/replay/);
});

test('the property notices a refusal without a place', () => {
  const lost: Read = (text) => {
    try {
      return real(text);
    } catch (error) {
      if (!(error instanceof LoadError)) throw error;
      throw new LoadError(
        error.problems.map((p) => ({ ...p, at: { ...p.at, line: 0 } })),
        new Map(),
      );
    }
  };
  expect(() => check(lost, 200)).toThrow(/replay/);
});

test('a setting of any text is used, or refused with a place', () => {
  prop(
    [fc.string({ maxLength: 20 }), fc.string({ maxLength: 20 })],
    (path, value) => {
      try {
        load(VALID, { file: 'my.yaml', set: [`${path}=${value}`, `apps.server.read=${value}`] });
        return true;
      } catch (error) {
        if (!(error instanceof LoadError)) throw error;
        return error.problems.every((p) => p.at.line >= 1 && p.at.column >= 1);
      }
    },
    { numRuns: 500 },
  );
});
