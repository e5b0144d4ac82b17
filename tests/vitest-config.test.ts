// What vitest.config.ts does to be fast: it works, and it names what is there.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as tcp from '../src/tcp/index.ts';
import { SLOWEST } from './support/slowest.ts';
import * as prop from './support/prop.ts';

const kinds = (module: object): string[] =>
  Object.values(Object.getOwnPropertyDescriptors(module)).map((d) =>
    d.get === undefined ? 'value' : 'getter',
  );

test('modules of src/ export values, not getters, what they pass on too', () => {
  expect(Object.keys(tcp)).toContain('onSegment');
  expect(new Set(kinds(tcp))).toEqual(new Set(['value']));
  // What Vite makes of a module when it is let alone: were it to export values itself, the plugin could go.
  expect(new Set(kinds(prop))).toContain('getter');
});

test('the files that start first are there, each once', () => {
  expect(SLOWEST.filter((file) => !existsSync(join(import.meta.dirname, '..', file)))).toEqual([]);
  expect(new Set(SLOWEST).size).toBe(SLOWEST.length);
});
