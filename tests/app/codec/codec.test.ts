/** Framing: whatever pieces the bytes come in, the frames are the same. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decoderOf, encode, filler, upperCase } from '../../../src/app/codec/codec.ts';
import { FixedLengthDecoder } from '../../../src/app/codec/fixed-length.ts';
import { FrameError, type FrameDecoder } from '../../../src/app/codec/frame.ts';
import { JsonDecoder } from '../../../src/app/codec/json.ts';
import { encodeLengthField, LengthFieldDecoder } from '../../../src/app/codec/length-field.ts';
import { LineDecoder } from '../../../src/app/codec/line.ts';
import type { Codec } from '../../../src/app/options.ts';
import { prop } from '../../support/prop.ts';

const utf8 = new TextEncoder();
const bytes = (text: string): Uint8Array => utf8.encode(text);
const text = (frame: Uint8Array): string => new TextDecoder().decode(frame);

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((p) => [...p]));
}

/** Cuts a stream at these places, each taken modulo its length. */
function chunksOf(stream: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [...new Set(cuts.map((c) => c % (stream.length + 1)))].toSorted((a, b) => a - b);
  return [...at, stream.length].map((end, i) => stream.slice(i === 0 ? 0 : at[i - 1], end));
}

/** What a decoder makes of these chunks, frames drained after each; 'error' at the end when it gave up. */
function decode(decoder: FrameDecoder, chunks: readonly Uint8Array[]): string[] {
  const frames: string[] = [];
  for (const chunk of chunks) {
    decoder.feed(chunk);
    try {
      for (let f = decoder.next(); f !== null; f = decoder.next()) frames.push([...f].join(' '));
    } catch (e) {
      if (!(e instanceof FrameError)) throw e;
      return [...frames, 'error'];
    }
  }
  return frames;
}

const lines = fc
  .array(fc.uint8Array({ maxLength: 40 }))
  .map((all) => all.map((line) => line.filter((b) => b !== 10 && b !== 13)));
const anything = fc.array(fc.uint8Array({ maxLength: 40 }));
const objects = fc
  .array(fc.oneof(fc.dictionary(fc.string(), fc.json()), fc.array(fc.jsonValue())))
  .map((all) => all.map((o) => bytes(JSON.stringify(o))));
const sized = fc.array(fc.uint8Array({ minLength: 7, maxLength: 7 }));

const CASES: readonly (readonly [Codec, fc.Arbitrary<Uint8Array[]>])[] = [
  ['line', lines],
  ['length-field', anything],
  ['json', objects],
  ['fixed', sized],
];

describe.each(CASES)('codec %s', (codec, messages) => {
  it('gives back what was encoded, in any chunks [DESIGN: incremental decoders]', () => {
    prop([messages, fc.array(fc.nat())], (all, cuts) => {
      const stream = concat(all.map((m) => encode(codec, m)));
      const decoder = decoderOf(codec, 7)!;
      expect(decode(decoder, chunksOf(stream, cuts))).toEqual(all.map((m) => [...m].join(' ')));
      expect(decoder.pending).toBe(0);
    });
  });

  it('[mutant] a decoder that forgets what is left of a chunk does not', () => {
    expect(() =>
      prop([messages, fc.array(fc.nat())], (all, cuts) => {
        const stream = concat(all.map((m) => encode(codec, m)));
        const decoder = decoderOf(codec, 7)!;
        const forgetful: FrameDecoder = {
          feed: (chunk) => decoder.feed(chunk.subarray(0, chunk.length - (chunk.length % 5))),
          next: () => decoder.next(),
          pending: 0,
        };
        expect(decode(forgetful, chunksOf(stream, cuts))).toEqual(all.map((m) => [...m].join(' ')));
      }),
    ).toThrow(/replay/);
  });
});

describe('whatever the bytes are', () => {
  it.each([
    ['line', () => new LineDecoder(9)],
    ['length-field', () => new LengthFieldDecoder(9)],
    ['json', () => new JsonDecoder(9)],
    ['fixed', () => new FixedLengthDecoder(9)],
  ] as const)('%s makes the same of them in any chunks, errors included', (_, make) => {
    const noise = fc.array(fc.constantFrom(...bytes('\0\0\0\0\n\r\n{}[]"\\ x')), { maxLength: 60 });
    prop([noise, fc.array(fc.nat())], (all, cuts) => {
      const stream = Uint8Array.from(all);
      expect(decode(make(), chunksOf(stream, cuts))).toEqual(decode(make(), [stream]));
    });
  });
});

describe('the line decoder', () => {
  it('takes CR LF for an end, and a lone CR for a byte [LineBasedFrameDecoder]', () => {
    const decoder = new LineDecoder();
    decoder.feed(bytes('a\r\nb\rc\n\n'));
    expect([decoder.next(), decoder.next(), decoder.next()].map((f) => text(f!))).toEqual([
      'a',
      'b\rc',
      '',
    ]);
    expect(decoder.next()).toBeNull();
  });

  it('takes a line of the greatest length and none longer, also before its end has come', () => {
    const decoder = new LineDecoder(3);
    decoder.feed(bytes('abc\r'));
    expect(decoder.next()).toBeNull();
    decoder.feed(bytes('\nabcd'));
    expect(text(decoder.next()!)).toBe('abc');
    expect(() => decoder.next()).toThrow('a line is longer than 3 bytes');
  });
});

describe('the length field', () => {
  it('is four bytes, big-endian, and counts what follows [LengthFieldPrepender(4)]', () => {
    expect([...encodeLengthField(new Uint8Array(259))].slice(0, 5)).toEqual([0, 0, 1, 3, 0]);
  });

  it('is judged before the frame has come, and again whenever one asks', () => {
    const decoder = new LengthFieldDecoder(1000);
    decoder.feed(Uint8Array.of(255, 255, 255, 255));
    expect(() => decoder.next()).toThrow(FrameError);
    expect(() => decoder.next()).toThrow('a frame of 4294967295 bytes is longer than 1000');
  });
});

describe('the JSON decoder', () => {
  it('does not count brackets in strings, nor take an escaped quote for the end of one [JsonObjectDecoder]', () => {
    const objects = ['{"a":"}\\"]{\\\\"}', '[[1],{"b":[]}]'];
    const decoder = new JsonDecoder();
    decoder.feed(bytes(` \n${objects.join('\t')} `));
    expect([text(decoder.next()!), text(decoder.next()!)]).toEqual(objects);
    expect(decoder.next()).toBeNull();
    expect(decoder.pending).toBe(0);
  });

  it('refuses what begins no object', () => {
    const decoder = new JsonDecoder();
    decoder.feed(bytes('{} 5'));
    expect(text(decoder.next()!)).toBe('{}');
    expect(() => decoder.next()).toThrow(FrameError);
  });
});

it('upper case concerns a to z only, and fillers are frames of their codec', () => {
  expect(text(upperCase(bytes('a{z}A1~')))).toBe('A{Z}A1~');
  expect(JSON.parse(text(filler('json', 12)))).toEqual({});
  expect(filler('json', 12).length).toBe(12);
  expect(text(filler('line', 3))).toBe('xxx');
});
