/** Framing: whatever pieces the bytes come in, the frames are the same. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decoderOf, encode, filler, upperCase } from '../../../src/app/codec/codec.ts';
import { DelimiterDecoder } from '../../../src/app/codec/delimiter.ts';
import { FixedLengthDecoder } from '../../../src/app/codec/fixed-length.ts';
import { FrameError, TooLongFrameError, type FrameDecoder } from '../../../src/app/codec/frame.ts';
import type { FrameOptions } from '../../../src/app/codec/frame-options.ts';
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
    for (;;) {
      try {
        const frame = decoder.next();
        if (frame === null) break;
        frames.push([...frame].join(' '));
      } catch (e) {
        if (!(e instanceof FrameError)) throw e;
        frames.push('error');
        // What is too long is left out, and the rest goes on.
        if (!(e instanceof TooLongFrameError)) return frames;
      }
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
  ['delimiter', anything.map((all) => all.map((m) => m.filter((b) => b !== 0)))],
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
    ['length-field', () => new LengthFieldDecoder({ maxFrameLength: 13 })],
    ['delimiter', () => new DelimiterDecoder('}]', 9)],
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

  it('takes a line of the greatest length; one that is longer is left out, and said so when it ends [failFast is false]', () => {
    const decoder = new LineDecoder(3);
    decoder.feed(bytes('abc\r'));
    expect(decoder.next()).toBeNull();
    decoder.feed(bytes('\nabcd'));
    expect(text(decoder.next()!)).toBe('abc');
    expect(decoder.next()).toBeNull();
    expect(decoder.pending).toBe(0);
    decoder.feed(bytes('efg\nxy\n'));
    expect(() => decoder.next()).toThrow(TooLongFrameError);
    expect(text(decoder.next()!)).toBe('xy');
    decoder.feed(bytes('longer\nz\n'));
    expect(() => decoder.next()).toThrow('a line of 6 bytes is longer than 3');
    expect(text(decoder.next()!)).toBe('z');
  });
});

describe('the delimiter decoder', () => {
  it('ends frames with its bytes, wherever they are cut [DelimiterBasedFrameDecoder]', () => {
    const decoder = new DelimiterDecoder('##');
    decoder.feed(bytes('a#b#'));
    expect(decoder.next()).toBeNull();
    decoder.feed(bytes('#c####'));
    expect([decoder.next(), decoder.next(), decoder.next()].map((f) => text(f!))).toEqual([
      'a#b',
      'c',
      '',
    ]);
  });

  it('says at once that a frame is too long, and skips it to its end [failFast is true]', () => {
    const decoder = new DelimiterDecoder('##', 3);
    decoder.feed(bytes('abcd'));
    expect(decoder.next()).toBeNull();
    decoder.feed(bytes('e'));
    expect(() => decoder.next()).toThrow(TooLongFrameError);
    decoder.feed(bytes('fgh#'));
    expect(decoder.next()).toBeNull();
    decoder.feed(bytes('#xy##toolong##z##'));
    expect(text(decoder.next()!)).toBe('xy');
    expect(() => decoder.next()).toThrow(TooLongFrameError);
    expect(text(decoder.next()!)).toBe('z');
  });
});

describe('the length field', () => {
  it('is four bytes, big-endian, and counts what follows [LengthFieldPrepender(4)]', () => {
    expect([...encodeLengthField(new Uint8Array(259))].slice(0, 5)).toEqual([0, 0, 1, 3, 0]);
  });

  // The examples are those of the class's own documentation: 12 bytes of content behind different headers.
  it.each<[string, Partial<FrameOptions>, number[], number[], number]>([
    [
      'two bytes, nothing taken off',
      { lengthFieldLength: 2, initialBytesToStrip: 0 },
      [0, 12],
      [],
      0,
    ],
    ['two bytes, taken off', { lengthFieldLength: 2 }, [0, 12], [], 2],
    [
      'which counts itself',
      { lengthFieldLength: 2, lengthAdjustment: -2, initialBytesToStrip: 0 },
      [0, 14],
      [],
      0,
    ],
    [
      'three bytes behind a header of two',
      { lengthFieldOffset: 2, lengthFieldLength: 3, initialBytesToStrip: 0 },
      [0xca, 0xfe, 0, 0, 12],
      [],
      0,
    ],
    [
      'in front of a header of two, which it does not count',
      { lengthFieldLength: 3, lengthAdjustment: 2, initialBytesToStrip: 0 },
      [0, 0, 12],
      [0xca, 0xfe],
      0,
    ],
    [
      'between two headers of one; the first and the field are taken off',
      { lengthFieldOffset: 1, lengthFieldLength: 2, lengthAdjustment: 1, initialBytesToStrip: 3 },
      [0xca, 0, 12],
      [0xfe],
      3,
    ],
    [
      'which counts everything',
      { lengthFieldOffset: 1, lengthFieldLength: 2, lengthAdjustment: -3, initialBytesToStrip: 3 },
      [0xca, 0, 16],
      [0xfe],
      3,
    ],
    ['of eight bytes', { lengthFieldLength: 8 }, [0, 0, 0, 0, 0, 0, 0, 12], [], 8],
  ])('%s [LengthFieldBasedFrameDecoder]', (_name, options, header, more, strip) => {
    const whole = [...header, ...more, ...bytes('HELLO, WORLD')];
    const decoder = new LengthFieldDecoder(options);
    const frame = whole.slice(strip).join(' ');
    expect(decode(decoder, [Uint8Array.from([...whole, ...whole])])).toEqual([frame, frame]);
    expect(decoder.pending).toBe(0);
  });

  it('gives back what was encoded with the same options', () => {
    const anyOptions = fc.record({
      lengthFieldOffset: fc.nat(5),
      lengthFieldLength: fc.constantFrom(1, 2, 3, 4, 8),
      lengthAdjustment: fc.constantFrom(0, -1),
    });
    prop([anyOptions, anything, fc.array(fc.nat())], (o, all, cuts) => {
      const stream = concat(all.map((m) => encodeLengthField(m, o)));
      expect(decode(new LengthFieldDecoder(o), chunksOf(stream, cuts))).toEqual(
        all.map((m) => [...m].join(' ')),
      );
    });
  });

  it('is judged before the frame has come; the frame is skipped, and the next is as good as any [TooLongFrameException]', () => {
    const decoder = new LengthFieldDecoder({ lengthFieldLength: 2, maxFrameLength: 10 });
    decoder.feed(Uint8Array.of(0, 20, 1, 2, 3));
    expect(() => decoder.next()).toThrow('a frame of 22 bytes is longer than 10');
    expect(decoder.next()).toBeNull();
    decoder.feed(new Uint8Array(17));
    decoder.feed(Uint8Array.of(0, 1, 7));
    expect([...decoder.next()!]).toEqual([7]);
  });

  it('that cannot be is an error [CorruptedFrameException], and so are options that cannot', () => {
    const decoder = new LengthFieldDecoder({ lengthFieldLength: 1, lengthAdjustment: -1 });
    decoder.feed(Uint8Array.of(0, 3, 7, 8));
    expect(() => decoder.next()).toThrow('ends within its 1 bytes of header');
    expect([...decoder.next()!]).toEqual([7, 8]);
    const strips = new LengthFieldDecoder({ lengthFieldLength: 1, initialBytesToStrip: 9 });
    strips.feed(Uint8Array.of(1, 7));
    expect(() => strips.next()).toThrow('9 bytes cannot be taken off a frame of 2');
    expect(() => new LengthFieldDecoder({ lengthFieldLength: 5 })).toThrow('1, 2, 3, 4 or 8');
    expect(() => new LengthFieldDecoder({ maxFrameLength: 3 })).toThrow('ends after 4 bytes');
    expect(() => encodeLengthField(new Uint8Array(256), { lengthFieldLength: 1 })).toThrow(
      'does not fit',
    );
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
