import { describe, expect, test } from 'vitest';
import { measure, MODELS, ROWS, SITUATIONS } from './situations.ts';

describe.each(SITUATIONS)('$name', ({ name, cells }) => {
  const measured = measure(name);

  for (const model of MODELS) {
    test(`${model}: every cell is what its formula says`, () => {
      for (const [row, metric] of Object.entries(ROWS) as [keyof typeof ROWS, string][]) {
        const cell = cells[row][model];
        const value = measured[model][metric];
        if (cell === null) expect([row, value]).toEqual([row, undefined]);
        else
          expect([row, value! >= cell.from && value! <= cell.to, value]).toEqual([
            row,
            true,
            value,
          ]);
      }
    });
  }
});

test('tells the models apart: no model fits the cells of another in every situation', () => {
  for (const own of MODELS) {
    for (const other of MODELS.filter((m) => m !== own)) {
      const alien = SITUATIONS.flatMap(({ name, cells }) => {
        const measured = measure(name);
        return (Object.keys(ROWS) as (keyof typeof ROWS)[]).filter((row) => {
          const cell = cells[row][own];
          const value = measured[other][ROWS[row]];
          return cell === null ? value !== undefined : !(value! >= cell.from && value! <= cell.to);
        });
      });
      expect([own, other, alien.length > 0]).toEqual([own, other, true]);
    }
  }
});
