import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ScenarioError } from '../../src/base/assert.ts';
import { nearest } from '../../src/base/nearest.ts';
import {
  EXACT,
  parseBytes,
  parseDuration,
  parseQuantity,
  parseRate,
  printBytes,
  printDuration,
  printRate,
  type Dimension,
} from '../../src/base/quantity.ts';
import type { Duration } from '../../src/base/units.ts';
import { prop } from '../support/prop.ts';

function refusal(parse: () => unknown): string {
  try {
    parse();
  } catch (e) {
    if (e instanceof ScenarioError) return `${e.message} | ${e.hint}`;
    throw e;
  }
  return 'accepted';
}

describe('reading', () => {
  it.each<[string, Dimension, number]>([
    ['10 ms', 'duration', 10_000_000],
    ['1.5 s', 'duration', 1_500_000_000],
    ['0.000000001 s', 'duration', 1],
    ['250us', 'duration', 250_000],
    ['3 \u00b5s', 'duration', 3000],
    ['3 \u03bcs', 'duration', 3000],
    ['2 min', 'duration', 120_000_000_000],
    ['0 ns', 'duration', 0],
    ['-0 ms', 'duration', 0],
    ['100 Mbit/s', 'rate', 100_000_000],
    ['100mbit', 'rate', 100_000_000],
    ['1Gbit', 'rate', 1_000_000_000],
    ['2.5 Gbit/s', 'rate', 2_500_000_000],
    ['64 kbit', 'rate', 64_000],
    ['10 MB/s', 'rate', 80_000_000],
    ['64 KiB', 'bytes', 65_536],
    ['64 kB', 'bytes', 64_000],
    ['1.5 KiB', 'bytes', 1536],
    ['4 MB', 'bytes', 4_000_000],
    ['1000 packets', 'packets', 1000],
    ['1 packet', 'packets', 1],
    ['0.1 %', 'fraction', 0.001],
    ['30%', 'fraction', 0.3],
    ['416.67 pps', 'frequency', 416.67],
    ['200 /s', 'frequency', 200],
  ])('%s is %s %d', (text, dimension, value) => {
    expect(parseQuantity(text, dimension)).toEqual({ dimension, value: expect.closeTo(value, 15) });
    expect(Object.is(parseQuantity(text, dimension).value, value)).toBe(true);
  });

  it('takes the dimension that the unit has, of those that fit', () => {
    const limit = ['packets', 'bytes'] as const;
    expect(parseQuantity('1000 packets', limit)).toEqual({ dimension: 'packets', value: 1000 });
    expect(parseQuantity('64 KiB', limit)).toEqual({ dimension: 'bytes', value: 65_536 });
  });

  it('takes a plain number only where Linux has a unit for it, and a unit that fits there too', () => {
    expect(parseDuration(16, 'us')).toBe(16_000);
    expect(parseDuration('16', 'us')).toBe(16_000);
    expect(parseDuration('16 ms', 'us')).toBe(16_000_000);
    expect(parseBytes(65_536, 'B')).toBe(65_536);
    expect(refusal(() => parseDuration(16))).toBe("'16' has no unit | write 16 us, 16 ms, 16 s");
  });

  it.each<[string, () => unknown, string]>([
    [
      'another dimension',
      () => parseBytes('10 ms'),
      "'10 ms' is a duration, not a number of bytes | write for example 10 B, 10 kB, 10 KiB",
    ],
    [
      'what is not whole',
      () => parseDuration('0.1 ns'),
      "'0.1 ns' is not a whole number of ns | it lies between 0 and 1 ns",
    ],
    [
      'half a packet',
      () => parseQuantity('1.5 packets', 'packets'),
      "'1.5 packets' is not a whole number of packets | it lies between 1 and 2 packets",
    ],
    [
      'what is negative',
      () => parseDuration('-1 ms'),
      "'-1 ms' is negative | write a value of 0 or more",
    ],
    [
      'what is too large',
      () => parseDuration('9007199254740992 ns'),
      "'9007199254740992 ns' is too large | whole values go up to 2^53 - 1 (for a time, 104 days)",
    ],
    ['capitals', () => parseDuration('20MS'), "'20MS': unknown unit 'MS' | did you mean 'ms'?"],
    [
      'a slip of the finger',
      () => parseRate('1 Mbti/s'),
      "'1 Mbti/s': unknown unit 'Mbti/s' | did you mean 'Mbit/s'?",
    ],
    [
      'mbps, megabytes to tc',
      () => parseRate('1 mbps'),
      "'1 mbps': unknown unit 'mbps' | write Mbit/s or MB/s",
    ],
    [
      'KB',
      () => parseBytes('64 KB'),
      "'64 KB': unknown unit 'KB' | write kB (1000 bytes) or KiB (1024)",
    ],
    [
      'kb, 1024 bytes to tc',
      () => parseBytes('64 kb'),
      "'64 kb': unknown unit 'kb' | write kB, KiB or kbit/s",
    ],
    [
      'words',
      () => parseRate('fast'),
      "'fast' is not a bit rate | write for example 10 Mbit/s, 10 Gbit/s",
    ],
    [
      'nothing',
      () => parseQuantity('', 'fraction'),
      "'' is not a percentage | write for example 10 %",
    ],
    [
      'two points',
      () => parseQuantity('1.2.3 /s', 'frequency'),
      "'1.2.3 /s' is not a number per second | write for example 10 /s",
    ],
    [
      'exponents',
      () => parseBytes('1e3 B'),
      "'1e3 B' is not a number of bytes | write for example 10 B, 10 kB, 10 KiB",
    ],
  ])('refuses %s, with a hint', (_, parse, expected) => {
    expect(refusal(parse)).toBe(expected);
  });

  it('is exact for every decimal that is a whole number of nanoseconds [mutant: in doubles]', () => {
    const check = (parse: (text: string) => number): void =>
      prop(
        [fc.nat(999_999), fc.nat(999_999_999)],
        (s, frac) => parse(`${s}.${String(frac).padStart(9, '0')} s`) === s * 1_000_000_000 + frac,
        { numRuns: 3000 },
      );
    check(parseDuration);
    expect(() => check((text) => Math.floor(Number.parseFloat(text) * 1e9))).toThrow(
      /Counterexample/,
    );
  });
});

describe('printing', () => {
  it.each<[string, string]>([
    [printDuration(1_100_000_000 as Duration), '1.1 s'],
    [printDuration(0 as Duration), '0 ns'],
    [printDuration(20_400_000 as Duration), '20.4 ms'],
    [printDuration(999_999 as Duration), '1 ms'],
    [printDuration(1_234_567_891 as Duration), '1.235 s'],
    [printDuration(123_456_000_000_000 as Duration), '123456 s'],
    [printDuration(-1_500 as Duration), '-1.5 us'],
    [printDuration(Infinity as Duration), 'never'],
    [printDuration(1_234_567_891 as Duration, EXACT), '1.234567891 s'],
    [printDuration(1_100 as Duration, EXACT), '1.1 us'],
    [printBytes(81_818), '79.9 KiB'],
    [printBytes(6_291_456), '6 MiB'],
    [printBytes(1_048_575), '1 MiB'],
    [printBytes(1_048_575, EXACT), '1.048575 MB'],
    [printBytes(100), '100 B'],
    [printBytes(65_536, EXACT), '64 KiB'],
    [printBytes(0, EXACT), '0 B'],
    [printRate(30_070_000), '30.07 Mbit/s'],
    [printRate(941_481_481), '941.5 Mbit/s'],
    [printRate(10_000_000_000), '10 Gbit/s'],
  ])('%s', (printed, expected) => {
    expect(printed).toBe(expected);
  });

  it('when exact, is read back to the same value [mutant: four digits]', () => {
    const value = fc.oneof(fc.nat(), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }));
    const check = (digits: number): void =>
      prop(
        [value],
        (x) =>
          parseDuration(printDuration(x as Duration, digits)) === x &&
          parseBytes(printBytes(x, digits)) === x &&
          parseRate(printRate(x, digits)) === x,
        { numRuns: 2000 },
      );
    check(EXACT);
    expect(() => check(4)).toThrow(/Counterexample/);
  });
});

describe('the nearest word', () => {
  const words = ['goodput', 'rx-usecs', 'rx-frames', 'retransmissions', 'rate'];
  it.each([
    ['godput', 'goodput'],
    ['goodptu', 'goodput'],
    ['rx_usecs', 'rx-usecs'],
    ['RX-Frames', 'rx-frames'],
    ['retransmission', 'retransmissions'],
    ['retrans', 'retransmissions'],
    ['rato', 'rate'],
    ['delay', undefined],
    ['', undefined],
  ])('to %s is %s', (word, expected) => {
    expect(nearest(word, words)).toBe(expected);
  });
});
