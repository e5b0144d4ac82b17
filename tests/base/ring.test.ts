import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ring } from '../../src/base/ring.ts';
import { prop } from '../support/prop.ts';

const op = fc.constantFrom('push', 'push', 'unshift', 'shift', 'pop', 'clear');

/** Does a ring, after each of these operations, hold what an array holds? */
function likeArray(ring: Ring<number>, ops: readonly string[]): boolean {
  const array: number[] = [];
  return ops.every((o, i) => {
    if (o === 'push') return array.push(i) > 0 && (ring.push(i), same(ring, array));
    if (o === 'unshift') return array.unshift(i) > 0 && (ring.unshift(i), same(ring, array));
    if (o === 'shift') return ring.shift() === array.shift() && same(ring, array);
    if (o === 'pop') return ring.pop() === array.pop() && same(ring, array);
    array.length = 0;
    ring.clear();
    return same(ring, array);
  });
}

function same(ring: Ring<number>, array: readonly number[]): boolean {
  return (
    ring.length === array.length &&
    ring.peek() === array[0] &&
    ring.last() === array.at(-1) &&
    ring.at(-1) === undefined &&
    ring.at(array.length) === undefined &&
    array.every((x, i) => ring.at(i) === x)
  );
}

class ForgetsToWrap<T> extends Ring<T> {
  override at(i: number): T | undefined {
    return i > 6 ? undefined : super.at(i);
  }
}

describe('ring', () => {
  it('holds what an array holds, through wrap and growth [mutant: loses what is behind the seventh]', () => {
    const check = (make: () => Ring<number>): void =>
      prop([fc.array(op, { size: 'max', maxLength: 100 })], (ops) => likeArray(make(), ops));
    check(() => new Ring(1));
    check(() => new Ring());
    expect(() => check(() => new ForgetsToWrap(1))).toThrow(/Counterexample/);
  });

  it('keeps no reference to what was taken', () => {
    const ring = new Ring<object>(2);
    ring.push({});
    ring.push({});
    ring.shift();
    ring.pop();
    expect(JSON.stringify(ring)).not.toContain('{}');
  });
});
