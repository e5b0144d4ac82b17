// The specification's own verification (reactive-streams-tck 1.0.4), every method by its name, for everything we ship.
import { AssertionError } from 'node:assert';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, type TestContext } from 'vitest';
import NAMES from './names.json' with { type: 'json' };
import type { Deviations, Method, Outcome } from './method.ts';
import { asPublisher, asSubscriber, IDENTITY_NAMES, PROCESSOR_METHODS } from './processor.ts';
import { PUBLISHER_METHODS } from './publisher.ts';
import { PROCESSOR_SUBJECTS, PUBLISHER_SUBJECTS, seen, SUBSCRIBER_SUBJECTS } from './subjects.ts';
import { BLACKBOX_METHODS, WHITEBOX_METHODS } from './subscriber.ts';

interface Subject {
  readonly name: string;
  readonly deviations?: Deviations;
}

/** What is wrong with a subject; null: nothing. A known deviation must be one, or it is not known any more. */
async function verify<S extends Subject>(
  m: Method<S>,
  s: S,
  skip: TestContext['skip'],
): Promise<unknown> {
  const deviates = s.deviations?.[m.name] !== undefined;
  let outcome: Outcome;
  try {
    outcome = await m.check!(s);
  } catch (wrong) {
    return deviates && wrong instanceof AssertionError ? null : wrong;
  }
  if (outcome !== undefined) skip(outcome.skipped);
  return deviates ? 'it does not deviate' : null;
}

function verification<S extends Subject>(
  title: string,
  methods: readonly Method<S>[],
  subjects: readonly S[],
): void {
  const checked = methods.filter((m) => m.check !== undefined);
  describe(title, () => {
    describe.each(checked)('$name', (m) => {
      test.for(subjects)('$name', async (s, context) => {
        expect(await verify(m, s, context.skip)).toBe(null);
      });
    });
  });
}

verification('PublisherVerification', PUBLISHER_METHODS, PUBLISHER_SUBJECTS);
verification('SubscriberWhiteboxVerification', WHITEBOX_METHODS, SUBSCRIBER_SUBJECTS);
verification('SubscriberBlackboxVerification', BLACKBOX_METHODS, SUBSCRIBER_SUBJECTS);
verification(
  'IdentityProcessorVerification, as a publisher',
  PUBLISHER_METHODS,
  PROCESSOR_SUBJECTS.map(asPublisher),
);
verification(
  'IdentityProcessorVerification, as a subscriber',
  WHITEBOX_METHODS,
  PROCESSOR_SUBJECTS.map(asSubscriber),
);
verification('IdentityProcessorVerification', PROCESSOR_METHODS, PROCESSOR_SUBJECTS);

describe('the tables', () => {
  test('have every method of the verification, by its name', () => {
    const sorted = (names: readonly string[]): string[] => names.toSorted();
    const of = (methods: readonly { readonly name: string }[]): string[] =>
      sorted(methods.map((m) => m.name));
    expect(of(PUBLISHER_METHODS)).toEqual(sorted(NAMES.PublisherVerification));
    expect(of(WHITEBOX_METHODS)).toEqual(sorted(NAMES.SubscriberWhiteboxVerification));
    expect(of(BLACKBOX_METHODS)).toEqual(sorted(NAMES.SubscriberBlackboxVerification));
    expect(sorted(IDENTITY_NAMES)).toEqual(sorted(NAMES.IdentityProcessorVerification));
  });

  test('look at each method, or say who does', () => {
    const all = [...PUBLISHER_METHODS, ...WHITEBOX_METHODS, ...BLACKBOX_METHODS];
    const both = (m: (typeof all)[number]): boolean =>
      (m.check === undefined) === (m.elsewhere === undefined);
    expect(all.filter(both)).toEqual([]);
  });
});

const root = join(import.meta.dirname, '../../../..');
const ROOMS = ['reactive', 'reactive/operators', 'reactive/sources', 'reactive/processors'];
const BRIDGE = ['flux-receive', 'mono-send-many', 'future-mono', 'outbound', 'channel-operations'];

/** Heritage that makes a class a publisher, a subscriber or both. */
const KINDS =
  /\b(Publisher|Subscriber|Processor|Operator|Stage|QueueStage|SwitchStage|Broadcast|CallablePublisher|Stream)\b/;

/** Classes in a source text that can be made and that the rules are about. */
function shipped(text: string): string[] {
  const classes = text.matchAll(
    /^(?:export )?class (\w+)(?:<[^{]*?>)?((?: extends| implements)[^{]*)\{/gm,
  );
  return [...classes].filter(([, , heritage]) => KINDS.test(heritage!)).map(([, name]) => name!);
}

/** Names of the classes of all objects that can be reached from one. */
function reach(from: object, names: Set<string>, visited: Set<object>): void {
  const waiting: object[] = [from];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (visited.has(next)) continue;
    visited.add(next);
    names.add(next.constructor?.name ?? '');
    const parts =
      next instanceof Map || next instanceof Set ? [...next.values()] : Object.values(next);
    for (const part of parts) if (typeof part === 'object' && part !== null) waiting.push(part);
  }
}

describe('what is shipped', () => {
  const files = [
    ...ROOMS.flatMap((room) =>
      readdirSync(join(root, 'src/app', room))
        .filter((file) => file.endsWith('.ts'))
        .map((file) => `src/app/${room}/${file}`),
    ),
    ...BRIDGE.map((file) => `src/app/reactor-netty/${file}.ts`),
  ];
  const classes = files.flatMap((file) => shipped(readFileSync(join(root, file), 'utf8')));

  test('is found in the source', () => {
    expect(classes.length).toBeGreaterThan(50);
    expect(shipped('class NewOperator<T> extends Operator<T, T> {')).toEqual(['NewOperator']);
    expect(shipped('export class X implements Publisher<number> {')).toEqual(['X']);
    expect(shipped('class Other implements Cursor<number> {')).toEqual([]);
  });

  test('has each class run through the verification', () => {
    const names = new Set<string>();
    const visited = new Set<object>();
    for (const object of seen()) reach(object, names, visited);
    const fluent = ['Flux', 'Mono'];
    expect(classes.filter((name) => !names.has(name) && !fluent.includes(name))).toEqual([]);
  });
});
