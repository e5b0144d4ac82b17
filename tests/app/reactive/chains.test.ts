import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Flux } from '../../../src/app/reactive/flux.ts';
import { Mono } from '../../../src/app/reactive/mono.ts';
import { prop, SEED } from '../../support/prop.ts';
import { BrokenStage, BrokenStream, STREAM_FAULTS } from './broken.ts';
import { chains, checkChain, type Mutant } from './chains.ts';

describe('random chains of operators', () => {
  test('keep demand, order, exactly once, serial signals and the end, whatever the threads do', () => {
    prop([chains], (c) => checkChain(c), { numRuns: 6_000 });
  });

  /** Whether the property finds something wrong when a stage is put after the others. */
  const isFound = (mutant: Mutant): boolean =>
    fc.check(
      fc.property(chains, (c) => checkChain(c, mutant)),
      { seed: SEED, numRuns: 2_000, endOnFailure: true },
    ).failed;

  test('are not disturbed by a stage that does nothing', () => {
    expect(isFound((p) => new BrokenStage(p, 'none'))).toBe(false);
  });

  test.each(STREAM_FAULTS)('object to a stage that %s [mutant]', (fault) => {
    expect(isFound((p) => new BrokenStream(p, fault))).toBe(true);
  });

  test('object to a flatMap that does not ask for more when a stream has ended [mutant: lost demand]', () => {
    const leaky: Mutant = (p) =>
      Flux.from(new BrokenStage(p, 'passes on the first request only')).flatMap(
        (v) => Mono.just(v).map((w) => w),
        2,
      );
    expect(isFound((p) => Flux.from(p).flatMap((v) => Mono.just(v).map((w) => w), 1))).toBe(false);
    expect(isFound(leaky)).toBe(true);
  });
});
