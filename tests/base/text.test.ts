import { expect, it } from 'vitest';
import { decodeText, encodeText } from '../../src/base/text.ts';

it('text goes to UTF-8 and back, a byte order mark included', () => {
  expect([...encodeText('aé€😀')]).toEqual([
    0x61, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80,
  ]);
  for (const text of ['', 'aé€😀', '\uFEFFa']) expect(decodeText(encodeText(text))).toBe(text);
});

it('what is no text becomes U+FFFD [Encoding Standard]', () => {
  expect(decodeText(Uint8Array.of(0x61, 0xe2, 0x82))).toBe('a\uFFFD');
  expect([...encodeText('\uD800')]).toEqual([0xef, 0xbf, 0xbd]);
});
