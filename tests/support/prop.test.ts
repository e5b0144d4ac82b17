import fc from 'fast-check';
import { expect, test } from 'vitest';
import { prop } from './prop.ts';

test('a property that holds passes', () => {
  prop([fc.nat(), fc.nat()], (a, b) => a + b === b + a);
});

test('a property that fails names the seed and the path that replay it, and the replay fails at once', () => {
  const seen: number[] = [];
  const below100 = (n: number): boolean => (seen.push(n), n < 100);
  let message = '';
  try {
    prop([fc.nat()], below100);
  } catch (e) {
    message = (e as Error).message;
  }
  expect(message).toMatch(/HOSTWIRE_SEED=-?\d+/);
  const path = /path: '([\d:]+)'/.exec(message)?.[1] ?? '';
  seen.length = 0;
  expect(() => prop([fc.nat()], below100, { path, endOnFailure: true })).toThrow(
    'Counterexample: [100]',
  );
  expect(seen).toEqual([100]);
});
