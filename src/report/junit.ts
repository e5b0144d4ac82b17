/** JUnit's XML, as build servers read it: a suite per folder, a case per script. */
import { posix } from 'node:path';

export interface JunitCase {
  /** With its folder. */
  readonly file: string;
  readonly verdict: 'pass' | 'fail' | 'unsupported';
  /** `FILE:LINE: …` and what follows it; '' when it passed. */
  readonly message: string;
  /** Simulated. */
  readonly seconds: number;
}

/** The same cases give the same text: no host name, no time of day. */
export function junitXml(cases: readonly JunitCase[]): string {
  const folders = [...new Set(cases.map((c) => folderOf(c.file)))];
  const suites = folders.map((folder) => suite(folder, cases));
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${totals('hostwire packetdrill', cases)}>`,
    ...suites,
    '</testsuites>',
    '',
  ].join('\n');
}

const folderOf = (file: string): string => posix.dirname(file.replaceAll('\\', '/'));

function suite(folder: string, all: readonly JunitCase[]): string {
  const cases = all.filter((c) => folderOf(c.file) === folder);
  return [
    `  <testsuite ${totals(folder, cases)}>`,
    ...cases.map((c) => testcase(c, folder)),
    '  </testsuite>',
  ].join('\n');
}

function totals(name: string, cases: readonly JunitCase[]): string {
  const count = (verdict: string): number => cases.filter((c) => c.verdict === verdict).length;
  const seconds = cases.reduce((sum, c) => sum + c.seconds, 0);
  return attributes({
    name,
    tests: String(cases.length),
    failures: String(count('fail')),
    skipped: String(count('unsupported')),
    time: seconds.toFixed(6),
  });
}

function testcase({ file, verdict, message, seconds }: JunitCase, folder: string): string {
  const name = posix.basename(file.replaceAll('\\', '/'));
  const head = attributes({ name, classname: folder, file, time: seconds.toFixed(6) });
  if (verdict === 'pass') return `    <testcase ${head}/>`;
  const [first = ''] = message.split('\n');
  const inside =
    verdict === 'fail'
      ? `<failure ${attributes({ message: first })}>${escaped(message)}</failure>`
      : `<skipped ${attributes({ message: first })}/>`;
  return `    <testcase ${head}>${inside}</testcase>`;
}

function attributes(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(' ');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

const escaped = (text: string): string =>
  Array.from(text, (c) => (inXml(c) ? (ENTITIES[c] ?? c) : '\ufffd')).join('');

/** XML 1.0 §2.2 has no place for most control characters, however they are written. */
function inXml(c: string): boolean {
  const code = c.codePointAt(0)!;
  if (code < 0x20) return c === '\t' || c === '\n' || c === '\r';
  return (code < 0xd800 || code > 0xdfff) && code !== 0xfffe && code !== 0xffff;
}
