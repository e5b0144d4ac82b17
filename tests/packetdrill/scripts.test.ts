// Our own scripts: each, those of r8, snd, loss, tfo, icmp and calls apart, was seen to pass on Linux 6.18.44; all pass here to the microsecond, with every packet read. And
// every number that a script expects counts: changed by one, the script fails on that line.
import fc from 'fast-check';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { prop } from '../support/prop.ts';
import { inShort, run } from './support.ts';

const root = join(import.meta.dirname, 'scripts');
const scripts = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.pkt'))
  .map((path) => path.replaceAll('\\', '/'))
  .toSorted();
const textOf = (path: string): string => readFileSync(join(root, path), 'utf8');

test('there are scripts', () => {
  expect(scripts.length).toBeGreaterThanOrEqual(76);
});

describe.each(scripts)('%s', (path) => {
  const text = textOf(path);
  test('passes', () => {
    expect(inShort(run(text))).toBe('pass');
  });
  test('passes under --strict', () => {
    expect(inShort(run(text, { strict: true }))).toBe('pass');
  });
});

/** Numbers of a packet that are compared, without those of timestamps; sequence numbers come in pairs. */
const NUMBERS = /(?:\d+:\d+(?=\()|(?<=ack |win |mss |wscale )\d+|(?<=sack [\d: ]*)\b\d+)/g;
/** An outbound line up to its comment; the packet begins behind the arrow. */
const OUTBOUND = /^\s*(?:\*|\+?[\d.]+(?:~\+?[\d.]+)?)\s+>\s/;

interface Mutant {
  readonly text: string;
  readonly line: number;
}

/** The script with one number of one outbound line off by one. */
function mutants(text: string): Mutant[] {
  const lines = text.split('\n');
  return lines.flatMap((line, i) => {
    const head = OUTBOUND.exec(line)?.[0];
    if (head === undefined) return [];
    const [packet = '', ...comment] = line.slice(head.length).split('//');
    // Where the host's side begins is the script's own choice.
    const numbers = [...packet.matchAll(NUMBERS)].slice(/^\S*S/.test(packet) ? 1 : 0);
    return numbers.map((match) => {
      const more = match[0].replace(/\d+/g, (n) => String(Number(n) + 1));
      const before = packet.slice(0, match.index);
      const after = packet.slice(match.index + match[0].length);
      const changed = [`${head}${before}${more}${after}`, ...comment].join('//');
      return { text: lines.with(i, changed).join('\n'), line: i + 1 };
    });
  });
}

test('any expected number that is off by one fails the script on its line', () => {
  const all = scripts.flatMap((path) => mutants(textOf(path)));
  expect(all.length).toBeGreaterThan(500);
  prop(
    [fc.constantFrom(...all)],
    (mutant) => {
      expect(inShort(run(mutant.text))).toMatch(new RegExp(`^fail ${mutant.line}: `));
    },
    { numRuns: 200 },
  );
});
