/** HTTP/1.1: whatever pieces the bytes come in, the messages are the same, and so is what is wrong with them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decoderOf, encode } from '../../../src/app/codec/codec.ts';
import { HTTP_LIMITS, HttpDecoder, type HttpLimits } from '../../../src/app/codec/http.ts';
import { HttpError } from '../../../src/app/codec/http-head.ts';
import { chunk, joined, requestHead, responseHead } from '../../../src/app/codec/http-write.ts';
import { prop } from '../../support/prop.ts';

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0) & 0xff);
const HOST = 'Host: a\r\n';
/** A whole request with a body of `n` bytes. */
const request = (n: number): Uint8Array =>
  joined(requestHead('/', 'a', n), new Uint8Array(n).fill(0x78));

/** Cuts a stream at these places, each taken modulo its length. */
function chunksOf(stream: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [...new Set(cuts.map((c) => c % (stream.length + 1)))].toSorted((a, b) => a - b);
  return [...at, stream.length].map((end, i) => stream.slice(i === 0 ? 0 : at[i - 1], end));
}

/** What is heard: heads as JSON, each body in one piece, ends, and the error that ends it all. */
function hear(
  chunks: readonly Uint8Array[],
  kind: 'request' | 'response' = 'request',
  limits: HttpLimits = HTTP_LIMITS,
): string[] {
  const decoder = new HttpDecoder(kind, limits);
  const heard: string[] = [];
  let body = '';
  for (const c of chunks) {
    decoder.feed(c);
    try {
      for (let e = decoder.next(); e !== null; e = decoder.next()) {
        if (e.kind === 'head') heard.push(JSON.stringify(e.head));
        else if (e.kind === 'body') body += String.fromCharCode(...e.bytes);
        else {
          heard.push(`body ${body}`);
          body = '';
        }
      }
    } catch (e) {
      if (!(e instanceof HttpError)) throw e;
      return [...heard, `body so far ${body}`, `${e.status} ${e.message}`];
    }
  }
  return [...heard, `body so far ${body}`, decoder.close() ? 'whole' : 'cut off'];
}

const hearText = (text: string, kind: 'request' | 'response' = 'request'): string[] =>
  hear([bytes(text)], kind);
const last = (heard: readonly string[]): string => heard.at(-1)!;

interface Said {
  readonly method: string;
  readonly fields: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
  readonly cuts: readonly number[] | null;
}

const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}$/);
const value = fc.stringMatching(/^(?:[!-~\u0080-\u00ff](?:[ -~]{0,10}[!-~])?)?$/);
const ordinary = token.filter(
  (t) => !/^(host|connection|transfer-encoding|content-length)$/i.test(t),
);
const said: fc.Arbitrary<Said> = fc.record({
  method: token,
  fields: fc.array(fc.tuple(ordinary, value), { maxLength: 4 }),
  body: fc.uint8Array({ maxLength: 60 }),
  /** Where the body is cut into chunks; null: it has a length. */
  cuts: fc.option(fc.array(fc.nat(), { maxLength: 4 })),
});

function say({ method, fields, body, cuts }: Said): Uint8Array {
  const framing = cuts === null ? `Content-Length: ${body.length}` : 'transfer-encoding: Chunked';
  const more = fields.map(([name, v]) => `${name}: ${v} \r\n`).join('');
  const head = bytes(`${method} /x HTTP/1.1\r\n${HOST}${more}${framing}\r\n\r\n`);
  if (cuts === null) return joined(head, body);
  const pieces = chunksOf(body, cuts).filter((c) => c.length > 0);
  return joined(head, ...pieces.map(chunk), bytes('0;x=y\r\nTrailer: 1\r\n\r\n'));
}

describe('requests on one connection', () => {
  it('are heard as they were said, one after the other, in any chunks [RFC 9112 §9.3.2]', () => {
    prop([fc.array(said, { maxLength: 4 }), fc.array(fc.nat())], (all, cuts) => {
      const heard = hear(chunksOf(joined(...all.map(say)), cuts));
      expect(last(heard)).toBe('whole');
      expect(heard.length).toBe(2 * all.length + 2);
      all.forEach((m, i) => {
        const head = JSON.parse(heard[2 * i]!) as { method: string; fields: [string, string][] };
        expect(head.method).toBe(m.method);
        expect(head.fields.slice(1, -1)).toEqual(m.fields.map(([n, v]) => [n.toLowerCase(), v]));
        expect(heard[2 * i + 1]).toBe(`body ${String.fromCharCode(...m.body)}`);
      });
    });
  });

  it('[mutant] are not when what is left of a chunk is forgotten', () => {
    expect(() =>
      prop([fc.array(said, { minLength: 2, maxLength: 4 }), fc.array(fc.nat())], (all, cuts) => {
        const chunks = chunksOf(joined(...all.map(say)), cuts).map((c) => c.subarray(c.length % 2));
        expect(last(hear(chunks))).toBe('whole');
      }),
    ).toThrow(/replay/);
  });

  it('are refused with the same words in any chunks, whatever the bytes are', () => {
    const pieces = fc.constantFrom(
      'GET / HTTP/1.1\r\n',
      HOST,
      '\r\n',
      '\n',
      '\r',
      ' ',
      'a:b\r\n',
      'Content-Length: 3\r\n',
      'abc',
      'Transfer-Encoding: chunked\r\n',
      '3\r\nabc\r\n',
      '0\r\n\r\n',
      'fffffffffffff\r\n',
      '\0',
      'é',
      'x'.repeat(70),
    );
    const limits = { head: 90, fields: 3, body: 1000 };
    prop([fc.array(pieces, { maxLength: 12 }), fc.array(fc.nat())], (all, cuts) => {
      const stream = bytes(all.join(''));
      expect(hear(chunksOf(stream, cuts), 'request', limits)).toEqual(
        hear([stream], 'request', limits),
      );
      expect(hear(chunksOf(stream, cuts), 'response', limits)).toEqual(
        hear([stream], 'response', limits),
      );
    });
  });

  it('never crash a reader, spoilt in one byte or cut off', () => {
    prop([said, fc.nat(), fc.nat(255)], (m, at, to) => {
      const stream = say(m);
      stream[at % stream.length] = to;
      hear([stream]);
      expect(last(hear([say(m).subarray(0, at % stream.length)]))).toMatch(/^(whole|cut off)$/);
    });
  });
});

const GET = `GET / HTTP/1.1\r\n${HOST}`;
const POST = `POST / HTTP/1.1\r\n${HOST}`;

describe('a request is refused', () => {
  it('again at every later call', () => {
    const decoder = new HttpDecoder('request');
    decoder.feed(bytes('GET\r\n'));
    for (const _ of [1, 2]) expect(() => decoder.next()).toThrow('this is no request line');
    expect(decoder.close()).toBe(false);
  });

  it.each([
    ['without a target', 'GET HTTP/1.1\r\n\r\n', '400 this is no request line'],
    ['with two spaces', 'GET  / HTTP/1.1\r\n\r\n', '400 this is no request line'],
    [
      'with a method that is no token [§3.1]',
      'G@T / HTTP/1.1\r\n\r\n',
      '400 this is no request line',
    ],
    [
      'of another protocol [RFC 9110 §15.6.6]',
      'GET / HTTP/2.0\r\n\r\n',
      '505 HTTP/2.0 is another protocol',
    ],
    ['with a bare LF [§2.2]', 'GET / HTTP/1.1\n\r\n', '400 a line ends without CR'],
    [
      'with a bare CR in a value [§2.2]',
      `${GET}a: b\rc\r\n\r\n`,
      '400 the value of a holds a control character',
    ],
    [
      'with NUL in a value [RFC 9110 §5.5]',
      `${GET}a: b\0\r\n\r\n`,
      '400 the value of a holds a control character',
    ],
    ['with a space in front of a colon [§5.1]', `${GET}a : b\r\n\r\n`, '400 this is no field line'],
    ['with a folded line [§5.2]', `${GET}a: b\r\n c\r\n\r\n`, '400 this is no field line'],
    ['without Host [§3.2]', 'GET / HTTP/1.1\r\n\r\n', '400 there are 0 Host fields'],
    ['with two Hosts [§3.2]', `${GET}${HOST}\r\n`, '400 there are 2 Host fields'],
    [
      'with two lengths [§6.3]',
      `${POST}Content-Length: 1\r\nContent-Length: 1\r\n\r\n`,
      '400 there are several Content-Length fields',
    ],
    [
      'with a signed length [RFC 9110 §8.6]',
      `${POST}Content-Length: +1\r\n\r\n`,
      '400 Content-Length is no number',
    ],
    [
      'with a length of 16 digits',
      `${POST}Content-Length: 1000000000000000\r\n\r\n`,
      '400 Content-Length is no number',
    ],
    [
      'with length and coding [§6.3]',
      `${POST}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
      '400 Transfer-Encoding and Content-Length exclude each other',
    ],
    [
      'with a coding it does not know [§6.1]',
      `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n`,
      '501 the only transfer coding is chunked',
    ],
    [
      'with chunks in HTTP/1.0 [§6.1]',
      'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n',
      '400 HTTP/1.0 has no Transfer-Encoding',
    ],
    [
      'with a chunk of no size [§7.1]',
      `${POST}Transfer-Encoding: chunked\r\n\r\n0x3\r\n`,
      '400 this is no size of a chunk',
    ],
    [
      'with a chunk beyond all sizes',
      `${POST}Transfer-Encoding: chunked\r\n\r\n11111111111111\r\n`,
      '400 this is no size of a chunk',
    ],
    [
      'with a chunk that goes on [§7.1]',
      `${POST}Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n`,
      '400 a chunk is longer than it says',
    ],
  ])('%s', (_, text, error) => {
    expect(last(hearText(text))).toBe(error);
  });

  it('beyond its limits, and not at them [Tomcat: maxHttpHeaderSize, maxHeaderCount]', () => {
    const of = (n: number): Uint8Array =>
      bytes(`${GET}a: ${'x'.repeat(n - GET.length - 7)}\r\n\r\n`);
    expect(of(8192).length).toBe(8192);
    expect(last(hear([of(8192)]))).toBe('whole');
    expect(last(hear([of(8193)]))).toBe('400 the head is longer than 8192 bytes');
    // Nothing that could still come makes it right.
    expect(last(hear([of(8193).subarray(0, 8192)]))).toBe('400 the head is longer than 8192 bytes');
    const lines = (n: number): string => `${GET}${'a: b\r\n'.repeat(n - 1)}\r\n`;
    expect(last(hearText(lines(100)))).toBe('whole');
    expect(last(hearText(lines(101)))).toBe('400 there are more than 100 fields');
    const limits = { ...HTTP_LIMITS, body: 10 };
    expect(last(hear([request(11)], 'request', limits))).toBe(
      '413 the body is longer than 10 bytes',
    );
    const chunks = joined(
      requestHead('/', 'a', null),
      chunk(new Uint8Array(6)),
      chunk(new Uint8Array(5)),
    );
    expect(last(hear([chunks], 'request', limits))).toBe('413 the body is longer than 10 bytes');
  });
});

describe('the connection', () => {
  const persistent = (head: string): boolean =>
    (JSON.parse(hearText(`${head}\r\n`)[0]!) as { persistent: boolean }).persistent;
  it.each([
    [GET, true],
    [`${GET}Connection: close\r\n`, false],
    [`${GET}Connection: foo, Close\r\n`, false],
    [`${GET}Connection: keep-alive\r\nConnection: close\r\n`, false],
    ['GET / HTTP/1.0\r\n', false],
    ['GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n', true],
  ])('of %j may go on: %s [RFC 9112 §9.3]', (head, goesOn) => {
    expect(persistent(head)).toBe(goesOn);
  });

  it('takes an empty line in front of a request for nothing [RFC 9112 §2.2]', () => {
    expect(hearText(`\r\n\r\n${GET}\r\n`).length).toBe(4);
  });
});

describe('a response', () => {
  it('without a length ends with its connection [RFC 9112 §6.3]', () => {
    const heard = hearText('HTTP/1.1 200 OK\r\n\r\nabc', 'response');
    expect(heard.slice(1)).toEqual(['body so far abc', 'whole']);
    expect(JSON.parse(heard[0]!)).toMatchObject({ status: 200, persistent: false });
    expect(last(hearText('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc', 'response'))).toBe(
      'cut off',
    );
  });

  it.each([100, 204, 304])(
    'of status %i has no body, whatever it says [RFC 9112 §6.3]',
    (status) => {
      const heard = hearText(`HTTP/1.1 ${status}\r\nContent-Length: 3\r\n\r\n`, 'response');
      expect(heard.slice(1)).toEqual(['body ', 'body so far ', 'whole']);
    },
  );

  it('is read as it was written', () => {
    const heard = hear([joined(responseHead(408, 2, 'close'), bytes('ab'))], 'response');
    expect(JSON.parse(heard[0]!)).toMatchObject({ status: 408, persistent: false });
    expect(heard[1]).toBe('body ab');
  });

  it.each(['HTTP/1.1 20 OK\r\n', '\r\n', 'HTTP/1.1 099 x\r\n', 'HTTP/1.1  200 OK\r\n'])(
    'does not begin with %j [RFC 9112 §4]',
    (line) => {
      expect(last(hearText(line, 'response'))).toMatch(/^400 /);
    },
  );
});

describe('codec http', () => {
  it('gives the bodies of requests, in any chunks, and puts answers into responses [HttpObjectAggregator]', () => {
    prop([fc.array(fc.nat({ max: 50 }), { maxLength: 4 }), fc.array(fc.nat())], (sizes, cuts) => {
      const decoder = decoderOf('http', 0)!;
      const frames: number[] = [];
      for (const c of chunksOf(joined(...sizes.map((n) => request(n))), cuts)) {
        decoder.feed(c);
        for (let f = decoder.next(); f !== null; f = decoder.next()) frames.push(f.length);
      }
      expect(frames).toEqual(sizes);
      expect(decoder.pending).toBe(0);
    });
    expect(hear([encode('http', bytes('ab'))], 'response')[1]).toBe('body ab');
  });
});
