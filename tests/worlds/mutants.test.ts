/** Each law is seen to fail: a mutant breaks it, and its check is the one that notices first. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describe as describeWorlds, load } from '../../src/sim/scenario/load.ts';
import type { Scenario } from '../../src/sim/scenario/types.ts';
import { LAWS, type Law } from '../../src/sim/run/ledger.ts';
import { MUTANT_NAMES } from '../../src/sim/run/mutant-names.ts';
import { MUTANTS } from '../../src/sim/run/mutants.ts';
import { runScenario } from '../../src/sim/run/runner.ts';
import type { RunResult } from '../../src/sim/run/result.ts';

import { OWN_SERVERS } from './own-servers.ts';

const text = readFileSync(new URL('../../scenarios.yaml', import.meta.url), 'utf8');

/** A scenario in which each mutant finds its victim. */
const WHERE: Readonly<Record<string, string>> = {
  'endless-backlog': 'accept-queue-overflow',
  'stopped-clock': 'rough-path',
  'forgotten-promise': 'slow-reader',
  'deaf-sender': 'small-receive-buffer',
  'lost-epollout': 'slow reader of answers',
  'et-read-stopped-early': 'one read a turn',
  'unbounded-receiver-queue': 'slow logic',
  'request-ignored': 'slow logic',
  'late-refill': 'everything sent back',
  'late-replenish': 'a flatMap of one’s own',
  'greedy-concat-map': 'a concatMap of one’s own',
  'late-prefetch': 'a concatMap with prefetch of one’s own',
  'unlatched-acceptor': 'tomcat with few connections',
  'overgrown-pool': 'tomcat with few threads',
  'overfull-task-queue': 'tomcat with few threads',
};

/** Worlds for the mutants of single applications, beside those of the file. */
const WORLDS: Readonly<Record<string, () => Scenario[]>> = {
  'slow reader of answers': () =>
    talkers({ reply: 'same' }, { answer: 'same', pause: '2 ms', sockopt: { SO_RCVBUF: 16_384 } }),
  'one read a turn': () =>
    talkers({ transport: 'epoll', 'max-messages-per-read': 1, read: '2 KiB', pause: '1 ms' }, {}),
  'slow logic': () =>
    talkers({ model: 'reactive', operator: 'concatMap', delay: '1 ms', reply: 'same' }, {}),
  'everything sent back': () => talkers({ model: 'reactive', form: 'send', reply: 'same' }, {}),
  'a flatMap of one’s own': () => own('./flat-map.ts'),
  'a concatMap of one’s own': () => own('./concat-map.ts'),
  'a concatMap with prefetch of one’s own': () => own('./prefetch.ts'),
  'tomcat with few connections': () => tomcat({ maxConnections: 4 }),
  'tomcat with few threads': () => tomcat({ maxThreads: 2, maxQueueSize: 1 }),
};

const TALK = {
  model: 'talk',
  codec: 'none',
  messages: 100,
  size: '4 KiB',
};

/** A server of one's own, and a client that has its messages sent back. */
function own(app: keyof typeof OWN_SERVERS): Scenario[] {
  return served({ app }, { ...TALK, answer: 'same' });
}

/** A server on event loops, and a client that sends it 400 KB. */
function talkers(server: object, client: object): Scenario[] {
  return served({ model: 'netty', codec: 'none', ...server }, { ...TALK, ...client });
}

/** Eight users at once, each of whom asks twice and waits 100 ms. */
function tomcat(limits: object): Scenario[] {
  const body = { codec: 'http', request: '0 B', response: '0 B' };
  return served(
    { model: 'tomcat', delay: '100 ms', ...limits },
    { model: 'client', connections: 8, requests: 16, ...body },
  );
}

function served(server: object, client: object): Scenario[] {
  const host = { machine: 'ideal' };
  return describeWorlds('served', {
    seed: 1,
    shows: 'a server at work',
    hosts: { a: host, b: host },
    links: [{ between: ['a', 'b'], rate: '100 Mbit/s', delay: '1 ms' }],
    apps: {
      server: { host: 'b', listen: 80, ...server },
      load: { host: 'a', connect: 'b:80', ...client },
    },
    // Longer than anything waits: a stream that only probes a closed window is dead then.
    stop: { when: 'load.closed', limit: '600 s' },
  });
}

function runWith(mutant: string | undefined, name: string): RunResult {
  const [scenario] = WORLDS[name]?.() ?? load(text, { file: 'scenarios.yaml', names: [name] });
  const apps = OWN_SERVERS;
  return runScenario(scenario!, mutant === undefined ? { apps } : { apps, mutant });
}

/** Laws that do not hold, the one that was noticed first at the head. */
function broken(r: RunResult): string[] {
  return r.invariants.filter((i) => !i.ok).map((i) => i.name);
}

describe.each(MUTANT_NAMES)('mutant %s', (name) => {
  const scenario = WHERE[name] ?? 'bulk-transfer';
  it(`breaks ${MUTANTS[name].breaks}, which holds without it`, () => {
    expect(broken(runWith(undefined, scenario))).toEqual([]);
    const r = runWith(name, scenario);
    expect(r.firstBroken).toBe(MUTANTS[name].breaks);
    expect(r.invariants.find((i) => i.name === MUTANTS[name].breaks)!.message).not.toBe('');
  });

  it('breaks it again at the same instant, with the same fingerprint', () => {
    const [a, b] = [runWith(name, scenario), runWith(name, scenario)];
    expect(b.fingerprint).toBe(a.fingerprint);
    expect(b.invariants).toEqual(a.invariants);
  });
});

it('there is a mutant for every law', () => {
  const covered = new Set<Law>(Object.values(MUTANTS).map((m) => m.breaks));
  expect(Object.keys(LAWS).filter((law) => !covered.has(law as Law))).toEqual([]);
});
