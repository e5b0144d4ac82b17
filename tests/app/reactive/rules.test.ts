// Reactive Streams 1.0.4, rule by rule: every source and every operator against the rules that can be seen from outside,
// the checks against publishers and stages that break one rule each, and a list of the rules that nothing here looks at.
import { describe, expect, test } from 'vitest';
import { BrokenRange, BrokenStage, type SourceFault, type StageFault } from './broken.ts';
import { PUBLISHER_RULES } from './publisher-rules.ts';
import { OPERATORS, PUBLISHERS, type Operator, type Source } from './streams.ts';
import { SUBSCRIBER_RULES } from './subscriber-rules.ts';

describe.each(PUBLISHER_RULES)('$rule a publisher $says', ({ check }) => {
  test.each(PUBLISHERS)('$name', (source) => {
    expect(() => check(source)).not.toThrow();
  });
});

describe.each(SUBSCRIBER_RULES)('$rule an operator $says', ({ check }) => {
  test.each(OPERATORS)('$name', (operator) => {
    expect(() => check(operator)).not.toThrow();
  });
});

/** The rules whose check fails. */
function brokenBy<F>(
  rules: readonly { readonly rule: string; readonly check: (of: F) => void }[],
  faulty: F,
): string[] {
  return rules.flatMap(({ rule, check }) => {
    try {
      check(faulty);
      return [];
    } catch {
      return [rule];
    }
  });
}

describe('each rule is seen to fail', () => {
  const source = (fault: SourceFault): Source => ({
    name: fault,
    make: (n) => new BrokenRange(n, fault),
    most: Infinity,
  });
  test('a sound source passes all of them', () => {
    expect(brokenBy(PUBLISHER_RULES, source('none'))).toEqual([]);
  });
  test.each<[SourceFault, string]>([
    ['gives one more', '§1.1'],
    ['never ends', '§1.2'],
    ['is recursive', '§1.3'],
    ['ends without being asked to the last', '§1.5'],
    ['ends twice', '§1.6, §1.7'],
    ['goes on after cancel', '§1.8, §3.12'],
    ['subscribes late', '§1.9'],
    ['serves one subscriber only', '§1.11'],
    ['forgets what is asked meanwhile', '§3.2'],
    ['is recursive', '§3.3'],
    ['goes on after cancel', '§3.6'],
    ['cancels once', '§3.5, §3.7'],
    ['forgets what it owes', '§3.8'],
    ['takes request(0) for nothing', '§3.9'],
    ['counts in 32 bits', '§3.17'],
  ])('a source that %s breaks %s', (fault, rule) => {
    expect(brokenBy(PUBLISHER_RULES, source(fault))).toContain(rule);
  });

  const stage = (fault: StageFault): Operator => ({
    name: fault,
    on: (upstream) => new BrokenStage(upstream, fault),
  });
  test('a sound stage passes all of them', () => {
    expect(brokenBy(SUBSCRIBER_RULES, stage('none'))).toEqual([]);
  });
  test.each<[StageFault, string]>([
    ['asks for nothing', '§2.1'],
    ['cancels when upstream ends', '§2.3'],
    ['takes the second subscription', '§2.5'],
    ['keeps cancel to itself', '§2.6, §1.8'],
    ['fails after cancel', '§2.8'],
    ['keeps the end to itself', '§2.9'],
    ['keeps the end to itself', '§2.10, §4.2'],
    ['repeats the end', '§1.7'],
    ['passes on the first request only', '§3.8'],
  ])('a stage that %s breaks %s', (fault, rule) => {
    expect(brokenBy(SUBSCRIBER_RULES, stage(fault))).toContain(rule);
  });
});

/** Rules without a check of their own, and why. */
const UNCHECKED: Readonly<Record<string, string>> = {
  '§1.10':
    'our publishers do not look whether a subscriber has been used before (nor does Reactor)',
  '§2.2': 'advice: publishOn is there for it',
  '§2.4':
    'seen only as §2.3: what comes from below after the end is passed up, and does nothing there',
  '§2.7':
    'about user code: calls of request and cancel need not be serial here, and §1.3 tries that',
  '§2.11': 'threads of the simulator share one memory',
  '§2.12': 'looked at between all stages in the random chains (chains.test.ts)',
  '§3.1': 'about user code',
  '§3.4': 'a request takes the time that the elements take which it gives',
  '§3.10': 'a permission: range gives elements within request',
  '§3.11': 'a permission: range ends within request',
  '§3.14': 'a permission, not used',
  '§3.15': 'a call that throws fails the other checks',
  '§3.16': 'a call that throws fails the other checks',
};
/** Looked at elsewhere in this folder. */
const ELSEWHERE = ['§1.4', '§2.13', '§3.13', '§4.1'];

test('every rule of the specification is checked, or said not to be', () => {
  const spec = [
    ...Array.from({ length: 11 }, (_, i) => `§1.${i + 1}`),
    ...Array.from({ length: 13 }, (_, i) => `§2.${i + 1}`),
    ...Array.from({ length: 17 }, (_, i) => `§3.${i + 1}`),
    '§4.1',
    '§4.2',
  ];
  const checked = [...PUBLISHER_RULES, ...SUBSCRIBER_RULES].flatMap((r) => r.rule.split(', '));
  const listed = [...new Set([...checked, ...Object.keys(UNCHECKED), ...ELSEWHERE])];
  expect(listed.toSorted()).toEqual(spec.toSorted());
  expect(checked.filter((rule) => rule in UNCHECKED)).toEqual([]);
});
