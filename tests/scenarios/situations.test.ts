import { describe, expect, test } from 'vitest';
import { fits, measure, MODELS, ROWS, SITUATIONS } from './situations.ts';

describe.each(SITUATIONS)('$name', ({ name, cells }) => {
  const measured = measure(name);

  for (const model of MODELS) {
    test(`${model}: every cell is what its formula says`, () => {
      const wrong = (Object.keys(ROWS) as (keyof typeof ROWS)[]).filter(
        (row) => !fits(cells[row][model], measured[model][ROWS[row]]),
      );
      expect(wrong.map((row) => [row, measured[model][ROWS[row]]])).toEqual([]);
    });
  }
});

test('tells the models apart: no model fits the cells of another in every situation', () => {
  for (const own of MODELS) {
    for (const other of MODELS.filter((m) => m !== own)) {
      const alien = SITUATIONS.flatMap(({ name, cells }) => {
        const measured = measure(name);
        return (Object.keys(ROWS) as (keyof typeof ROWS)[]).filter(
          (row) => !fits(cells[row][own], measured[other][ROWS[row]]),
        );
      });
      expect([own, other, alien.length > 0]).toEqual([own, other, true]);
    }
  }
});
